"""Controls folded into what one chunk is made from."""

from __future__ import annotations

import numpy as np
import pytest

from flowbrush.controls import (
    CameraSet,
    Point,
    Prompt,
    PromptSet,
    TrackBegin,
    TrackEnd,
    TrackMove,
    TracksClear,
    Transition,
)
from flowbrush.pipelines.conditions.controls import (
    ChunkPlan,
    ControlState,
    fold,
    initial_state,
    is_quiet,
    normalised,
)
from flowbrush.pipelines.conditions.strokes import Selection

FPS, FRAMES, ASPECT = 16.0, 4, 0.6


def begin(track: int, x: float, y: float, kind: str = "drag", t: float = 0.0, **more: object) -> TrackBegin:
    return TrackBegin(track=track, kind=kind, points=(Point(t=t, x=x, y=y),), **more)


def prompt(text: str, chunks: int | None = None, method: str = "linear", id: int | None = None) -> PromptSet:
    transition = None if chunks is None else Transition(chunks=chunks, method=method)
    return PromptSet(id=id, prompts=(Prompt(text=text),), transition=transition)


def run(state: ControlState, *by_chunk: tuple) -> tuple[ControlState, list[ChunkPlan]]:
    """Folds the controls of one chunk after the other, from chunk 0 on."""
    plans = []
    for chunk, controls in enumerate(by_chunk):
        state, plan = fold(state, controls, chunk * FRAMES, FRAMES, FPS, ASPECT)
        plans.append(plan)
    return state, plans


START = initial_state([("a cat", 1.0)], ())


def test_weights_are_shares() -> None:
    assert normalised([("a", 1.0), ("b", 3.0)]) == (("a", 0.25), ("b", 0.75))


def test_nothing_painted_is_no_tracks() -> None:
    _, (plan,) = run(START, ())
    assert plan.xy.shape == (0, 1 + FRAMES, 2)
    assert plan.visible.shape == (0, 1 + FRAMES)
    assert plan.hands.shape == (0,) and not plan.fresh and not plan.touches and not plan.pins


def test_folding_never_changes_the_state_it_was_given() -> None:
    state, _ = run(START, (begin(1, 0.2, 0.5),))
    before = (state.strokes, state.prompt, state.camera)
    controls = (TrackEnd(track=1), prompt("a dog", 4), CameraSet(mode="velocity", pan=(0.1, 0)))
    fold(state, controls, 4, FRAMES, FPS, ASPECT)
    assert (state.strokes, state.prompt, state.camera) == before


def test_the_same_controls_give_the_same_plan() -> None:
    controls = (begin(1, 0.2, 0.5), begin(2, 0.7, 0.5, "pin"), CameraSet(mode="velocity", pan=(0.2, 0)))
    one, other = run(START, controls)[1][0], run(START, controls)[1][0]
    assert np.array_equal(one.xy, other.xy) and np.array_equal(one.hands, other.hands)


def test_tracks_known_beforehand_are_there_in_the_first_chunk() -> None:
    _, (plan,) = run(initial_state([("a cat", 1.0)], (begin(1, 0.3, 0.4, "pin"),)), ())
    assert plan.xy[0, 1:] == pytest.approx(np.tile([0.3, 0.4], (4, 1)), abs=1e-6)


def test_a_released_track_is_gone_and_the_others_stay() -> None:
    _, plans = run(START, (begin(1, 0.2, 0.5), begin(2, 0.8, 0.5)), (TrackEnd(track=1),), ())
    assert [len(plan.hands) for plan in plans] == [2, 1, 1]
    assert plans[-1].xy[0, -1] == pytest.approx([0.8, 0.5])


