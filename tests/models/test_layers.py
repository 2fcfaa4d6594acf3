"""Parts of the transformer, each against its formula."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from flowbrush.models.attention import sdpa
from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.layers import CrossAttention, ResBlock, RMSNorm, timestep_code

SPEC = StudentSpec(latent_channels=4, dim=24, ffn_dim=48, heads=2, layers=1, text_dim=8)


def test_rms_norm_divides_by_the_root_mean_square() -> None:
    norm = RMSNorm(6, 1e-6)
    nn.init.normal_(norm.weight)
    x = torch.randn(2, 3, 6) * 5
    expected = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * norm.weight
    assert torch.allclose(norm(x), expected, atol=1e-5)


def test_rms_norm_in_bf16_is_worked_out_in_fp32() -> None:
    norm = RMSNorm(256, 1e-6).to(torch.bfloat16)
    x = torch.full((1, 256), 300.0, dtype=torch.bfloat16)
    assert torch.allclose(norm(x).float(), torch.ones(1, 256), atol=0.01)


def test_timesteps_are_coded_by_cosines_then_sines() -> None:
    code = timestep_code(torch.tensor([[0.0, 250.5]]), 8)
    assert code.shape == (1, 2, 8) and code.dtype is torch.float32
    assert code[0, 0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    for k in range(4):
        angle = 250.5 * 10000 ** (-k / 4)
        assert float(code[0, 1, k]) == pytest.approx(math.cos(angle), abs=1e-5)
        assert float(code[0, 1, 4 + k]) == pytest.approx(math.sin(angle), abs=1e-5)


def test_text_keys_can_be_kept_while_the_prompt_stays() -> None:
    attention = CrossAttention(SPEC)
    x, text = torch.randn(2, 5, 24), torch.randn(2, 3, 24)
    kept = attention.keys_values(text)
    assert kept[0].shape == (2, 3, 2, 12)
    assert torch.equal(attention(x, kept, sdpa), attention(x, attention.keys_values(text), sdpa))
    assert not torch.allclose(attention(x, kept, sdpa), attention(x, attention.keys_values(text + 1), sdpa))


@pytest.mark.parametrize("frames", [1, 3])
def test_each_token_can_hear_words_of_its_own(frames: int) -> None:
    """As if the whole picture had heard them, in every latent frame."""
    attention = CrossAttention(SPEC)
    x, texts = torch.randn(2, frames * 5, 24), torch.randn(2, 5, 3, 24)
    words = [each.unflatten(0, (2, 5)) for each in attention.keys_values(texts.flatten(0, 1))]
    out = attention(x, (words[0], words[1]), sdpa)
    for token in range(5):
        whole = attention(x, attention.keys_values(texts[:, token]), sdpa)
        assert torch.allclose(out[:, token::5], whole[:, token::5], atol=1e-6)


@pytest.mark.parametrize("norm", [True, False])
def test_a_residual_block_starts_as_the_identity(norm: bool) -> None:
    x = torch.randn(1, 16, 5, 7)
    assert torch.equal(ResBlock(16, norm)(x), x)


def test_without_a_norm_a_crop_is_treated_as_the_whole_picture_is() -> None:
    block = ResBlock(8, norm=False)
    nn.init.normal_(block.conv2.weight, std=0.1)
    x = torch.randn(1, 8, 16, 16)
    assert torch.allclose(block(x)[..., 4:12, 4:12], block(x[..., 2:14, 2:14])[..., 2:10, 2:10], atol=1e-5)
