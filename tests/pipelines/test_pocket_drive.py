"""What the shipped student says of where things go is in the units that they are moved by."""

from __future__ import annotations

import pytest

from flowbrush.models.motion_latent import unpack
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import StreamSettings


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator.load("pocket", seats=1, device="cpu", dtype="fp32")


def said(generator: Generator, prompt: str) -> tuple[list[float], list[float], float]:
    """Of four chunks of a thing that goes: how far it is seen to go and its drive (pixels, pixels, radians), and half its width."""
    state = generator.start(StreamSettings("pocket", ((prompt, 1.0),), 320, 192, 16, 3))
    seen, driven = [0.0, 0.0], [0.0, 0.0, 0.0]
    for chunk in range(5):
        generator.step([state], [()])
        assert state.latents is not None
        motion = unpack(state.latents[:, 0][None].float())
        flow = motion.things[0, -1]  # [2, h, w]
        length = flow.norm(dim=0)
        its = (length > length.max() / 2).float()
        for made, sums in ((-flow, seen), (motion.drive[0], driven)):
            means = ((made * its).sum((1, 2)) / its.sum()).tolist()
            sums[:] = [a + b * (chunk > 0) for a, b in zip(sums, means, strict=True)]
    half = state.memory.layers[0].extents[0] / 2
    generator.release(state)
    return seen, driven, half


def test_a_ball_turns_as_far_as_it_rolls(generator: Generator) -> None:
    _, (across, _, turn), radius = said(generator, "a basketball rolls to the left")
    assert across < -2 and 0.75 < turn * radius / across < 1.4


def test_who_rises_is_driven_as_far_as_who_goes_to_a_side(generator: Generator) -> None:
    """As parts of how far either is seen to go, its gait included."""
    seen, driven, _ = said(generator, "a horse runs to the left")
    seen_up, driven_up, _ = said(generator, "a rocket flies up")
    assert driven_up[1] < -2 and 0.55 < (driven_up[1] / seen_up[1]) / (driven[0] / seen[0]) < 1.2
