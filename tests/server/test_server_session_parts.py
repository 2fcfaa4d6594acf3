"""The parts of a session's machine, each alone: what is shown, said, looked at, and how often something may go wrong."""

from __future__ import annotations

from typing import Any

import pytest

from flowbrush.packets import Flag
from flowbrush.protocol import (
    ChunkDone,
    Codec,
    ControlApplied,
    Notice,
    SessionPaused,
    SessionRestarted,
    SessionRewound,
)
from flowbrush.server.engine import ipc
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions.opening import Opening
from flowbrush.server.sessions.output import Output
from flowbrush.server.sessions.presence import Presence
from flowbrush.server.sessions.probes import Probes
from flowbrush.server.sessions.trouble import MAX_FAILURES, Trouble
from flowbrush.server.sessions.welcome import Welcome

FRAMES, FPS = 4, 16.0


# ---- output


def made(chunk: int, replay_only: bool = False) -> ipc.Made:
    return ipc.Made(
        stream="s",
        epoch=0,
        chunk=chunk,
        first_frame=chunk * FRAMES,
        frames=FRAMES,
        prompt="a panda",
        step_ms=1.0,
        applied=(),
        replay_only=replay_only,
    )


def encoded(chunk: int, offset: int, key: bool = False) -> ipc.Encoded:
    return ipc.Encoded(
        stream="s",
        epoch=0,
        chunk=chunk,
        frame=chunk * FRAMES + offset,
        key=key,
        last=offset == FRAMES - 1,
        encode_ms=0.5,
        payload=bytes([chunk, offset]),
    )


def played(output: Output, chunk: int) -> list[Any]:
    """All effects of a chunk that is ordered, made and encoded."""
    keys = output.keys(chunk)
    effects = output.made(made(chunk), queue_ms=2.0)
    for offset in range(FRAMES):
        effects += output.encoded(encoded(chunk, offset, offset in keys), began=1.0)
    return effects


def shown(effects: list[Any]) -> list[tuple[int, Flag]]:
    return [(each.packet.frame, each.packet.flags) for each in effects if isinstance(each, do.Show)]


def test_the_first_frame_of_a_stream_is_a_key_frame_and_no_other() -> None:
    output = Output(FRAMES, FPS, Codec.H264)
    effects = played(output, 0) + played(output, 1)
    flags = [each for _, each in shown(effects)]
    assert [bool(each & Flag.KEY) for each in flags] == [True] + [False] * 7
    assert [frame for frame, _ in shown(effects)] == list(range(8))
    assert [bool(each & Flag.LAST_OF_CHUNK) for each in flags] == [False, False, False, True] * 2
    assert (output.frame, output.chunks, output.pts) == (8, 2, 0.5)


def test_what_a_client_has_is_not_sent_again_and_its_next_frame_is_a_key_frame() -> None:
    output = Output(FRAMES, FPS, Codec.H264)
    output.jump()
    output.continue_from(6, recorded=1)
    assert output.encode_from == 1, "the recording lacks the chunk that the client has half of"
    assert output.keys(1) == (0, 2), "one for the recording, one for the client"
    output.not_made()
    assert output.want_key
    effects = played(output, 1)
    assert [
        (frame, bool(flags & Flag.KEY), bool(flags & Flag.DISCONTINUITY)) for frame, flags in shown(effects)
    ] == [
        (6, True, True),
        (7, False, False),
    ]
    (recorded,) = [each for each in effects if isinstance(each, do.Record)]
    assert recorded.first_frame == 4 and len(recorded.samples) == FRAMES


def test_a_client_that_has_more_than_the_chunk_waits_for_its_key_frame() -> None:
    output = Output(FRAMES, FPS, Codec.H264)
    output.continue_from(9, recorded=0)
    assert output.encode_from == 0
    assert output.keys(0) == (0,) and output.want_key
    assert output.keys(1) == (0,) and output.want_key
    assert output.keys(2) == (0, 1) and not output.want_key
    assert output.keys(3) == ()


def test_frames_of_a_chunk_that_never_was_are_nobodys() -> None:
    output = Output(FRAMES, FPS, Codec.H264)
    played(output, 0)
    output.keys(1)
    output.made(made(1), 0.0)
    output.cut(1)
    assert output.encoded(encoded(1, 0), 1.0) == []
    assert (output.frame, output.encode_from, output.want_key) == (4, 1, True)


def test_a_chunk_that_is_made_for_its_state_alone_shows_nothing() -> None:
    output = Output(FRAMES, FPS, Codec.H264)
    assert output.made(made(0, replay_only=True), 0.0) == [do.Count("replayed")]
    assert output.encoded(encoded(0, 0), 1.0) == []


def test_the_last_frame_of_a_chunk_tells_all_of_it() -> None:
    output = Output(FRAMES, FPS, Codec.H264)
    played(output, 0)
    effects = played(output, 1)
    (done,) = [
        each.message for each in effects if isinstance(each, do.Say) and isinstance(each.message, ChunkDone)
    ]
    assert (done.chunk, done.first_frame, done.frames, done.pts) == (1, 4, 4, 0.25)
    assert (done.encode_ms, done.queue_ms, done.prompt, done.rate) == (2.0, 2.0, "a panda", None)
    assert not any(isinstance(each, do.Say) and isinstance(each.message, ControlApplied) for each in effects)


