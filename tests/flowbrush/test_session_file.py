"""Session files: written by hand, written by the server, read again, refused with the place of the fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowbrush import protocol as p

CONTROLS: list[p.Control] = [
    p.PromptSet(id=1, prompts=(p.Prompt(text="a cat", weight=2),), transition=p.Transition(chunks=3)),
    p.TrackBegin(
        track=1, kind="path", points=(p.Point(t=0, x=0, y=0), p.Point(t=1, x=1, y=1, visible=False))
    ),
    p.TrackMove(track=1, points=(p.Point(t=2, x=0.5, y=0.5),)),
    p.TrackEnd(track=1),
    p.TracksClear(kinds=("drag",)),
    p.CameraSet(mode="target", pan=(0.5, 0), zoom=1),
    p.StepsSet(steps=1),
]
END = {"type": "track.end", "track": 1}
ZOOM = {"type": "camera.set", "mode": "velocity", "zoom": 9}
SMALL: dict[str, Any] = {
    "flowbrush": 1,
    "model": "pocket",
    "start": {"prompt": "a fox"},
    "controls": [{"chunk": 4, "type": "track.end", "track": 1}],
    "chunks": 8,
}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    controls = tuple(p.at_chunk(control, index * 2) for index, control in enumerate(CONTROLS))
    session = p.SessionFile(
        model="pocket", start=p.FileStart(prompt="a fox", seed=7), controls=controls, chunks=40
    )
    path = tmp_path / "session.json"
    session.write(path)
    again = p.SessionFile.read(path)
    assert again == session
    assert [p.without_chunk(control) for control in again.controls] == CONTROLS
    assert [control.chunk for control in again.controls] == [0, 2, 4, 6, 8, 10, 12]
    assert all(
        isinstance(control, type(plain)) for control, plain in zip(again.controls, CONTROLS, strict=True)
    )
    assert list(tmp_path.iterdir()) == [path]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text(json.dumps(SMALL), encoding="utf-8-sig")
    assert p.SessionFile.read(tmp_path / "session.json").chunks == 8


def test_a_logged_control_is_flat_and_parses_as_a_control() -> None:
    for control in CONTROLS:
        text = p.at_chunk(control, 3).to_json()
        assert json.loads(text)["chunk"] == 3
        assert p.parse_control(text) == (control, ("chunk",))


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"flowbrush": 2}, "invalid_value", "flowbrush"),
        ({"flowbrush": None}, "invalid_value", "flowbrush"),
        ({"chunks": -1}, "out_of_range", "chunks"),
        ({"chunks": "8"}, "wrong_type", "chunks"),
        ({"start": {}}, "missing_field", "start.prompt"),
        ({"start": {"prompt": "a", "model": "other"}}, "invalid_value", "model"),
        ({"controls": [{"type": "track.end", "track": 1}]}, "missing_field", "controls[0].chunk"),
        ({"controls": [{"chunk": 1, "track": 1}]}, "missing_field", "controls[0].type"),
        ({"controls": [{"chunk": 1, "type": "ping", "sent_us": 1}]}, "unknown_type", "controls[0].type"),
        ({"controls": [ZOOM | {"chunk": 1}]}, "out_of_range", "controls[0].zoom"),
        ({"controls": [END | {"chunk": 3}, END | {"chunk": 2}]}, "invalid_value", "controls[1].chunk"),
    ],
)  # fmt: skip
def test_a_bad_file_names_the_place(tmp_path: Path, change: dict[str, Any], code: str, field: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(SMALL | change))
    with pytest.raises(p.ProtocolError, match=r"bad\.json: ") as caught:
        p.SessionFile.read(path)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_a_file_without_its_version_is_not_a_session_file() -> None:
    with pytest.raises(p.ProtocolError, match="says its version") as caught:
        p.SessionFile.parse(json.dumps({key: value for key, value in SMALL.items() if key != "flowbrush"}))
    assert caught.value.field == "flowbrush"


def test_a_path_or_data_url_is_a_start_image() -> None:
    start = {"prompt": "a fox", "image": "pictures/fox.png"}
    assert p.SessionFile.parse(json.dumps(SMALL | {"start": start})).message.start.image == "pictures/fox.png"


def test_unknown_fields_are_named() -> None:
    assert p.SessionFile.parse(json.dumps(SMALL | {"note": "mine"})).ignored == ("note",)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"flowbrush": 1, "model": "m", "start": {"prompt": "a"}, "controls": [], "chunks": 1, "controls": []}', "controls"),
        ('{"flowbrush": 1, "model": "m", "start": {"seed": 1, "prompt": "a", "seed": 2}, "chunks": 1}', "seed"),
        ('{"flowbrush": 1, "model": "m", "start": {"prompt": "a"}, "chunks": 1, "notes": [{"by": 1, "by": 2}]}', "by"),
    ],
)  # fmt: skip
def test_a_name_that_stands_twice_is_told_and_nothing_is_lost(text: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_text(text)
    with pytest.raises(p.ProtocolError, match=f"{path}: '{name}' stands twice in one object") as refused:
        p.SessionFile.read(path)
    assert (refused.value.code, refused.value.field) == ("invalid_value", name)
