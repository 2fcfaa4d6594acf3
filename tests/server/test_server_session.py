"""A session's decisions: what the next chunk is, what is acknowledged, what a rewind and a lost worker do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.protocol import (
    CameraSet,
    Codec,
    Control,
    Point,
    Prompt,
    PromptSet,
    TrackBegin,
    TrackEnd,
    TrackMove,
)
from pipelines.requests import Applied, StreamSettings
from server.engine import ipc
from server.sessions.inbox import MAX_WAITING, Inbox
from server.sessions.session import Session
from server.sessions.session_parts import Phase
from server.store.journal import Journal

CAN = {"text": True, "drag": True, "pin": True, "path": True}


def make(tmp_path: Path) -> Session:
    settings = StreamSettings("m", (("p", 1.0),), 128, 96, 16)
    session = Session("id", settings, 4, Codec.H264, Journal(tmp_path / "journal"), 0.1)
    session.open_order()
    session.opened(0)
    return session


def make_chunk(session: Session, applied: tuple[Applied, ...] = ()) -> tuple[ipc.StepItem, list[Any]]:
    """One chunk from order to the last frame; everything that is sent, in order."""
    item = session.take(None, False, 0.0)
    out = session.made(
        ipc.Made("id", session.epoch, item.chunk, item.chunk * 4, 4, "p", item.mute, applied), 0.0
    )
    sent: list[Any] = list(out.messages)
    if not item.mute:
        for frame in range(4):
            index = item.chunk * 4 + frame
            got = session.encoded(
                ipc.Encoded("id", session.epoch, item.chunk, index, b"x", frame in item.keys, frame == 3, 1.0)
            )
            sent += [*got.messages, *([got.packet] if got.packet is not None else [])]
        sent += session.finished(item.chunk)
    return item, sent


def drag(id: int | None, track: int, t: float, x: float = 0.5) -> TrackBegin:
    return TrackBegin(id=id, track=track, kind="drag", points=(Point(t=t, x=x, y=0.5),))


def move(id: int | None, track: int, *times: float) -> TrackMove:
    return TrackMove(id=id, track=track, points=tuple(Point(t=t, x=0.5, y=0.5) for t in times))


def accept(session: Session, *controls: Control) -> None:
    for control in controls:
        session.accept(control, CAN, 0.0)


def frames(sent: list[Any]) -> list[int]:
    return [each.frame for each in sent if hasattr(each, "payload")]


def test_controls_go_into_the_next_chunk_and_into_the_journal(tmp_path: Path) -> None:
    session = make(tmp_path)
    make_chunk(session)
    accept(session, drag(1, 7, 0.2), move(2, 7, 0.21, 0.22), move(3, 7, 0.24))
    item, sent = make_chunk(session, (Applied(1, 4), Applied(3, 6)))
    assert [control.type for control in item.controls] == ["track.begin", "track.move"]
    assert len(item.controls[1].points) == 3, "no sample is lost"
    assert session.journal.controls(1) == item.controls
    assert [(each.id, each.frame) for each in sent if each.__class__.__name__ == "ControlApplied"] == [
        (1, 4),
        (2, 6),
        (3, 6),
    ]
    assert [each.control_id for each in sent if hasattr(each, "payload")] == [1, 1, 3, 3]


def test_the_latest_prompt_counts_and_all_are_acknowledged_with_its_frame(tmp_path: Path) -> None:
    session = make(tmp_path)
    accept(session, *(PromptSet(id=n, prompts=(Prompt(text=str(n)),)) for n in (1, 2)))
    item, sent = make_chunk(session, (Applied(2, 0),))
    assert [control.prompts[0].text for control in item.controls] == ["2"]
    applied = [(each.id, each.frame) for each in sent if each.__class__.__name__ == "ControlApplied"]
    assert applied == [(1, 0), (2, 0)]


def test_a_control_that_the_generator_never_names_is_acknowledged_all_the_same(tmp_path: Path) -> None:
    session = make(tmp_path)
    accept(session, move_free(1))
    acknowledged = []
    for _ in range(4):
        _, sent = make_chunk(session)
        acknowledged += [each.id for each in sent if each.__class__.__name__ == "ControlApplied"]
    assert acknowledged == [1]


def move_free(id: int) -> Control:
    return drag(id, 1, 0.0)


def test_a_release_waits_until_its_points_are_played(tmp_path: Path) -> None:
    session = make(tmp_path)
    accept(session, drag(1, 1, 0.0), move(2, 1, *(0.01 * n for n in range(1, 41))), TrackEnd(id=3, track=1))
    accept(session, drag(4, 1, 0.5))
    first, _ = make_chunk(session)
    second, _ = make_chunk(session)
    assert [control.id for control in first.controls] == [1, 2]
    assert [control.id for control in second.controls] == [3, 4]
    assert first.controls[1].points[-1].t == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("control", "code"),
    [
        (CameraSet(id=9, mode="velocity"), ErrorCode.UNSUPPORTED),
        (move(9, 3, 0.1), ErrorCode.UNKNOWN_TRACK),
        (drag(9, 1, 0.1), ErrorCode.TRACK_EXISTS),
        (move(5, 1, 0.1), ErrorCode.ID_NOT_INCREASING),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    tmp_path: Path, control: Control, code: ErrorCode
) -> None:
    session = make(tmp_path)
    accept(session, drag(5, 1, 0.0))
    with pytest.raises(ProtocolError) as refused:
        session.accept(control, CAN, 0.0)
    assert refused.value.code is code
    assert session.last_id == 5 and session.take(None, False, 0.0).controls[0].id == 5


def test_paths_end_by_themselves_and_make_room(tmp_path: Path) -> None:
    session = make(tmp_path)
    points = (Point(t=0, x=0, y=0), Point(t=0.3, x=1, y=1))
    accept(session, TrackBegin(track=1, kind="path", points=points))
    for _ in range(3):
        make_chunk(session)
    accept(session, TrackBegin(track=1, kind="path", points=points))


def test_the_inbox_is_bounded() -> None:
    inbox = Inbox()
    for track in range(MAX_WAITING):
        inbox.put(drag(None, track, 0.0), 0.0)
    with pytest.raises(ProtocolError, match="too many"):
        inbox.put(drag(None, 9999, 0.0), 0.0)
    assert len(inbox.drain()) == MAX_WAITING
    for n in range(8):
        inbox.put(move(None, 1, *(n + 0.0005 * point for point in range(1024))), 0.0)
    with pytest.raises(ProtocolError, match="too many"):
        inbox.put(move(None, 1, 9.0), 0.0)
    kept = [point for waiting in inbox.drain() for point in waiting.control.points]  # type: ignore[union-attr]
    assert len(kept) == 8 * 1024


def test_a_lost_worker_costs_the_client_nothing(tmp_path: Path) -> None:
    """Two of four frames were delivered: the chunk is made again, whole for the recording, from the third on."""
    session = make(tmp_path)
    make_chunk(session)
    accept(session, PromptSet(id=1, prompts=(Prompt(text="new"),)))
    item = session.take(None, False, 0.0)
    session.made(ipc.Made("id", session.epoch, 1, 4, 4, "p", False, (Applied(1, 4),)), 0.0)
    for frame in (4, 5):
        session.encoded(ipc.Encoded("id", session.epoch, 1, frame, b"x", False, False, 1.0))
    session.unseat()
    assert session.phase is Phase.WAITING
    assert session.open_order().snapshot is None
    session.opened(0)
    muted, sent = make_chunk(session)
    assert (muted.chunk, muted.mute, sent) == (0, True, [])
    again, sent = make_chunk(session, (Applied(1, 4),))
    assert again.controls == item.controls and again.keys == (0, 2) and not again.mute
    assert frames(sent) == [6, 7]
    packets = [each for each in sent if hasattr(each, "payload")]
    assert packets[0].key and packets[0].discontinuity and not packets[1].discontinuity
    assert packets[0].control_id == 1


def test_the_newest_snapshot_that_is_not_too_new_is_used(tmp_path: Path) -> None:
    session = make(tmp_path)
    for _ in range(6):
        make_chunk(session)
    session.snapshots = {1: "one", 3: "three", 7: "of the future"}
    session.unseat()
    assert session.open_order().snapshot == "three"


def test_a_rewind_forgets_what_came_after(tmp_path: Path) -> None:
    session = make(tmp_path)
    accept(session, drag(1, 1, 0.0))
    for _ in range(3):
        make_chunk(session)
    accept(session, TrackEnd(id=2, track=1), drag(3, 2, 0.5))
    make_chunk(session)
    accept(session, move(4, 2, 0.9))
    session.snapshots = {0: "a", 3: "b"}
    epoch = session.epoch
    assert session.cut(2) == [2, 3, 4], "controls that will never be shown"
    assert (session.frame, len(session.journal), session.epoch) == (8, 2, epoch + 1)
    assert session.snapshots == {0: "a"}
    accept(session, move(5, 1, 0.9))
    with pytest.raises(ProtocolError):
        accept(session, move(6, 2, 0.9))


def test_a_chunk_may_fail_twice(tmp_path: Path) -> None:
    session = make(tmp_path)
    assert not session.failed() and session.alone
    assert not session.failed()
    make_chunk(session)
    assert not session.alone and not session.failed()
    assert not session.failed() and session.failed()


def test_ways_that_do_not_exist_name_both_ends(tmp_path: Path) -> None:
    session = make(tmp_path)
    with pytest.raises(RuntimeError, match="from ready to ready"):
        session.enter(Phase.READY)


def test_what_waits_when_the_server_stops_is_kept_in_the_journal(tmp_path: Path) -> None:
    session = make(tmp_path)
    accept(session, drag(1, 1, 0.0))
    session.seal()
    assert [control.id for control in Journal(tmp_path / "journal").controls(0)] == [1]


def test_the_wait_for_the_model_counts_from_when_the_chunk_was_wanted_and_possible(tmp_path: Path) -> None:
    session = make(tmp_path)

    def step(chunk: int, asked: float, begun: float, done: float) -> float:
        """Asks at `asked`, begins at `begun`, is done at `done`; what the client is told, ms."""
        session.due(asked)
        item = session.take(None, False, begun)
        session.made(ipc.Made("id", session.epoch, chunk, chunk * 4, 4, "p", False), done)
        for frame in range(4):
            payload = ipc.Encoded("id", session.epoch, chunk, chunk * 4 + frame, b"x", False, frame == 3, 1.0)
            session.encoded(payload)
        session.pacer.sent((chunk + 1) * 0.25, done)
        assert item.chunk == chunk
        return session.finished(chunk)[0].queue_ms  # type: ignore[union-attr]

    assert step(0, 0.0, 0.0, 5.0) == 0, "nothing was before the first"
    session.pacer.report(0.25, 5.0)
    assert session.due(5.0) < 5.0, "the viewer has nothing left: it is wanted since before it was possible"
    assert step(1, 5.01, 5.01, 5.2) == pytest.approx(10), "only what it stood ready counts"
    due = session.due(5.2)
    assert step(2, due, due + 0.04, due + 0.2) == pytest.approx(40), "others were made first"
