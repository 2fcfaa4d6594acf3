"""The measuring of frames is right before anything is measured with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flowbrush.training.evaluate import main, parse_marks, parse_seeds
from flowbrush.training.evaluation.locate import FOUND, locate
from flowbrush.training.world.clip import World
from flowbrush.training.world.sprites import MissingFont, find_font

try:
    find_font()
except MissingFont as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_an_object_is_found_where_it_is(world):
    rng = np.random.default_rng(3)
    clip = world.plan(rng, 4)
    thing = clip.objects[0]
    thing.centre[:] = [[100.3, 90.8]]
    clip.objects = [thing]
    frame = world.render(clip, rng)[0].float() / 255
    size, angle = float(thing.size[0]), float(thing.angle[0])
    seen = locate(frame, world.book, thing.name, (112.0, 80.0), size, angle)
    assert seen.explained > 0.9
    assert np.hypot(seen.x - 100.3, seen.y - 90.8) < 0.5
    assert seen.difference < 0.06
    darker = locate(frame * 0.5, world.book, thing.name, (112.0, 80.0), size, angle)
    assert darker.difference > 3 * seen.difference


def test_an_object_that_is_not_there_is_not_found(world):
    rng = np.random.default_rng(4)
    clip = world.plan(rng, 4)
    name, clip.objects = clip.objects[0].name, []
    frame = world.render(clip, rng)[0].float() / 255
    assert locate(frame, world.book, name, (160.0, 96.0), 64.0, 0.0).explained < FOUND


def test_seeds_are_a_range():
    assert parse_seeds("3:7") == range(3, 7)
    for wrong in ("7:3", "a:b", "5", "-1:4"):
        with pytest.raises(ValueError, match="expected A:B"):
            parse_seeds(wrong)


def test_marks_are_frames_at_the_end_of_a_chunk() -> None:
    assert parse_marks("100,503") == [100, 500]
    for wrong in ("a", "100,", "0", "-4", "²"):
        with pytest.raises(ValueError, match="expected frames from 4 on"):
            parse_marks(wrong)


def test_where_nothing_can_be_written_nothing_is_measured(tmp_path: Path, capsys) -> None:
    for flag in ("--json", "--sheet"):
        assert main(["--model", "there is none", flag, str(tmp_path)]) == 2
        assert "is a folder: name a file" in capsys.readouterr().err


def test_a_part_that_there_is_not_is_named(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--parts", "live,beauty"])
    assert "beauty unknown, expected some of live" in capsys.readouterr().err
