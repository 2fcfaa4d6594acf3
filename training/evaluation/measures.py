"""Measures of what lives: on the pixels where the world's truth differs from the rigid reference. Frames are [F, 3, H, W] in
0..1.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

LIVE = 0.04  # mean difference of colours from which on a pixel counts as alive: below it nobody sees it
FINE = 0.25  # cycles a pixel: what is above is fine detail, where a blend of pictures loses its power first


@dataclass
class LiveTally:
    """Sums over clips, of one kind of pictures against the truth."""

    error: list[float] = field(default_factory=list)  # mean square on live pixels
    amplitude: list[float] = field(
        default_factory=list
    )  # distance from the rigid reference against the truth's
    sharpness: list[float] = field(default_factory=list)  # mean gradient on live pixels against the truth's
    energy: list[float] = field(default_factory=list)  # change from frame to frame against the truth's
    fine: list[float] = field(default_factory=list)  # power above FINE against the truth's

    def add(self, made: Tensor, rigid: Tensor, truth: Tensor) -> None:
        """Counts one clip."""
        live = live_pixels(rigid, truth)
        if not live.any():
            return
        self.error.append(float((made - truth).square().mean(1)[live].mean()))
        self.amplitude.append(
            float((made - rigid).abs().mean(1)[live].mean() / (truth - rigid).abs().mean(1)[live].mean())
        )
        self.sharpness.append(float(gradient(made)[live].mean() / gradient(truth)[live].mean()))
        self.energy.append(motion_energy(made) / max(motion_energy(truth), 1e-9))
        self.fine.append(fine_power(made) / fine_power(truth))

    def report(self) -> dict[str, float]:
        """Medians over the clips; the PSNR in dB of their mean error."""
        if not self.error:
            return {}
        medians = {name: float(np.median(values)) for name, values in asdict(self).items() if name != "error"}
        return {"live_psnr_db": -10 * math.log10(max(float(np.mean(self.error)), 1e-10)), **medians}


def live_pixels(rigid: Tensor, truth: Tensor) -> Tensor:
    """Where the truth differs visibly from the rigid reference: bool [F, H, W]."""
    return (truth - rigid).abs().mean(1) > LIVE


def gradient(frames: Tensor) -> Tensor:
    """How steep the grey picture is at each pixel [F, H, W]."""
    grey = F.pad(frames.mean(1, keepdim=True), (0, 1, 0, 1), mode="replicate")[:, 0]
    across, down = grey[:, :-1, 1:] - grey[:, :-1, :-1], grey[:, 1:, :-1] - grey[:, :-1, :-1]
    return (across.square() + down.square()).sqrt()


def motion_energy(frames: Tensor) -> float:
    """Mean absolute change from one frame to the next."""
    return float(frames.diff(dim=0).abs().mean())


def fine_power(frames: Tensor) -> float:
    """Power of the grey pictures above FINE cycles a pixel (radial)."""
    grey = frames.mean(1) - frames.mean((1, 2, 3))[:, None, None]
    power = torch.fft.rfft2(grey, norm="ortho").abs().square().mean(0)
    down = torch.fft.fftfreq(grey.shape[-2])[:, None]
    across = torch.fft.rfftfreq(grey.shape[-1])
    return float(power[(down.square() + across.square()).sqrt() > FINE].mean())
