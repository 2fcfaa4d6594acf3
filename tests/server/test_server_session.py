"""A session's decisions: what the next chunk is, what is acknowledged, what a rewind and a lost worker do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from session_harness import CAN, FPS, FRAMES, Harness, drag, move, orders, packets, said

from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.limits import MAX_GRID_SIDE, MAX_TRACKS
from flowbrush.pipelines.requests import Applied
from flowbrush.protocol import CameraSet, Codec, Control, Grid, Point, Prompt, PromptSet, TrackBegin, TrackEnd
from flowbrush.server.engine import ipc
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.history import MAX_UNWRITTEN_CHUNKS
from flowbrush.server.sessions.pending_controls import MAX_WAITING, MAX_WAITING_IDS, PendingControls
from flowbrush.server.sessions.phases import Phase
from flowbrush.server.sessions.session import Terms
from flowbrush.server.sessions.tracks import MAX_GRID_POINTS
from flowbrush.server.store.journal import Journal


@pytest.fixture
def it(tmp_path: Path) -> Harness:
    """A session whose first chunk can be made."""
    harness = Harness(tmp_path)
    harness.open()
    return harness


def controls(item: Any) -> list[Control]:
    return ipc.unpacked(item.controls)


def applied(sent: list[Any]) -> list[tuple[int, int]]:
    return [(each.id, each.frame) for each in said(sent, "control.applied")]


def test_controls_go_into_the_next_chunk_and_into_the_journal(it: Harness) -> None:
    it.chunk()
    it.give(drag(1, 7, 0.2), move(2, 7, 0.21, 0.22), move(3, 7, 0.24))
    item, sent = it.chunk((Applied(1, 4), Applied(3, 6)))
    assert [control.type for control in controls(item)] == ["track.begin", "track.move"]
    assert len(controls(item)[1].points) == 3, "no sample is lost"
    assert it.journal.controls(1) == tuple(controls(item))
    assert applied(sent) == [(1, 4), (2, 6), (3, 6)]
    assert [packet.control_id for packet in packets(sent)] == [1, 1, 3, 3]


def test_the_latest_prompt_counts_and_all_are_acknowledged_with_its_frame(it: Harness) -> None:
    it.give(*(PromptSet(id=n, prompts=(Prompt(text=str(n)),)) for n in (1, 2)))
    item, sent = it.chunk((Applied(2, 0),))
    assert [control.prompts[0].text for control in controls(item)] == ["2"]
    assert applied(sent) == [(1, 0), (2, 0)]


def test_a_control_that_the_generator_never_names_is_acknowledged_all_the_same(it: Harness) -> None:
    it.give(drag(1, 1, 0.0))
    assert [id for _ in range(4) for id, _ in applied(it.chunk()[1])] == [1]


def test_a_release_waits_until_its_points_are_played(it: Harness) -> None:
    it.give(drag(1, 1, 0.0), move(2, 1, *(0.01 * n for n in range(1, 41))), TrackEnd(id=3, track=1))
    it.give(drag(4, 1, 0.5))
    first, second = controls(it.chunk()[0]), controls(it.chunk()[0])
    assert [control.id for control in first] == [1, 2]
    assert [control.id for control in second] == [3, 4]
    assert first[1].points[-1].t == pytest.approx(0.4)


def test_a_drag_falls_on_the_chunk_s_last_frame_and_a_pin_on_its_first(it: Harness) -> None:
    """Whatever the screen showed then: what is seen of a hand is as new as it can be, and a pin holds from the first frame on."""
    it.chunk()
    pin = TrackBegin(track=2, kind="pin", points=(Point(t=0.1, x=0.5, y=0.5),))
    it.give(drag(None, 1, 0.1), pin)
    dragged, pinned = controls(it.turn())
    assert isinstance(dragged, TrackBegin) and isinstance(pinned, TrackBegin)
    assert dragged.points[0].t == pytest.approx((2 * FRAMES - 1) / FPS)
    assert pinned.points[0].t == pytest.approx(FRAMES / FPS)


def test_a_key_frame_that_is_wanted_while_frames_are_being_encoded_comes_with_the_next_chunk(
    it: Harness,
) -> None:
    it.chunk()
    it.made(it.turn())
    it.tell(on.KeyWanted())
    assert it.turn().keys == (0,)


def test_a_viewer_who_has_run_dry_is_counted_once_for_a_chunk(it: Harness) -> None:
    it.chunk(now=0.0)
    in_time, late = (it.chunk(now=now)[1] for now in (0.2, 5.0))
    assert [each.count(do.Count("misses")) for each in (in_time, late)] == [0, 1]


def test_a_step_is_answered_when_its_last_frame_is_there_and_a_pause_is_not_said_twice(it: Harness) -> None:
    item = it.turn()
    it.tell(on.PauseAsked(1))
    it.made(item)
    ended = [said(it.frame(item, offset), "session.paused") for offset in range(FRAMES)]
    assert not any(ended), "that it is paused was said when it was asked for"
    it.tell(on.StepAsked(2, 2))
    first, second = (said(it.chunk()[1], "session.paused") for _ in range(2))
    assert not first and [(each.id, each.chunk) for each in second] == [(2, 3)]


def test_the_last_id_is_the_largest_whatever_came_to_its_turn_last(tmp_path: Path) -> None:
    """A release waits in the log until its points are played, and what was given after it does not."""
    it = Harness(tmp_path)
    it.session.restored(0, (drag(1, 1, 0.0), drag(3, 2, 0.0)))
    it.session.restored(1, (TrackEnd(id=2, track=1),))
    it.session.taken_up(0, {}, 1)
    it.open(2)
    assert it.session.last_id == 3
    with pytest.raises(ProtocolError, match="not larger than the last one, 3"):
        it.give(move(3, 2, 0.1))


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
    it: Harness, control: Control, code: ErrorCode
) -> None:
    it.give(drag(5, 1, 0.0))
    with pytest.raises(ProtocolError) as refused:
        it.tell(on.Given(control, CAN))
    assert refused.value.code is code
    assert it.session.last_id == 5 and controls(it.turn())[0].id == 5


PATH = (Point(t=0, x=0, y=0), Point(t=0.3, x=1, y=1))


def test_paths_end_by_themselves_and_make_room(it: Harness) -> None:
    it.give(TrackBegin(track=1, kind="path", points=PATH))
    for _ in range(3):
        it.chunk()
    it.give(TrackBegin(track=1, kind="path", points=PATH))


def test_paths_end_after_a_rewind_and_in_another_process_too(it: Harness, tmp_path: Path) -> None:
    it.give(TrackBegin(track=1, kind="path", points=PATH))
    for _ in range(4):
        it.chunk()
    it.tell(on.RewindAsked(0))
    it.tell(ipc.Rewound("id", it.turn().epoch, True))
    with pytest.raises(ProtocolError, match="is there already"):
        it.give(TrackBegin(track=1, kind="path", points=PATH))
    for _ in range(3):
        it.chunk()
    it.give(TrackBegin(track=1, kind="path", points=PATH))
    (tmp_path / "other").mkdir()
    other = Harness(tmp_path / "other")
    for chunk in range(len(it.journal)):
        other.session.restored(chunk, it.journal.controls(chunk))
        other.journal.extend(chunk, [it.journal.controls(chunk)])
    other.open(chunk=len(it.journal))
    other.chunk()
    other.give(TrackBegin(track=1, kind="path", points=PATH))


def test_grids_are_bounded_by_what_they_cost(it: Harness) -> None:
    grid = Grid(rows=16, cols=16, spacing=0.01)
    many = [TrackBegin(track=n, kind="drag", points=PATH[:1], grid=grid) for n in range(5)]
    it.give(*many[: MAX_GRID_POINTS // 256])
    assert it.session.alone, "others do not wait for so much work in one batch"
    with pytest.raises(ProtocolError, match="smaller grid"):
        it.give(many[-1])
    it.give(TrackEnd(track=0), many[-1])


def test_four_of_the_largest_grids_have_room() -> None:
    assert 4 * MAX_GRID_SIDE**2 <= MAX_GRID_POINTS < 8 * MAX_GRID_SIDE**2


def test_the_inbox_is_bounded() -> None:
    """All tracks may begin, move and end twice within a chunk; a hand may name each of sixty samples a second for a minute."""
    assert 5 * MAX_TRACKS < MAX_WAITING < 10 * MAX_TRACKS
    assert 60 * 60 < MAX_WAITING_IDS < 2 * 60 * 60
    pending = PendingControls()
    for track in range(MAX_WAITING):
        pending.put(drag(None, track, 0.0), 0.0)
    with pytest.raises(ProtocolError, match="too many"):
        pending.put(drag(None, 9999, 0.0), 0.0)
    assert len(pending.drain()) == MAX_WAITING
    for n in range(8):
        pending.put(move(None, 1, *(n + 0.0005 * point for point in range(1024))), 0.0)
    with pytest.raises(ProtocolError, match="too many"):
        pending.put(move(None, 1, 9.0), 0.0)
    kept = [point for waiting in pending.drain() for point in waiting.control.points]  # type: ignore[union-attr]
    assert len(kept) == 8 * 1024
    for n in range(MAX_WAITING_IDS):
        pending.put(PromptSet(id=n + 1, prompts=(Prompt(text="p"),)), 0.0)
    with pytest.raises(ProtocolError, match="too many"):
        pending.put(PromptSet(id=MAX_WAITING_IDS + 1, prompts=(Prompt(text="p"),)), 0.0)


def test_a_lost_worker_costs_the_client_nothing(it: Harness) -> None:
    """Two of four frames were delivered: the chunk is made again, whole for the recording, from the third on."""
    it.chunk()
    it.give(PromptSet(id=1, prompts=(Prompt(text="new"),)))
    item = it.turn()
    it.made(item, (Applied(1, 4),))
    it.frame(item, 0)
    it.frame(item, 1)
    told = it.tell(on.WorkerLost("it ended", False))
    assert said(told, "session.recovering") and do.Queue(first=True) in told
    assert it.session.phase is Phase.WAITING
    assert it.seat().snapshot is None
    replayed, sent = it.chunk()
    assert (replayed.chunk, replayed.replay_only, packets(sent)) == (0, True, [])
    again, sent = it.chunk((Applied(1, 4),))
    assert again.controls == item.controls and again.keys == (0, 2) and not again.replay_only
    shown = packets(sent)
    assert [packet.frame for packet in shown] == [6, 7]
    assert shown[0].key and shown[0].discontinuity and not shown[1].discontinuity
    assert shown[0].control_id == 1


def test_the_newest_snapshot_that_is_not_too_new_is_used(it: Harness) -> None:
    for _ in range(6):
        it.chunk()
    gone = [
        path
        for chunk in (0, 1, 3)
        for effect in it.tell(ipc.Saved("id", it.session.epoch, chunk, str(chunk)))
        for path in effect.paths
    ]
    assert gone == ["0"], "two are kept"
    it.session.history.snapshots[7] = "of the future"
    told = it.tell(on.WorkerLost("it ended", False))
    assert do.Tidy(("1", "3", "of the future"), it.session.epoch) in told, "what else it wrote is nobody's"
    assert it.seat().snapshot == "3"


def test_a_snapshot_of_a_past_that_is_over_is_removed(it: Harness) -> None:
    assert it.tell(ipc.Saved("id", it.session.epoch - 1, 0, "old")) == [do.Unlink(("old",))]
    it.tell(on.EndAsked("stopped"))
    assert it.tell(ipc.Saved("id", it.session.epoch, 0, "late")) == [do.Unlink(("late",))]


def test_a_rewind_forgets_what_came_after(it: Harness) -> None:
    it.give(drag(1, 1, 0.0))
    for _ in range(3):
        it.chunk()
    it.give(TrackEnd(id=2, track=1), drag(3, 2, 0.5))
    it.chunk()
    it.give(move(4, 2, 0.9))
    it.session.history.snapshots = {0: "a", 3: "b"}
    epoch = it.session.epoch
    told = it.tell(on.RewindAsked(1))
    discarded = [each.id for each in said(told, "notice")]
    assert discarded == [2, 3, 4], "controls that will never be shown"
    assert do.Unlink(("b",)) in told and it.session.history.snapshots == {0: "a"}
    assert (it.session.output.frame, len(it.journal), it.session.epoch) == (8, 2, epoch + 1)
    it.give(move(5, 1, 0.9))
    with pytest.raises(ProtocolError):
        it.give(move(6, 2, 0.9))


def test_a_chunk_may_fail_twice(it: Harness) -> None:
    for expected in (False, False, True):
        assert it.turn().keys == (0,), "the first picture is a key frame, however often it is begun"
        told = it.tell(on.ChunkFailed("no"))
        assert bool(said(told, "error")) is expected
        assert expected or it.session.alone
    assert [each.reason for each in said(told, "session.done")] == ["generation_failed"]


def test_a_chunk_that_has_ended_a_worker_gives_way_for_a_second(it: Harness) -> None:
    def lost_and_opened(blamed: bool) -> None:
        it.tell(on.WorkerLost("it hung", blamed))
        it.tell(on.SlotGiven(reads=True))
        (order,) = orders(it.tell(on.Turn()))
        it.tell(ipc.Opened("id", order.epoch, 0), now=10.0)

    it.turn()
    lost_and_opened(blamed=False)
    assert it.session.doubt == (0, 0), "another's chunk ended it"
    it.turn()
    lost_and_opened(blamed=True)
    assert it.session.doubt == (1, 0) and it.session.trouble.again_at == 11.0
    it.chunk()
    assert it.session.doubt == (0, 0), "it was made"


def test_orders_that_are_superseded_are_never_given(it: Harness) -> None:
    """400 resets while the first is under way cost one more opening, not 400."""
    it.chunk()
    it.tell(on.ResetAsked(seed=0))
    (first,) = orders(it.tell(on.Turn()))
    for seed in range(400):
        it.tell(on.ResetAsked(seed=seed))
        assert it.session.due(0.0) is None and not orders(it.tell(on.Turn()))
    it.tell(ipc.Opened("id", first.epoch, 0))
    (second,) = orders(it.tell(on.Turn()))
    assert second.settings.fields["seed"] == 399
    it.tell(ipc.Opened("id", second.epoch, 0))
    assert it.session.phase is Phase.READY


def test_a_full_disk_delays_the_log_and_loses_nothing_of_it(it: Harness) -> None:
    it.chunk()
    it.disk_full = True
    it.give(drag(1, 1, 0.0))
    item, sent = it.chunk()
    assert len(packets(sent)) == 4, "the stream goes on"
    told = said(it.effects, "notice")
    assert [each.code for each in told] == ["log_delayed"]
    it.tell(on.WorkerLost("it ended", False))
    it.seat()
    it.chunk()
    assert it.chunk()[0].controls == item.controls, "what is not written can be made again, too"
    it.disk_full = False
    it.chunk()
    assert it.journal.controls(1) == tuple(controls(item)) and len(it.journal) == 3
    assert [each.code for each in said(it.effects, "notice")] == ["log_delayed", "log_resumed"]


def test_a_disk_that_stays_full_ends_the_session_with_an_error_that_says_so(it: Harness) -> None:
    it.disk_full = True
    for _ in range(MAX_UNWRITTEN_CHUNKS + 1):
        if it.session.phase is Phase.DONE:
            break
        it.chunk()
    (error,) = said(it.effects, "error")
    assert "No space left" in error.message and it.session.phase is Phase.DONE


def test_an_encoder_that_is_stuck_gives_way_to_the_next_codec(tmp_path: Path) -> None:
    it = Harness(tmp_path, (Codec.AV1, Codec.H264))
    it.open()
    item = it.turn()
    it.made(item)
    stuck = ipc.StreamFailed("id", it.session.epoch, 0, "it did not answer", encoder=True)
    assert do.ReplaceCodec(Codec.H264) in it.tell(stuck)
    assert it.turn().codec == "h264"


@pytest.mark.parametrize("fault", [False, True])
def test_one_who_leaves_before_a_token_was_said_is_not_waited_for(it: Harness, fault: bool) -> None:
    if not fault:
        it.chunk()
        assert it.tell(on.Detached()) == []
        return
    it.session.welcome.known = False
    assert any(isinstance(effect, do.End) for effect in it.tell(on.Detached()))


def test_the_slot_of_one_who_is_away_or_paused_goes_to_those_who_wait(tmp_path: Path) -> None:
    it = Harness(tmp_path, terms=Terms(resume_s=60, paused_s=30, idle_s=600))
    it.open()
    it.tell(on.PauseAsked(), 0.0)
    assert it.tell(on.Tick(waiting=1), 29.0) == []
    assert it.tell(on.Tick(waiting=0), 31.0) == []
    assert do.Leave() in it.tell(on.Tick(waiting=1), 31.0)
    assert do.Queue(first=True) in it.tell(on.ResumeAsked(), 40.0)
    it.seat()
    it.tell(on.Detached(), 50.0)
    assert it.tell(on.Tick(waiting=0), 51.0) == []
    assert it.tell(on.Tick(waiting=1), 51.0) == [do.Leave()]
    done = said(it.tell(on.Tick(waiting=0), 111.0), "session.done")
    assert [each.reason for each in done] == ["expired"]


def test_a_paused_session_that_nobody_touches_ends(tmp_path: Path) -> None:
    it = Harness(tmp_path, terms=Terms(idle_s=600))
    it.open()
    it.tell(on.PauseAsked(), 0.0)
    it.tell(on.Reported(0.0), 500.0)
    done = said(it.tell(on.Tick(waiting=0), 601.0), "session.done")
    assert [each.reason for each in done] == ["idle"]


def test_ways_that_do_not_exist_name_both_ends(it: Harness) -> None:
    with pytest.raises(RuntimeError, match="from ready to ready"):
        it.session.enter(Phase.READY)


def test_what_waits_when_the_server_stops_is_kept_in_the_journal(it: Harness, tmp_path: Path) -> None:
    it.give(drag(1, 1, 0.0))
    it.tell(on.Stopping())
    assert [control.id for control in Journal(tmp_path / "journal").controls(0)] == [1]


def test_what_was_not_shown_yet_is_acknowledged_by_the_next_process(it: Harness, tmp_path: Path) -> None:
    it.give(drag(1, 1, 0.0))
    it.chunk((Applied(1, 0),))
    it.give(PromptSet(id=2, prompts=(Prompt(text="new"),)))
    it.tell(on.Stopping())
    (tmp_path / "other").mkdir()
    other = Harness(tmp_path / "other")
    for chunk in range(len(it.journal)):
        other.session.restored(chunk, it.journal.controls(chunk))
        other.journal.extend(chunk, [it.journal.controls(chunk)])
    other.session.taken_up(0, {}, 0, sent=4)
    for effect in other.tell(on.Attached(4)):
        if isinstance(effect, do.CatchUp):
            other.tell(on.Failed(effect, LookupError()))
    other.seat()
    item, sent = other.chunk()
    assert item.replay_only and not applied(sent)
    item, sent = other.chunk((Applied(2, 5),))
    assert applied(sent) == [(2, 5)], "and the first, which was, is not once more"
    assert [packet.control_id for packet in packets(sent)] == [1, 2, 2, 2]


def test_a_branch_does_not_acknowledge_what_the_other_session_was_asked(tmp_path: Path) -> None:
    it = Harness(tmp_path)
    it.session.restored(0, (drag(7, 1, 0.0),))
    it.journal.extend(0, [(drag(7, 1, 0.0),)])
    it.session.taken_up(4, {}, 0, sent=4)
    it.open()
    it.session.output.encode_from = 1
    assert not applied(it.chunk()[1])
    _, sent = it.chunk()
    assert packets(sent)[0].frame == 4 and not applied(sent)


def test_the_wait_for_the_model_counts_from_when_the_chunk_was_wanted_and_possible(it: Harness) -> None:
    def step(chunk: int, asked: float, begun: float, done: float) -> float:
        """Asks at `asked`, begins at `begun`, is done at `done`; what the client is told, ms."""
        it.session.due(asked)
        item = it.turn(begun)
        it.made(item, now=done)
        sent = [effect for offset in range(4) for effect in it.frame(item, offset, done)]
        assert item.chunk == chunk
        (told,) = said(sent, "chunk")
        return told.queue_ms

    assert step(0, 0.0, 0.0, 5.0) == 0, "nothing was before the first"
    it.tell(on.Reported(0.25), 5.0)
    assert it.session.due(5.0) < 5.0, "the viewer has nothing left: it is wanted since before it was possible"
    assert step(1, 5.01, 5.01, 5.2) == pytest.approx(10), "only what it stood ready counts"
    assert step(2, 5.2, 5.24, 5.4) == pytest.approx(40), "others were made first"


@pytest.mark.parametrize("kept", [0, 2])
def test_a_client_that_has_more_than_the_log_is_told_where_it_stands(tmp_path: Path, kept: int) -> None:
    it = Harness(tmp_path)
    for chunk in range(kept):
        it.session.restored(chunk, ())
    it.session.taken_up(0, {}, 0)
    for effect in it.tell(on.Attached(5 * 4)):
        if isinstance(effect, do.CatchUp):  # nothing is kept in memory of another process
            it.tell(on.Failed(effect, LookupError()))
    it.tell(on.SlotGiven())
    (order,) = orders(it.tell(on.Turn()))
    sent = it.tell(ipc.Opened("id", order.epoch, kept))
    kinds = [type(each).__name__ if isinstance(each, do.SayReady) else each.message.type for each in sent]
    assert kinds == ["SayReady", "session.rewound" if kept else "session.restarted", "notice"]
    assert not kept or said(sent, "session.rewound")[0].chunk == kept - 1
    assert it.session.output.frame == kept * 4 and it.session.output.want_key
    assert not said(it.tell(on.Attached(kept * 4)), "session.rewound"), "once"


def test_a_client_that_has_not_heard_of_a_rewind_is_told_and_its_log_is_whole(it: Harness) -> None:
    for _ in range(5):
        it.chunk()
    it.tell(on.RewindAsked(1))
    it.tell(ipc.Rewound("id", it.turn().epoch, True))
    told = it.tell(on.Attached(5 * 4))
    assert kinds(told)[:2] == ["SayReady", "session.rewound"] and not said(told, "notice")
    assert said(told, "session.rewound")[0].chunk == 1


@pytest.mark.parametrize("sent", [0, 8])
def test_a_frame_that_was_never_sent_is_named_with_those_that_were(it: Harness, sent: int) -> None:
    for _ in range(sent // 4):
        it.chunk()
    it.session.check_sent(sent - 1)
    with pytest.raises(ProtocolError, match=r"last_frame is 900: expected .*-1") as refused:
        it.session.check_sent(900)
    assert refused.value.code is ErrorCode.OUT_OF_RANGE and refused.value.field == "last_frame"
    assert (f"-1 to {sent - 1}" in refused.value.message) is (sent > 0)
    with pytest.raises(ProtocolError):
        it.session.check_sent(sent)


def test_what_another_process_sent_is_known_once_the_client_has_said_it(tmp_path: Path) -> None:
    it = Harness(tmp_path)
    for chunk in range(4):
        it.session.restored(chunk, ())
    it.session.taken_up(0, {}, 0)
    it.session.check_sent(10_000)
    it.tell(on.Attached(13))
    it.session.check_sent(12)
    with pytest.raises(ProtocolError, match="-1 to 12"):
        it.session.check_sent(13)


def kinds(sent: list[Any]) -> list[str]:
    """`SayReady`, and the types of messages."""
    return ["SayReady" if isinstance(each, do.SayReady) else each.type for each in _told(sent)]


def _told(sent: list[Any]) -> list[Any]:
    return [
        each if isinstance(each, do.SayReady) else each.message
        for each in sent
        if isinstance(each, do.SayReady | do.Say)
    ]


@pytest.mark.parametrize("seated", [True, False])
def test_who_comes_back_to_a_paused_session_hears_that_it_is_paused(it: Harness, seated: bool) -> None:
    it.chunk()
    it.tell(on.PauseAsked(id=1))
    it.tell(on.Detached())
    if not seated:
        it.tell(on.Tick(waiting=1))
    told = it.tell(on.Attached(4))
    if not seated:
        it.tell(on.SlotGiven())
        (order,) = orders(it.tell(on.Turn()))
        told = it.tell(ipc.Opened("id", order.epoch, 0))
    assert kinds(told) == ["SayReady", "session.paused"]
    (paused,) = said(told)
    assert (paused.id, paused.chunk) == (None, 1), "it answers nothing that was asked"
    it.tell(on.ResumeAsked())
    assert not said(it.tell(on.Attached(4)), "session.paused")


def test_that_a_session_is_paused_is_written_when_that_changes(it: Harness) -> None:
    it.chunk()
    asked = [on.PauseAsked(), on.PauseAsked(), on.StepAsked(1), on.ResumeAsked(), on.ResumeAsked()]
    assert [do.SaveSettings() in it.tell(each) for each in asked] == [True, False, False, True, False]


def test_who_begins_a_paused_session_is_not_told_what_it_asked_for(tmp_path: Path) -> None:
    it = Harness(tmp_path, paused=True)
    it.open()
    assert kinds(it.effects)[-1] == "SayReady" and not said(it.effects)


def test_a_write_that_hangs_is_waited_for_and_nothing_is_written_twice(it: Harness) -> None:
    it.chunk()
    it.disk_hangs = True
    it.chunk()
    it.give(PromptSet(id=1, prompts=(Prompt(text="later"),)))
    it.chunk()
    assert len(it.journal) == 1 and len(it.writing) == 1, "one writer at a time"
    assert [each.code for each in said(it.tell(on.LogLate()), "notice")] == ["log_delayed"]
    assert said(it.tell(on.LogLate())) == []
    told = it.disk_answers()
    assert [each.code for each in said(told, "notice")] == ["log_resumed"]
    it.disk_answers()
    assert it.writing == [] and len(it.journal) == 3, "what came meanwhile is written at once"
    assert [len(it.journal.controls(chunk)) for chunk in range(3)] == [0, 0, 1]


def test_what_comes_back_late_is_not_taken_for_what_was_written_since(it: Harness) -> None:
    """The stream goes back while a line is on its way: what follows takes its place."""
    it.chunk()
    it.disk_hangs = True
    it.chunk()
    it.tell(on.RewindAsked(0))
    it.tell(ipc.Rewound("id", it.turn().epoch, True))
    it.give(PromptSet(id=1, prompts=(Prompt(text="other"),)))
    it.chunk()
    it.disk_hangs = False
    while it.writing:
        it.disk_answers()
    assert len(it.journal) == 2 and it.journal.controls(1)[0].id == 1
    assert not it.session.history.behind


def test_what_was_not_written_yet_is_when_the_session_ends(it: Harness) -> None:
    it.disk_hangs = True
    it.chunk()
    it.chunk()
    it.tell(on.EndAsked("stopped"))
    for _ in list(it.writing):
        it.disk_answers()
    assert len(it.journal) == 2


def test_a_disk_that_never_answers_ends_the_session_when_memory_is_full(it: Harness) -> None:
    it.disk_hangs = True
    it.tell(on.LogLate())
    told: list[Any] = []
    while it.session.phase is not Phase.DONE:
        told = it.tell(on.Turn())
        for item in orders(told):
            it.made(item)
        assert it.session.upcoming <= MAX_UNWRITTEN_CHUNKS
    assert "the disk does not answer" in said(told, "error")[0].message


def test_a_chunk_whose_controls_are_read_again_waits_for_them(it: Harness) -> None:
    it.chunk()
    it.chunk()
    it.tell(on.WorkerLost("it ended", False))
    it.seat()
    it.disk_hangs = True
    (fetch,) = it.tell(on.Turn())
    assert fetch == do.Fetch(0, it.session.epoch) and it.session.due(0.0) is None
    it.tell(on.Fetched(0, fetch.epoch - 1, ()))
    assert it.session.due(0.0) is None, "that was asked for before the worker was lost"
    it.tell(on.Fetched(0, fetch.epoch, ()))
    assert it.session.due(0.0) is not None and orders(it.tell(on.Turn()))


def test_who_comes_back_and_has_shown_what_it_missed_gets_more(it: Harness) -> None:
    """Frames were kept for a client that was away, as a tab that the browser froze: they count as sent."""
    for _ in range(8):
        it.chunk()
    it.tell(on.Reported(1.0), 5.0)
    it.tell(on.Detached(), 6.0)
    it.tell(on.Attached(4 * 4), 20.0)
    it.tell(on.Reported(8 * 4 / it.session.settings.fps), 21.0)
    assert it.session.due(21.0) <= 21.0, "it has nothing left"
