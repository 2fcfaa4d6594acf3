"""Clips never trained on, made again from their references: the student, the student bypassed, and the truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from flowbrush.models.pocket import PocketModel
from flowbrush.training.evaluation.measures import LiveTally
from flowbrush.training.playback import clip_frames
from flowbrush.training.pool import reference_of
from flowbrush.training.world.living import LivingClip, LivingWorld

HELD_OUT = 900_000_000  # evaluation seeds live far from those of training
FRAMES = 48


KINDS = ("bypassed", "student", "truth")


@contextmanager
def noise_of(seed: int) -> Iterator[None]:
    """What PyTorch draws inside depends on `seed` alone, and nothing outside on what is drawn inside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def made_again(model: PocketModel, steps: int, clip: LivingClip, seed: int) -> Tensor:
    """A clip by each of KINDS: [3, F, 3, H, W] in 0..1. The student sees its references and makes all of it, each latent frame
    from its own past, with noise of `seed`.
    """
    rigid = reference_of(clip).frames.flatten(0, 1)
    with noise_of(seed):
        made = clip_frames(model.student, (model.codec, model.light), model.text, clip, steps)
    return torch.stack([rigid, made, clip.frames.float() / 255])


class LiveClips:
    """Tallies of the student and of its reference alone over clips; the truth's own figures are 1 by definition, and inf dB."""

    def __init__(self, model: PocketModel, steps: int, size: tuple[int, int]) -> None:
        self.model, self.steps, self.world = model, steps, LivingWorld(*size)
        self.tallies = {kind: LiveTally() for kind in KINDS}

    def clip(self, seed: int) -> Tensor:
        """Counts one clip. Returns it by each of KINDS: [3, F, 3, H, W] in 0..1."""
        clip = self.world.make(np.random.default_rng([HELD_OUT, seed]), FRAMES)
        shown = made_again(self.model, self.steps, clip, seed)
        for tally, frames in zip(self.tallies.values(), shown, strict=True):
            tally.add(frames, shown[0], shown[-1])
        return shown

    def report(self) -> dict[str, dict[str, float]]:
        return {kind: self.tallies[kind].report() for kind in ("student", "bypassed", "truth")}
