"""What is said under a photo is said of what it shows: its panda walks, grows, leaves, and is there at night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from flowbrush.controls import Point, Prompt, PromptSet, TrackBegin, TrackEnd, TrackMove, Transition
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.layers import Layer
from flowbrush.pipelines.reference.tones import DAY, TONES
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.rollout.state import StreamState
from flowbrush.pipelines.staging.editing import HELD
from flowbrush.pipelines.staging.subjects import NOTHING_FOUND
from flowbrush.training.photos.clicks import overlap

PANDA = np.asarray(
    Image.open(Path(__file__).parents[3] / "web" / "gallery" / "photo-panda.webp").convert("RGB")
)
SIZE = (320, 192)


def say(text: str) -> PromptSet:
    return PromptSet(prompts=(Prompt(text=text),))


@pytest.fixture(scope="module")
def served() -> Generator:
    return Generator.load("pocket", seats=1, device="cpu", dtype="fp32")


@pytest.fixture
def stream(served: Generator) -> Iterator[Stream]:
    made: list[Stream] = []

    def begin(prompt: str = "") -> Stream:
        made.append(Stream(served, prompt))
        return made[-1]

    yield begin  # type: ignore[misc]
    for each in made:
        served.release(each.state)


class Stream:
    """A stream of the panda's photo."""

    def __init__(self, served: Generator, prompt: str) -> None:
        prompts = ((prompt, 1.0),) if prompt else ()
        self.served = served
        self.told: list[str] = []
        self.state: StreamState = served.start(StreamSettings("pocket", prompts, *SIZE, 16, 3, image=PANDA))
        self.first = self.step()

    def step(self, *controls: object) -> np.ndarray:
        (made,) = self.served.step([self.state], [controls])  # type: ignore[list-item]
        self.told += [notice.message for notice in made.notices]
        return made.frames

    def say(self, text: str, chunks: int = 8) -> np.ndarray:
        """The last picture after so many chunks."""
        frames = self.step(PromptSet(prompts=(Prompt(text=text),)))
        for _ in range(chunks - 1):
            frames = self.step()
        return frames[-1]

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.state.memory.layers  # type: ignore[union-attr]

    @property
    def names(self) -> list[str]:
        return sorted(layer.label for layer in self.layers)


@pytest.mark.parametrize(
    "text", ["the panda walks to the left", "a panda walks to the left in the grass", "it walks to the left"]
)
def test_what_a_photo_shows_goes_where_it_is_told(stream, text: str) -> None:
    it = stream()
    it.say(text, 1)
    (panda,) = it.layers
    assert panda.cut and panda.label == ("it" if text.startswith("it") else "panda")
    last = it.say(text, 11)
    (after,) = it.layers
    assert after.pose.x < panda.pose.x - 15 and after.pose.y == pytest.approx(panda.pose.y, abs=0.5)
    assert it.state.memory.label == "", "the photo's own grass is meant"
    assert np.abs(last[:, -60:].astype(int) - it.first[-1][:, -60:]).mean() < 12, "the ground is where it was"


def test_a_prompt_that_comes_with_a_photo_says_what_it_shows(stream) -> None:
    it = stream("a panda walks to the left")
    (panda,) = it.layers
    for _ in range(11):
        it.step()
    assert it.names == ["panda"] and it.layers[0].pose.x < panda.pose.x - 10


def test_what_is_said_of_nothing_that_goes_takes_nothing(stream) -> None:
    it = stream("a panda in the snow")
    assert it.layers == () and it.state.memory.tone == TONES["snow"]
    for text in ("the waves roll", "heavy rain", "the clouds drift to the left", "the tree sways"):
        it.say(text, 1)
        assert not any(layer.cut for layer in it.layers) and it.state.memory.of_photo, text


def test_it_jumps_where_it_is(stream) -> None:
    it = stream()
    it.say("it jumps", 1)
    (before,) = it.layers
    frames = [it.step() for _ in range(10)]
    (after,) = it.layers
    assert (after.pose.x, after.pose.y) == pytest.approx((before.pose.x, before.pose.y), abs=0.5)
    moved = np.abs(np.diff(np.concatenate(frames).astype(int), axis=0)).mean()
    assert moved > 1.0, f"it moves: {moved}"


