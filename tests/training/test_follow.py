"""The measure of following: where the base of a thing is, apart from its gait."""

from __future__ import annotations

import pytest

from flowbrush.pipelines.generator import Generator
from flowbrush.training.evaluation import streams
from flowbrush.training.world.sprites import SpriteBook


@pytest.mark.parametrize("late", [False, True])
def test_the_base_of_a_thing_is_on_its_path(late: bool) -> None:
    generator = Generator.load("pocket", seats=1)
    followed = streams.follow(generator, "bear", "meadow", 4, late, SpriteBook(streams.glyphs()))
    assert followed.found
    assert followed.base_error_percent < 0.02
    assert followed.error_percent < 2, "what is seen has its gait in addition"


def test_an_endless_drag_is_measured_the_same_wherever_the_thing_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "ROUND", 48)
    generator = Generator.load("pocket", seats=1)
    marks = (16, 28, 40)
    laps = streams.endless(generator, "panda", "meadow", 5, marks, SpriteBook(streams.glyphs()))
    energies = [lap.motion_energy for lap in laps]
    assert max(energies) < 1.04 * min(energies), energies
