"""The text encoder and the cleaning of prompts against the publisher's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from golden_data import CLOSE, FOLDER, difference, opened, regenerated
from torch import Tensor
from transformers import UMT5Config, UMT5EncoderModel

from flowbrush.models.cards.spec import Umt5Spec
from flowbrush.models.text.umt5 import Umt5Text, tidy


def test_rows_are_the_publishers() -> None:
    about, golden = opened("umt5")
    weights = regenerated(about["weights"])
    encoder = UMT5EncoderModel(UMT5Config(**about["config"])).eval()
    tied = {
        key: weights["shared.weight"] for key in encoder.state_dict() if key.endswith("embed_tokens.weight")
    }
    encoder.load_state_dict({**weights, **tied})
    given, lengths = golden["input_ids"], about["lengths"]
    mask = torch.zeros_like(given)
    for index, length in enumerate(lengths):
        mask[index, :length] = 1
    asked: dict[str, Any] = {}

    def tokenizer(prompts: Sequence[str], **options: Any) -> dict[str, Tensor]:
        asked.update(options)
        rows = [int(prompt) for prompt in prompts]
        return {"input_ids": given[rows], "attention_mask": mask[rows]}

    text = Umt5Text(Umt5Spec(about["config"]["d_model"], given.shape[1]), encoder, tokenizer)
    together, alone = text(["0", "1", "2"]), torch.cat([text([str(row)]) for row in range(3)])
    assert about["tokenizer"].items() <= asked.items()
    for rows in (together, alone):
        for index, length in enumerate(lengths):
            assert difference(golden[f"rows.{index}"], rows[index, :length]) < CLOSE
            assert not rows[index, length:].any()


def test_prompts_are_cleaned_as_the_publisher_does() -> None:
    pairs = json.loads((FOLDER / "text-cleaning.json").read_text(encoding="utf-8"))["pairs"]
    wrong = {before: tidy(before) for before, after in pairs if tidy(before) != after}
    assert wrong == {}
