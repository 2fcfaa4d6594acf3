"""A picture on its way to another one, frame by frame, under hands that go on and a camera that moves."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipelines.holds import Grip
from pipelines.scene import carry, of_the_scene, scene_moves


@dataclass(frozen=True)
class Turn:
    """A change under way: the picture `target` [3, H, W] fp16 that it ends in, as the camera has moved it by now, and the `share`
    of the way that is done, 0..1.
    """

    target: Tensor
    share: float = 0.0


@dataclass(frozen=True)
class Turning:
    """One chunk of a change: the target in each of K frames `video` [3, K, H, W], how far every frame is on the way there from
    the last of the past `weights` [K], and what is left to do after it.
    """

    video: Tensor
    weights: Tensor
    rest: Turn | None

    def mix(self, video: Tensor) -> Tensor:
        """`video` [3, K, H, W] on its way to the target."""
        return video + (self.video - video) * self.weights[:, None, None]

    def under(self, grip: Grip) -> Grip:
        """What hands hold, over ground that turns with the rest."""
        if grip.ahead is None:
            return grip
        ahead = grip.ahead.float()
        ahead = ahead + (self.video[:, -1] - ahead) * self.weights[-1]
        return Grip(grip.things, grip.plate, ahead.half(), grip.idle)


def turn_by(turn: Turn, share: float, groups: Tensor, xy: Tensor, visible: Tensor, grip: Grip) -> Turning:
    """The chunk in which `turn` gets as far as `share`; tracks [N, …] as in `TrackWindow`: the camera moves the target, too."""
    count = xy.shape[1] - 1
    moves, panned = scene_moves(of_the_scene(groups, visible, grip.things)[None], xy[None], visible[None])
    target = turn.target.float()
    video = carry(target[None], moves)[0] if bool(panned) else target[:, None].expand(-1, count, -1, -1)
    steps = torch.arange(1, count + 1, device=target.device) / count
    weights = steps * (share - turn.share) / (1 - turn.share)
    rest = Turn(video[:, -1].half(), share) if share < 1 else None
    return Turning(video, weights, rest)
