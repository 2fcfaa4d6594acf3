"""What pocket's student denoises, packed and unpacked; and how many channels that takes."""

from __future__ import annotations

import pytest
import torch

from flowbrush.models.motion_channels import DRIVE, FRAMES, GROUND, HINTS, LIGHT, THINGS, condition_channels
from flowbrush.models.motion_latent import (
    DRIVE_UNITS,
    FLOW_UNIT,
    GROUND_DRAWN,
    GROUND_GUIDED,
    LIGHT_GUIDED,
    LIGHT_MOST,
    THINGS_DRAWN,
    Motion,
    drawn,
    guidance,
    pack,
    unpack,
)

LIGHTS = 5


@pytest.fixture
def motion() -> Motion:
    torch.manual_seed(1)
    flows = (torch.randn(2, FRAMES, 2, 3, 4) * 10 for _ in range(2))
    return Motion(*flows, torch.randn(2, 3, 3, 4), torch.randn(2, LIGHTS, 3, 4))


def test_unpacking_is_the_inverse_of_packing(motion: Motion) -> None:
    latent = pack(motion)
    assert latent.shape == (2, LIGHT + LIGHTS, 3, 4)
    back = unpack(latent)
    for name, value in vars(motion).items():
        assert torch.allclose(getattr(back, name), value, atol=1e-5), name
    assert torch.allclose(pack(back), latent, atol=1e-6)


def test_more_motion_is_drawn_than_a_student_dares(motion: Motion) -> None:
    shown = drawn(pack(motion), [False, True])
    # The drive as the things' flows, which have it in them: poses else fall behind what was seen.
    for name, times in (("things", THINGS_DRAWN), ("drive", THINGS_DRAWN), ("ground", GROUND_DRAWN)):
        assert torch.allclose(getattr(shown, name), getattr(motion, name) * times, atol=1e-4), name


@pytest.mark.parametrize(
    ("said", "photo", "times"),
    [
        *((0.01, True, 5.0), (0.1, True, 4.87), (0.5, True, 3.25), (2.0, True, 1.71)),
        *((0.01, False, 3.5), (0.1, False, 3.42), (0.5, False, 2.5), (2.0, False, 1.62)),
    ],
)
def test_shimmer_is_drawn_larger_than_shadows(motion: Motion, said: float, photo: bool, times: float) -> None:
    for sign in (1, -1):
        motion.light.fill_(sign * said)
        for light in drawn(pack(motion), [photo, not photo]).light[:1]:
            assert float(light.mean()) == pytest.approx(sign * said * times, rel=0.03)


def test_grounds_and_light_of_scenes_are_guided_and_photos_are_not() -> None:
    channels = LIGHT + LIGHTS
    assert guidance(channels, [True, True]) is None
    weights = guidance(channels, [True, False])
    assert weights is not None and weights.shape == (2, channels, 1, 1, 1)
    assert bool((weights[0] == 1).all())
    scene = weights[1].flatten()
    assert bool((scene[THINGS] == 1).all()) and bool((scene[DRIVE] == 1).all())
    assert bool((scene[GROUND] == GROUND_GUIDED).all()) and bool((scene[LIGHT:] == LIGHT_GUIDED).all())


def test_more_light_is_never_drawn_as_less(motion: Motion) -> None:
    stronger = torch.linspace(0, LIGHT_MOST, motion.light[0, 0].numel()).view_as(motion.light[0, 0])
    motion.light.copy_(stronger.expand_as(motion.light))
    for row in drawn(pack(motion), [False, True]).light[:, 0]:
        assert float(row.flatten().diff().min()) > 0


def test_a_cells_pattern_is_kept(motion: Motion) -> None:
    shown = drawn(pack(motion), [False, True]).light
    times = shown / motion.light
    assert torch.allclose(times, times[:, :1].expand_as(times), rtol=1e-3)


def test_every_channel_has_its_place_and_its_unit() -> None:
    nothing = Motion(
        torch.zeros(1, FRAMES, 2, 1, 1),
        torch.zeros(1, FRAMES, 2, 1, 1),
        torch.zeros(1, 3, 1, 1),
        torch.zeros(1, 2, 1, 1),
    )
    nothing.things[0, 3, 1] = FLOW_UNIT  # the last frame's y
    nothing.ground[0, 0, 0] = -2 * FLOW_UNIT  # the first frame's x
    nothing.drive[0, :, 0, 0] = torch.tensor(DRIVE_UNITS)
    nothing.light[0, 1] = 0.5
    latent = pack(nothing)[0, :, 0, 0]
    assert latent[THINGS].tolist() == [0, 0, 0, 0, 0, 0, 0, 1]
    assert latent[GROUND].tolist() == [-2, 0, 0, 0, 0, 0, 0, 0]
    assert latent[DRIVE].tolist() == pytest.approx([1, 1, 1])
    assert latent[LIGHT:].tolist() == [0, 0.5]


def test_channels_follow_each_other_without_gaps() -> None:
    assert (THINGS.start, THINGS.stop) == (0, GROUND.start)
    assert (GROUND.stop, DRIVE.stop) == (DRIVE.start, LIGHT)


def test_conditions_are_the_reference_the_hints_and_the_past() -> None:
    assert condition_channels(96, 83) == 96 + HINTS + 1 + 83
