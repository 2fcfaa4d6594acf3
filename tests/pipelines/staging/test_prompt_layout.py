"""From prompts to things that stand somewhere: what is named, and where it goes."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prompt_cases import CASES

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.registry import card
from flowbrush.models.cards.spec import KeyframesSpec, PocketTextSpec
from flowbrush.models.keyframes import Catalogue, Ground, Keyframes
from flowbrush.models.loading.checkpoint import fill, read
from flowbrush.models.text.pocket import READ, Meaning, PocketText
from flowbrush.pipelines.parsing.description import describe
from flowbrush.pipelines.parsing.heights import marked
from flowbrush.pipelines.parsing.naming import things_named
from flowbrush.pipelines.parsing.shades import dealt, with_shades
from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.staging.figures import layer_of
from flowbrush.pipelines.staging.layout import MOST, Placed, Spot, _going, _Picture, arrange

SIZES = ((320, 192), (192, 320), (256, 256))
LAND = Ground(0.6)
SHORE = Ground(0.68, water=(0.4, 0.65))
DEEP = Ground(0.85, water=(-0.3, 0.83))
SPEC = KeyframesSpec(
    edge=32, thing_channels=2, thing_widths=(8, 8), variants=1, sizes=((64, 32),), margin=(16, 16),
    scene_plain=2, scene_fine=4, scene_details=9,
)  # fmt: skip


@pytest.fixture(scope="module")
def text() -> PocketText:
    """The shipped text encoder."""
    import json

    shipped: ModelCard = card("pocket")
    tensors, metadata = read(shipped.weights_path)
    if "concepts" not in metadata:
        pytest.skip("the shipped text encoder was trained without concepts")
    made = PocketText(
        shipped.pocket_text, json.loads(metadata["vocabulary"]), json.loads(metadata["concepts"])
    )
    fill(made, tensors, "text.", "the shipped weights")
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def keyframes(text: PocketText) -> Keyframes:
    """Untrained, with the names of everything that the encoder knows; the fish's kin live in water, birds and such in the air."""
    named = [concept.partition(":") for concept in text.concepts]
    things = tuple(name for kind, _, name in named if kind == "thing")
    water = {"fish", "octopus", "dolphin", "whale", "shark"}
    air = {"balloon", "star", "butterfly", "bee", "owl", "eagle", "helicopter", "rocket"}
    homes = tuple("water" if name in water else "air" if name in air else "ground" for name in things)
    return Keyframes(
        SPEC, Catalogue(things, homes, tuple(name for kind, _, name in named if kind == "scene"))
    )


def said(thing: Wanted) -> str:
    size = {0.78: "small", 1.0: "-", 1.25: "big"}[thing.size]
    parts = [str(thing.count), thing.called.replace(" ", "_"), size]
    parts += [
        "-".join(filter(None, [thing.height, thing.side])) or "-",
        thing.verb or "-",
        thing.direction.replace(" ", "_") or "-",
    ]
    while parts[-1] == "-":
        parts.pop()
    return " ".join(parts)


@pytest.mark.parametrize("prompt", CASES)
def test_a_prompt_is_understood(text: PocketText, keyframes: Keyframes, prompt: str) -> None:
    found = describe(((prompt, 1.0),), text, keyframes)
    assert (found.scene, tuple(said(thing) for thing in found.things)) == CASES[prompt]


@pytest.mark.parametrize(
    ("prompt", "said"),
    {
        "it runs to the left": True,
        "they are here": True,
        "faster, to the right": True,
        "heavy rain": True,
        "": True,
        "asdf": True,
        "a dragon": True,
        "the beach": False,
        "it runs on the beach": False,
        "a dog runs": False,
    }.items(),
)
def test_a_prompt_that_names_nothing_is_said_of_what_is_there(
    text: PocketText, keyframes: Keyframes, prompt: str, said: bool
) -> None:
    assert describe(((prompt, 1.0),), text, keyframes).of_what_is_there == said


