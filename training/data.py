"""Batches drawn from the pool: which clips, which stretches, which parts of the picture. Drawn ahead by other processes where that
pays.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from flowbrush.models.parent import end_with_parent
from flowbrush.models.text.pocket import PocketText
from flowbrush.training.forcing import Batch
from flowbrush.training.pool import Pool

Rng = np.random.Generator
AHEAD = 3  # steps that each loader process is ahead


@dataclass
class Draw:
    """What was drawn for one batch: places in the pool, first latent frames, corners of the crops (row, column), their size in
    cells, and captions.
    """

    clips: list[int]
    starts: list[int]
    corners: list[tuple[int, int]]
    count: int
    crop: tuple[int, int]
    captions: list[str]


class Source:
    """The pool in memory."""

    def __init__(self, pool: Pool, text: PocketText, device: torch.device) -> None:
        self.pool, self.text, self.device = pool, text, device
        for sample in pool.samples:  # once: a step then copies nothing from main memory
            sample.latents, sample.maps = sample.latents.to(device), sample.maps.to(device)
        self.tokens: dict[str, Tensor] = {}

    def draw(
        self,
        rng: Rng,
        size: int,
        count: int,
        crop: tuple[int, int],
        *,
        blank: float,
        begins: float,
    ) -> Draw:
        """`size` stretches of `count` latent frames, `crop` (rows, columns) cells of each. A share `blank` has no caption, a share
        `begins` starts with its clip, so that there is no past; with 0 every stretch that is shorter than its clip has one.
        """
        samples = self.pool.samples
        fits = [i for i, s in enumerate(samples) if s.maps.shape[2] >= crop[0] and s.maps.shape[3] >= crop[1]]
        clips = rng.choice(fits, size=size).tolist()
        starts, corners, captions = [], [], []
        for clip in clips:
            total, rows, columns = (samples[clip].maps.shape[axis] for axis in (0, 2, 3))
            latest = total - count
            late = int(rng.integers(0 if begins or not latest else 1, latest + 1))
            starts.append(0 if rng.random() < begins else late)
            corners.append(
                (int(rng.integers(0, rows - crop[0] + 1)), int(rng.integers(0, columns - crop[1] + 1)))
            )
            captions.append("" if rng.random() < blank else samples[clip].caption)
        return Draw(clips, starts, corners, count, crop, captions)

    def batch(self, draw: Draw) -> Batch:
        """The draw as tensors on the training's device."""
        cuts = list(zip(draw.clips, draw.starts, draw.corners, strict=True))
        latents = torch.stack([self._cut("latents", draw, *cut) for cut in cuts])
        maps = torch.stack([self._cut("maps", draw, *cut) for cut in cuts])
        before = [
            self._cut("latents", draw, clip, start - 1, corner)[0]
            if start
            else torch.zeros_like(latents[0, 0])
            for clip, start, corner in cuts
        ]
        has_past = torch.ones(len(cuts), draw.count)
        has_past[:, 0] = torch.tensor([float(start > 0) for _, start, _ in cuts])
        text = torch.stack([self._encode(caption) for caption in draw.captions])
        places = (torch.stack(before), maps, has_past.to(self.device), text.to(self.device))
        return Batch(latents, *places, draw.captions)

    def _cut(self, name: str, draw: Draw, clip: int, start: int, corner: tuple[int, int]) -> Tensor:
        value, (row, column), (rows, columns) = getattr(self.pool.samples[clip], name), corner, draw.crop
        cut = value[start : start + draw.count, :, row : row + rows, column : column + columns]
        made: Tensor = cut.float()
        return made

    @torch.no_grad()
    def _encode(self, caption: str) -> Tensor:
        if caption not in self.tokens:
            self.tokens[caption] = self.text([caption])[0].cpu()
        return self.tokens[caption]


class _Steps(Dataset[list[Any]]):
    def __init__(self, draws: Callable[[int], list[Any]]) -> None:
        self.draws = draws

    def __getitem__(self, step: int) -> list[Any]:
        return self.draws(step)


def ahead(draws: Callable[[int], list[Any]], first: int, loaders: int) -> Generator[list[Any], None, None]:
    """draws(first), draws(first + 1), … without end; drawn by `loaders` processes, which end when it is closed, or in this one if
    that is 0.

    Draws are plain arrays: they go through pipes, not through shared memory, of which containers have
    little.
    """
    if loaders == 0:
        step = first
        while True:
            yield draws(step)
            step += 1
    loader = DataLoader(
        _Steps(draws),
        batch_size=None,
        sampler=range(first, 2**31),
        num_workers=loaders,
        prefetch_factor=AHEAD,
        multiprocessing_context="fork",
        worker_init_fn=_begin,
    )
    yield from loader


def _begin(worker: int) -> None:
    """Ctrl-C is for the training itself, which ends its loaders; they end with it, too, where it is killed."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