def test_it_is_changed_by_words(stream) -> None:
    it = stream()
    before = it.say("make the panda smaller", 8)
    (panda,) = it.layers
    assert panda.pose.scale == pytest.approx(1 / 1.4, abs=0.01) and panda.cut
    it.say("make the panda red", 8)
    (red,) = it.layers
    assert red.label == "red panda" and red.cut and red.rgba.shape == panda.rgba.shape
    assert overlap(red.rgba[3], panda.rgba[3]) > 0.99, "it is its own picture in another colour"
    it.say("turn the panda into a dog", 8)
    (dog,) = it.layers
    assert dog.label == "dog" and not dog.cut
    assert before.shape == it.first[-1].shape


@pytest.mark.parametrize("called", ["panda", "zorble"])
def test_it_leaves_and_its_ground_is_there(stream, called: str) -> None:
    """Also where nobody knows its name."""
    it = stream()
    gone = it.say(f"remove the {called}", 8).astype(int)
    assert it.layers == () and it.state.memory.of_photo
    assert np.abs(gone[60:150, 100:220] - it.first[-1][60:150, 100:220].astype(int)).mean() > 30
    assert np.abs(gone[:, :60] - it.first[-1][:, :60].astype(int)).mean() < 6, "the rest is as it was"


def test_it_stays_when_others_come_and_goes_to_another_place_with_what_is_said(stream) -> None:
    it = stream()
    it.say("the panda sways", 2)
    it.say("a dog", 8)
    assert it.names == ["dog", "panda"]
    it.say("the panda on the beach", 8)
    assert it.state.memory.label == "beach" and "panda" in it.names
    assert next(layer for layer in it.layers if layer.label == "panda").cut


def test_only_what_is_there_by_that_name_is_meant_twice(stream) -> None:
    it = stream()
    it.say("the panda sways", 2)
    it.say("the horse runs to the left", 4)
    assert it.names == ["horse", "panda"] and [layer.cut for layer in it.layers].count(True) == 1
    it.say("add a panda", 4)
    assert it.names == ["horse", "panda", "panda"]


def test_what_a_hand_has_cut_out_is_meant_before_anything_else(stream) -> None:
    it = stream()
    region = (((0.1, 0.1), (0.3, 0.1), (0.3, 0.4), (0.1, 0.4)),)
    it.step(TrackBegin(track=1, kind="drag", region=region, points=(Point(t=0, x=0.2, y=0.2),)))
    it.step(TrackEnd(track=1))
    it.say("the cat jumps", 2)
    (piece,) = it.layers
    assert piece.label == "cat" and piece.extents[0] < 90


def test_a_time_of_day_is_the_photos_light(stream) -> None:
    it = stream()
    dark = it.say("make it night", 8)
    assert it.state.memory.of_photo and it.state.memory.tone == TONES["night"] and it.layers == ()
    assert dark.mean() < 0.6 * it.first[-1].mean()
    here, there = (x.astype(float).mean(-1).ravel() for x in (dark, it.first[-1]))
    assert np.corrcoef(here, there)[0, 1] > 0.9, "it is the same photo"
    day = it.say("make it day", 8)
    assert it.state.memory.tone == DAY
    assert np.abs(day.astype(int) - it.first[-1]).mean() < 4


def test_a_place_that_is_asked_for_takes_the_photos_place_by_day(stream) -> None:
    it = stream()
    it.say("make it night", 6)
    it.say("go to the beach", 8)
    assert it.state.memory.label == "beach" and it.state.memory.tone == DAY


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("put a ball on the grass", ["soccer ball"]),
        ("add a dog on the beach", ["dog"]),
        ("remove the panda from the meadow", []),
        ("turn the panda into a duck on the water", ["duck"]),
    ],
)
def test_where_something_is_changed_is_a_place_in_the_photo(stream, said: str, names: list[str]) -> None:
    """A drawn meadow or beach took the place of the photo to which somebody wanted something added."""
    it = stream()
    it.say(said, 8)
    assert it.state.memory.of_photo and it.names == names


