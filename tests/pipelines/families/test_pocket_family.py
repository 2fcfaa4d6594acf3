"""pocket as it is served: prompts become layers that live, hands move them, and nothing that a hand did is forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from flowbrush.controls import Control, Point, Prompt, PromptSet, TrackBegin, TrackEnd
from flowbrush.models import motion_latent
from flowbrush.models.cards.registry import card
from flowbrush.models.motion_channels import FRAMES, GROUND, LIGHT
from flowbrush.pipelines.conditions.controls import fold
from flowbrush.pipelines.conditions.prompts import Prompts
from flowbrush.pipelines.families.base import Taken
from flowbrush.pipelines.families.pocket import PocketFamily, TakenLayers
from flowbrush.pipelines.families.wan import WanFamily
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.requests import FIRST_FOLLOWED, StreamSettings, size_of
from flowbrush.pipelines.rollout.inputs import ChunkInputs
from flowbrush.pipelines.rollout.lane import Lane
from flowbrush.pipelines.rollout.state import StreamState
from flowbrush.pipelines.staging.scenes import SceneMaker

GALLERY = Path(__file__).parents[3] / "web" / "gallery"


@pytest.fixture(scope="module")
def served() -> Generator:
    return Generator.load("pocket", seats=2, device="cpu", dtype="fp32")


@pytest.fixture
def start(served: Generator) -> Iterator[object]:
    streams: list[StreamState] = []

    def begin(prompt: str, size: tuple[int, int] = (320, 192), seed: int = 3, **more: object) -> StreamState:
        prompts = ((prompt, 1.0),) if prompt else ()
        settings = StreamSettings("pocket", prompts, *size, 16, seed, **more)  # type: ignore[arg-type]
        streams.append(served.start(settings))
        return streams[-1]

    yield begin
    for stream in streams:
        served.release(stream)


def path(track: int, *points: tuple[float, float, float]) -> TrackBegin:
    return TrackBegin(track=track, kind="path", points=tuple(Point(t=t, x=x, y=y) for t, x, y in points))


def labels(state: StreamState) -> list[str]:
    return sorted(layer.label for layer in state.memory.layers)


@pytest.mark.parametrize(
    ("prompt", "then", "comes_down"),
    [
        ("a dog in the meadow", "a dog on the beach", True),
        ("a dog in the meadow", "make it a beach", True),
        ("a bee in the meadow", "a bee on the beach", False),
        ("a pig flies over the meadow", "a pig flies over the beach", False),
    ],
)
def test_who_stands_in_a_scene_stands_in_the_next(
    served: Generator, start, prompt: str, then: str, comes_down: bool
) -> None:
    """A beach begins further down than a meadow does: a dog stood on the sea."""
    state = start(prompt, seed=3)
    served.step([state], [()])
    before = state.memory.layers[0].pose.y
    for chunk in range(7):
        served.step([state], [[PromptSet(prompts=(Prompt(text=then),))] if chunk == 0 else ()])
    (layer,) = state.memory.layers
    ground = served.family.scenes.keyframes.backdrop(state.memory.label, 3, (320, 192)).ground
    assert (layer.pose.y > before + 4) is comes_down
    if comes_down:
        assert layer.pose.y + layer.extents[1] / 2 == pytest.approx(ground.level * 192, abs=1)


def test_a_prompt_names_its_layers(served: Generator, start) -> None:
    state = start("two dogs and a cat in the snow")
    assert labels(state) == ["cat", "dog", "dog"] and state.memory.label == "snow"


@pytest.mark.parametrize("size", [(320, 192), (192, 320), (256, 256)])
def test_what_is_served_is_more_than_its_reference(served: Generator, start, size: tuple[int, int]) -> None:
    """With the student bypassed nothing lives; with it something moves, in every shape."""
    state = start("a rabbit hops to the right, snow", size)
    frames = np.concatenate([served.step([state], [()])[0].frames for _ in range(3)])
    assert frames.shape[1:] == (size[1], size[0], 3)
    assert np.abs(np.diff(frames.astype(float), axis=0)).mean() > 0.1


def test_the_thing_stands_on_the_path_that_starts_with_the_stream(served: Generator, start) -> None:
    state = start("a panda in the meadow", tracks=(path(1, (0, 0.3, 0.5), (0.5, 0.6, 0.4)),))
    assert (state.memory.layers[0].pose.x, state.memory.layers[0].pose.y) == pytest.approx((96, 96))
    for _ in range(2):
        served.step([state], [()])
    at = state.memory.layers[0].pose
    along = 7 / 8  # the path starts with the first frame: the eighth shows it after 7/16 s
    assert (at.x, at.y) == pytest.approx((320 * (0.3 + 0.3 * along), 192 * (0.5 - 0.1 * along)), abs=0.01)


TOLD_APART = {
    "a tree and a car drives to the right": (0.0, 1.0),
    "a house and a rabbit hops to the left": (0.0, -1.0),
    "a dog runs to the left and a cat sleeps": (-1.0, 0.0),
    "a cat walks to the right and a monkey hops to the left": (1.0, -1.0),
    "a panda and a bee fly to the right": (1.0, 1.0),
}


def ways(served: Generator, state: StreamState, controls: Sequence[Control] = ()) -> list[float]:
    """To which side each thing goes within three seconds: -1, 1, or 0 for those that stay."""
    places = [[layer.pose.x / 320 for layer in state.memory.layers]]
    for chunk in range(12):
        served.step([state], [controls if chunk == 0 else ()])
        places.append([layer.pose.x / 320 for layer in state.memory.layers])
    steps = np.diff(places, axis=0)
    steps[np.abs(steps) > 0.5] = 0  # who goes off one side comes in at the other
    return [float(np.sign(each)) if abs(each) > 0.03 else 0.0 for each in steps.sum(0)]


@pytest.mark.parametrize("prompt", TOLD_APART)
def test_what_one_thing_is_said_to_do_the_other_does_not(served: Generator, start, prompt: str) -> None:
    assert tuple(ways(served, start(prompt, seed=4))) == TOLD_APART[prompt]


def test_with_one_prompt_for_all_they_all_do_it(
    served: Generator, start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The student itself does not tell apart who does what."""
    prompt = "an apple falls and a balloon floats up"

    def downwards() -> list[float]:
        state = start(prompt, seed=4)
        begun = [layer.pose.y for layer in state.memory.layers]
        ways(served, state)
        return [layer.pose.y - y for layer, y in zip(state.memory.layers, begun, strict=True)]

    apple, balloon = downwards()
    assert balloon < -10 < 10 < apple
    monkeypatch.setattr(served.family, "_regions", lambda moved, plan: None)
    apple, balloon = downwards()
    assert apple < 0


