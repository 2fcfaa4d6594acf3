"""Prompts for Wan students: 512 rows, zero after the end, the same numbers as transformers' encoder."""

import pytest
import torch
from transformers import UMT5Config, UMT5EncoderModel

from flowbrush.models.cards.spec import Umt5Spec
from flowbrush.models.loading.checkpoint import BadWeights
from flowbrush.models.text.umt5 import RandomText, Umt5Text, load_umt5, tidy

SPEC = Umt5Spec(dim=16, length=512)


class Words:
    """A tokenizer's double: a number for every word, then the end mark."""

    def __call__(
        self,
        prompts,
        *,
        max_length,
        padding,
        truncation,
        add_special_tokens,
        return_attention_mask,
        return_tensors,
    ):
        assert (
            padding == "max_length"
            and truncation
            and add_special_tokens
            and return_attention_mask
            and return_tensors == "pt"
        )
        ids, mask = torch.zeros(2, len(prompts), max_length, dtype=torch.long)
        for row, prompt in enumerate(prompts):
            tokens = [*[3 + sum(map(ord, word)) % 90 for word in prompt.split()][: max_length - 1], 1]
            ids[row, : len(tokens)], mask[row, : len(tokens)] = torch.tensor(tokens), 1
        return {"input_ids": ids, "attention_mask": mask}


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    config = UMT5Config(vocab_size=100, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    return UMT5EncoderModel(config).eval()


@torch.no_grad()
def test_rows_are_transformers_own_and_zero_after_the_end(encoder):
    text = Umt5Text(SPEC, encoder, Words())
    rows = text(["a fox in the snow", "rain"])
    assert rows.shape == (2, 512, 16)
    for row, (prompt, length) in enumerate((("a fox in the snow", 6), ("rain", 2))):
        ids = Words()([prompt], max_length=length, padding="max_length", truncation=True, add_special_tokens=True,
                      return_attention_mask=True, return_tensors="pt")["input_ids"]  # fmt: skip
        torch.testing.assert_close(
            rows[row, :length], encoder(ids).last_hidden_state[0], rtol=1e-5, atol=1e-5
        )
        assert not rows[row, length:].any()
    assert text.unknown("qwxz") == {}


def test_the_encoder_is_not_given_padding(encoder):
    seen = []

    def watched(ids, attention_mask):
        seen.append(ids.shape)
        return encoder(ids, attention_mask=attention_mask)

    text = Umt5Text(SPEC, encoder, Words())
    text.encoder = type("Watched", (torch.nn.Module,), {"forward": lambda self, *a, **k: watched(*a, **k)})()
    text.encoder.register_parameter("place", torch.nn.Parameter(torch.zeros(1)))
    assert text(["a fox in the snow"]).shape == (1, 512, 16) and seen == [(1, 6)]


def test_a_long_prompt_is_cut(encoder):
    assert Umt5Text(SPEC, encoder, Words())(["word " * 2000]).shape == (1, 512, 16)


@pytest.mark.parametrize(
    ("given", "clean"),
    [("  a\n fox\t ", "a fox"), ("rock &amp;amp; roll", "rock & roll"), ("caf\u00c3\u00a9", "caf\u00e9")],
)
def test_prompts_are_cleaned(given, clean):
    assert tidy(given) == clean


def test_random_text_is_repeatable_and_differs():
    text = RandomText(SPEC)
    a, b = text(["a fox", "a boat"])
    assert torch.equal(a, text(["a fox"])[0]) and not torch.equal(a, b)
    assert a[:3].all() and not a[3:].any()


def test_an_encoder_that_is_not_finite_is_refused(encoder, tmp_path, monkeypatch):
    broken = UMT5EncoderModel(encoder.config)
    with torch.no_grad():
        broken.shared.weight[3, 3] = float("nan")
    broken.save_pretrained(tmp_path / "text_encoder")
    (tmp_path / "tokenizer").mkdir()
    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", lambda *_, **__: Words())
    with pytest.raises(
        BadWeights, match=r"text encoder in .*: shared\.weight has numbers that are not finite"
    ):
        load_umt5(SPEC, tmp_path, torch.float32)


def test_folders_that_hold_no_encoder(tmp_path):
    with pytest.raises(BadWeights, match="no text_encoder in"):
        load_umt5(SPEC, tmp_path, torch.float32)
    (tmp_path / "text_encoder").mkdir()
    (tmp_path / "tokenizer").mkdir()
    with pytest.raises(BadWeights, match="does not load"):
        load_umt5(SPEC, tmp_path, torch.float32)
