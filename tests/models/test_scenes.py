"""Of several scenes in a prompt the first is heard."""

from __future__ import annotations

import pytest

from flowbrush.models.text.scenes import SCENES, one_scene


@pytest.mark.parametrize(
    ("text", "heard", "spare"),
    [
        ("a red car on the road, night", "a red car on the road, ", ["night"]),
        ("a panda on the beach at dusk, in winter", "a panda on the beach at , in ", ["dusk", "winter"]),
        ("a fox in the snow, a snowy field", "a fox in the snow, a snowy field", []),
        ("A snow man and a night owl on the Grass", "a snow man and a night owl on the grass", []),
        ("a snowman, starry night", "a snowman, starry night", []),
        ("two night owls and snow men, road", "two night owls and snow men, road", []),
        ("two knights", "two knights", []),
    ],
)
def test_scenes_after_the_first_are_left_out(text: str, heard: str, spare: list[str]) -> None:
    assert one_scene(text) == (heard, spare)


def test_every_name_of_a_scene_is_heard_as_that_scene() -> None:
    for scene, names in SCENES.items():
        other = next(name for name in SCENES if name != scene)
        for name in names:
            assert one_scene(f"a cat, {name} and {other}")[1] == [other], (scene, name)
