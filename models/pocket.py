"""The pocket model put together, from its weights file or at random."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from flowbrush.models.attention import backend
from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.registry import card as card_of
from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.device import Placement
from flowbrush.models.inpainting.inpainter import Inpainter
from flowbrush.models.keyframes import Catalogue, Keyframes
from flowbrush.models.loading.checkpoint import BadWeights, fill, random_like, read, save
from flowbrush.models.segmentation.segmenter import Segmenter
from flowbrush.models.text.pocket import PocketText
from flowbrush.models.transformer import CausalTransformer

RANDOM_VOCABULARY = ("a", "and", "ball", "cat", "dog", "in", "meadow", "the")
RANDOM_CATALOGUE = Catalogue(("ball", "cat", "dog"), ("ground", "ground", "ground"), ("meadow",))
EXACT = ("codec", "light", "text", "keyframes")  # parts that run in fp32


@dataclass
class PocketModel:
    """Networks in evaluation mode on one device; codecs and text encoder stay in fp32.

    Without a segmenter hands take only what a prompt has named or a person has painted, and without an inpainter holes are filled
    with what is around them.
    """

    student: CausalTransformer
    codec: PocketCodec
    light: PocketCodec
    text: PocketText
    keyframes: Keyframes
    segmenter: Segmenter | None = None
    inpainter: Inpainter | None = None

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The networks by name."""
        return {name: module for name, module in vars(self).items() if module is not None}

    def place(self, placement: Placement) -> None:
        for name, module in self.parts.items():
            dtype = torch.float32 if name in EXACT else placement.dtype
            module.to(placement.device, dtype).eval().requires_grad_(False)
        if self.student.shell is not None:  # as its pictures lie, or every pass would turn the weights again
            for weight in self.student.shell.parameters():
                if weight.ndim == 4:
                    weight.data = weight.data.contiguous(memory_format=torch.channels_last)


def load_pocket(
    card: ModelCard, placement: Placement, attention: str = "sdpa", path: Path | None = None
) -> PocketModel:
    """The model of `card`. Raises BadWeights where the file is missing, broken or of another shape."""
    source = path or (None if card.random else card.weights_path)
    tensors, metadata = read(source) if source else ({}, {})
    if source and not {"vocabulary", "catalogue"} <= metadata.keys():
        raise BadWeights(
            f"{source} has no vocabulary and catalogue in its metadata: it is no pocket model of this version"
        )
    vocabulary = json.loads(metadata["vocabulary"]) if source else list(RANDOM_VOCABULARY)
    model = PocketModel(
        CausalTransformer(card.student, backend(attention, placement.device)),
        PocketCodec(card.pocket_codec),
        PocketCodec(card.pocket_light),
        PocketText(card.pocket_text, vocabulary, json.loads(metadata.get("concepts", "[]"))),
        Keyframes(
            card.keyframes_spec, Catalogue.parse(metadata["catalogue"]) if source else RANDOM_CATALOGUE
        ),
        Segmenter(card.pocket_segmenter) if _has(tensors, "segmenter") else None,
        Inpainter(card.pocket_inpainter) if _has(tensors, "inpainter") else None,
    )
    for seed, (name, module) in enumerate(model.parts.items()):
        if source:
            fill(module, tensors, f"{name}.", source.name)
        else:
            random_like(module, seed)
    model.place(placement)
    return model


def load_segmenter() -> Segmenter | None:
    """The segmenter of pocket's weights in main memory, for models that have none of their own: what a thing is does not depend on
    who goes on with the picture. None where those weights are not here.
    """
    pocket = card_of("pocket")
    tensors = read(pocket.weights_path)[0] if pocket.available else {}
    if not _has(tensors, "segmenter"):
        return None
    segmenter = Segmenter(pocket.pocket_segmenter)
    fill(segmenter, tensors, "segmenter.", pocket.weights_path.name)
    return segmenter.float().eval().requires_grad_(False)


def _has(tensors: dict[str, torch.Tensor], part: str) -> bool:
    return any(name.startswith(f"{part}.") for name in tensors)


def save_pocket(path: Path, model: PocketModel, metadata: dict[str, object]) -> None:
    """Writes the weights file; codecs and text encoder in fp32, keyframes in fp16 (smooth skies would band in bf16), the others in
    bf16.
    """
    for name, module in model.parts.items():
        if name not in EXACT:
            module.to(torch.bfloat16)
    model.keyframes.half()
    said = {"vocabulary": list(model.text.vocabulary), "concepts": list(model.text.concepts)}
    said["catalogue"] = asdict(model.keyframes.catalogue)  # type: ignore[assignment]
    save(path, model.parts, {**metadata, **said})
