"""An edit changes what it means, and says what is to come."""

from __future__ import annotations

from collections import Counter

import pytest

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.pipelines.staging.editor import Editor
from flowbrush.pipelines.staging.scenes import SceneMaker


@pytest.mark.parametrize(
    ("asked", "staying", "coming"),
    [
        ("add a dog", ["cat", "dog"], ["dog"]),
        ("add the dog", ["cat", "dog"], []),
        ("replace the cat with two horses", ["dog", "horse"], ["horse"]),
        ("only the cat", ["cat"], []),
        ("zoom in", ["cat", "dog"], []),
        ("another one", ["cat", "dog"], ["dog"]),
        ("one of them leaves", ["cat"], []),
        ("no cats", ["dog"], []),
    ],
)
def test_what_stays_and_what_is_to_come(
    model: PocketModel, asked: str, staying: list[str], coming: list[str]
) -> None:
    maker = SceneMaker(model)
    editor = Editor(maker.keyframes, maker.clauses)
    before: LayerStack = maker.stage((("a cat and a dog", 1.0),), (320, 192), 5, [])
    after, more = editor.edited(before, maker.describe(((asked, 1.0),)), Counter())
    assert sorted(layer.label for layer in after.layers if not layer.leaving) == staying
    assert [thing.label for thing in more] == coming
