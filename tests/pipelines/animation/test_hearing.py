"""Which tokens hear what is said of a thing, and which things stay while others go."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from stacks import BLUE, HEIGHT, RED, WIDTH, disc, rows, stack

from flowbrush.pipelines.animation.hearing import passing, regions, staying, told, upright
from flowbrush.pipelines.conditions.controls import Blend, ChunkPlan, fold, initial_state
from flowbrush.pipelines.conditions.regions import Regions
from flowbrush.pipelines.parsing.wanted import THERE, Goal, Wanted
from flowbrush.pipelines.reference.layers import Layer, Seat
from flowbrush.pipelines.reference.render import move

PATCH = 2  # cells: tokens of 16 pixels
ACROSS = WIDTH // 16


class Reader:
    """Every thing hears its number, and things called "tree" stay."""

    def wanted(self, prompts: Blend, called: str, number: int) -> Wanted | None:
        return Wanted(called, goal=Goal("tree") if called == "dog" else None, own_way=called == "horse")

    def own(self, prompts: Blend, called: str, number: int, heading: str = "") -> Blend:
        return ((f"{called} {number} {heading}".strip(), 1.0),) if called else prompts

    def stays(self, prompts: Blend, called: str, number: int, heading: str = "") -> bool:
        return called == "tree" or heading == THERE

    def rests(self, prompts: Blend, called: str, number: int, heading: str = "") -> bool:
        return prompts[0][0] == "before"

    def way(self, prompts: Blend, called: str, number: int, heading: str = "") -> str:
        return heading or {"car": "left", "bee": "up", "tree": "down", "": "left"}.get(called, "")


@pytest.fixture
def plan() -> ChunkPlan:
    return fold(initial_state([("all", 1.0)], ()), (), 0, 4, 16.0, 0.6)[1]


def heard(plan: ChunkPlan, *layers: Layer) -> Regions | None:
    return regions(Reader(), move(stack(*layers), rows()), plan, PATCH)  # type: ignore[arg-type]


def test_tokens_hear_what_is_said_of_the_thing_there(plan: ChunkPlan) -> None:
    made = heard(plan, disc(RED, 24, 24, radius=14), replace(disc(BLUE, 72, 40), number=1))
    assert made is not None
    assert [each.prompt[0][0] for each in made.plans] == ["all", "disc 0", "disc 1"]
    grid = made.heard.view(HEIGHT // 16, ACROSS)
    assert grid[1, 1] == 1 and grid[2, 4] == 2 and grid[3, 0] == 0
    assert {(int(y), int(x)) for y, x in (grid == 1).nonzero()} == {(y, x) for y in (0, 1, 2) for x in (0, 1, 2)} - {
        (0, 0), (0, 2), (2, 0), (2, 2)
    }  # fmt: skip


def test_a_token_hears_the_thing_of_which_it_shows_most(plan: ChunkPlan) -> None:
    made = heard(plan, disc(RED, 24, 24), replace(disc(BLUE, 28, 24), number=1))
    assert made is not None
    assert made.heard.view(-1, ACROSS)[1, 1] == 2, "what is in front hides what is behind"


def test_things_that_cover_little_of_a_token_are_heard_there(plan: ChunkPlan) -> None:
    """A thin thing covers no token by half; a rim of one or two pixels is none of it."""
    thin = disc(RED, 24, 24, radius=4)  # a fifth of its token
    made = heard(plan, thin)
    assert made is not None and made.heard.view(-1, ACROSS)[1, 1] == 1
    made = heard(plan, disc(RED, 24, 24, radius=2))
    assert made is not None and not made.heard.any()


@pytest.mark.parametrize(("opacity", "hears"), [(0.08, False), (0.13, True)])
def test_a_tenth_of_a_token_is_enough(plan: ChunkPlan, opacity: float, hears: bool) -> None:
    whole = disc(RED, 24, 24, radius=30)
    veil = replace(whole, rgba=torch.cat([whole.rgba[:3], whole.rgba[3:] * opacity]))
    made = heard(plan, veil)
    assert made is not None and bool(made.heard.view(-1, ACROSS)[1, 1]) is hears


def test_where_all_hear_the_same_there_are_no_regions(plan: ChunkPlan) -> None:
    assert heard(plan) is None
    assert heard(plan, replace(disc(RED, 24, 24), label="")) is None


@pytest.mark.parametrize(("other", "hears"), [("disc", [""]), ("", [])])
def test_what_was_cut_from_a_photo_hears_nothing_of_what_is_said_of_others(
    plan: ChunkPlan, other: str, hears: list[str]
) -> None:
    """ "The cat jumps": the fig beside it does not. Where nobody who is there is named it may be what is meant."""
    made = heard(plan, replace(disc(RED, 24, 24), label=""), replace(disc(BLUE, 72, 40), label=other))
    assert [each.prompt[0][0] for each in made.plans if made][1:2] == hears if made else not hears


def test_those_that_stay_are_known_by_their_places(plan: ChunkPlan) -> None:
    layers = [replace(disc(RED, 24, 24), label=name) for name in ("car", "tree", "", "tree")]
    assert staying(Reader(), stack(*layers), plan) == {1, 3}  # type: ignore[arg-type]


def test_those_that_go_on_and_on_pass(plan: ChunkPlan) -> None:
    layers = [replace(disc(RED, 24, 24), label=name) for name in ("car", "tree", "", "bee", "car")]
    assert passing(Reader(), stack(*layers), plan) == {0: "left", 3: "up", 4: "left"}  # type: ignore[arg-type]


def test_regions_are_on_the_device_of_the_layers(plan: ChunkPlan) -> None:
    made = heard(plan, disc(RED, 24, 24))
    assert made is not None and made.heard.dtype is torch.int64
    assert made.heard.shape == (HEIGHT // 16 * ACROSS,)


def test_who_goes_to_another_hears_where_that_is(plan: ChunkPlan) -> None:
    def seen(x: float) -> tuple[str, dict[int, str], frozenset[int]]:
        both = stack(replace(disc(RED, x, 24), label="dog"), replace(disc(BLUE, 48, 40), label="tree"))
        made = regions(Reader(), move(both, rows()), plan, PATCH)  # type: ignore[arg-type]
        assert made is not None
        told = Reader(), both, plan
        return made.plans[1].prompt[0][0], passing(*told), staying(*told)  # type: ignore[arg-type]

    assert seen(12) == ("dog 0 right", {0: "right"}, frozenset({1}))
    assert seen(84) == ("dog 0 left", {0: "left"}, frozenset({1}))
    assert seen(40) == ("dog 0 there", {}, frozenset({0, 1}))


def test_who_sits_on_another_hears_what_that_one_is_told(plan: ChunkPlan) -> None:
    """A rider that hears of itself holds back the horse under it: the student sees both."""
    horse = replace(disc(RED, 24, 40, radius=14, looks="left"), label="horse")
    rider = replace(disc(BLUE, 24, 16, radius=12), label="monkey", seat=Seat("horse", 0, (0.0, -24.0)))
    made = heard(plan, horse, rider)
    assert made is not None and [each.prompt[0][0] for each in made.plans] == ["all", "horse 0 left"]
    assert made.heard.view(-1, ACROSS)[0, 1] == made.heard.view(-1, ACROSS)[2, 1] == 1


def test_who_is_told_no_way_goes_where_it_looks(plan: ChunkPlan) -> None:
    layers = [replace(disc(RED, 24, 24, looks=side), label="horse") for side in ("left", "right")]
    assert passing(Reader(), stack(*layers), plan) == {0: "left", 1: "right"}  # type: ignore[arg-type]


def test_who_goes_on_with_a_former_prompt_hears_that(plan: ChunkPlan) -> None:
    """ "A cat runs", then "add a dog": the cat has not heard of it."""
    before = (("before", 1.0),)
    both = stack(
        replace(disc(RED, 24, 24), label="cat", told=before),
        replace(disc(BLUE, 72, 40), label="cat", number=1),
    )
    asked: list[Blend] = []

    class Heard(Reader):
        def own(self, prompts: Blend, called: str, number: int, heading: str = "") -> Blend:
            asked.append(prompts)
            return super().own(prompts, called, number, heading)

    regions(Heard(), move(both, rows()), plan, PATCH)  # type: ignore[arg-type]
    assert asked == [before, before, plan.prompt, plan.source]
    assert staying(Reader(), both, plan) == frozenset({0})  # type: ignore[arg-type]


def test_who_is_told_to_do_something_is_told_apart_from_who_rests(plan: ChunkPlan) -> None:
    class Verbs(Reader):
        def wanted(self, prompts: Blend, called: str, number: int) -> Wanted | None:
            return Wanted(called, verb={"cat": "sway", "pig": "rest"}.get(called, "")) if called else None

    layers = (replace(disc(RED, 24, 24), label=name) for name in ("cat", "pig", "owl", "car"))
    assert told(Verbs(), stack(*layers), plan) == frozenset({0, 3})  # type: ignore[arg-type]


def test_a_piece_of_a_photo_turns_over_only_where_it_is_told_to(plan: ChunkPlan) -> None:
    class Told(Reader):
        def wanted(self, prompts: Blend, called: str, number: int) -> Wanted | None:
            return Wanted(called, verb=called)

    verbs = ("run", "roll", "spin")
    now = stack(*(replace(disc(RED, 30, 30), label=verb, cut=verb != "spin") for verb in verbs))
    assert upright(Told(), now, plan) == frozenset({0})  # type: ignore[arg-type]
