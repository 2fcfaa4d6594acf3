"""What is held is cut out once, stays what it was, and uncovers what was under it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from stream_helpers import drag, settings_for
from torch import Tensor

from flowbrush.controls import Point, TrackBegin
from pipelines.cutting import close
from pipelines.generator import Generator
from pipelines.holds import EMPTY, Grip, Hold, put_back, similarity, take_hold
from pipelines.touched import thing_at

HEIGHT, WIDTH = 128, 192
GROUND, THING = 0.2, -0.8


def picture(*middles: tuple[float, float], edge: int = 30) -> Tensor:
    """Dark squares [3, H, W] about `middles` (x, y) on a light ground."""
    frame = torch.full((3, HEIGHT, WIDTH), GROUND)
    for x, y in middles:
        frame[:, int(y) - edge // 2 : int(y) + edge // 2, int(x) - edge // 2 : int(x) + edge // 2] = THING
    return frame


def path(*points: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """One track: xy [1, n, 2] and visible [1, n]."""
    return torch.tensor([points], dtype=torch.float32), torch.ones(1, len(points), dtype=torch.bool)


HAND = torch.tensor([0])


def test_a_thing_is_found_with_its_edges_and_without_its_neighbour() -> None:
    frame = picture((60, 64))
    frame[1, 50:78, 96:124] = 0.9  # something green beside it
    opacity = thing_at(frame[None], torch.tensor([[60.0, 64.0]]))[0, 0]
    wanted = (picture((60, 64))[0] == THING).float()
    assert float((opacity * wanted).sum()) > 0.99 * float(wanted.sum())
    assert float(opacity.sum()) < 1.5 * float(wanted.sum())
    assert float(opacity[:, 95:].max()) == 0


def test_a_pale_thing_on_pale_ground_is_found_too() -> None:
    frame = torch.full((3, HEIGHT, WIDTH), GROUND)
    frame[:, 40:80, 60:100] = GROUND + 0.09
    assert 1500 < float(thing_at(frame[None], torch.tensor([[80.0, 60.0]])).sum()) < 2400


def test_where_nothing_stands_out_nothing_is_held() -> None:
    grip = take_hold(EMPTY, picture(), HAND, *path((60, 64), (70, 64)))
    assert not grip.things and grip.idle == {0}
    assert not take_hold(
        grip, picture((70, 64)), HAND, *path((70, 64), (75, 64))
    ).things  # nor on its way, later


def test_a_hole_is_closed_from_its_rows_and_not_from_what_stands_beside() -> None:
    frame = picture((60, 64), (100, 64))
    hole = (picture((60, 64))[:1] == THING).float()[None]
    ground, known = close(frame[None], hole)
    assert float(known[0, 0, 64, 60]) == 1
    assert float(ground[0, 0, 64, 60]) == pytest.approx(GROUND, abs=0.05)


def carried(frame: Tensor, chunks: int, step: float) -> tuple[Tensor, Grip]:
    """A thing dragged by `step` pixels a chunk, each picture made from the one before: the last picture, and what is held."""
    grip = EMPTY
    x = 60.0
    for _ in range(chunks):
        xy, visible = path((x, 64), (x + step, 64))
        grip = take_hold(grip, frame, HAND, xy, visible)
        assert grip.plate is not None
        video = grip.plate.float()[:, None].clone()
        put_back(video, grip, HAND, xy, visible)
        frame, x = video[:, 0], x + step
    return frame, grip


def test_a_long_drag_loses_nothing() -> None:
    frame, grip = carried(picture((60, 64)), 160, 0.5)
    assert torch.allclose(frame[:, 52:76, 128:152], torch.tensor(THING), atol=0.02)
    assert float((frame[:, :, :100] - GROUND).abs().max()) < 0.05  # nothing stayed behind
    assert grip.things[0].cutout.dtype == torch.float16


def test_what_a_thing_passes_over_comes_back() -> None:
    before = picture((60, 64))
    before[0, 50:78, 110:130] = 0.9  # something red in the way
    frame, _ = carried(before, 12, 10.0)
    assert torch.allclose(frame[:, 52:76, 112:128], before[:, 52:76, 112:128], atol=0.05)


def test_a_hand_that_rests_changes_nothing() -> None:
    before = picture((60, 64))
    frame, _ = carried(before, 50, 0.0)
    assert float((frame - before).abs().max()) < 0.05 or float((frame - before).abs().mean()) < 0.002


@pytest.mark.parametrize("turn", [0.0, 0.4])
@pytest.mark.parametrize("scale", [1.0, 1.3])
def test_several_points_turn_and_spread_what_they_hold(turn: float, scale: float) -> None:
    then = torch.tensor([[0.0, 0.0], [60.0, 0.0], [0.0, 60.0], [60.0, 60.0]])
    c, s = scale * math.cos(turn), scale * math.sin(turn)
    now = then @ torch.tensor([[c, s], [-s, c]]) + torch.tensor([5.0, -3.0])
    hold = Hold(torch.zeros(4, 8, 8), (0, 0), then, torch.ones(4, dtype=torch.bool))
    move = similarity(hold, now, torch.ones(4, dtype=torch.bool))
    assert (
        move is not None and move[0] == pytest.approx(c, abs=0.03) and move[1] == pytest.approx(s, abs=0.03)
    )


def test_a_hand_out_of_sight_draws_nothing() -> None:
    frame = picture((60, 64))
    xy, visible = path((60, 64), (70, 64))
    grip = take_hold(EMPTY, frame, HAND, xy, visible)
    video = torch.zeros(3, 1, HEIGHT, WIDTH)
    put_back(video, grip, HAND, xy, torch.zeros_like(visible))
    assert not video.any()


def test_a_hand_that_has_gone_holds_nothing() -> None:
    frame = picture((60, 64))
    grip = take_hold(EMPTY, frame, HAND, *path((60, 64), (70, 64)))
    assert grip.things
    nobody = torch.zeros(0, dtype=torch.long), torch.zeros(0, 2, 2), torch.zeros(0, 2, dtype=torch.bool)
    assert take_hold(grip, frame, *nobody) == EMPTY


def test_a_stream_holds_rewinds_and_is_brought_back_with_what_it_holds(tiny: Generator) -> None:
    start = np.full((64, 64, 3), 200, np.uint8)
    start[22:42, 12:32] = (200, 30, 30)
    state = tiny.start(settings_for(tiny, image=start))
    stroke = drag(1, *((k / 16, 0.34 + 0.01 * k, 0.5) for k in range(40)))
    for chunk in range(3):
        tiny.step([state], [(stroke,) if chunk == 0 else ()])
    held = state.grip.things[1]
    blob = tiny.snapshot(state)
    expected = [tiny.step([state], [()])[0].frames for _ in range(2)]
    assert state.grip.things[1] is held  # the same as at first
    tiny.rewind(state, 2)
    assert np.array_equal(tiny.step([state], [()])[0].frames, expected[0])
    tiny.release(state)
    again = tiny.restore(blob)
    assert torch.equal(again.grip.things[1].cutout, held.cutout)
    assert np.array_equal(tiny.step([again], [()])[0].frames, expected[0])
    tiny.rewind(again, 2) if 2 in again.history else None


def test_a_hand_on_bare_ground_moves_nothing_and_the_person_is_told(tiny: Generator) -> None:
    start = np.full((64, 64, 3), 200, np.uint8)
    start[22:42, 12:32] = (200, 30, 30)
    moved = drag(1, (0, 0.8, 0.8), (0.25, 0.7, 0.6), (0.5, 0.6, 0.4))
    state = tiny.start(settings_for(tiny, image=start))
    first, second = (tiny.step([state], [controls])[0] for controls in ((moved,), ()))
    assert [notice.code for notice in first.notices] == ["nothing_held"] and not second.notices
    assert state.grip.idle == {1}


@pytest.mark.parametrize("kind", ["pin", "held"])
def test_pins_and_hands_that_hold_say_nothing(tiny: Generator, kind: str) -> None:
    start = np.full((64, 64, 3), 200, np.uint8)
    start[22:42, 12:32] = (200, 30, 30)
    stroke = drag(1, (0, 0.34, 0.5), (0.5, 0.6, 0.5))
    if kind == "pin":
        stroke = TrackBegin(track=1, kind="pin", points=(Point(t=0, x=0.8, y=0.8),))
    state = tiny.start(settings_for(tiny, image=start))
    assert not tiny.step([state], [(stroke,)])[0].notices