@pytest.mark.parametrize("size", SIZES)
def test_what_a_prompt_names_first_is_where_the_path_begins(
    text: PocketText, keyframes: Keyframes, size: tuple[int, int]
) -> None:
    rng = np.random.default_rng(3)
    for seed, (prompt, (_, things)) in enumerate(CASES.items()):
        point = tuple(rng.uniform(0.05, 0.95, 2))
        placed = arrange(describe(((prompt, 1.0),), text, keyframes).things, size, [point], seed, LAND)
        assert bool(placed) == bool(things), prompt
        if placed:
            assert placed[0].label.replace(" ", "_") == things[0].split()[1], prompt
            assert (placed[0].x / size[0], placed[0].y / size[1]) == pytest.approx(point)


def test_weighted_prompts_are_united(text: PocketText, keyframes: Keyframes) -> None:
    prompts = (("a cat and two dogs on the beach", 0.3), ("a dog in the snow", 0.6), ("a whale", 0.1))
    found = describe(prompts, text, keyframes)
    assert found.scene == "snow"
    assert [said(thing) for thing in found.things] == ["1 dog", "1 cat", "1 dog"]
    faint = describe((("a dog", 0.64), ("a cat", 0.2), ("a whale", 0.14)), text, keyframes)
    assert [said(thing) for thing in faint.things] == ["1 dog", "1 cat"]


def test_the_colour_that_a_thing_was_learned_in_is_a_colour_that_was_said(text: PocketText) -> None:
    red, plain, blue = (
        things_named(text.read(f"a {each}"), text)[0] for each in ("red car", "car", "blue car")
    )
    assert (red.called, red.own_color) == ("car", True)
    assert (plain.called, plain.own_color) == ("car", False) and (blue.called, blue.own_color) == (
        "blue car",
        False,
    )


def test_a_colour_is_missed_where_no_thing_has_it(text: PocketText) -> None:
    assert text.unknown("a blue car, two small grey mice, a purple balloon and hot air") == {
        "hot": "",
        "air": "",
    }
    assert list(text.unknown("a blue zq zw dog")) == ["zq", "zw"]
    assert list(text.unknown("a blue zq zw ze zr dog")) == ["blue", "zq", "zw", "ze", "zr"]
    assert text.unknown("a blue sky over a white beach") == {"blue": "", "white": ""}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from([*" ".join(CASES).split(), ",", "no", "of", "soccer balls", "the left of"]),
        max_size=30,
    )
)
def test_whatever_words_come_things_are_whole(
    text: PocketText, keyframes: Keyframes, said: list[str]
) -> None:
    found = describe(((" ".join(said), 1.0),), text, keyframes)
    assert all(thing.count >= 1 and thing.label in keyframes.catalogue.things for thing in found.things)
    told = [
        (thing.called, thing.size, thing.side, thing.height, thing.on, *thing.deed) for thing in found.things
    ]
    assert len(set(told)) == len(told)


def test_reading_a_prompt_has_an_end(text: PocketText) -> None:
    said = text.read("a cat in the meadow " * 100)
    assert len(said) == READ
    assert sum(each.name == "cat" for each in said) > 20


def test_an_encoder_without_concepts_names_nothing() -> None:
    plain = PocketText(PocketTextSpec(dim=16, layers=1, heads=2), ["cat"])
    keyframes = Keyframes(SPEC, Catalogue(("cat",), ("ground",), ("meadow",)))
    found = describe((("a cat in the meadow", 1.0),), plain, keyframes)
    assert found.scene is None and found.things == ()


def meanings(*words: str) -> list[Meaning]:
    """From "word", or "word=kind:name"."""
    split = [word.partition("=") for word in words]
    named = [(word, *concept.partition(":")[::2]) for word, _, concept in split]
    return [Meaning(*one) for one in named]


