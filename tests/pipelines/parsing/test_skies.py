"""What is said of the weather is done by nobody."""

from __future__ import annotations

import pytest

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.parsing.clauses import ClauseReader
from flowbrush.pipelines.parsing.skies import with_skies
from flowbrush.pipelines.staging.scenes import SceneMaker


@pytest.mark.parametrize(
    ("prompt", "deeds"),
    {
        "a storm comes up": [],
        "heavy rain falls": [],
        "strong wind blows and it runs to the left": ["run", "left"],
        "heavy rain, a dog runs": ["run"],
        "it runs to the left in heavy rain": ["run", "left"],
    }.items(),
)
def test_who_does_it(model: PocketModel, prompt: str, deeds: list[str]) -> None:
    said = with_skies(model.text.read(prompt))
    assert [each.name for each in said if each.kind in ("verb", "direction")] == deeds


def test_no_boat_rises_with_a_storm(model: PocketModel) -> None:
    maker = SceneMaker(model)
    assert not maker.describe((("a storm comes up", 1.0),)).tells_deeds
    assert ClauseReader(model.text, maker.describe).way((("a storm comes up", 1.0),), "sailboat", 0) == ""
