"""Wan's text encoder: UMT5 by transformers, 512 rows a prompt, those after its end zero. The student attends
to all of them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.cards.spec import Umt5Spec
from flowbrush.models.loading.checkpoint import BadWeights, check_finite

SPACES = re.compile(r"\s+")
Tokenizer = Callable[..., Any]


class Umt5Text(nn.Module):
    """Prompts → text tokens [B, length, dim]."""

    slow = True

    def __init__(self, spec: Umt5Spec, encoder: nn.Module, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.spec, self.encoder, self.tokenizer = spec, encoder, tokenizer

    def left_out(self, text: str) -> list[str]:
        """Nothing is left out."""
        return []

    def remarks(self, text: str) -> list[str]:
        """It reads many languages and styles."""
        return []

    def unknown(self, text: str) -> dict[str, str]:
        """No word is unknown: the vocabulary is made of parts of words."""
        return {}

    @torch.inference_mode()
    def forward(self, prompts: Sequence[str]) -> Tensor:
        given = self.tokenizer(
            [tidy(prompt) for prompt in prompts],
            max_length=self.spec.length,
            padding="max_length",
            truncation=True,
            add_special_tokens=True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        device = next(self.encoder.parameters()).device
        length = int(given["attention_mask"].sum(1).max())  # the rest is zero rows, which need no encoder
        mask = given["attention_mask"][:, :length].to(device)
        rows = self.encoder(given["input_ids"][:, :length].to(device), attention_mask=mask).last_hidden_state
        rows = rows.masked_fill(mask[..., None] == 0, 0.0)
        return F.pad(rows, (0, 0, 0, self.spec.length - length))


class RandomText(nn.Module):
    """Stands for UMT5 where the weights are random: repeatable noise of the right shape, zero after the
    prompt's end.
    """

    slow = True
    place: Tensor

    def __init__(self, spec: Umt5Spec) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("place", torch.zeros(1), persistent=False)

    def left_out(self, text: str) -> list[str]:
        """Nothing is left out."""
        return []

    def remarks(self, text: str) -> list[str]:
        """It reads many languages and styles."""
        return []

    def unknown(self, text: str) -> dict[str, str]:
        """Nothing is known, so nothing is unknown."""
        return {}

    def forward(self, prompts: Sequence[str]) -> Tensor:
        rows = torch.zeros(len(prompts), self.spec.length, self.spec.dim)
        for row, prompt in enumerate(prompts):
            data = tidy(prompt).encode()
            generator = torch.Generator().manual_seed(int.from_bytes(data[:6], "little") * 31 + len(data))
            length = min(len(data.split()) + 1, self.spec.length)
            rows[row, :length] = 0.1 * torch.randn(length, self.spec.dim, generator=generator)
        return rows.to(self.place.device)


def tidy(prompt: str) -> str:
    """A prompt as the published students' text was cleaned: broken characters mended, entities resolved,
    spaces single.
    """
    import ftfy

    return SPACES.sub(" ", html.unescape(html.unescape(ftfy.fix_text(prompt)))).strip()


def load_umt5(spec: Umt5Spec, folder: Path, dtype: torch.dtype) -> Umt5Text:
    """The encoder from `folder`/text_encoder and `folder`/tokenizer, as diffusers lays a Wan model out.
    Raises BadWeights.
    """
    for name in ("text_encoder", "tokenizer"):
        if not (folder / name).is_dir():
            raise BadWeights(
                f"no {name} in {folder}: expected the text_encoder and tokenizer folders of a Wan 2.1 model"
            )
    try:
        from transformers import AutoTokenizer, UMT5EncoderModel
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise BadWeights(
            "the text encoder of Wan needs more packages: pip install 'flowbrush[wan]'"
        ) from error
    disable_progress_bar()  # in the log of a server it is a line of control characters
    try:
        encoder = UMT5EncoderModel.from_pretrained(
            folder / "text_encoder", dtype=dtype, local_files_only=True, use_safetensors=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise BadWeights(f"the text encoder in {folder} does not load ({error}): fetch it again") from error
    if encoder.config.d_model != spec.dim:
        raise BadWeights(
            f"the text encoder in {folder} is {encoder.config.d_model} wide, the student expects {spec.dim}"
        )
    check_finite(encoder.state_dict(), f"the text encoder in {folder}")
    return Umt5Text(spec, encoder, tokenizer)
