"""pocket's codec: a linear analysis and synthesis of blocks that know nothing of each other."""

from __future__ import annotations

import pytest
import torch

from flowbrush.models.cards.spec import PocketCodecSpec
from flowbrush.models.codecs.pocket import PocketCodec

SPEC = PocketCodecSpec(channels=12, stride=4, frames=4)


@pytest.fixture
def codec() -> PocketCodec:
    """Random orthonormal components of random spread, so that nothing cancels."""
    torch.manual_seed(2)
    codec = PocketCodec(SPEC)
    codec.basis.copy_(torch.linalg.qr(torch.randn(codec.basis.shape))[0])
    codec.mean.copy_(torch.randn(codec.mean.shape) * 0.1)
    codec.scale.copy_(torch.rand(SPEC.channels) + 0.5)
    return codec.eval()


def test_shapes_are_those_of_blocks(codec: PocketCodec) -> None:
    latents = codec.encode(torch.randn(2, 3, 20, 24, 32))
    assert latents.shape == (2, SPEC.channels, 5, 6, 8)
    assert codec.decode_linear(latents).shape == (2, 3, 20, 24, 32)


def test_what_the_components_span_comes_back_exactly(codec: PocketCodec) -> None:
    latents = torch.randn(1, SPEC.channels, 3, 4, 6)
    frames = codec.decode_linear(latents)
    assert torch.allclose(codec.encode(frames), latents, atol=1e-4)
    assert torch.allclose(codec.decode_linear(codec.encode(frames)), frames, atol=1e-4)


def test_what_is_left_out_is_all_that_is_lost(codec: PocketCodec) -> None:
    """An orthogonal projection: the error has no part in what is kept."""
    frames = torch.randn(1, 3, 4, 8, 8)
    kept = codec.decode_linear(codec.encode(frames))
    lost = (
        (codec.encode(frames - kept + codec.decode_linear(torch.zeros(1, SPEC.channels, 1, 2, 2))))
        .abs()
        .max()
    )
    assert float(lost) < 1e-4 and not torch.allclose(kept, frames, atol=0.1)


@pytest.mark.parametrize("first", [1, 2, 4])
def test_chunk_by_chunk_equals_all_at_once(codec: PocketCodec, first: int) -> None:
    latents = torch.randn(2, SPEC.channels, 5, 6, 8)
    parts = [codec.decode_linear(latents[:, :, :first]), codec.decode_linear(latents[:, :, first:])]
    assert torch.allclose(torch.cat(parts, 2), codec.decode_linear(latents), atol=1e-5)
    frames = torch.randn(1, 3, 20, 8, 8)
    parts = [codec.encode(frames[:, :, : 4 * first]), codec.encode(frames[:, :, 4 * first :])]
    assert torch.allclose(torch.cat(parts, 2), codec.encode(frames), atol=1e-5)


def test_cells_know_nothing_of_each_other(codec: PocketCodec) -> None:
    frames = torch.randn(1, 3, 4, 16, 16)
    crop = codec.encode(frames[..., 4:12, 8:16])
    assert torch.allclose(codec.encode(frames)[..., 1:3, 2:4], crop, atol=1e-5)


def test_zero_latents_are_the_mean_of_all_blocks(codec: PocketCodec) -> None:
    frames = codec.decode_linear(torch.zeros(1, SPEC.channels, 1, 2, 2))
    mean = codec.mean.view(4, 3, 4, 4).transpose(0, 1)
    assert torch.allclose(frames[0, :, :, :4, 4:], mean, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 3, 4, 15, 16), (1, 3, 4, 16, 18), (1, 3, 3, 16, 16)])
def test_sizes_that_do_not_divide_are_refused(codec: PocketCodec, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="do not divide"):
        codec.encode(torch.zeros(shape))