def test_words_are_bound_to_things_by_their_order() -> None:
    plain = PocketText(PocketTextSpec(dim=16, layers=1, heads=2), ["cat", "dog", "ball"])
    heard = meanings(
        "on", "the", "left=side:left", "a", "big=size:big", "cat=thing:cat", "on", "the", "right=side:right",
        "two=count:2", "dogs=thing:dog", "run=verb:run", "left=direction:left",
    )  # fmt: skip
    assert things_named(heard, plain) == [
        Wanted("cat", 1, 1.25, "left"),
        Wanted("dog", 2, 1.0, "right", "run", "left"),
    ]
    relative = meanings("cat=thing:cat", "left=side:left", "of", "a", "dog=thing:dog")
    assert [thing.side for thing in things_named(relative, plain)] == ["left", "right"]
    whole = meanings("soccer=thing:soccer ball", "ball=thing:soccer ball", "and", "dogs=thing:dog")
    slices = meanings("slice=thing:pizza", "of", "pizza=thing:pizza", "and", "pizza=thing:pizza")
    assert [(thing.label, thing.count) for thing in things_named(slices, plain)] == [("pizza", 2)]
    assert [(thing.label, thing.count) for thing in things_named(whole, plain)] == [
        ("soccer ball", 1),
        ("dog", 2),
    ]


@pytest.mark.parametrize("size", SIZES)
def test_things_stand_on_the_first_points_of_paths_in_their_order(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for seed in range(30):
        points = [tuple(point) for point in rng.uniform(0.02, 0.98, (3, 2))]
        things = [Wanted("dog"), Wanted("fish", home="water"), Wanted("bee", home="air")]
        placed = arrange(things, size, points, seed, SHORE)
        for number, (thing, point) in enumerate(zip(placed, points, strict=True)):
            assert (thing.x / size[0], thing.y / size[1]) == pytest.approx(point)
            assert thing.first == number
        assert [thing.label for thing in placed] == ["dog", "fish", "bee"]


def test_a_point_is_for_the_thing_of_its_place_and_the_others_find_room() -> None:
    placed = arrange([Wanted("dog", 2), Wanted("cat")], (320, 192), [None, (0.5, 0.7)], 4, LAND)
    assert [thing.first for thing in placed] == [None, 1, None]
    assert (placed[1].label, placed[1].x, placed[1].y) == ("dog", 160, pytest.approx(134.4))
    assert apart(placed)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ground", [LAND, SHORE, DEEP])
def test_things_find_room_inside_the_frame(size: tuple[int, int], ground: Ground) -> None:
    homes = ("ground", "air", "water", "afloat")
    for seed in range(40):
        things = [Wanted(f"thing {n}", home=homes[(seed + n) % 4]) for n in range(1 + seed % 3)]
        placed = arrange(things, size, (), seed, ground)
        assert apart(placed), (seed, placed)
        for thing in placed:
            assert 0.49 * thing.size <= thing.x <= size[0] - 0.49 * thing.size
            assert 0.3 * thing.size <= thing.y <= size[1] - 0.3 * thing.size


def test_a_crowd_on_either_side_does_not_overlap() -> None:
    crowd = [Wanted("dog", 2, side="left"), Wanted("cat", 2, side="right")]
    assert all(apart(arrange(crowd, (320, 192), (), seed, LAND)) for seed in range(100))


@pytest.mark.parametrize("size", [(2048, 64), (64, 2048), (32, 32)])
def test_odd_frames_have_places_too(size: tuple[int, int]) -> None:
    for seed in range(20):
        things = [
            Wanted("dog", 3, 1.25),
            Wanted("fish", 2, side="left", home="water"),
            Wanted("bee", home="air"),
        ]
        for thing in arrange(things, size, (), seed, SHORE):
            assert 0 <= thing.x <= size[0] and 0 <= thing.y <= size[1]


def apart(placed: list[Placed]) -> bool:
    return all(np.hypot(a.x - b.x, a.y - b.y) > 0.5 * (a.size + b.size) for a, b in combinations(placed, 2))


def test_things_stand_where_they_live() -> None:
    for seed in range(40):
        ground, air, water, afloat, falls = (
            arrange([thing], (320, 192), (), seed, SHORE)[0]
            for thing in (
                Wanted("dog"), Wanted("bee", home="air"), Wanted("fish", home="water"), Wanted("boat", home="afloat"),
                Wanted("apple", verb="fall"),
            )
        )  # fmt: skip
        assert 0.6799 * 192 <= ground.y + 0.46 * ground.size <= 0.9701 * 192, "its feet are on the ground"
        assert air.y < 0.65 * 192 and falls.y < 0.33 * 192
        assert 0.4 * 192 - 1 <= water.y <= 0.65 * 192 + 1
        assert 0.4 * 192 <= afloat.y + 0.5 * afloat.size <= 0.85 * 192
    deep = [arrange([Wanted("fish", home="water")], (320, 192), (), seed, DEEP)[0].y for seed in range(20)]
    assert max(deep) - min(deep) > 30


def test_sides_numbers_and_sizes_are_honoured() -> None:
    for seed in range(30):
        left, right = arrange(
            [Wanted("cat", side="left"), Wanted("dog", side="right")], (320, 192), (), seed, LAND
        )
        assert left.x < 0.4 * 320 and right.x > 0.6 * 320
        assert (
            0.4 * 320 < arrange([Wanted("cat", side="middle")], (320, 192), (), seed, LAND)[0].x < 0.6 * 320
        )
        goes = arrange([Wanted("dog", verb="run", direction="left")], (320, 192), (), seed, LAND)[0]
        assert goes.x >= 160
    small, plain, big = arrange(
        [Wanted("a", size=0.78), Wanted("b"), Wanted("c", size=1.25)], (320, 192), (), 0, LAND
    )
    assert small.size < plain.size < big.size and plain.size == pytest.approx(64, abs=1)
    many = arrange([Wanted("bee", 9, home="air"), Wanted("dog")], (320, 192), (), 0, LAND)
    assert [thing.label for thing in many] == ["bee"] * MOST and many[0].size < plain.size
    assert all(a.x < b.x for a, b in pairwise(arrange([Wanted("dog", 3)], (320, 192), (), 1, LAND)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Wanted("dog", verb="run", direction="left"), Wanted("cat")),
        (Wanted("tree"), Wanted("car", verb="drive", direction="right")),
        (Wanted("dog", direction="left"), Wanted("dog", direction="right")),
        (Wanted("apple", verb="fall"), Wanted("balloon", home="air", direction="up")),
        (Wanted("bee", home="air", direction="up"), Wanted("owl", home="air", direction="right")),
    ],
)
def test_nobody_stands_in_the_way_of_who_goes(one: Wanted, other: Wanted) -> None:
    """Where things meet, the student takes one along with the other."""
    met = 0
    for seed in range(40):
        spots = [
            _going(thing, _Picture(320, 192, LAND), each.x, each.y, each.size)
            for thing, each in zip(
                (one, other), arrange([one, other], (320, 192), (), seed, LAND), strict=True
            )
        ]
        met += spots[0].room(spots[1]) < 1
    assert met == 0


