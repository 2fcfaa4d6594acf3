"""What the tracks of a session file may do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowbrush.pipelines.conditions.track_events import check_tracks
from flowbrush.session_file import SessionFile

CHUNK_S = 0.25
HERE = [{"t": 0.0, "x": 0.5, "y": 0.5}]
WAY = [{"t": 0.0, "x": 0.2, "y": 0.5}, {"t": 1.0, "x": 0.8, "y": 0.5}]
EXAMPLES = Path(__file__).parents[3] / "examples" / "sessions"


def begin(chunk: int, track: int = 1, kind: str = "drag") -> dict[str, Any]:
    points = WAY if kind == "path" else HERE
    return {"chunk": chunk, "type": "track.begin", "track": track, "kind": kind, "points": points}


def move(chunk: int, track: int = 1) -> dict[str, Any]:
    return {"chunk": chunk, "type": "track.move", "track": track, "points": HERE}


def end(chunk: int, track: int = 1) -> dict[str, Any]:
    return {"chunk": chunk, "type": "track.end", "track": track}


def clear(chunk: int, *kinds: str) -> dict[str, Any]:
    return {"chunk": chunk, "type": "tracks.clear"} | ({"kinds": kinds} if kinds else {})


def session(*controls: dict[str, Any], **start: Any) -> SessionFile:
    body = {"flowbrush": 1, "model": "pocket", "start": {"prompt": "a cat", **start}, "chunks": 40}
    return SessionFile.parse(json.dumps({**body, "controls": controls})).message


def first(kind: str) -> dict[str, Any]:
    return {name: value for name, value in begin(0, 1, kind).items() if name not in ("chunk", "type")}


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        ([end(3, 7)], r"controls\[0\] \(track.end at chunk 3\): track 7 was never begun"),
        ([begin(0), move(1, 2)], r"controls\[1\] \(track.move at chunk 1\): track 2 was never begun"),
        ([begin(0), begin(2)], r"controls\[1\] .*already, from controls\[0\], at chunk 0, on: end it, or"),
        ([begin(0, kind="path"), begin(4)], "is there already"),
        ([begin(0), end(1), move(2)], "track 1 is over"),
        ([begin(0), clear(1), move(2)], "track 1 is over"),
        ([begin(0, kind="path"), move(1)], "is a path"),
        ([begin(0), clear(1, "pin", "path"), begin(2)], "is there already"),
    ],
)
def test_what_cannot_be_is_told_with_the_event(controls: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_tracks(session(*controls), CHUNK_S)


def test_tracks_of_the_start_are_there_from_the_beginning() -> None:
    check_tracks(session(move(0), end(1), begin(1), tracks=[first("drag")]), CHUNK_S)
    with pytest.raises(ValueError, match=r"track 1 is there already, from start\.tracks on"):
        check_tracks(session(begin(4), tracks=[first("path")]), CHUNK_S)


@pytest.mark.parametrize(
    "controls",
    [
        [begin(0), move(1), end(2), begin(2), end(3)],
        [begin(0, kind="path"), begin(5, kind="path")],
        [begin(0, kind="path"), end(9)],
        [begin(0), begin(0, 2, "pin"), move(1, 2), clear(2), end(3), begin(3), begin(3, 2)],
        [begin(0, kind="pin"), clear(1, "pin"), begin(1, kind="drag")],
    ],
)
def test_what_a_live_stream_writes_is_taken(controls: list[dict[str, Any]]) -> None:
    check_tracks(session(*controls), CHUNK_S)


def test_the_examples_fit() -> None:
    for path in EXAMPLES.glob("*.json"):
        check_tracks(SessionFile.read(path), CHUNK_S)
