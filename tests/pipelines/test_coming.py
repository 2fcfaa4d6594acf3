"""What is said of hands on bare ground before a chunk is made."""

from __future__ import annotations

import pytest
from stream_helpers import FPS, drag

from flowbrush.controls import Control, Point, TrackBegin
from pipelines.coming import Coming
from pipelines.controls import fold, initial_state
from pipelines.holds import Grip
from pipelines.scene import SEVERAL


def coming(idle: set[int], *controls: Control) -> Coming:
    after, plan = fold(initial_state((("a cat", 1.0),), ()), controls, 0, 4, FPS, 0)
    return Coming(after, plan, Grip(idle=frozenset(idle)))


def test_a_hand_that_comes_down_on_nothing_is_told() -> None:
    (notice,) = coming({1}, drag(1, (0, 0.5, 0.5))).bare_hands()
    assert notice.code == "nothing_held" and "nothing to take hold of" in notice.message


def test_it_is_told_once() -> None:
    first = coming({1}, drag(1, (0, 0.5, 0.5)))
    after, plan = fold(first.after, (), 4, 4, FPS, 0)
    assert not Coming(after, plan, Grip(idle=frozenset({1}))).bare_hands()


@pytest.mark.parametrize(
    ("idle", "controls"),
    [
        (set(), [drag(1, (0, 0.5, 0.5))]),
        ({1}, [TrackBegin(track=1, kind="pin", points=(Point(t=0, x=0.5, y=0.5),))]),
        (set(range(SEVERAL)), [drag(n, (0, 0.1 * (n + 1), 0.5)) for n in range(SEVERAL)]),
    ],
    ids=["a hand that holds", "a pin", "hands that move the scene"],
)
def test_others_are_not(idle: set[int], controls: list[Control]) -> None:
    assert not coming(idle, *controls).bare_hands()
