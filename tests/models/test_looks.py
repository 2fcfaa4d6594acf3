"""Words for films and styles are told apart from what is to be seen."""

from __future__ import annotations

import pytest

from flowbrush.models.text.looks import looks, without_looks


@pytest.mark.parametrize(
    ("text", "heard", "said"),
    [
        ("cinematic shot of a fox, shallow depth of field, 4k", "a fox, ,", ["cinematic shot", "shallow depth of field", "4k"]),
        ("A wide shot of a dog in anime style", "a dog", ["A wide shot", "in anime style"]),
        ("oil painting of a horse in the style of van Gogh", "a horse", ["oil painting", "in the style of van Gogh"]),
        ("a panda as a watercolour", "a panda", ["as a watercolour"]),
        ("bird's-eye view of a car, highly detailed", "a car,", ["bird's-eye view", "highly detailed"]),
        ("a photorealistic dog, ultra-realistic", "a dog,", ["photorealistic", "ultra-realistic"]),
        ("a lion, lighting, studio light", "a lion, ,", ["lighting", "studio light"]),
        ("a dog in a field", "a dog in a field", []),
        ("a light bulb above a wide road", "a light bulb above a wide road", []),
        ("a full moon, a tall house", "a full moon, a tall house", []),
    ],
)  # fmt: skip
def test_what_is_said_of_the_look_is_no_thing(text: str, heard: str, said: list[str]) -> None:
    assert (" ".join(without_looks(text).replace(" ,", ",").split()), looks(text)) == (heard, said)