def test_who_goes_has_room_to_go() -> None:
    for seed in range(40):
        things = [Wanted("dog", direction="left"), Wanted("dog", direction="right")]
        left, right = arrange(things, (320, 192), (), seed, LAND)
        assert left.x >= 0.3 * 320 and right.x <= 0.7 * 320
        things = [Wanted("dog", direction="left"), Wanted("cat"), Wanted("bear")]
        assert arrange(things, (320, 192), (), seed, LAND)[0].x >= 0.36 * 320


@pytest.mark.parametrize("seed", range(8))
def test_those_who_go_together_stand_apart_and_need_no_room_on_each_other_s_way(seed: int) -> None:
    """Three ducks that swim to the left were put on each other, for none was to be on another's way."""
    ducks = Wanted("duck", count=3, verb="swim", toward="left", own_way=True, home="afloat")
    placed = arrange([ducks], (320, 192), [], seed, SHORE)
    gaps = [np.hypot(a.x - b.x, a.y - b.y) / a.size for a, b in combinations(placed, 2)]
    assert min(gaps) > 0.85, "they hardly touch"
    others = replace(ducks, label="dog", count=1)
    one, other = (
        _going(each, _Picture(320, 192, SHORE), x, 90, 60) for each, x in ((ducks, 200), (others, 120))
    )
    assert one.room(other) == 0 and one.room(one._replace(x=120.0)) == pytest.approx(80 / 60)


