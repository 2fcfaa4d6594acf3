"""The video of a session's client, as the session uses it: when no chunk is due, and what a chunk is made from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from session_harness import FPS, FRAMES, Harness, drag
from session_world import World

from flowbrush.protocol import Codec, Prompt, PromptSet, StartFields
from flowbrush.server.engine import ipc
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.video import Video
from flowbrush.server.store.store import SessionRecord

CLIP = ipc.SourceChunk((b"picture",), (0,) * FRAMES, 1.0)


def source(use: str = "picture", rests: bool = True) -> Any:
    """What stands for the process that decodes frames: they are there, and do not move."""
    return SimpleNamespace(
        given=SimpleNamespace(use=use),
        ended=False,
        awaited=False,
        rests=rests,
        take=lambda: CLIP,
        close=lambda: None,
        count_dropped=lambda: 0,
    )


class Shown(Harness):
    """A session whose client sends a video that stands still, and whose last chunk showed nothing but it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        start = StartFields(prompts=(Prompt(text="p"),))
        record = SessionRecord(
            id="id",
            token_hash="",
            model="m",
            start=start,
            width=128,
            height=96,
            fps=FPS,
            chunk_frames=FRAMES,
            codec=Codec.H264,
            codec_string="",
            created=0.0,
        )
        self.video = Video(record, self.session, lambda message: None)
        self.video.source = source()
        self.open()
        self.chunk()
        self.show(quiet=True)

    def show(self, quiet: bool) -> None:
        self.video.heard(ipc.Made("id", 0, 0, 0, FRAMES, "p", False, quiet=quiet))


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path)


def test_a_source_that_rests_costs_no_chunk_until_something_is_asked() -> None:
    world = World(workers=1, slots=1)
    client = world.begin(False)
    live, worker = client.live, world.alive[0]
    worker.load(1)
    for _ in range(6):
        world.run(0.25)
        worker.answer()
        worker.encode()
    while worker.orders:
        worker.answer()
        worker.encode()
    client.read()
    assert client.frames
    still = source()
    live.video.source = still
    live.video.heard(ipc.Made(live.id, 0, 0, 0, FRAMES, "p", False, quiet=True))
    world.run(5.0)
    assert not worker.orders and live.stands, "nothing new would be shown"
    world.ask(client, on.Given(PromptSet(id=1, prompts=(Prompt(text="q"),)), {"text": True}))
    world.run(0.0)
    assert len(worker.orders) == 1, "a control is"
    worker.answer()
    worker.encode()
    client.read()
    still.rests = False
    world.run(1.0)
    assert len(worker.orders) == 1, "and so is a source that moves again"


def test_nothing_is_due_while_a_source_stands_still(shown: Shown) -> None:
    assert shown.video.rests
    shown.show(quiet=False)
    assert not shown.video.rests, "something else still moves"


def test_what_a_client_asks_for_is_due_all_the_same(shown: Shown) -> None:
    shown.give(drag(1, 1, 0.0))
    assert not shown.video.rests


def test_a_key_frame_that_somebody_waits_for_is_due(shown: Shown) -> None:
    shown.tell(on.KeyWanted())
    assert not shown.video.rests


def test_a_source_that_has_ended_holds_nothing_up_and_one_that_has_not_begun_does(shown: Shown) -> None:
    video: Any = shown.video
    video.source.rests, video.source.awaited = False, True
    assert video.rests, "its first frame is waited for"
    video.source.ended = True
    assert not video.rests
    video.end()
    assert video.source is None and not video.rests


def test_chunks_that_are_made_again_are_due_and_have_the_pictures_that_they_had(shown: Shown) -> None:
    video = shown.video
    assert shown.turn().chunk == 1 and video.clip(1) == CLIP
    assert video.clip(0) is None, "it was made without any"
    shown.tell(on.WorkerLost("ended", blamed=False))
    shown.seat()
    assert not video.rests, "the stream stands behind what was shown already"
    video.end()
    assert video.clip(1) == CLIP
    video.forget(1)
    assert video.clip(1) is None


def test_only_a_source_of_tracks_moves_the_picture_and_only_in_new_chunks(shown: Shown) -> None:
    assert shown.video.motion() is None, "this one is of pictures"
    shown.video.source = source("tracks")
    assert shown.video.motion() == CLIP and shown.video.clip(0) is None
    shown.tell(on.WorkerLost("ended", blamed=False))
    shown.seat()
    assert shown.video.motion() is None, "this one is made again, and its motion is in the log"
