"""Codecs that go on from chunk to chunk give what one pass over the whole clip gives, in both directions."""

import pytest
import torch
from diffusers import AutoencoderKLWan

from flowbrush.models.cards.spec import TaeSpec, VaeSpec
from flowbrush.models.codecs.anchored import AnchoredCodec
from flowbrush.models.codecs.tae import TinyCodec, fitted
from flowbrush.models.codecs.wan import WanCodec
from flowbrush.models.loading.checkpoint import BadWeights, fill

LATENTS, SPLITS = 6, [(3, 3), (1, 2, 3), (1, 1, 1, 1, 1, 1)]
SMALL_TAE = TaeSpec(channels=4, widths=(12, 8, 8, 6))


def streamed(codec, latents, split):
    """Frames of `latents` decoded in chunks of the sizes in `split`."""
    frames, states = [], [()] * len(latents)
    for part in torch.split(latents, split, 2):
        made, states = codec.stream(part, states)
        frames.append(made)
    return torch.cat(frames, 2)


def encoded(codec, frames, split):
    """Latents of `frames` encoded in chunks of as many latent frames as `split` says."""
    latents, states = [], [()] * len(frames)
    for part in torch.split(frames, [4 * count for count in split], 2):
        made, states = codec.encode(part, states)
        latents.append(made)
    return torch.cat(latents, 2)


def clip(rows, latent_frames, height, width):
    """Frames in -1..1, the first of them shown four times."""
    generator = torch.Generator().manual_seed(4)
    frames = torch.rand(rows, 3, 4 * latent_frames, height, width, generator=generator) * 2 - 1
    frames[:, :, :4] = frames[:, :, :1]
    return frames


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


@torch.no_grad()
def test_wan_encoding_equals_the_whole_clip(wan):
    frames = clip(1, LATENTS, 32, 32)
    mean, std = (
        torch.tensor(v).view(1, -1, 1, 1, 1)
        for v in (wan.vae.config.latents_mean, wan.vae.config.latents_std)
    )
    whole = (wan.vae.encode(frames[:, :, 3:]).latent_dist.mode() - mean) / std
    for split in SPLITS:
        torch.testing.assert_close(encoded(wan, frames, split), whole, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(wan.encode_still(frames[:, :, 0]), whole[:, :, 0], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_wan_streams_of_different_age_share_an_encoder(wan):
    frames = clip(2, 4, 32, 32)
    alone = [encoded(wan, frames[row : row + 1], (2, 2)) for row in range(2)]
    _, older = wan.encode(frames[:1, :, :8], [()])
    together, _ = wan.encode(torch.stack([frames[0, :, 8:], frames[1, :, :8]]), [older[0], ()])
    torch.testing.assert_close(together[0], alone[0][0, :, 2:], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(together[1], alone[1][0, :, :2], rtol=1e-5, atol=1e-5)


def test_wan_default_is_the_published_autoencoder():
    with torch.device("meta"):
        ours, theirs = WanCodec(VaeSpec()).vae, AutoencoderKLWan()
    assert ours.state_dict().keys() == theirs.state_dict().keys()


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return TinyCodec(SMALL_TAE).eval()


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


@torch.no_grad()
def one_picture_at_a_time(codec, frames):
    """The encoder walked through by hand, a frame at a time: memories and unpooled frames in a list."""
    memories, latents = {}, []

    def walk(x, index):
        if index == len(codec.encoder):
            latents.append(x)
            return
        layer = codec.encoder[index]
        kind = type(layer).__name__
        if kind == "MemoryBlock":
            out = torch.relu(layer.conv(torch.cat([x, memories.get(index, torch.zeros_like(x))], 1)) + x)
            memories[index] = x
            walk(out, index + 1)
        elif kind == "Pool":
            held = [*memories.get(index, []), x]
            memories[index] = held if len(held) < layer.stride else []
            if not memories[index]:
                walk(layer.conv(torch.cat(held, 1)), index + 1)
        else:
            walk(layer(x), index + 1)

    for index in range(frames.shape[2]):
        walk((frames[:, :, index] + 1) / 2, 0)
    return torch.stack(latents, 2)


@torch.no_grad()
def test_tiny_encoding_equals_the_whole_clip_and_a_walk_by_hand(tiny):
    frames = clip(2, LATENTS, 16, 24)
    whole = tiny.encode(frames, [(), ()])[0]
    assert whole.shape == (2, 4, LATENTS, 2, 3)
    torch.testing.assert_close(one_picture_at_a_time(tiny, frames), whole, rtol=1e-5, atol=1e-5)
    for split in SPLITS:
        torch.testing.assert_close(encoded(tiny, frames, split), whole, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(tiny.encode_still(frames[:, :, 0]), whole[:, :, 0], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_patches_go_in_as_they_come_out():
    torch.manual_seed(1)
    codec = TinyCodec(TaeSpec(channels=4, stride=16, widths=(12, 8, 8, 6), patch=2)).eval()
    latents = codec.encode_still(torch.zeros(1, 3, 32, 48))
    assert latents.shape == (1, 4, 2, 3)
    assert codec.stream(latents[:, :, None], [()])[0].shape == (1, 3, 4, 32, 48)


@torch.no_grad()
def test_an_anchor_is_the_oldest_picture_that_is_kept_encoded_again(tiny):
    codec = AnchoredCodec(tiny, 3)
    latents = torch.randn(2, 4, 6, 2, 3, generator=torch.Generator().manual_seed(5))
    frames, states = codec.stream(latents[:, :, :3], [(), ()])
    expected, plain = tiny.stream(latents[:, :, :3], [(), ()])
    assert torch.equal(frames, expected)
    frames, states = codec.stream(latents[:, :, 3:], states)
    expected, _ = tiny.stream(latents[:, :, 3:], plain)
    assert torch.equal(frames, expected) and frames.shape[2] == 12
    anchors = tiny.encode_still(
        frames[:, :, 3]
    )  # nine pictures are kept: one, and four for each latent frame after it
    for row in range(2):
        torch.testing.assert_close(states[row][0], anchors[row])


def test_tiny_takes_the_published_layout(tiny):
    """The published file grows by two where this decoder keeps one frame."""
    file = dict(tiny.state_dict())
    wide = torch.randn(2 * 12, 12, 1, 1)
    file["decoder.7.conv.weight"] = wide
    other = TinyCodec(SMALL_TAE)
    fill(other, fitted(file, SMALL_TAE), "", "taew2_1.safetensors")
    assert torch.equal(other.decoder[7].conv.weight, wide[12:])
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in TinyCodec(TaeSpec()).state_dict().items()}
    assert shapes["decoder.1.weight"] == (256, 16, 3, 3) and shapes["decoder.22.weight"] == (3, 64, 3, 3)
    assert shapes["decoder.13.conv.weight"] == (256, 128, 1, 1) and shapes["decoder.15.conv.0.weight"] == (
        64,
        128,
        3,
        3,
    )
    assert shapes["encoder.0.weight"] == (64, 3, 3, 3) and shapes["encoder.2.conv.weight"] == (64, 128, 1, 1)
    assert shapes["encoder.12.conv.weight"] == (64, 64, 1, 1) and shapes["encoder.17.weight"] == (
        16,
        64,
        3,
        3,
    )
    with pytest.raises(BadWeights, match=r"coder\.\d+\.weight"):
        fill(
            TinyCodec(TaeSpec(channels=48, patch=2)),
            fitted(file, SMALL_TAE),
            "",
            "taew2_1.safetensors",
        )
