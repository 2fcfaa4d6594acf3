"""Of several scenes in a prompt one is heard: the first place, which may be in the light of a time of day."""

from __future__ import annotations

import pytest

from flowbrush.models.text.scenes import LIGHTS, SCENES, light_near, one_scene, scene_near


@pytest.mark.parametrize(
    ("text", "heard", "spare"),
    [
        ("a red car on the road, night", "a red car on the road, ", []),
        ("a panda on the beach at dusk, in winter", "a panda on the beach at , in ", ["winter"]),
        ("a fox in the snow, a snowy field", "a fox in the snow, a snowy field", []),
        ("A snow man and a night owl on the Grass", "a snow man and a night owl on the grass", []),
        ("a snowman, starry night", "a snowman, starry night", []),
        ("two night owls and snow men, road", "two night owls and snow men, road", []),
        ("two knights", "two knights", []),
        ("a cat in the meadow at night", "a cat in the  at night", []),
        ("a car on the road in the desert", "a car on the road in the ", ["desert"]),
    ],
)
def test_scenes_after_the_first_are_left_out(text: str, heard: str, spare: list[str]) -> None:
    assert one_scene(text) == (heard, spare)


def test_every_name_of_a_scene_is_heard_as_that_scene() -> None:
    for scene, names in SCENES.items():
        other = "desert" if scene == "road" else "road"
        for name in names:
            if scene not in LIGHTS:
                assert one_scene(f"a cat, {name} and {other}")[1] == [other], (scene, name)
            assert scene_near(f"a cat, {name}") == scene


@pytest.mark.parametrize(
    ("text", "scene", "light"),
    [
        ("a car on the road at night", "road", "night"),
        ("at night a car drives on the road", "road", "night"),
        ("two dolphins jump out of the ocean at sunset", "beach", "sunset"),
        ("the moon over the sea", "night", None),
        ("a beautiful sunset over the ocean", "sunset", None),
        ("a dog by the sea in the moonlight", "beach", "night"),
        ("a city at night", "road", "night"),
        ("a fox in the snow in the evening", "snow", "sunset"),
        ("a horse in a meadow at night", "night", None),
        ("an owl in the forest at night", "night", None),
        ("a rocket in space at night", "night", None),
        ("snow falls at night", "snow", "night"),
        ("heavy snowfall, night", "night", None),
        ("night, a river", "night", None),
        ("a night owl on the street", "road", None),
        ("an ice cream at night", "night", None),
        ("a cat", None, None),
    ],
)
def test_a_place_is_in_the_light_of_a_time_of_day(text: str, scene: str | None, light: str | None) -> None:
    """But for hills: by night and at sunset they have pictures of their own."""
    assert (scene_near(text), light_near(text)) == (scene, light)