def test_a_still_is_a_key_frame_of_its_own() -> None:
    packet = Output(FRAMES, FPS, Codec.VP9).still(6, b"x")
    assert packet.flags == Flag.KEY | Flag.LAST_OF_CHUNK
    assert (packet.chunk, packet.frame, packet.pts_us, packet.codec) == (1, 6, 375_000, Codec.VP9)


# ---- what a client is told when it comes


def said(effects: list[Any]) -> list[Any]:
    return [each.message if isinstance(each, do.Say) else each for each in effects]


def test_who_comes_hears_of_the_stream_and_its_notices_once() -> None:
    notice = Notice(code="quality_lowered", message="fewer steps")
    welcome = Welcome((notice,))
    welcome.come(start_id=7, back_to=None)
    assert not welcome.said
    assert said(welcome.say(chunk=0, paused=True)) == [do.SayReady(7), notice], (
        "it asked to begin paused itself"
    )
    welcome.come(start_id=8, back_to=None)
    assert not welcome.said
    assert said(welcome.say(chunk=3, paused=True)) == [do.SayReady(8), SessionPaused(chunk=3)]
    assert welcome.said


@pytest.mark.parametrize(("chunks", "gone"), [(2, SessionRewound(chunk=1)), (0, SessionRestarted())])
def test_pictures_that_never_were_are_taken_back_before_anything_else(chunks: int, gone: Any) -> None:
    welcome = Welcome(())
    welcome.come(None, back_to=chunks)
    assert said(welcome.say(chunk=chunks, paused=False)) == [do.SayReady(None), gone]
    assert said(welcome.say(chunk=chunks, paused=False)) == [do.SayReady(None)], "once"
    welcome.come(None, back_to=chunks)
    welcome.log_short = True
    *_, why = said(welcome.say(chunk=chunks, paused=False))
    assert why.code == "log_damaged" and not welcome.log_short
    welcome.come(None, back_to=None)
    assert said(welcome.say(chunk=chunks, paused=False)) == [do.SayReady(None)]


# ---- trouble


def test_a_chunk_may_fail_twice_and_the_next_one_begins_anew() -> None:
    trouble = Trouble()
    assert [trouble.chunk_failed(5) for _ in range(MAX_FAILURES)] == [False, False, True]
    assert trouble.suspects(5) and not trouble.suspects(6)
    assert not trouble.chunk_failed(6)
    assert trouble.suspects(6) and not trouble.suspects(5)


def test_only_a_chunk_that_has_ended_a_worker_is_doubted() -> None:
    trouble = Trouble()
    trouble.chunk_failed(5)
    assert trouble.doubt(5) == 0
    trouble.chunk_failed(5, lost=True)
    trouble.chunk_failed(5)
    assert trouble.doubt(5) == 3 and trouble.doubt(6) == 0
    trouble.chunk_failed(6)
    assert trouble.doubt(6) == 0, "the other one has"


def test_an_opening_that_succeeds_is_forgiven_and_a_look_is_not() -> None:
    trouble = Trouble()
    assert not trouble.opening_failed() and not trouble.opening_failed()
    trouble.opened(10.0)
    assert not trouble.opening_failed() and not trouble.opening_failed() and trouble.opening_failed()
    assert trouble.again_at > 10.0
    assert [trouble.probe_failed() for _ in range(MAX_FAILURES)] == [False, False, True]


def test_a_log_is_said_to_be_behind_and_whole_once_each() -> None:
    trouble = Trouble()
    assert not trouble.log_written(), "it never was behind"
    assert trouble.log_not_written("disk full") and not trouble.log_not_written("still full")
    assert trouble.log_error == "still full"
    assert trouble.log_written() and not trouble.log_written()


# ---- who is there, what is looked at, what is opened


def test_time_away_and_time_without_a_word_are_told_from_one_clock() -> None:
    presence = Presence()
    assert presence.tick(100.0) == (0.0, 0.0)
    presence.come(101.0)
    presence.heard(104.0)
    assert presence.tick(105.0) == (5.0, 1.0) and presence.away_since is None
    presence.leave(106.0)
    assert presence.tick(110.0) == (10.0, 4.0) and presence.away_since == 106.0


def test_of_several_looks_that_wait_the_latest_counts() -> None:
    probes, asked = Probes(), [object() for _ in range(3)]
    assert not probes and probes.begin() is None and probes.end() is None
    probes.ask(asked[0])  # type: ignore[arg-type]
    assert probes.begin() is asked[0] and not probes
    for each in asked[1:]:
        probes.ask(each)  # type: ignore[arg-type]
    assert probes and probes.end() is asked[0] and probes.end() is None
    assert probes.begin() is asked[2] and probes.begin() is None


def test_only_the_answer_to_the_last_order_opens() -> None:
    opening = Opening()
    assert not opening.answered(0)
    opening.order(3)
    opening.order(4)
    assert not opening.answered(3) and opening.ordered
    assert opening.answered(4) and not opening.ordered and not opening.answered(4)
    opening.order(5)
    opening.rewind_to = 2
    opening.forget()
    assert not opening.answered(5) and opening.rewind_to is None
