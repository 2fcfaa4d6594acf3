"""Words under a photo that nobody touches: is what they speak of what the photo is of, and does it do what they say?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from flowbrush.controls import Control, Prompt, PromptSet
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.selecting import shown
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.training.photos.clicks import overlap

CHUNKS = 16  # four seconds
FAR = 0.1  # of the picture's width: who is told to go has gone
STILL = 0.01  # of it: who jumps is where it was


@dataclass(frozen=True)
class Spoken:
    """Of one photo: how well what the words took agrees with its subject (0..1), whether that went to the side that was said, and
    whether it stayed where it was told to jump, and how much more its pixels changed from frame to frame there than where nothing
    is said (levels of 255).
    """

    agreement: float
    went: bool
    stayed: bool
    change: float


def spoken(generator: Generator, picture: Tensor, truth: Tensor) -> Spoken:
    """What becomes of a photo [3, H, W] in -1..1 whose subject has the mask `truth` [H, W]."""
    columns = truth.sum(0)
    middle = float((columns * torch.arange(len(columns))).sum() / columns.sum())
    side = "left" if middle > len(columns) / 2 else "right"
    before, after, _ = _told(generator, picture, f"it walks to the {side}", truth)
    way = 0.0 if after is None or before is None else (after.pose.x - before.pose.x) / len(columns)
    took = 0.0 if before is None else overlap(shown(before, (truth.shape[0], truth.shape[1])), truth)
    one, other, moved = _told(generator, picture, "it jumps", truth)
    away = abs(other.pose.x - one.pose.x) / len(columns) if one and other else 1.0
    still = _told(generator, picture, "", truth)[2]
    return Spoken(took, (way if side == "right" else -way) > FAR, away < STILL, moved - still)


def means(each: Iterable[Spoken]) -> dict[str, float]:
    """Means over photos."""
    all_of = list(each)
    return {
        "pictures": float(len(all_of)),
        "iou_of_what_is_meant": float(np.mean([one.agreement for one in all_of])),
        "above_0.5": float(np.mean([one.agreement >= 0.5 for one in all_of])),
        "went_where_told": float(np.mean([one.went for one in all_of])),
        "jumped_in_place": float(np.mean([one.stayed for one in all_of])),
        "change_when_it_jumps": float(np.mean([one.change for one in all_of])),
    }


def _told(
    generator: Generator, picture: Tensor, text: str, where: Tensor
) -> tuple[Layer | None, Layer | None, float]:
    """What was taken of the photo, as it was at first and is at the end, and the change from frame to frame `where` its subject is
    at first.
    """
    height, width = where.shape
    pixels = ((picture.clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).to(torch.uint8).numpy()
    state = generator.start(
        StreamSettings(generator.card.name, (), width, height, generator.card.fps, image=pixels)
    )
    generator.step([state], [()])
    said: tuple[Control, ...] = (PromptSet(prompts=(Prompt(text=text),)),) if text else ()
    frames, first = list[np.ndarray](), None
    for chunk in range(CHUNKS):
        frames += list(generator.step([state], [said if chunk == 0 else ()])[0].frames)
        first = _cut(state.memory) if chunk == 0 else first
    last = _cut(state.memory)
    generator.release(state)
    changes = np.abs(np.diff(np.stack(frames).astype(np.int16), axis=0)).mean((0, 3))
    return first, last, float(changes[where.numpy() > 0.5].mean())


def _cut(memory: object) -> Layer | None:
    layers = memory.layers if isinstance(memory, LayerStack) else ()
    return next((layer for layer in layers if layer.cut), None)
