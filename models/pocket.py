"""The pocket model put together: student, codec and text encoder, from its weights file or at random."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from models.attention import backend
from models.card import ModelCard
from models.checkpoint import BadWeights, fill, random_like, read, save
from models.codecs.pocket import PocketCodec
from models.cutter import Cutter
from models.device import Placement
from models.inpainter import Inpainter
from models.opener import Opener
from models.text.pocket import PocketText
from models.transformer import CausalTransformer

RANDOM_VOCABULARY = ("a", "and", "ball", "cat", "dog", "in", "meadow", "the")


@dataclass
class PocketModel:
    """Networks in evaluation mode on one device; the text encoder and the linear part of the codec stay in
    fp32.

    Without an opener streams begin from noise, without a cutter colours tell what a hand holds, and without an inpainter holes are
    filled with what is around them.
    """

    student: CausalTransformer
    codec: PocketCodec
    text: PocketText
    opener: Opener | None = None
    cutter: Cutter | None = None
    inpainter: Inpainter | None = None

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The networks by name."""
        return {name: module for name, module in vars(self).items() if module is not None}

    def place(self, placement: Placement) -> None:
        self.student.to(placement.device, placement.dtype)
        self.codec.to(placement.device).correction.to(placement.dtype)
        self.text.to(placement.device)
        for part in (self.opener, self.cutter, self.inpainter):
            if part is not None:
                part.to(placement.device, placement.dtype)
        for module in self.parts.values():
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
        PocketText(card.pocket_text, vocabulary, json.loads(metadata.get("concepts", "[]"))),
        new_opener(card) if card.opener and (not source or _has(tensors, "opener")) else None,
        Cutter(card.cutter) if card.cutter and _has(tensors, "cutter") else None,
        Inpainter(card.inpainter) if card.inpainter and _has(tensors, "inpainter") else None,
    )
    for seed, (name, module) in enumerate(model.parts.items()):
        if source:
            fill(module, tensors, f"{name}.", source.name)
        else:
            random_like(module, seed)
    model.place(placement)
    return model


def _has(tensors: dict[str, torch.Tensor], part: str) -> bool:
    return any(name.startswith(f"{part}.") for name in tensors)


def new_opener(card: ModelCard) -> Opener:
    """An untrained opener of the card's shape. Raises ValueError where the card has none."""
    if card.opener is None:
        raise ValueError(f"{card.name} has no opener")
    stride = card.codec.stride
    grid = (card.height // stride, card.width // stride)
    return Opener(card.opener, card.pocket_codec.channels, card.pocket_text.dim, grid)


def save_pocket(path: Path, model: PocketModel, metadata: dict[str, object]) -> None:
    """Writes the weights file; codec and text encoder in fp32, the others in bf16."""
    model.student.to(torch.bfloat16)
    for part in (model.opener, model.cutter, model.inpainter):
        if part is not None:
            part.to(torch.bfloat16)
    said = {"vocabulary": list(model.text.vocabulary), "concepts": list(model.text.concepts)}
    save(path, model.parts, {**metadata, **said})