def test_spots_keep_apart_as_far_as_their_ways_do() -> None:
    still, goes, falls = Spot(100, 100, 40), Spot(200, 100, 60, across=-60), Spot(130, 20, 60, down=90)
    assert still.room(goes) == goes.room(still) == pytest.approx(40 / 50)
    assert still.room(falls) == pytest.approx(30 / 50)
    assert goes.room(falls) == pytest.approx(10 / 60)
    assert still.room(Spot(150, 120, 40, across=-120)) == pytest.approx(20 / 40)


@pytest.mark.parametrize("size", SIZES)
def test_heights_are_honoured_where_a_thing_can_be(size: tuple[int, int]) -> None:
    air, dog = Wanted("bee", home="air"), Wanted("dog")
    fish, boat = Wanted("fish", home="water"), Wanted("boat", home="afloat")
    for seed in range(20):
        for ground, thing in ((LAND, air), (SHORE, fish), (DEEP, fish), (LAND, dog), (SHORE, boat)):
            high, low = (
                arrange([replace(thing, height=height)], size, (), seed, ground)[0].y / size[1]
                for height in ("top", "bottom")
            )
            assert high < low
            if thing is air or ground is DEEP:
                assert high < 0.35 and low > 0.65
            elif thing is dog:
                assert low > high > 0.4, "its feet are on the ground"


def test_what_is_above_another_thing_is_above_it(text: PocketText, keyframes: Keyframes) -> None:
    for seed in range(10):
        for prompt in (
            "a balloon above the house",
            "a house below a balloon",
            "a house with a balloon above it",
        ):
            placed = arrange(describe(((prompt, 1.0),), text, keyframes).things, (320, 192), (), seed, LAND)
            at = {each.label: each for each in placed}
            assert at["balloon"].y + 0.5 * at["balloon"].size < at["house"].y
            assert abs(at["balloon"].x - at["house"].x) < at["house"].size


@pytest.mark.parametrize(
    ("prompt", "unheeded"),
    [
        ("a dog at the top", ["a dog stays on the ground: 'at the top' is left out"]),
        ("a red cat above a house", ["a red cat stays on the ground: 'above the house' is left out"]),
        ("a balloon at the top, a dog at the bottom, a rocket high in the sky", []),
        ("a dog under a house", ["a dog stays on the ground: 'below the house' is left out"]),
        ("a dog under a tree", []),
        ("a flying robot at the top", []),
        ("a rabbit jumps over a house", []),
        ("a black and white cat", ["one cat is shown in one colour: 'white' is left out"]),
        (
            "two balloons, red, white and blue",
            ["balloon: 2 are shown, each in one colour: 'blue' is left out"],
        ),
        ("a black and white panda, red and white roses and a red and a blue car", []),
    ],
)
def test_what_cannot_be_shown_of_a_thing_is_told(
    text: PocketText, keyframes: Keyframes, prompt: str, unheeded: list[str]
) -> None:
    things = describe(((prompt, 1.0),), text, keyframes).things
    assert [why for thing in things for why in thing.unheeded] == unheeded


def test_colours_in_a_row_are_missed_where_no_thing_has_them(text: PocketText) -> None:
    assert (
        text.unknown("purple and white roses, two cats, one black and the other grey, a black-and-white cow")
        == {}
    )
    assert text.unknown("a purple and blue sky") == {"purple": "", "blue": ""}
    assert text.unknown("a house with a blue zq") == {"blue": "", "zq": ""}


def test_colours_are_dealt_out_in_turn() -> None:
    roses = Wanted("rose", 5, colors=("red", "silver", "red"))
    assert [(each.color, each.count) for each in dealt(roses)] == [("red", 3), ("grey", 2)]
    assert dealt(Wanted("rose", 2)) == [Wanted("rose", 2)]
    said = with_shades(meanings("a", "red", "and", "a", "blue", "car=thing:car"))
    assert [each.name for each in said if each.kind] == ["red", "car", "blue", "car"]


def test_words_for_a_place_are_put_together() -> None:
    said = marked(
        meanings("bee", "in", "the", "lower", "right=direction:right", "and", "high", "above", "it")
    )
    assert [(each.kind, each.name) for each in said if each.kind] == [
        ("height", "bottom"), ("side", "right"), ("height", "top"), ("relation", "above"),
    ]  # fmt: skip
    assert [each.word for each in said if not each.kind] == ["bee", "and", "it"]


