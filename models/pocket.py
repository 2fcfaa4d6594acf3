"""The pocket model put together: student, codec and text encoder, from its weights file or at random."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from models.attention import backend
from models.card import ModelCard
from models.checkpoint import BadWeights, fill, random_like, read, save
from models.codecs.pocket import PocketCodec
from models.device import Placement
from models.text.pocket import PocketText
from models.transformer import CausalTransformer

RANDOM_VOCABULARY = ("a", "and", "ball", "cat", "dog", "in", "meadow", "the")


@dataclass
class PocketModel:
    """Networks in evaluation mode on one device; the text encoder and the linear part of the codec stay in
    fp32.
    """

    student: CausalTransformer
    codec: PocketCodec
    text: PocketText

    def place(self, placement: Placement) -> None:
        self.student.to(placement.device, placement.dtype)
        self.codec.to(placement.device).correction.to(placement.dtype)
        self.text.to(placement.device)
        for module in (self.student, self.codec, self.text):
            module.eval().requires_grad_(False)


def load_pocket(
    card: ModelCard, placement: Placement, attention: str = "sdpa", path: Path | None = None
) -> PocketModel:
    """The model of `card`. Raises BadWeights where the file is missing, broken or of another shape."""
    source = path or (None if card.random else card.weights_path)
    tensors, metadata = read(source) if source else ({}, {})
    if source and "vocabulary" not in metadata:
        raise BadWeights(f"{source} has no vocabulary in its metadata: it is not a pocket model")
    vocabulary = json.loads(metadata["vocabulary"]) if source else list(RANDOM_VOCABULARY)
    model = PocketModel(
        CausalTransformer(card.student, backend(attention, placement.device)),
        PocketCodec(card.pocket_codec),
        PocketText(card.pocket_text, vocabulary),
    )
    for seed, (name, module) in enumerate(vars(model).items()):
        if source:
            fill(module, tensors, f"{name}.", source.name)
        else:
            random_like(module, seed)
    model.place(placement)
    return model


def save_pocket(path: Path, model: PocketModel, metadata: dict[str, object]) -> None:
    """Writes the weights file; the student in bf16, the rest in fp32."""
    model.student.to(torch.bfloat16)
    vocabulary = list(model.text.vocabulary)
    save(path, dict(vars(model)), {**metadata, "vocabulary": vocabulary})