def test_a_stream_of_a_tone_is_kept_and_goes_on(served: Generator, stream) -> None:
    it = stream()
    it.say("make it night", 2)
    memory = it.state.memory
    back = served.family.load(*served.family.dump(memory))
    assert (back.tone, back.next_tone, back.share) == (memory.tone, memory.next_tone, memory.share)
    assert torch.equal(back.background, memory.background)


def test_what_was_let_go_comes_to_rest_until_it_is_told_something(stream) -> None:
    """The student's sway of a large piece feeds on itself: it swayed more after ten seconds than after one."""
    it = stream()

    def motion(*controls: object, chunks: int) -> float:
        frames = [it.step(*(controls if chunk == 0 else ())) for chunk in range(chunks)]
        return float(np.abs(np.diff(np.concatenate(frames).astype(float), axis=0)).mean())

    untouched = motion(chunks=4)
    places = tuple(Point(t=t, x=0.5 + 0.1 * t, y=0.5) for t in (0, 1))
    motion(TrackBegin(track=1, kind="path", points=places), chunks=5)
    let_go = motion(TrackEnd(track=1), chunks=2)
    motion(chunks=8)
    rests = motion(chunks=12)
    assert let_go > 2 * untouched and rests < 1.5 * untouched
    assert motion(PromptSet(prompts=(Prompt(text="it sways"),)), chunks=12) > 1.5 * rests


def test_a_name_that_nobody_was_taught_is_no_unknown_word_where_it_is_heeded(stream) -> None:
    """ "Remove the cup" took what the photo shows away, and said that it left the cup out."""
    it = stream()
    it.say("make the gizmo smaller", 1)
    assert it.told == [] and it.names == ["it"]
    it.say("add a gizmo", 1)
    (why,) = it.told
    assert "'gizmo'" in why


def test_where_nothing_stands_out_somebody_is_told_what_to_do(served: Generator, monkeypatch, stream) -> None:
    it = stream()
    monkeypatch.setattr("flowbrush.pipelines.staging.subjects.standing_out", lambda *given: None)
    it.say("it jumps", 2)
    it.say("make it smaller", 2)
    assert it.told == [NOTHING_FOUND] * 2 and it.layers == ()


@pytest.mark.parametrize(
    ("before", "said", "tone"),
    [
        ("", "a foggy morning", TONES["fog"]),
        ("", "it snows", TONES["snow"]),
        ("", "cloudy", TONES["clouds"]),
        ("", "make it black and white", TONES["grey"]),
        ("sepia", "back to colour", DAY),
        ("make it night", "sunny", DAY),
        ("fog", "the fog lifts", DAY),
        ("heavy rain", "it stops raining", DAY),
        ("heavy snow", "no more snow", DAY),
    ],
)
def test_weathers_that_pockets_world_has_not_are_a_photos_light_too(
    stream, before: str, said: str, tone: object
) -> None:
    it = stream()
    if before:
        it.say(before, 6)
    it.told.clear()
    it.say(said, 6)
    assert it.state.memory.tone == tone and it.state.memory.of_photo and it.layers == ()
    assert not any("not trained" in why for why in it.told)


def test_what_is_said_of_its_own_scenery_leaves_a_photo_as_it_is(stream) -> None:
    it = stream()
    it.say("it jumps", 2)
    for text in ("the water flows", "make the sky blue", "remove the background"):
        it.say(text, 2)
        assert it.state.memory.of_photo and it.names == ["it"], text
        assert not it.layers[0].leaving and it.layers[0].cut, text


def test_what_comes_as_a_hand_lets_go_comes_before_that_thing(stream) -> None:
    it = stream()
    it.step(TrackBegin(track=1, kind="drag", points=(Point(t=0, x=0.5, y=0.5),)))
    it.step(TrackEnd(track=1), PromptSet(prompts=(Prompt(text="add a butterfly"),)))
    assert [layer.label for layer in it.layers] == ["", "butterfly"]


