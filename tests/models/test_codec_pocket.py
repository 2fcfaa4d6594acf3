"""pocket's codec: linear analysis, streaming decoding."""

from __future__ import annotations

import pytest
import torch

from models.checkpoint import random_like
from models.codecs.pocket import PocketCodec
from models.spec import PocketCodecSpec

SPEC = PocketCodecSpec(channels=12, stride=4, frames=4, width=16, blocks=1)


@pytest.fixture
def codec() -> PocketCodec:
    """Random orthonormal components and random corrections, so that nothing cancels."""
    torch.manual_seed(2)
    codec = PocketCodec(SPEC)
    random_like(codec.correction, 5)
    codec.basis.copy_(torch.linalg.qr(torch.randn(codec.basis.shape))[0])
    codec.mean.copy_(torch.randn(codec.mean.shape) * 0.1)
    codec.scale.copy_(torch.rand(SPEC.channels) + 0.5)
    return codec.eval().requires_grad_(False)


def test_streaming_decode_equals_decoding_at_once(codec: PocketCodec) -> None:
    latents = torch.randn(2, SPEC.channels, 5, 6, 8)
    whole, last = codec.decode(latents)
    parts, state = [], None
    for frame in range(5):
        frames, state = codec.decode(latents[:, :, frame : frame + 1], state)
        parts.append(frames)
    assert whole.shape == (2, 3, 20, 24, 32)
    assert torch.allclose(torch.cat(parts, 2), whole, atol=1e-5)
    assert state is not None and torch.equal(state, last)


def test_decoding_in_uneven_parts_is_the_same(codec: PocketCodec) -> None:
    latents = torch.randn(1, SPEC.channels, 5, 4, 4)
    first, state = codec.decode(latents[:, :, :2])
    second, _ = codec.decode(latents[:, :, 2:], state)
    assert torch.allclose(torch.cat([first, second], 2), codec.decode(latents)[0], atol=1e-5)


def test_decoding_uses_the_past(codec: PocketCodec) -> None:
    latent = torch.randn(1, SPEC.channels, 1, 4, 4)
    one, other = codec.decode(latent, torch.zeros(1, SPEC.channels, 4, 4)), codec.decode(latent)
    assert not torch.allclose(one[0], other[0], atol=1e-3)


def test_what_the_components_span_comes_back_exactly(codec: PocketCodec) -> None:
    latents = torch.randn(1, SPEC.channels, 3, 4, 6)
    assert torch.allclose(codec.encode(codec.synthesise(latents)), latents, atol=1e-4)


def test_the_end_frame_is_the_last_of_the_synthesis(codec: PocketCodec) -> None:
    latents = torch.randn(2, SPEC.channels, 1, 4, 6)
    assert torch.allclose(codec.end_frame(latents[:, :, 0]), codec.synthesise(latents)[:, :, -1], atol=1e-5)


def test_a_still_picture_is_encoded_as_four_equal_frames(codec: PocketCodec) -> None:
    picture = torch.rand(2, 3, 16, 24) * 2 - 1
    repeated = codec.encode(picture[:, :, None].expand(-1, -1, 4, -1, -1))
    assert torch.allclose(codec.still(picture), repeated[:, :, 0], atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 3, 4, 15, 16), (1, 3, 4, 16, 18), (1, 3, 3, 16, 16)])
def test_sizes_that_do_not_divide_are_refused(codec: PocketCodec, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="do not divide"):
        codec.encode(torch.zeros(shape))
