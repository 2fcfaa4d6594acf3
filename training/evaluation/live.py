"""Clips never trained on, made again from their references: the student, the student bypassed, and the truth."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from flowbrush.models.pocket import PocketModel
from flowbrush.training.evaluation.measures import LiveTally
from flowbrush.training.playback import clip_frames
from flowbrush.training.pool import reference_of
from flowbrush.training.world.living import LivingWorld

HELD_OUT = 900_000_000  # evaluation seeds live far from those of training
FRAMES = 48


class LiveClips:
    """Tallies of the student and of its reference alone over clips; the truth's own figures are 1 by definition, and inf dB."""

    def __init__(self, model: PocketModel, steps: int, size: tuple[int, int]) -> None:
        self.model, self.steps, self.world = model, steps, LivingWorld(*size)
        self.student, self.bypassed, self.truth = LiveTally(), LiveTally(), LiveTally()

    def clip(self, seed: int) -> Tensor:
        """Counts one clip. Returns bypassed, student's and true frames, [3, F, 3, H, W] in 0..1."""
        clip = self.world.make(np.random.default_rng([HELD_OUT, seed]), FRAMES)
        model, truth = self.model, clip.frames.float() / 255
        rigid = reference_of(clip).frames.flatten(0, 1)
        made = clip_frames(model.student, (model.codec, model.light), model.text, clip, self.steps)
        for tally, frames in ((self.student, made), (self.bypassed, rigid), (self.truth, truth)):
            tally.add(frames, rigid, truth)
        return torch.stack([rigid, made, truth])

    def report(self) -> dict[str, dict[str, float]]:
        kinds = {"student": self.student, "bypassed": self.bypassed, "truth": self.truth}
        return {name: tally.report() for name, tally in kinds.items()}