def test_who_was_let_go_and_is_on_its_way_still_is_named_and_a_path_that_has_begun() -> None:
    """Of these another hand may take what they hold. Two paths that begin together turn a thing."""
    first = (begin(1, 0.2, 0.5), begin(2, 0.7, 0.5), TrackMove(track=1, points=(Point(t=0.4, x=0.9, y=0.5),)))
    path = TrackBegin(track=3, kind="path", points=(Point(t=0, x=0.5, y=0.5), Point(t=0.4, x=0.5, y=0.6)))
    state, (_, plan) = run(START, first, (TrackEnd(track=1), path))
    assert plan.released == {1} and set(plan.hands.tolist()) == {1, 2, 3}
    assert not plan.under_way and run(state, (), ())[1][1].under_way == {3}
    assert not run(state, (), ())[1][1].released
    assert run(START, (begin(4, 0.2, 0.5), TrackEnd(track=4)))[1][0].released == {4}, "a click"


def test_clear_takes_the_kinds_named_or_all() -> None:
    painted = (begin(1, 0.2, 0.5), begin(2, 0.5, 0.5, "pin"), begin(3, 0.8, 0.5, "pin"))
    _, plans = run(START, painted, (TracksClear(kinds=("pin",)),), (TracksClear(),))
    assert [len(plan.hands) for plan in plans] == [3, 1, 0]


def test_a_track_that_begins_again_takes_the_place_of_the_old_one() -> None:
    _, plans = run(START, (begin(1, 0.2, 0.5),), (begin(1, 0.8, 0.5, t=4 / FPS),))
    assert len(plans[1].hands) == 1
    assert plans[1].xy[0, -1] == pytest.approx([0.8, 0.5])


def test_points_outside_the_frame_are_not_visible() -> None:
    _, (plan,) = run(START, (begin(1, 1.5, 0.5), begin(2, -0.5, 0.5), begin(3, 0.5, 0.5)))
    assert plan.visible[:, 1:].all(1).tolist() == [False, False, True]


def test_controls_with_an_id_say_which_frame_shows_them() -> None:
    move = TrackMove(id=8, track=1, points=(Point(t=6 / FPS, x=0.3, y=0.5),))
    without = begin(2, 0.5, 0.5)
    first = (begin(1, 0.2, 0.5, id=7), without)
    _, plans = run(START, first, (move,))
    assert [(a.id, a.frame) for a in plans[0].applied] == [(7, 0)]
    assert [(a.id, a.frame) for a in plans[1].applied] == [(8, 4)]
    assert plans[1].xy[0, 1, 0] > plans[1].xy[0, 0, 0]  # and that frame does show it


def test_points_for_later_apply_with_the_frame_that_first_shows_them() -> None:
    later = TrackMove(id=8, track=1, points=(Point(t=2 / FPS, x=0.3, y=0.5),))
    much_later = TrackMove(id=9, track=1, points=(Point(t=50.0, x=0.3, y=0.5),))
    _, plans = run(START, (begin(1, 0.2, 0.5), later, much_later))
    assert [(a.id, a.frame) for a in plans[0].applied] == [(8, 2), (9, 3)]


def test_points_of_before_a_track_began_apply_with_the_chunk_that_sees_them() -> None:
    earlier = TrackMove(id=8, track=1, points=(Point(t=0.1, x=0.3, y=0.5),))
    _, plans = run(START, (), (begin(1, 0.2, 0.5, t=0.25), earlier))
    assert [(a.id, a.frame) for a in plans[1].applied] == [(8, 4)]


@pytest.mark.parametrize(
    ("given", "quiet"),
    [
        ([(), ()], [True, True]),
        ([(prompt("a dog"),), ()], [True, True]),
        ([(prompt("a dog", chunks=3),), (), ()], [False, False, True]),
        ([(begin(1, 0.2, 0.5, "pin"),), (), (TracksClear(),)], [False, False, True]),
        ([(CameraSet(mode="velocity", pan=(0.1, 0.0)),), (CameraSet(mode="velocity"),)], [False, True]),
    ],
    ids=["nothing", "a prompt at once", "a transition", "a pin", "the camera"],
)
def test_it_is_known_when_nothing_that_was_asked_for_goes_on(given: list[tuple], quiet: list[bool]) -> None:
    state, found = START, []
    for chunk, controls in enumerate(given):
        state, plan = fold(state, controls, chunk * FRAMES, FRAMES, FPS, ASPECT)
        found.append(is_quiet(state, plan))
    assert found == quiet


