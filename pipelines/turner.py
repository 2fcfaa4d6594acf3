"""What a running picture is to become when its prompt changes (pocket).

A student that continues pictures hardly makes what is not there. The opener knows what prompts look like; the picture that is to
come is put together from what it makes of the old and of the new prompt and from the running picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.opener import Opener
from models.pocket import PocketModel
from models.text.pocket import PocketText
from pipelines.controls import Blend
from pipelines.holds import Grip
from pipelines.picture_tools import PictureTools
from pipelines.prompts import Prompts
from pipelines.state import StreamState
from pipelines.things import Thing, among, around, everywhere, things_in, whole, with_things, without
from pipelines.turning import Turn

SAME_SCENE = 0.12  # mean difference of two grounds, in -1..1, up to which they are one scene
SEEN = 0.1  # difference from the picture without what hands hold from which on it is there
ROOM = 0.2  # share of a thing's place that others may have
SAME_VIEW = 0.05  # and up to which they are also seen from one place


@dataclass(frozen=True)
class Turner:
    """What is needed to turn a stream's picture into that of another prompt."""

    opener: Opener
    tools: PictureTools
    codec: PocketCodec
    text: PocketText
    prompts: Prompts

    @classmethod
    def of(cls, model: PocketModel, tools: PictureTools, prompts: Prompts) -> Turner | None:
        """None for a model without opener or cutter: its student alone makes what a new prompt says."""
        if model.opener is None or tools.cutter is None:
            return None
        return cls(model.opener, tools, model.codec, model.text, prompts)

    @torch.inference_mode()
    def begin(self, state: StreamState, prompt: Blend, grip: Grip) -> Turn | None:
        """The change of a stream to `prompt`. None where there is no picture yet, or no word that the model knows."""
        if state.last is None or not any(self.text.knows(text) for text, _ in prompt):
            return None
        old, new = (
            self.codec.picture(opened(self.opener, self.prompts.blend(blend), state.settings.seed))[0]
            for blend in (state.controls.prompt, prompt)
        )
        size = torch.tensor([old.shape[-1], old.shape[-2]], device=old.device)
        places = torch.tensor(self.opener.spec.places, device=old.device) * size
        frame = self.codec.picture(state.last[None].float())[0]
        return Turn(new_picture(frame, old, new, self.tools, places, grip).half())


@torch.inference_mode()
def opened(opener: Opener, prompt: Tensor, seed: int) -> Tensor:
    """The latent frame [1, C, h, w] that a prompt's tokens [L, D] alone describe."""
    device = opener.position.device
    variant = torch.tensor([seed % opener.spec.variants], device=device)
    return opener(prompt[None].to(device), variant).float()


def new_picture(
    frame: Tensor, old: Tensor, new: Tensor, tools: PictureTools, places: Tensor, grip: Grip
) -> Tensor:
    """What `frame` [3, H, W] is to become where the prompt changes from one that looks like `old` to one that looks like `new`,
    things of these two standing at some of `places` [n, 2] (pixels).

    What only the old prompt names goes, and parts of its scene with it; what only the new one names comes; everything else stays,
    over the ground of the new scene where that is another one. What comes where something stands finds another place. What hands
    hold stays in them.
    """
    assert tools.cutter is not None
    cutter = tools.cutter
    picture = frame if grip.plate is None else grip.plate.float()
    held = [Thing(hold.cutout[:3].float(), hold.cutout[3:].float()) for hold in grip.things.values()]
    was, wanted = things_in(cutter, old, places), things_in(cutter, new, places)
    here = things_in(cutter, picture, everywhere(frame))
    gone = [thing for thing in was if not among(thing, wanted)]
    come = [not among(thing, [*was, *here, *held]) for thing in wanted]
    ground = without(old, was, tools)
    leave = [among(thing, gone) or (_shows(ground, thing) and not among(thing, was)) for thing in here]
    leaving = list(compress(here, leave))
    staying = [thing for thing, leaves in zip(here, leave, strict=True) if not leaves]
    in_hand = Thing(frame, ((frame - picture).abs().amax(0, keepdim=True) > SEEN).float())
    standing = [*staying, in_hand]
    free = [comes and _taken(thing, standing) < ROOM for thing, comes in zip(wanted, come, strict=True)]
    coming = list(
        compress(wanted, free)
    )  # stand in `new` where they may stand; the others need another place
    aside = [comes and not stands for comes, stands in zip(come, free, strict=True)]
    others = [_put_aside(thing, [*standing, *coming], places) for thing in compress(wanted, aside)]
    wished = without(new, [thing for thing, stands in zip(wanted, free, strict=True) if not stands], tools)
    if _differ(ground, without(new, wanted, tools), []) > SAME_SCENE:
        return with_things(wished, [*staying, *others])
    if _differ(picture, new, [*here, *wanted]) > SAME_VIEW:
        return with_things(without(picture, leaving, tools), [*coming, *others])
    turned = picture + (wished - picture) * around(frame, [*leaving, *coming])
    return with_things(turned, [*staying, *others])


def _taken(thing: Thing, others: list[Thing]) -> float:
    """How much of the thing's place others have, 0..1."""
    return float((thing.opacity * whole(thing.colours, others)).sum() / thing.opacity.sum())


def _put_aside(thing: Thing, others: list[Thing], places: Tensor) -> Thing:
    """The thing in that of `places` [n, 2] where others leave it most room."""
    middle = float((thing.opacity[0] > 0.5).nonzero()[:, 1].float().mean())
    steps = [round(x - middle) for x in places[:, 0].tolist()]
    moved = [Thing(*(part.roll(step, -1) for part in thing)) for step in steps]
    return min(moved, key=lambda one: _taken(one, others))


def _shows(picture: Tensor, thing: Thing) -> bool:
    """Whether the picture has the thing in the very place."""
    return (
        float(((picture - thing.colours).abs() * thing.opacity).sum() / (3 * thing.opacity.sum()))
        < SAME_SCENE
    )


def _differ(a: Tensor, b: Tensor, things: list[Thing]) -> float:
    """The mean difference of two pictures beside the things."""
    beside = 1 - around(a, things)
    return float(((a - b).abs() * beside).sum() / (3 * beside.sum() + 1))
