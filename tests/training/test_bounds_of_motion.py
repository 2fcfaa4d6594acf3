"""What is bounded in a student's motion is bounded where the world's own ends, as its clips say; with the shipped light codec."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from flowbrush.models.cards.registry import card
from flowbrush.models.device import choose
from flowbrush.models.loading.load import load_model
from flowbrush.models.motion_channels import LIGHT
from flowbrush.models.motion_latent import FLOW_UNIT, LIGHT_MOST, Motion, bounded, drawn, pack
from flowbrush.models.pocket import PocketModel
from flowbrush.training.pool import motion_of
from flowbrush.training.world.living import LivingWorld
from flowbrush.training.world.sprites import MissingFont, find_font

try:
    find_font()
except MissingFont as error:
    pytest.skip(str(error), allow_module_level=True)

CLIPS = (
    ("apple", "night"),
    ("banana", "snow"),
    ("watermelon", "under water"),
    ("cactus", "desert"),
    ("rabbit", "meadow"),
    ("fish", "under water"),
)


@cache
def motions() -> dict[str, Motion]:
    """By scene, the motion of eight frames of a thing at rest."""
    model = load_model(card("pocket"), choose("cpu", "fp32"))
    assert isinstance(model, PocketModel)
    world = LivingWorld(320, 192)
    return {
        scene: motion_of(world.at_rest(np.random.default_rng(1), name, scene, 8), model.light)
        for name, scene in CLIPS
    }


def shown(latents: torch.Tensor, photo: bool) -> Motion:
    return drawn(bounded(latents[None, :, None], [photo])[:, :, 0], [photo])


def test_hardly_any_light_of_the_world_is_more_than_is_shown_of_a_toy_scene() -> None:
    light = torch.cat([motion.light.abs().flatten() for motion in motions().values()])
    assert 0.0001 < float((light > LIGHT_MOST).float().mean()) < 0.002


def test_a_ground_is_shown_as_fast_as_the_worlds_at_most() -> None:
    speeds = [
        float(ground.diff(dim=0).square().mean().sqrt())
        for motion in motions().values()
        for ground in motion.ground
    ]
    quick = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1).repeat(2, 2, 24, 40) * 9 * FLOW_UNIT
    zeros = torch.zeros(1, 4, 2, 24, 40)
    latents = pack(Motion(zeros, quick[None], torch.zeros(1, 3, 24, 40), torch.zeros(1, 4, 24, 40)))
    fastest = float(shown(latents[0], photo=False).ground[0].diff(dim=0).square().mean().sqrt())
    assert 0.75 < fastest / np.mean(speeds) < 1.5


def test_the_ground_of_a_photo_stays_within_a_sixth_of_a_pixel() -> None:
    """Houses do not bend, and haze is seen."""
    much = pack(
        Motion(*torch.full((2, 1, 4, 2, 24, 40), 9.0), torch.zeros(1, 3, 24, 40), torch.zeros(1, 4, 24, 40))
    )
    bent = float(shown(much[0], photo=True).ground.square().mean().sqrt())
    assert 0.06 < bent < 0.16


def test_snow_over_a_photo_is_seen_and_stripes_are_not() -> None:
    light = motions()["snow"].light
    latents = torch.full((LIGHT + light.shape[1], 1, 1), 9.0)
    most = float(shown(latents, photo=True).light.max())
    assert most < 0.75  # what is darker is seen as a stripe in filled ground
    assert float(light.clamp(-most, most).square().sum() / light.square().sum()) > 0.4
