"""Batches drawn from the pool: which clips, which stretches, which tracks. Drawn ahead by other processes
where that pays.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from models.text.pocket import PocketText
from models.track_encoder import PACKED
from pipelines.motion import TrackWindow
from training.change_pool import Changed
from training.forcing import Batch, assemble
from training.pool import Pool, Sample, cut
from training.tracks import TrackSampler
from training.world import lexicon
from training.world.sprites import SpriteBook

Rng = np.random.Generator
AHEAD = 3  # steps that each loader process is ahead


@dataclass
class Draw:
    """What was drawn for one batch: places in the pool, captions, and tracks as arrays (see TrackWindow)."""

    clips: list[int]
    starts: list[int]
    count: int  # latent frames
    captions: list[str]
    ids: np.ndarray
    xy: np.ndarray
    visible: np.ndarray
    groups: np.ndarray


@dataclass
class ChangeDraw:
    """What was drawn for a batch of changes: places among them."""

    places: list[int]


class Source:
    """The pool with its latents on the training's device, and the sampler of tracks."""

    def __init__(
        self, pool: Pool, changes: list[Changed], tracks: TrackSampler, text: PocketText, device: torch.device
    ) -> None:
        self.samples, self.tracks, self.text, self.device = pool.samples, tracks, text, device
        self.changes_kept = changes
        self.latents = [sample.latents.to(device) for sample in pool.samples]

    def draw(self, rng: Rng, size: int, frames: int, *, blank: float = 0.1, persistent: bool = False) -> Draw:
        """`size` random stretches of `frames` frames, a share `blank` of them without caption. Touches no
        device.
        """
        count = frames // PACKED
        clips = rng.integers(len(self.samples), size=size).tolist()
        starts = [int(rng.integers(0, self.samples[clip].latents.shape[1] - count + 1)) for clip in clips]
        stretches = [cut(self.samples[c], s, count) for c, s in zip(clips, starts, strict=True)]
        windows = [self._tracks(stretch, rng, persistent) for stretch in stretches]
        captions = ["" if rng.random() < blank else stretch.caption for stretch in stretches]
        ids, xy, visible, groups = (
            torch.cat([getattr(w, name) for w in windows]).numpy()
            for name in ("ids", "xy", "visible", "groups")
        )
        return Draw(clips, starts, count, captions, ids, xy, visible, groups)

    def _tracks(self, stretch: Sample, rng: Rng, persistent: bool) -> TrackWindow:
        return self.tracks.sample(stretch.objects, stretch.camera, rng, persistent)

    def batch(self, draw: Draw) -> Batch:
        """The draw as tensors on the training's device."""
        latents = [
            self.latents[clip][:, start : start + draw.count]
            for clip, start in zip(draw.clips, draw.starts, strict=True)
        ]
        arrays = (draw.ids, draw.xy, draw.visible, draw.groups)
        windows = TrackWindow(*(torch.from_numpy(x) for x in arrays)).to(self.device)
        return assemble(torch.stack(latents), windows, draw.captions, self.text)

    def draw_changes(self, rng: Rng, size: int) -> ChangeDraw:
        """`size` pictures and what their captions make of them. Touches no device."""
        return ChangeDraw(rng.integers(len(self.changes_kept), size=size).tolist())

    def changes(self, draw: ChangeDraw) -> Batch:
        """The draw as tensors: two latent frames, of which the first is the picture that changes."""
        drawn = [self.changes_kept[place] for place in draw.places]
        latents = torch.stack([torch.stack([one.before, one.after], 1) for one in drawn]).to(self.device)
        rows = 2 * len(drawn)
        nothing = TrackWindow(
            torch.zeros(rows, 0, dtype=torch.long),
            torch.zeros(rows, 0, 1 + PACKED, 2),
            torch.zeros(rows, 0, 1 + PACKED, dtype=torch.bool),
        )
        return assemble(latents, nothing.to(self.device), [one.caption for one in drawn], self.text)


class _Steps(Dataset):
    def __init__(self, draws: Callable[[int], list[Any]]) -> None:
        self.draws = draws

    def __getitem__(self, step: int) -> list[Any]:
        return self.draws(step)


def ahead(draws: Callable[[int], list[Any]], first: int, loaders: int) -> Iterator[list[Any]]:
    """draws(first), draws(first + 1), … without end; drawn by `loaders` processes, or in this one if that
    is 0.

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
        worker_init_fn=_deaf,
    )
    yield from loader


def _deaf(worker: int) -> None:
    """Ctrl-C is for the training itself, which ends its loaders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def track_sampler(width: int, height: int) -> TrackSampler:
    """A sampler that knows where every object of the lexicon can be touched."""
    book = SpriteBook({noun.name: noun.glyph for noun in lexicon.CORE + lexicon.EXTRA})
    return TrackSampler({name: book.alpha_points(name).numpy() for name in book.levels}, width, height)
