"""A new prompt turns the picture: what it names anew comes, what it no longer names goes, everything else stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stream_helpers import drag, run, settings_for
from torch import Tensor

from flowbrush.controls import Control, Prompt, PromptSet, TrackEnd, Transition
from models.cutter import Cutter
from models.pocket import PocketModel
from pipelines.generator import Generator
from pipelines.holds import EMPTY
from pipelines.picture_tools import PictureTools
from pipelines.state import StreamState
from pipelines.things import Thing, among, around, things_in, without
from pipelines.turner import opened
from pipelines.turning import Turn, turn_by

NOBODY = torch.zeros(0, dtype=torch.long), torch.zeros(0, 5, 2), torch.zeros(0, 5, dtype=torch.bool)
MIDDLE = torch.tensor([[160.0, 112.0]])


@pytest.fixture(scope="module")
def pocket() -> Generator:
    return Generator.load("pocket", device="cpu", seats=2)


@pytest.fixture(scope="module")
def cutter(pocket: Generator) -> Cutter:
    assert isinstance(pocket.model, PocketModel) and pocket.model.cutter is not None
    return pocket.model.cutter


def picture(pocket: Generator, prompt: str) -> Tensor:
    """What the opener makes of a prompt [3, H, W]."""
    model = pocket.model
    assert isinstance(model, PocketModel) and model.opener is not None
    return model.codec.picture(opened(model.opener, pocket.prompts.encode(prompt), 0))[0]


def ask(prompt: str, chunks: int = 0) -> Control:
    return PromptSet(prompts=(Prompt(text=prompt),), transition=Transition(chunks=chunks) if chunks else None)


def last_frame(pocket: Generator, state: StreamState, *controls: Control, chunks: int = 1) -> Tensor:
    """The last picture [3, H, W] in -1..1 of the next chunks, the controls coming with the first."""
    for chunk in range(chunks):
        (result,) = pocket.step([state], [controls if chunk == 0 else ()])
    return torch.from_numpy(result.frames[-1]).permute(2, 0, 1).float() / 127.5 - 1


def difference(a: Tensor, b: Tensor, where: Tensor | None = None) -> float:
    weight = torch.ones(1, *a.shape[1:]) if where is None else where
    return float(((a - b).abs() * weight).sum() / (3 * weight.sum()))


def test_the_way_is_even_and_ends_at_the_target() -> None:
    target = torch.full((3, 8, 8), 0.5).half()
    first = turn_by(Turn(target), 0.25, *NOBODY, EMPTY)
    assert first.weights.tolist() == pytest.approx([0.0625, 0.125, 0.1875, 0.25])
    assert first.rest is not None and first.rest.share == 0.25
    last = turn_by(Turn(target, 0.75), 1.0, *NOBODY, EMPTY)
    assert last.weights.tolist() == pytest.approx([0.25, 0.5, 0.75, 1.0]) and last.rest is None
    mixed = last.mix(torch.zeros(3, 4, 8, 8))
    assert float(mixed[:, -1].max()) == 0.5 and float(mixed[:, 0].max()) == 0.125


def test_the_camera_moves_the_target_too() -> None:
    target = torch.zeros(3, 64, 64)
    target[:, 20:30, 20:30] = 1
    xy = torch.tensor([[x, y] for x in (8.0, 32.0, 56.0) for y in (8.0, 56.0)])[:, None].repeat(1, 5, 1)
    xy[:, :, 0] += torch.tensor([0.0, 2.0, 4.0, 6.0, 8.0])
    seen = torch.ones(6, 5, dtype=torch.bool)
    turning = turn_by(Turn(target.half()), 0.5, torch.full((6,), -1), xy, seen, EMPTY)
    assert turning.rest is not None
    moved = turning.rest.target.float()
    assert float(moved[:, 21:29, 29:37].min()) > 0.9 and float(moved[:, :, 20:27].max()) < 0.1


def test_things_are_found_compared_and_taken_out(pocket: Generator, cutter: Cutter) -> None:
    panda, fox = picture(pocket, "a panda in the meadow"), picture(pocket, "a fox in the meadow")
    (found,) = things_in(cutter, panda, MIDDLE)
    rows, columns = (found.opacity[0] > 0.5).nonzero().unbind(1)
    assert abs(float(columns.float().mean()) - 160) < 12 and abs(float(rows.float().mean()) - 112) < 12
    (snowy,) = things_in(cutter, picture(pocket, "a panda in the snow"), MIDDLE)
    (other,) = things_in(cutter, fox, MIDDLE)
    assert among(found, [other, snowy]) and not among(found, [other])
    bare = without(panda, [found], PictureTools(cutter))
    assert not among(found, things_in(cutter, bare, MIDDLE))
    beside = 1 - around(panda, [found])
    assert difference(bare, panda, beside) < 0.01
    assert not around(panda, []).any()


def test_a_named_thing_comes_in_place_of_another_and_the_scene_stays(
    pocket: Generator, cutter: Cutter
) -> None:
    state = pocket.start(settings_for(pocket, "a panda in the meadow"))
    before = last_frame(pocket, state, chunks=2)
    after = last_frame(pocket, state, ask("a fox in the meadow"), chunks=8)
    (fox,) = things_in(cutter, picture(pocket, "a fox in the meadow"), MIDDLE)
    (panda,) = things_in(cutter, before, MIDDLE)
    shown = things_in(cutter, after, MIDDLE)
    assert among(fox, shown) and not among(panda, shown)
    assert difference(after, before, 1 - around(after, [fox, panda])) < 0.03
    pocket.release(state)


def test_a_thing_stays_where_it_was_put_when_the_scene_changes(pocket: Generator, cutter: Cutter) -> None:
    state = pocket.start(settings_for(pocket, "a panda in the meadow"))
    stroke = drag(1, *((k / 16, 0.5 - 0.3 * k / 24, 7 / 12) for k in range(25)))
    last_frame(pocket, state, stroke, chunks=8)
    before = last_frame(pocket, state)
    after = last_frame(pocket, state, ask("a panda in the snow"), chunks=8)
    there = torch.tensor([[0.2 * 320, 112.0]])
    (panda,) = things_in(cutter, before, there)
    assert among(panda, things_in(cutter, after, there))
    assert difference(after, before, panda.opacity) < 0.1
    assert not among(panda, things_in(cutter, after, MIDDLE))
    beside = 1 - around(after, [panda])
    snow = picture(pocket, "snow")
    assert difference(after, snow, beside) < 0.5 * difference(before, snow, beside)
    pocket.release(state)


@pytest.mark.parametrize("held", [True, False], ids=["in a hand", "let go"])
def test_what_comes_where_something_stands_finds_another_place(
    pocket: Generator, cutter: Cutter, held: bool
) -> None:
    state = pocket.start(settings_for(pocket, "a panda in the meadow"))
    stroke = drag(1, *((k / 16, 0.5 + 0.2 * k / 24, 7 / 12) for k in range(25)))
    last_frame(pocket, state, stroke, chunks=8)
    last_frame(pocket, state, *(() if held else (TrackEnd(track=1),)))
    both = picture(pocket, "a panda and a fox in the meadow")
    places = torch.tensor([[x * 320, 112.0] for x in (0.2, 0.3, 0.5, 0.7, 0.8)])
    (panda,) = things_in(cutter, picture(pocket, "a panda in the meadow"), MIDDLE)
    (fox,) = [thing for thing in things_in(cutter, both, places) if not among(thing, [panda])]
    after = last_frame(pocket, state, ask("a panda and a fox in the meadow"), chunks=8)
    shown = things_in(cutter, after, places)
    assert among(fox, shown) and among(panda, shown)
    pocket.release(state)


def test_what_a_hand_holds_stays_in_it_and_leaves_the_new_scene_behind(
    pocket: Generator, cutter: Cutter
) -> None:
    state = pocket.start(settings_for(pocket, "a panda in the meadow"))
    stroke = drag(1, *((k / 16, 0.5 + 0.3 * max(0, k - 40) / 24, 7 / 12) for k in range(65)))
    last_frame(pocket, state, stroke, chunks=3)
    (panda,) = things_in(cutter, last_frame(pocket, state), MIDDLE)
    last_frame(pocket, state, ask("a panda in the snow"), chunks=6)
    after = last_frame(pocket, state, chunks=6)
    assert among(panda, things_in(cutter, after, torch.tensor([[0.8 * 320, 112.0]])))
    left = around(after, [panda])
    snow = picture(pocket, "snow")
    assert difference(after, snow, left) < 0.5 * difference(picture(pocket, "meadow"), snow, left)
    pocket.release(state)


def test_a_prompt_without_a_known_word_changes_no_picture(pocket: Generator) -> None:
    state = pocket.start(settings_for(pocket, "a panda in the meadow"))
    last_frame(pocket, state, ask("the zorblax"))
    assert state.turn is None
    pocket.release(state)


def test_a_transition_takes_as_long_as_was_asked(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny))
    run(tiny, state, 1)
    shares = []
    for chunk in range(4):
        tiny.step([state], [(ask("a dog", 3),) if chunk == 0 else ()])
        shares.append(None if state.turn is None else round(state.turn.share, 3))
    assert shares == [0.333, 0.667, None, None]


def test_a_rewind_into_a_transition_goes_on_with_it(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny))
    run(tiny, state, 6)  # a transition of 3 chunks begins at chunk 5
    assert state.turn is not None
    expected = run(tiny, state, 4)
    tiny.rewind(state, 5)
    assert state.turn is not None
    assert np.array_equal(run(tiny, state, 4), expected)


def test_a_thing_is_a_picture_with_an_opacity() -> None:
    thing = Thing(torch.zeros(3, 32, 32), torch.zeros(1, 32, 32))
    thing.opacity[:, 8:24, 8:24] = 1
    assert among(thing, [thing]) and not among(thing, [Thing(thing.colours + 0.8, thing.opacity)])
