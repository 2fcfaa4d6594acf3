"""Decoders against their publishers' own: streamed in chunks of three latent frames, the same pictures."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from golden_data import CLOSE, difference, drawn, fingerprint, opened, regenerated
from torch import Tensor

from flowbrush.models.cards.spec import TaeSpec, VaeSpec
from flowbrush.models.codecs.tae import TinyCodec, fitted
from flowbrush.models.codecs.wan import WanCodec
from flowbrush.models.loading.checkpoint import fill


def tiny(about: dict[str, Any]) -> TinyCodec:
    spec = TaeSpec(**about["spec"])
    codec = TinyCodec(spec)
    fill(codec.decoder, fitted(regenerated(about["weights"]), spec), "decoder.", "golden")
    return codec.eval().requires_grad_(False)


def wan(about: dict[str, Any]) -> WanCodec:
    codec = WanCodec(VaeSpec(config=tuple(about["config"].items())))
    fill(codec.vae, regenerated(about["weights"]), "", "golden")
    return codec.eval().requires_grad_(False)


@pytest.mark.parametrize(("name", "make"), [("taew2_1", tiny), ("taew2_2", tiny), ("wan-vae", wan)])
def test_pictures_are_the_publishers(name: str, make: Any) -> None:
    """The golden clip counts one frame for the first latent frame; the stream shows that one four times."""
    about, golden = opened(name)
    latents = drawn(about["latents"]["key"], about["latents"]["shape"])  # [1, C, T, h, w]
    assert fingerprint({"latents": latents}) == about["latents"]["sha256"]
    codec, state, made = make(about), (), []
    for part in latents.split(3, 2):
        frames, (state,) = codec.stream(part, [state])
        made.append(frames[0].transpose(0, 1))
    ours = torch.cat(made)
    assert all(torch.equal(ours[0], ours[index]) for index in range(1, 4))
    assert max(parts(golden["frames"], ours[3:])) < CLOSE


def parts(golden: Tensor, ours: Tensor) -> list[float]:
    """Differences of runs of twelve frames."""
    assert len(golden) == len(ours)
    return [difference(a, b) for a, b in zip(golden.split(12), ours.split(12), strict=True)]