@pytest.mark.parametrize("before", ["", "the panda sways"])
@pytest.mark.parametrize("said", ["put a hat on her", "put a hat on the gizmo"])
def test_a_hat_is_put_on_what_the_photo_shows_whatever_that_is_called(stream, before: str, said: str) -> None:
    """It came somewhere beside."""
    it = stream()
    if before:
        it.say(before, 1)
    it.say(said, 1)
    name = "panda" if before else "it"
    assert it.names == [name, "top hat"]
    (hat,) = (layer for layer in it.layers if layer.label == "top hat")
    assert hat.seat is not None and hat.seat.label == name
    assert not any("not trained" in why for why in it.told) or before


def test_under_a_hat_a_face_keeps_its_shape(stream) -> None:
    """What the student meant the hat to go was taken from the face's motion, which had come to rest: a nose grew to a beard."""
    it = stream()
    it.say("put a hat on it", 4)
    it.say("add a cat", 20)
    panda = next(layer for layer in it.layers if layer.label == "it")
    bent = it.state.memory.bent
    assert panda.unrest == 0 and bent is not None
    column, row = (int(at // 8) for at in (panda.pose.x, panda.pose.y))
    assert float(bent[:, row - 4 : row + 2, column - 1 : column + 2].abs().max()) < 1.0


def test_who_goes_nowhere_is_called_it_where_nobody_knows_a_name(stream) -> None:
    it = stream()
    it.say("slow motion", 1)
    assert it.told == ['it goes nowhere: say what it is to do, as "it runs"']


@pytest.mark.parametrize("said", ["make it move", "animate the photo", "flip it", "bigger"])
def test_what_people_say_first_is_heard(stream, said: str) -> None:
    it = stream()
    it.say(said, 2)
    assert it.names == ["it"] and it.told == []


def test_it_is_one_of_those_that_are_there(stream) -> None:
    """ "Turn it into a dog" made a dog of the hat that it wore, too."""
    it = stream()
    it.say("the panda sways", 1)
    it.say("put a hat on it", 6)
    it.say("make it smaller", 6)
    by_name = {layer.label: layer for layer in it.layers}
    assert by_name["panda"].pose.scale < 0.8 and set(by_name) == {"panda", "top hat"}
    it.say("add a butterfly", 6)
    size = next(layer for layer in it.layers if layer.label == "panda").pose.scale
    it.say("remove it", 8)
    assert it.names == ["panda", "top hat"], "the last one that was spoken of"
    assert next(layer for layer in it.layers if layer.label == "panda").pose.scale == size
    it.say("turn it into a dog", 8)
    assert it.names == ["dog", "top hat"]


def test_what_was_thrown_a_moment_ago_is_removed(stream) -> None:
    """It counted as held while the picture was catching up with the hand that had let go, and stayed without a word."""
    it = stream()
    it.step(
        TrackBegin(track=1, kind="drag", points=(Point(t=0.25, x=0.5, y=0.5), Point(t=0.5, x=0.1, y=0.5)))
    )
    it.step(TrackMove(track=1, points=(Point(t=0.6, x=0.9, y=0.5),)), TrackEnd(track=1), say("remove it"))
    assert it.names == []
    it.say("add a dog", 4)
    (dog,) = it.layers
    way = tuple(Point(t=t, x=dog.pose.x / SIZE[0] - t / 10, y=dog.pose.y / SIZE[1]) for t in (0, 2))
    it.step(TrackBegin(track=2, kind="path", points=way))
    it.step(say("remove the dog"))
    assert it.names == ["dog"] and it.layers[0].held and it.told == [HELD], "what a path still moves stays"
    it.told.clear()
    it.step(say("make the dog bigger"))
    it.step(say("make the dog blue"))
    assert it.told == [HELD], "it is dyed"


def test_what_comes_while_a_hand_is_about_to_let_go_comes_before_that_thing(stream) -> None:
    """The hand's last points are shown in the chunk that hears the prompt, too: there it holds still."""
    it = stream()
    slowly = PromptSet(prompts=(Prompt(text="add a butterfly"),), transition=Transition(chunks=4))
    it.step(TrackBegin(track=1, kind="drag", points=(Point(t=0, x=0.5, y=0.5),)))
    it.step(slowly)
    assert [layer.label for layer in it.layers] == ["butterfly", ""] and it.layers[1].held
    it.step(TrackEnd(track=1))
    it.step()
    assert [layer.label for layer in it.layers] == ["", "butterfly"]
