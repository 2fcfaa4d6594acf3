"""What a new session gets of what was asked for."""

from __future__ import annotations

import pytest

from flowbrush.protocol import SessionStart
from flowbrush.server.engine import ipc
from flowbrush.server.sessions.starting import in_its_size, in_real_time, steps_in_real_time

CARD = {"name": "m", "width": 320, "height": 192, "fps": 16.0, "chunk_frames": 4, "steps": 2}
SIZES = {**CARD, "sizes": [[320, 192], [192, 320], [256, 256]]}


def start(**fields: object) -> SessionStart:
    return SessionStart(model="m", prompt="p", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("chunk_s", "most"), [(0.05, 10), (0.25, 2), (1.0, 2)])
def test_steps_are_as_many_as_keep_real_time_and_never_fewer_than_the_models_own(
    chunk_s: float, most: int
) -> None:
    assert steps_in_real_time(ipc.Loaded(CARD, 1, {}, chunk_s)) == most
    lowered, notices = in_real_time(start(steps=64), most)
    assert lowered.steps == most and [each.code for each in notices] == ["steps_lowered"]
    assert in_real_time(start(steps=1), most) == (start(steps=1), ())
    assert in_real_time(start(), most)[0].steps is None


@pytest.mark.parametrize(
    ("asked", "image", "size"),
    [
        ({}, None, (320, 192)),
        ({}, (1080, 1920), (192, 320)),
        ({}, (1000, 990), (256, 256)),
        ({"width": 320}, (1080, 1920), (320, 192)),
        ({"width": 192, "height": 320}, (1920, 1080), (192, 320)),
    ],
)
def test_a_picture_keeps_its_shape_as_far_as_the_model_can(
    asked: dict[str, int], image: tuple[int, int] | None, size: tuple[int, int]
) -> None:
    given = in_its_size(start(**asked), SIZES, image)
    assert (given.width, given.height) == size


def test_a_size_that_is_not_made_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="320x192, not 64 x 64"):
        in_its_size(start(width=64, height=64), CARD, None)
