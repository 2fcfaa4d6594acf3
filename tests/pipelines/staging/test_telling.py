"""Who hears a new prompt, and who goes on with the one before."""

from __future__ import annotations

from dataclasses import replace

from stacks import BLUE, RED, disc, stack

from flowbrush.pipelines.parsing.wanted import Wanted
from flowbrush.pipelines.staging.telling import everybody, names, nobody, retold

FIRST, SECOND, THIRD = ((("a", 1.0),), (("b", 0.5), ("c", 0.5)), (("d", 1.0),))


def test_who_does_not_hear_goes_on_with_what_it_was_told() -> None:
    now = replace(
        stack(replace(disc(RED, 20, 20), label="red dog"), replace(disc(BLUE, 60, 20), label="cat")),
        prompt=FIRST,
    )
    now = retold(now, SECOND, names([Wanted("dog", color="red")]))
    assert now.prompt == SECOND and [layer.told for layer in now.layers] == [(), FIRST]
    now = retold(now, THIRD, nobody)
    assert [layer.told for layer in now.layers] == [SECOND, FIRST], "the last that each was told"
    assert [layer.told for layer in retold(now, FIRST, everybody).layers] == [(), ()]


def test_a_name_without_a_colour_is_that_of_all() -> None:
    hears = names([Wanted("dog"), Wanted("cat", color="blue")])
    assert [hears(replace(disc(RED, 0, 0), label=label)) for label in ("red dog", "dog", "cat", "blue cat", "")] == [
        True, True, False, True, False
    ]  # fmt: skip


def test_the_red_car_is_no_blue_one_though_red_is_its_own_colour() -> None:
    hears = names([Wanted("car", own_color=True)])
    assert [hears(replace(disc(RED, 0, 0), label=label)) for label in ("car", "blue car")] == [True, False]