def test_words_for_places_are_understood(text: PocketText) -> None:
    assert text.unknown("a bee in the upper left corner, an owl high above a tree, birds overhead") == {
        "birds": "eagle"
    }
    assert text.unknown("a high tree in a corner") == {"high": "", "corner": ""}


def test_in_the_air_there_is_room_to_go_up_or_down() -> None:
    for seed in range(20):
        up, down = (
            arrange([Wanted("bee", home="air", direction=way)], (320, 192), (), seed, LAND)[0].y / 192
            for way in ("up", "down")
        )
        assert up >= 0.5 and down <= 0.4


def test_several_stand_in_their_order_and_not_in_rank_and_file() -> None:
    rows = np.array(
        [[dog.x for dog in arrange([Wanted("dog", 3)], (320, 192), (), seed, LAND)] for seed in range(40)]
    )
    assert (np.diff(rows, axis=1) > 0).mean() > 0.95
    assert rows.std(0).min() > 10


def test_small_things_keep_clear_of_the_rim() -> None:
    for seed in range(30):
        for thing in arrange([Wanted("mouse", 6, size=0.78)], (320, 192), (), seed, LAND):
            assert 0.125 * 320 < thing.x < 0.875 * 320


def test_what_comes_later_leaves_alone_what_is_there() -> None:
    for seed in range(30):
        (thing,) = arrange([Wanted("dog")], (320, 192), (), seed, LAND, taken=[(0.3, 0.6), (0.6, 0.7)])
        assert min(np.hypot(thing.x - 96, thing.y - 115.2), np.hypot(thing.x - 192, thing.y - 134.4)) > 55


def test_the_same_seed_gives_the_same_places() -> None:
    things = [Wanted("dog", 2), Wanted("bee", home="air")]
    first, again, other = (arrange(things, (320, 192), (), seed, LAND) for seed in (7, 7, 8))
    assert first == again != other


def test_nothing_goes_backwards(keyframes: Keyframes) -> None:
    things = [
        Wanted("fish", direction="right"),
        Wanted("fish", direction="left"),
        Wanted("rocket", direction="left"),
        Wanted("rocket", direction="right"),
        Wanted("fish"),
    ]
    placed = arrange(things, (320, 192), [(0.5, 0.5)], 0, LAND)
    assert [each.mirrored for each in placed] == [True, False, True, False, False]
    uneven = copy.deepcopy(keyframes)
    for parameter in uneven.parameters():
        torch.nn.init.normal_(parameter.data, generator=torch.Generator().manual_seed(0))
    goes_right, goes_left = (layer_of(uneven, each, (320, 192)).rgba for each in placed[:2])
    assert torch.equal(goes_right, goes_left.flip(-1)) and not torch.equal(goes_right, goes_left)


def _middles(thing: Wanted, size: tuple[int, int] = (320, 192)) -> np.ndarray:
    """Middles of things in 200 pictures, in frame sizes [200 * count, 2]."""
    placed = [each for seed in range(200) for each in arrange([thing], size, [], seed, LAND)]
    return np.array([(each.x / size[0], each.y / size[1]) for each in placed])


def test_what_stands_anywhere_is_within_the_frame_and_uses_its_width() -> None:
    """A thing is a quarter as wide as the picture: with its middle nearer to the rim it would be cut by it."""
    across = np.concatenate([_middles(Wanted("dog", count))[:, 0] for count in (1, 4)])
    assert 0.13 <= across.min() < 0.2 and 0.8 < across.max() <= 0.87


@pytest.mark.parametrize(("height", "rows"), [("top", (0.1, 0.4)), ("bottom", (0.6, 0.9))])
def test_a_word_for_the_height_leaves_a_quarter_of_the_rows(height: str, rows: tuple[float, float]) -> None:
    """Less, and all birds at the top are in one line; more, and one at the top is in the middle."""
    down = _middles(Wanted("bee", size=0.5, home="air", height=height))[:, 1]
    assert rows[0] <= down.min() and down.max() <= rows[1]
    assert 0.12 < np.ptp(down) <= 0.25 * 0.8
