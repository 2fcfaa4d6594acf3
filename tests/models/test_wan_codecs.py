"""Decoders that go on from chunk to chunk give what one pass over the whole clip gives."""

import pytest
import torch
from diffusers import AutoencoderKLWan

from models.checkpoint import BadWeights, fill
from models.codecs.tae import TinyDecoder, decoder_weights
from models.codecs.wan import WanCodec
from models.spec import TaeSpec, VaeSpec

LATENTS, SPLITS = 6, [(3, 3), (1, 2, 3), (1, 1, 1, 1, 1, 1)]
SMALL_TAE = TaeSpec(channels=4, widths=(12, 8, 8, 6))


def streamed(codec, latents, split):
    """Frames of `latents` decoded in chunks of the sizes in `split`."""
    frames, states = [], [()] * len(latents)
    for part in torch.split(latents, split, 2):
        made, states = codec.stream(part, states)
        frames.append(made)
    return torch.cat(frames, 2)


def without_hold(frames):
    """The frames as whole-clip decoders count them: one for the first latent frame."""
    assert torch.equal(frames[:, :, :4], frames[:, :, :1].expand(-1, -1, 4, -1, -1))
    return frames[:, :, 3:]


@pytest.fixture(scope="module", params=[16, 12])
def wan(request):
    """Wan 2.1's layout, and 2.2's (patches, shortcuts), both small."""
    torch.manual_seed(0)
    newer = (
        {}
        if request.param == 16
        else {"is_residual": True, "patch_size": 2, "in_channels": 12, "out_channels": 12}
    )
    config = dict(base_dim=8, z_dim=4, num_res_blocks=1, dim_mult=[1, 2, 2, 2], latents_mean=[0.1, -0.4, 0.2, 0.0],
                  latents_std=[1.5, 0.7, 2.0, 1.0], **newer)  # fmt: skip
    return WanCodec(VaeSpec(channels=4, config=tuple(config.items()))).eval()


@torch.no_grad()
def test_wan_streaming_equals_whole_clip(wan):
    latents = torch.randn(1, 4, LATENTS, 4, 6, generator=torch.Generator().manual_seed(1))
    mean, std = (
        torch.tensor(v).view(1, -1, 1, 1, 1)
        for v in (wan.vae.config.latents_mean, wan.vae.config.latents_std)
    )
    whole = wan.vae.decode(latents * std + mean).sample
    for split in SPLITS:
        torch.testing.assert_close(without_hold(streamed(wan, latents, split)), whole, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_wan_streams_of_different_age_share_a_decoder(wan):
    latents = torch.randn(2, 4, 4, 4, 4, generator=torch.Generator().manual_seed(2))
    alone = [streamed(wan, latents[row : row + 1], (2, 2)) for row in range(2)]
    _, older = wan.stream(latents[:1, :, :2], [()])
    together, states = wan.stream(torch.stack([latents[0, :, 2:], latents[1, :, :2]]), [older[0], ()])
    torch.testing.assert_close(together[0], alone[0][0, :, 8:], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(together[1], alone[1][0, :, :8], rtol=1e-5, atol=1e-5)
    later, _ = wan.stream(latents[1:, :, 2:], [states[1]])
    torch.testing.assert_close(later, alone[1][:, :, 8:], rtol=1e-5, atol=1e-5)


def test_wan_default_is_the_published_autoencoder():
    with torch.device("meta"):
        ours, theirs = WanCodec(VaeSpec()).vae, AutoencoderKLWan()
    assert ours.state_dict().keys() == theirs.state_dict().keys()


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return TinyDecoder(SMALL_TAE).eval()


@torch.no_grad()
def one_frame_at_a_time(decoder, latents):
    """The decoder walked through by hand, a latent frame at a time, memories in a list."""
    memories, frames = {}, []

    def walk(x, index):
        if index == len(decoder.decoder):
            frames.append(x)
            return
        layer = decoder.decoder[index]
        kind = type(layer).__name__
        if kind == "MemoryBlock":
            out = torch.relu(layer.conv(torch.cat([x, memories.get(index, torch.zeros_like(x))], 1)) + x)
            memories[index] = x
            walk(out, index + 1)
        elif kind == "Grow":
            for part in layer.conv(x).chunk(layer.stride, 1):
                walk(part, index + 1)
        else:
            walk(torch.tanh(x / 3) * 3 if index == 0 else layer(x), index + 1)

    for index in range(latents.shape[2]):
        walk(latents[:, :, index], 0)
    return torch.stack(frames, 2)


@torch.no_grad()
def test_tiny_streaming_equals_whole_clip_and_a_walk_by_hand(tiny):
    latents = torch.randn(2, 4, LATENTS, 3, 5, generator=torch.Generator().manual_seed(3))
    whole = tiny.decode(latents)[0]
    torch.testing.assert_close(one_frame_at_a_time(tiny, latents), whole, rtol=1e-5, atol=1e-5)
    shown = whole.clamp(0, 1) * 2 - 1
    for split in SPLITS:
        torch.testing.assert_close(
            without_hold(streamed(tiny, latents, split)), shown[:, :, 3:], rtol=1e-5, atol=1e-5
        )


def test_tiny_takes_the_published_layout(tiny):
    """The published file also holds an encoder, and grows by two where this decoder keeps one frame."""
    file = dict(tiny.state_dict()) | {"encoder.0.weight": torch.zeros(1)}
    wide = torch.randn(2 * 12, 12, 1, 1)
    file["decoder.7.conv.weight"] = wide
    other = TinyDecoder(SMALL_TAE)
    fill(other, decoder_weights(file, SMALL_TAE), "", "taew2_1.safetensors")
    assert torch.equal(other.decoder[7].conv.weight, wide[12:])
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in TinyDecoder(TaeSpec()).state_dict().items()}
    assert shapes["decoder.1.weight"] == (256, 16, 3, 3) and shapes["decoder.22.weight"] == (3, 64, 3, 3)
    assert shapes["decoder.13.conv.weight"] == (256, 128, 1, 1) and shapes["decoder.15.conv.0.weight"] == (
        64,
        128,
        3,
        3,
    )
    with pytest.raises(BadWeights, match=r"decoder\.1\.weight"):
        fill(
            TinyDecoder(TaeSpec(channels=48, patch=2)),
            decoder_weights(file, SMALL_TAE),
            "",
            "taew2_1.safetensors",
        )