def test_a_new_prompt_takes_over_at_once_without_a_transition() -> None:
    _, plans = run(START, (), (prompt("a dog"),))
    assert plans[0].prompt == (("a cat", 1.0),)
    assert plans[1].prompt == (("a dog", 1.0),) and plans[1].share == 1


def test_a_transition_rises_evenly_and_ends() -> None:
    _, plans = run(START, (prompt("a dog", 4, "slerp"),), (), (), (), ())
    assert [plan.share for plan in plans] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert plans[0].source == (("a cat", 1.0),) and plans[0].method == "slerp"


def test_a_prompt_during_a_transition_starts_a_new_one() -> None:
    _, plans = run(START, (prompt("a dog", 8),), (prompt("a fox"),))
    assert plans[1].prompt == (("a fox", 1.0),) and plans[1].share == 1


def test_new_texts_are_named_once() -> None:
    _, plans = run(START, (), (prompt("a dog", id=3),), ())
    assert [plan.new_texts for plan in plans] == [(("a cat", None),), (("a dog", 3),), ()]


def test_the_camera_moves_the_scene_and_stops() -> None:
    _, plans = run(START, (CameraSet(mode="velocity", pan=(0.2, 0)),), (CameraSet(mode="velocity"),), ())
    assert len(plans[0].hands) > 4
    assert (plans[0].xy[:, -1, 0] < plans[0].xy[:, 0, 0]).all(), "panning right moves the scene left"
    assert [len(plan.hands) for plan in plans[1:]] == [0, 0]


def test_rows_say_whose_they_are() -> None:
    grid = begin(4, 0.5, 0.5, grid={"rows": 2, "cols": 2, "spacing": 0.1})
    camera = CameraSet(mode="velocity", pan=(0.2, 0))
    _, (plan,) = run(START, (begin(2, 0.2, 0.5), grid, camera))
    assert plan.hands[:5].tolist() == [2, 4, 4, 4, 4]
    assert len(plan.hands) > 5 and (plan.hands[5:] == -1).all()
    assert len(plan.hands) == len(plan.xy) == len(plan.visible)


def test_what_a_hand_was_told_to_take_is_in_the_plan_of_its_first_chunk_alone() -> None:
    region = (((0.1, 0.1), (0.4, 0.1), (0.4, 0.5)),)
    _, plans = run(START, (begin(1, 0.2, 0.5, region=region), begin(2, 0.7, 0.5, add=((0.8, 0.5),))), ())
    assert plans[0].fresh == {1, 2}
    assert plans[0].touches == {1: Selection(region), 2: Selection(add=((0.8, 0.5),))}
    assert plans[1].fresh == frozenset() and plans[1].touches == {}


def test_a_hand_that_begins_again_is_fresh_again() -> None:
    _, plans = run(START, (begin(1, 0.2, 0.5),), (), (begin(1, 0.8, 0.5, t=8 / FPS),))
    assert [plan.fresh for plan in plans] == [{1}, frozenset(), {1}]


def test_pins_are_named_as_long_as_they_stay() -> None:
    _, plans = run(START, (begin(1, 0.2, 0.5, "pin"), begin(2, 0.5, 0.5)), (), (TrackEnd(track=1),))
    assert [plan.pins for plan in plans] == [{1}, {1}, {1}]
    _, after = run(START, (begin(1, 0.2, 0.5, "pin"),), (TracksClear(kinds=("pin",)),))
    assert [plan.pins for plan in after] == [{1}, frozenset()]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 2.5, -1.5])
def test_points_that_are_no_places_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="x is"):
        begin(1, bad, 0.5)