def test_who_is_told_to_go_nowhere_is_not_taken_along(
    served: Generator, start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where things meet, the student takes one along with the other, whatever each hears."""

    def met() -> list[float]:
        state = start("a tree and a car drives to the right", seed=4)
        tree, car = state.memory.layers
        in_its_way = Similarity(tree.pose.scale, x=car.pose.x + 50, y=car.pose.y)
        state.memory = state.memory.with_layer(0, replace(tree, pose=in_its_way))
        return ways(served, state)

    assert met() == [0.0, 1.0]
    monkeypatch.setattr(served.family.clauses, "stays", lambda *asked: False)
    assert met() == [1.0, 1.0]


def test_what_goes_to_a_side_comes_in_at_the_other(served: Generator, start) -> None:
    """It has somewhere to go for as long as the stream lives, and is never gone for long."""
    state = start("a sailboat sails to the left at sunset", seed=1)
    boat, rounds, seen = [state.memory.layers[0].pose.x], 0, []
    for _ in range(60):
        frames = served.step([state], [()])[0].frames
        boat.append(state.memory.layers[0].pose.x)
        rounds += boat[-1] - boat[-2] > 160
        seen.append(frames[-1])
    assert rounds >= 1
    assert boat[-1] < boat[-10] or boat[-1] - boat[-10] > 160, "and it still goes"
    assert -30 < min(boat) < max(boat) < 350, "a part of it is always in the picture"


def test_a_new_prompt_says_something_else_of_each(served: Generator, start) -> None:
    state = start("a dog and a cat in the meadow", seed=4)
    assert ways(served, state) == [0.0, 0.0]
    now = PromptSet(prompts=(Prompt(text="a dog and a cat runs to the left in the meadow"),))
    assert ways(served, state, [now]) == [0.0, -1.0]


def test_two_alike_do_different_things(served: Generator, start) -> None:
    state = start("two dogs, one runs to the left and the other sleeps", seed=4)
    assert [layer.number for layer in state.memory.layers] == [0, 1]
    assert ways(served, state) == [-1.0, 0.0]


def test_streams_with_regions_and_without_go_together(served: Generator, start) -> None:
    """Side by side they give what each gives alone."""
    prompts = ("a tree and a car drives to the right", "a car drives to the right")
    alone = []
    for prompt in prompts:
        state = start(prompt)
        alone.append([served.step([state], [()])[0].frames for _ in range(3)])
        served.release(state)
    both = [start(prompt) for prompt in prompts]
    for chunk in range(3):
        for made, expected in zip(served.step(both, [(), ()]), alone, strict=True):
            assert np.array_equal(made.frames, expected[chunk])


def test_a_new_prompt_is_a_set_difference(served: Generator, start) -> None:
    state = start("a panda and a dog in the meadow")
    panda = next(layer for layer in state.memory.layers if layer.label == "panda")
    served.step([state], [[PromptSet(prompts=(Prompt(text="a panda and a cat in the snow"),))]])
    assert labels(state) == ["cat", "panda"] and state.memory.label == "snow"
    kept = next(layer for layer in state.memory.layers if layer.label == "panda")
    assert torch.equal(kept.rgba, panda.rgba)


@pytest.mark.parametrize(
    "prompt", ["it runs to the left", "now make it run to the left", "run to the left", "heavy rain"]
)
def test_a_prompt_that_names_nothing_is_said_of_what_is_there(served: Generator, start, prompt: str) -> None:
    state = start("a dog and a tree in the meadow", seed=4)
    now = PromptSet(prompts=(Prompt(text=prompt),))
    assert ways(served, state, [now]) == [-1.0 if "left" in prompt else 0.0, 0.0]
    assert labels(state) == ["dog", "tree"] and not state.memory.next_label
    assert state.memory.prompt == ((prompt, 1.0),)


@pytest.mark.parametrize("prompt", ["the beach", "asdf", "a dragon", "zoom in"])
def test_a_prompt_that_names_no_thing_takes_none_away(served: Generator, start, prompt: str) -> None:
    """Who types a scene, or a word that nobody knows, would lose all that there is."""
    state = start("a dog in the meadow", seed=4)
    for _ in range(3):
        served.step([state], [[PromptSet(prompts=(Prompt(text=prompt),))]])
    assert labels(state) == ["dog"]


@pytest.mark.parametrize("prompt", ["an empty beach", "a cat runs"])
def test_a_prompt_that_names_something_else_takes_away_what_was_there(
    served: Generator, start, prompt: str
) -> None:
    state = start("a dog in the meadow", seed=4)
    served.step([state], [[PromptSet(prompts=(Prompt(text=prompt),))]])
    assert "dog" not in labels(state)


def test_a_rider_with_a_path_of_its_own_stands_where_that_begins(served: Generator, start) -> None:
    ridden = start("a monkey rides a horse", seed=4)
    horse, monkey = ridden.memory.layers
    assert monkey.seat is not None and monkey.pose.y < horse.pose.y
    begun = path(1, (0, 0.2, 0.4), (1, 0.4, 0.4))
    walked = start("a monkey rides a horse", seed=4, tracks=(begun,))
    (monkey,) = (layer for layer in walked.memory.layers if layer.label == "monkey")
    assert monkey.seat is None and (monkey.pose.x, monkey.pose.y) == pytest.approx((64, 76.8))


def test_what_is_to_be_done_afterwards_is_said(served: Generator, start) -> None:
    (notice,) = served.step([start("a dog runs to the left and then jumps")], [()])[0].notices
    assert notice.code == "partly_shown" and "from 'then' on is left out" in notice.message


@pytest.mark.parametrize(
    ("prompt", "there", "going"),
    [
        ("the dog runs to the left", ["cat", "dog"], [0.0, -1.0]),
        ("the cat walks to the left", ["cat", "dog"], [-1.0, 0.0]),
        ("the dog and the cat run to the left", ["cat", "dog"], [-1.0, -1.0]),
        ("the dog runs to the left past the tree", ["cat", "dog", "tree"], [0.0, -1.0]),
        ("the frog", ["frog"], []),
        ("a dog runs to the left", ["dog"], [-1.0]),
        ("the dog runs to the left in the snow", ["cat", "dog"], [0.0, -1.0]),
    ],
)
def test_a_prompt_that_speaks_of_the_dog_takes_nobody_away(
    served: Generator, start, prompt: str, there: list[str], going: list[float]
) -> None:
    """ "The" names one that is known; "a dog" is all that there is to be, as before."""
    state = start("a cat and a dog in the meadow", seed=4)
    for chunk in range(12):
        served.step([state], [[PromptSet(prompts=(Prompt(text=prompt),))] if chunk == 0 else ()])
    begun = {layer.label: layer.pose.x for layer in state.memory.layers}
    for _ in range(6):
        served.step([state], [()])
    gone = {layer.label: layer.pose.x - begun[layer.label] for layer in state.memory.layers}
    assert labels(state) == there
    known = [name for name in ("cat", "dog") if name in there]
    assert [float(np.sign(gone[name])) if abs(gone[name]) > 3 else 0.0 for name in known] == going


def test_the_car_is_the_blue_one_that_is_there(served: Generator, start) -> None:
    state = start("a blue car and a house in the meadow", seed=4)
    served.step([state], [[PromptSet(prompts=(Prompt(text="the car drives to the left"),))]])
    assert labels(state) == ["blue car", "house"]
    car, house = ways(served, state)
    assert car < 0 and house == 0


def test_what_nobody_knows_is_left_out_and_said(served: Generator, start) -> None:
    state = start("a zyxgrop and a dog in the meadow")
    assert labels(state) == ["dog"]
    notices = served.step([state], [()])[0].notices
    assert any(notice.code == "unknown_words" and "zyxgrop" in notice.message for notice in notices)


def test_what_cannot_be_shown_of_a_thing_is_said(served: Generator, start) -> None:
    (notice,) = served.step([start("a dog at the top, a balloon in the upper left corner")], [()])[0].notices
    assert (notice.code, notice.message) == (
        "partly_shown",
        "a dog stays on the ground: 'at the top' is left out",
    )


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("a dog in heavy rain", ["rain is hardly seen: no drops fall"]),
        ("it is snowing on a dog in the meadow", ["snow is hardly seen: no flakes fall"]),
        (
            "a storm and strong wind",
            ["rain is hardly seen: no drops fall", "wind is hardly seen: nothing bends"],
        ),
        ("a dog in the snow", []),
    ],
)
def test_weather_that_is_not_seen_is_said(served: Generator, start, prompt: str, why: list[str]) -> None:
    state = start(prompt)
    notices = served.step([state], [()])[0].notices
    assert [notice.message for notice in notices if notice.code == "partly_shown"] == why
    served.release(state)


def test_what_a_prompt_puts_into_a_photo_stands_in_its_lower_part(served: Generator, start) -> None:
    photo, feet = np.full((192, 320, 3), 90, np.uint8), []
    for seed in range(4):
        state = start("", image=photo, seed=seed)
        served.step([state], [[PromptSet(prompts=(Prompt(text="a dog"),))]])
        (dog,) = state.memory.layers
        feet.append((dog.pose.y + 0.46 * dog.pose.scale * dog.rgba.shape[-1]) / 192)
        served.release(state)
    assert 0.75 < min(feet) < max(feet) < 0.95
    assert max(feet) - min(feet) > 0.03, "not in rank and file"


def test_a_picture_needs_no_prompt_and_a_painted_region_moves(served: Generator, start) -> None:
    picture = np.full((192, 320, 3), 90, np.uint8)
    picture[60:120, 60:120] = (220, 30, 30)
    state = start("", image=picture)
    square = ((60 / 320, 60 / 192), (120 / 320, 60 / 192), (120 / 320, 120 / 192), (60 / 320, 120 / 192))
    begun = path(4, (0, 90 / 320, 90 / 192), (0.25, 190 / 320, 90 / 192)).model_copy(
        update={"region": (square,)}
    )
    result = served.step([state], [[begun]])[0]
    assert [track for track, _ in result.held] == [4]
    red = (result.frames[-1].astype(int) - (220, 30, 30)).__abs__().sum(-1) < 120
    x = np.flatnonzero(red.any(0))
    assert 140 < x.mean() < 220  # it went where the hand went
    outline = served.probe(state, (190 / 320, 90 / 192))
    elsewhere = served.probe(state, (0.05, 0.05))
    assert (
        outline.region and max((x for rim in elsewhere.region for x, _ in rim), default=0.0) < 0.3
    )  # not the square


def test_what_is_caught_again_as_soon_as_it_is_let_go_is_not_turned(served: Generator, start) -> None:
    """The hand that had let go stood still in the chunk in which another came down: the two turned the thing upside down."""
    picture = np.asarray(Image.open(GALLERY / "photo-dogs.webp").convert("RGB"))
    state = start("", image=picture)
    region = (((0.2, 0.2), (0.5, 0.2), (0.5, 0.6), (0.2, 0.6)),)

    def drag(track: int, start_s: float, *places: tuple[float, float], **more: Any) -> TrackBegin:
        points = tuple(Point(t=start_s + 0.25 * at, x=x, y=y) for at, (x, y) in enumerate(places))
        return TrackBegin(track=track, kind="drag", points=points, **more)

    served.step([state], [[drag(1, 0.0, (0.4, 0.4), (0.45, 0.4), region=region)]])
    served.step([state], [[TrackEnd(track=1), drag(2, 0.25, (0.4, 0.3), (0.5, 0.6))]])
    (piece,) = state.memory.layers
    assert piece.hands == {2}
    assert (piece.pose.scale, piece.pose.angle) == (1, 0) and piece.pose.y > 0.6 * 192
    served.step([state], [[drag(3, 0.5, (0.45, 0.7), (0.6, 0.7))]])
    (piece,) = state.memory.layers
    assert piece.hands == {2, 3} and piece.pose.scale != 1, (
        "two that are both down turn it, and make it larger"
    )


def test_what_is_caught_on_its_path_leaves_that(served: Generator, start) -> None:
    """It grew to four times its size: path and hand held it at one point, and parted."""
    picture = np.asarray(Image.open(GALLERY / "photo-dogs.webp").convert("RGB"))
    state = start("", image=picture)
    region = (((0.2, 0.2), (0.5, 0.2), (0.5, 0.6), (0.2, 0.6)),)
    way = path(1, (0, 0.4, 0.4), (2, 0.9, 0.4)).model_copy(update={"region": region})
    served.step([state], [[way]])
    places = (Point(t=0.25, x=0.45, y=0.4), Point(t=0.5, x=0.3, y=0.6))
    served.step([state], [[TrackBegin(track=2, kind="drag", points=places)]])
    (piece,) = state.memory.layers
    assert piece.hands == {2} and (piece.pose.scale, piece.pose.angle) == (1, 0)


def test_what_was_taken_of_a_photo_stays_as_it_was_when_it_is_let_go(served: Generator, start) -> None:
    """Mirrored with every chunk, it flickered: it looks to no side, and so did the way that it was told."""
    picture = np.asarray(Image.open(GALLERY / "photo-dogs.webp").convert("RGB"))
    state = start("", image=picture)
    region = (((0.2, 0.2), (0.5, 0.2), (0.5, 0.5)),)
    hand = TrackBegin(track=1, kind="drag", region=region, points=(Point(t=0, x=0.4, y=0.3),))
    served.step([state], [[hand]])
    taken, looks = state.memory.layers[0].rgba, []
    said = PromptSet(prompts=(Prompt(text="add a balloon"),))
    for controls in ([TrackEnd(track=1)], (), (), [said], (), ()):
        served.step([state], [controls])
        (piece,) = (layer for layer in state.memory.layers if not layer.label)
        looks.append(torch.equal(piece.rgba, taken))
    assert all(looks)


@pytest.mark.parametrize(
    ("said", "heard"),
    [("add a cat", False), ("the cat jumps", True), ("it jumps", True), ("the zorble jumps", True)],
)
def test_what_was_taken_of_a_photo_does_what_is_said_of_nobody_else(
    served: Generator, start, said: str, heard: bool
) -> None:
    state = start("", image=np.asarray(Image.open(GALLERY / "photo-fig.webp").convert("RGB")))
    region = (((0.3, 0.3), (0.6, 0.3), (0.6, 0.7), (0.3, 0.7)),)
    hand = TrackBegin(track=1, kind="drag", region=region, points=(Point(t=0, x=0.4, y=0.5),))
    served.step([state], [[hand]])
    served.step([state], [[TrackEnd(track=1), PromptSet(prompts=(Prompt(text=said),))]])
    taken = served.family.take_reference(state.memory, fold(state.controls, (), 8, 4, 16, 0.6)[1])
    (piece,) = (place for place, layer in enumerate(taken.moved.stack.layers) if layer.cut)
    own, patch = taken.moved.own[piece], served.card.student.patch
    row, column = divmod(int(own.argmax()), own.shape[1])
    assert taken.regions is not None
    token = taken.regions.heard.view(-1, own.shape[1] // patch)[row // patch, column // patch]
    assert bool(taken.regions.plans[int(token)].prompt[0][0]) is heard


def test_a_press_waits_for_the_thing_and_not_for_all_of_the_ground_behind_it(
    served: Generator, start, monkeypatch
) -> None:
    """The chunk that takes runs the first of the inpainter's steps, and the next one the longer second."""
    steps: list[str] = []
    inpainter = served.family.acquirer.inpainter  # type: ignore[attr-defined]
    for name in ("smooth", "sharp"):
        step = getattr(inpainter, name)
        monkeypatch.setattr(
            inpainter, name, lambda *given, step=step, name=name: steps.append(name) or step(*given)
        )
    picture = np.array(Image.open(GALLERY / "photo-panda.webp").convert("RGB").resize((320, 192)))
    square = ((0.4, 0.3), (0.6, 0.3), (0.6, 0.7), (0.4, 0.7))
    taken = path(1, (0, 0.5, 0.5), (1, 0.7, 0.5)).model_copy(update={"region": (square,)})
    stream, after = start("", image=picture), []
    served.step([stream], [()])
    for controls in ((taken,), (), (), ()):
        served.step([stream], [controls])
        after.append((tuple(steps), stream.memory.hole is None))
        steps.clear()
    assert after == [(("smooth",), False), (("sharp",), True), ((), True), ((), True)]


def most_light(served: Generator, start) -> float:
    """The most that the light's latents come to while a large thing of a photo is pulled aside."""
    picture = np.asarray(Image.open(GALLERY / "photo-panda.webp").convert("RGB"))
    state = start("", image=picture, seed=7, tracks=(path(1, (0, 0.5, 0.55), (1.5, 0.7, 0.5)),))
    for _ in range(9):
        served.step([state], [()])
    return float(state.latents[LIGHT:].abs().max())


def test_points_of_a_video_move_the_ground_however_few_and_take_nothing(served: Generator, start) -> None:
    """Also those that begin anew among others; a hand next to them takes hold as ever."""
    photo = np.asarray(Image.open(GALLERY / "beach-ball.webp").convert("RGB"))
    region = (((0.2, 0.4), (0.4, 0.4), (0.4, 0.6), (0.2, 0.6)),)
    states = [start("", image=photo) for _ in range(2)]
    hand = TrackBegin(track=1, kind="drag", region=region, points=(Point(t=0, x=0.3, y=0.5),))
    for state, more in zip(states, ((), (hand,)), strict=True):
        points = (
            TrackBegin(
                track=FIRST_FOLLOWED + number,
                kind="drag",
                points=(Point(t=0, x=x, y=y), Point(t=3 / 16, x=x + 0.05, y=y)),
            )
            for number, (x, y) in enumerate([(0.3, 0.3), (0.7, 0.3), (0.5, 0.7)])
        )
        made = served.step([state], [(*points, *more)])[0]
        assert made.notices == () and len(state.memory.layers) == len(more)
        assert state.memory.camera.x == pytest.approx(0.05 * 320, abs=0.5)
        assert [track for track, _ in made.held] == [each.track for each in more]


@pytest.mark.parametrize(
    "prompt", ["it drives to the left", "the red one drives away", "the red car drives away"]
)
def test_a_car_that_is_told_so_drives_and_no_other(served: Generator, start, prompt: str) -> None:
    state = start("a red car and a blue car on a road")
    served.step([state], [()])
    before = {layer.label: layer.pose.x for layer in state.memory.layers}
    served.step([state], [(PromptSet(prompts=(Prompt(text=prompt, weight=1.0),)),)])
    for _ in range(6):
        served.step([state], [()])
    went = {layer.label: layer.pose.x - before[layer.label] for layer in state.memory.layers}
    assert abs(went["car"]) > 8, "to the left, or round the picture"
    assert (abs(went["blue car"]) > 8) is prompt.startswith("it")


def test_who_goes_through_the_picture_of_a_video_is_taken_and_the_ground_stays(
    served: Generator, start
) -> None:
    """Of 40 tracks three are on a ball, and go to the right."""
    photo = np.asarray(
        Image.open(GALLERY / "beach-ball.webp").convert("RGB")
    )  # 320 x 192, the ball at 97, 142
    state = start("", image=photo)
    x, y = np.meshgrid((np.arange(8) + 0.5) / 8, (np.arange(5) + 0.5) / 5)
    ball, others = [(0.3, 0.7), (0.27, 0.76), (0.34, 0.75)], list(zip(x.flat, y.flat, strict=True))
    others = [(u, v) for u, v in others if not (0.2 < u < 0.42 and v > 0.55)]
    tracks = [
        path(1 + number, (0, u, v), (1, u + (0.2 if number < len(ball) else 0.0), v))
        for number, (u, v) in enumerate([*ball, *others])
    ]
    for chunk in range(4):
        served.step([state], [tracks if not chunk else ()])
    (layer,) = state.memory.layers
    assert layer.hands == {1, 2, 3} and layer.extents == pytest.approx((56, 56), abs=10)
    assert layer.pose.x == pytest.approx(97 + 0.2 * 320, abs=8) and state.memory.camera.x == 0


def test_a_large_shadow_does_not_feed_on_itself(served: Generator, start, monkeypatch) -> None:
    assert (
        most_light(served, start) <= motion_latent.LIGHT_ON_PHOTOS + 1e-6 < 1
    )  # dark stripes are seen from 1 on
    monkeypatch.setattr(motion_latent, "LIGHT_ON_PHOTOS", 99.0)
    assert most_light(served, start) > 5  # why there is a bound


def test_each_stream_has_the_light_of_its_scene() -> None:
    latents = torch.full((2, LIGHT + 4, 1, 2, 2), 9.0)
    latents[:, LIGHT:, :, 0] = -9.0
    photo, toy = motion_latent.bounded(latents, [True, False])
    assert torch.equal(photo[: GROUND.start], latents[0, : GROUND.start])  # the things move as they did
    assert photo[LIGHT:].abs().unique().tolist() == pytest.approx([motion_latent.LIGHT_ON_PHOTOS])
    assert toy[LIGHT:].abs().unique().tolist() == [motion_latent.LIGHT_MOST]
    assert bool((toy[LIGHT:, :, 0] < 0).all())


def test_a_ground_that_feeds_on_itself_is_slowed() -> None:
    """As a whole, each stream for itself: its shape is as it was, and so is one that is no faster than the world's."""
    latents = torch.zeros(3, LIGHT + 4, 1, 4, 4)
    quick = torch.tensor([1.0, -1.0] * 4).repeat_interleave(2)[: 2 * FRAMES].view(-1, 1, 1, 1)
    latents[:, GROUND] = (
        torch.tensor([0.5, 0.01, 0.0]).view(3, 1, 1, 1, 1) * quick * torch.rand(1, 1, 1, 4, 4)
    )
    latents[:, GROUND] += 2.0  # how far it has gone is not how fast it goes
    slowed = motion_latent.bounded(latents, [False] * 3)
    changes = slowed[:, GROUND].unflatten(1, (FRAMES, 2)).diff(dim=1).square().flatten(1).mean(1).sqrt()
    assert changes[0] == pytest.approx(motion_latent.GROUND_FASTEST, rel=1e-4)
    assert torch.allclose(
        slowed[0, GROUND] / slowed[0, GROUND].max(), latents[0, GROUND] / latents[0, GROUND].max()
    )
    assert torch.equal(slowed[1:], latents[1:])


def test_the_ground_of_a_photo_stays_nearly_where_it_is() -> None:
    """However it moves in its sky; a toy scene's goes as far as it likes."""
    latents = torch.zeros(3, LIGHT + 4, 1, 4, 4)
    latents[:, GROUND] = torch.tensor([0.5, 0.006, 0.5]).view(3, 1, 1, 1, 1) * torch.ones(1, 1, 1, 4, 4)
    far, near, toy = motion_latent.bounded(latents, [True, True, False])[:, GROUND]
    assert float(far.square().mean().sqrt()) == pytest.approx(motion_latent.GROUND_FARTHEST_ON_PHOTOS)
    assert torch.equal(near, latents[1, GROUND]) and torch.equal(toy, latents[2, GROUND])


def test_a_prompt_does_not_bend_a_photo(served: Generator, start) -> None:
    """It bent boards and walls by ten pixels within seconds: for the student what is at the top was sky, with clouds."""
    picture = np.asarray(Image.open(GALLERY / "photo-dogs.webp").convert("RGB"))
    state = start("", image=picture, seed=5)
    (first,) = served.step([state], [()])
    said = PromptSet(prompts=(Prompt(text="two horses run to the right"),))
    for chunk in range(20):
        (last,) = served.step([state], [(said,) if chunk == 0 else ()])
    top = slice(0, last.frames.shape[1] // 4)
    assert np.abs(last.frames[-1, top].astype(int) - first.frames[-1, top]).mean() < 3


def test_a_chunk_that_fails_changes_nothing(served: Generator, start, monkeypatch) -> None:
    state = start("a panda in the meadow")
    served.step([state], [()])
    before = state.memory
    monkeypatch.setattr(served.family, "decode", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        served.step([state], [[path(1, (0, 0.5, 0.6), (1, 0.8, 0.6))]])
    assert state.memory is before and state.chunk == 1


def test_parts_fit_their_places(served: Generator, start) -> None:
    assert isinstance(served.family, PocketFamily) and isinstance(served.family.scenes, SceneMaker)
    state = start("a panda in the meadow")
    assert isinstance(served.lanes[state.size], Lane) and isinstance(served.prompts, Prompts)
    plan = ChunkInputs.__annotations__["plan"]
    assert plan and issubclass(TakenLayers, Taken) and hasattr(WanFamily, "take_reference")
    folded = fold(state.controls, (), 0, 4, 16, 0.6)[1]
    taken = served.family.take_reference(state.memory, folded)
    assert taken.moved.reference.frames.shape == (1, 4, 3, 192, 320)


def test_a_picture_is_served_in_its_own_shape() -> None:
    known = card("pocket")
    assert size_of(known, None, None, np.zeros((1920, 1080, 3), np.uint8)) == (192, 320)
    assert size_of(known, None, None, np.zeros((500, 500, 3), np.uint8)) == (256, 256)
    assert size_of(known, None, None, None) == (320, 192)
    with pytest.raises(ValueError, match="320x192"):
        size_of(known, 100, None, None)


def test_a_stream_that_plays_draws_its_backdrop_no_more(served: Generator, start, monkeypatch) -> None:
    """Where its ground is takes no picture: of each chunk it had taken 2.5 ms."""
    state = start("a boat on the sea")
    served.step([state], [[]])

    def draw(*_: object) -> None:
        raise AssertionError("a backdrop was drawn")

    monkeypatch.setattr(type(served.model.keyframes), "backdrop", draw)
    served.step([state], [[]])
