"""A Wan student put together with its codec and text encoder, from a folder of weights or at random."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from flowbrush.models.attention import Shape, choose
from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.needs import ROOM_FOR_TEXT
from flowbrush.models.cards.spec import TaeSpec, Umt5Spec, VaeSpec
from flowbrush.models.codecs.anchored import AnchoredCodec
from flowbrush.models.codecs.base import EncodingCodec
from flowbrush.models.codecs.tae import TinyCodec, fitted
from flowbrush.models.codecs.wan import WanCodec
from flowbrush.models.device import Placement
from flowbrush.models.loading.checkpoint import BadWeights, fill
from flowbrush.models.loading.hub import how_to_get
from flowbrush.models.pocket import load_segmenter
from flowbrush.models.segmentation.segmenter import Segmenter
from flowbrush.models.text.umt5 import RandomText, Umt5Text, load_umt5
from flowbrush.models.transformer import CausalTransformer
from flowbrush.models.wan.checkpoint import SUFFIXES, load_student, load_tensors


@dataclass
class WanModel:
    """Networks in evaluation mode; the text encoder may be on another device than the rest, and the segmenter is in main memory,
    where the last picture is. Without one a hand takes what a person has painted, or what is near it.
    """

    student: CausalTransformer
    codec: TinyCodec | WanCodec | AnchoredCodec
    text: Umt5Text | RandomText
    segmenter: Segmenter | None = None

    def ready(self) -> WanModel:
        for module in (self.student, self.codec, self.text):
            module.eval().requires_grad_(False)
        return self


def load_wan(
    card: ModelCard, placement: Placement, attention: str = "sdpa", folder: Path | None = None
) -> WanModel:
    """The model of `card` from `folder`: student/, lora/, codec/, text_encoder/ and tokenizer/, as `flowbrush
    pull` lays them out, or with the student's file at the top. Raises BadWeights where something is missing,
    broken or of another shape.
    """
    attend = choose(attention, placement.device, placement.dtype, self_attention(card))
    with torch.device("meta"):
        student = CausalTransformer(card.student, attend).to(placement.dtype)
        codec = codec_of(card).to(placement.dtype)
    assert isinstance(card.text, Umt5Spec)
    if card.random:
        fill_at_random(student, placement.device, 0)
        fill_at_random(codec, placement.device, 1)
        return WanModel(student, anchored(codec, card), RandomText(card.text).to(placement.device)).ready()
    folder = folder or card.weights_path
    if not folder.is_dir():
        raise BadWeights(f"no folder {folder} with the weights of {card.name}: {how_to_get(card)}")
    weights = find(folder, "student")
    assert weights is not None
    container = next((source.container for source in card.sources if source.folder == "student"), "")
    load_student(student, weights, find_adapter(card, folder), container)
    student.to(placement.device)
    codec = load_codec(codec, find(folder, "codec"), card).to(placement.device)
    text = load_umt5(card.text, folder, placement.dtype).to(_text_device(placement))
    return WanModel(student, anchored(codec, card), text, load_segmenter()).ready()


def self_attention(card: ModelCard) -> Shape:
    """What a denoising pass of one stream attends with and to, once its window is full."""
    spec, rollout = card.student, card.rollout
    rows, columns = (edge // card.codec.stride // spec.patch for edge in (card.height, card.width))
    chunk = spec.chunk * rows * columns
    passed = card.steps if rollout.joint else 1
    before = {"none": 0, "recompute": 1, "cache": 2 if rollout.joint else spec.sink + spec.window}
    past = before[rollout.past]
    return Shape(passed * chunk, (past + passed) * chunk, spec.heads, spec.head_dim)


def codec_of(card: ModelCard) -> TinyCodec | WanCodec:
    """The codec that the card names, without weights."""
    if isinstance(card.codec, TaeSpec):
        return TinyCodec(card.codec)
    assert isinstance(card.codec, VaeSpec)
    return WanCodec(card.codec)


def anchored(codec: EncodingCodec, card: ModelCard) -> Any:
    """`codec`, encoding one of its pictures again where the card's past begins with it."""
    rollout = card.rollout
    if rollout.past == "recompute" and not rollout.keep_first_frame:
        return AnchoredCodec(codec, card.student.chunk)
    return codec


def find(folder: Path, part: str, needed: bool = True) -> Path | None:
    """The weights of one part: the only file in the folder of that name, the folder where safetensors shards are, or a file at the
    top whose name begins so. None where there is none and none is `needed`. Raises BadWeights, also where it could be several.
    """
    inside = [path for path in sorted((folder / part).rglob("*")) if path.suffix in SUFFIXES]
    top = [path for path in sorted(folder.glob(f"{part}*")) if path.suffix in SUFFIXES]
    found = inside or top
    if len(found) > 1 and all(path.suffix == ".safetensors" for path in found) and inside:
        return found[0].parent  # shards
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(path.name for path in found)
        raise BadWeights(f"more than one file could be the {part} in {folder}: {listed}; leave one")
    if needed:
        raise BadWeights(
            f"no {part} in {folder}: expected one file in {part}/ or {part}.safetensors, {part}.pt, {part}.pth"
        )
    return None


def find_adapter(card: ModelCard, folder: Path) -> Path | None:
    """The adapter to merge into the student. Warns where the model is published with one and the folder has none."""
    adapter = find(folder, "lora", needed=False)
    if adapter is None and any(source.folder == "lora" for source in card.sources):
        warnings.warn(
            f"{card.name} is published with an adapter, and {folder} has none: its student is taken as it is. "
            "If the adapter is not merged into it, put its file into lora/ there.",
            stacklevel=2,
        )
    return adapter


def load_codec(codec: TinyCodec | WanCodec, path: Path | None, card: ModelCard) -> TinyCodec | WanCodec:
    """Fills the codec from a TAEHV file, or from diffusers' AutoencoderKLWan. Raises BadWeights."""
    assert path is not None
    tensors = load_tensors(path)
    if isinstance(codec, TinyCodec):
        fill(codec, fitted(tensors, codec.spec), "", path.name)
    else:
        fill(codec.vae, tensors, "", path.name)
    return codec


def fill_at_random(module: nn.Module, device: torch.device, seed: int) -> None:
    """Gives a module on the meta device repeatable random weights: speed and shapes do not depend on their
    values.
    """
    module.to_empty(device=device)
    generator = torch.Generator(device).manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(0.0, parameter[0].numel() ** -0.5, generator=generator)
            else:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
        for _, buffer in module.named_buffers():
            buffer.zero_()


def reduced(card: ModelCard) -> ModelCard:
    """The same parts and policies at a size for any machine, with random weights: for tests and for a look at
    the path.
    """
    student = replace(card.student, dim=64, ffn_dim=128, heads=2, layers=2, text_dim=32)
    codec = card.codec
    if isinstance(codec, TaeSpec):
        codec = replace(codec, widths=(16, 16, 8, 8))
    stride = codec.stride
    return replace(
        card,
        name=f"{card.name}-small",
        title=f"{card.title}, reduced, random weights",
        width=16 * stride,
        height=8 * stride,
        other_sizes=((8 * stride, 16 * stride),),
        student=student,
        codec=codec,
        text=Umt5Spec(dim=32, length=16),
        random=True,
        sources=(),
    )


def _text_device(placement: Placement) -> torch.device:
    """The device where there is room for the text encoder, else main memory: a prompt is encoded once."""
    if placement.device.type == "cuda" and torch.cuda.mem_get_info(placement.device)[0] > ROOM_FOR_TEXT:
        return placement.device
    return torch.device("cpu")
