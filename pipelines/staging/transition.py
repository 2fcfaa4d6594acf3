"""A prompt switch as a set difference: what both prompts name stays, what only one names goes or comes, the scene dissolves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.text.colors import parted
from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.tones import Tone, between
from flowbrush.pipelines.staging.seats import let_down


def begin(
    stack: LayerStack, wanted: Counter[str], known: frozenset[str], of_any_color: frozenset[str] = frozenset()
) -> tuple[LayerStack, Counter[str]]:
    """Marks as leaving what a new prompt no longer names, and counts what it names in addition to what is there.

    `wanted` are the labels that the prompt names, with their colours if it says any, and counts; `known` are the things that may
    be named: all others, and what was cut from a photo, stay whatever a prompt says, and so does what a hand holds. Of several
    alike those behind leave first. Those `of_any_color` were named without one: a blue car is a car.
    """
    missing = Counter(wanted)
    layers: list[Layer] = []
    for layer in reversed(stack.layers):
        kind = parted(layer.label)[1]
        named = kind if missing[layer.label] <= 0 and kind in of_any_color else layer.label
        if missing[named] > 0 and kind in known:
            missing[named] -= 1
            layers.append(replace(layer, leaving=False))
        elif layer.cut or kind not in known:
            layers.append(layer)
        else:
            layers.append(replace(layer, leaving=not layer.held))
    return replace(stack, layers=tuple(reversed(layers))), +missing


def lacking(stack: LayerStack, wanted: Counter[str]) -> Counter[str]:
    """What a prompt names that is not there, where it speaks of what is known ("the dog runs"): nothing leaves. A label without a
    colour is that of things of any colour.
    """
    there: Counter[str] = Counter()
    for layer in stack.layers:
        if not layer.leaving:
            there.update({layer.label, parted(layer.label)[1]})
    return wanted - there


def dissolve_to(stack: LayerStack, background: Tensor, margin: tuple[int, int], label: str) -> LayerStack:
    """The background on its way to another scene; nothing of it is seen yet. One that was on its way stays as far as it had
    come.
    """
    if stack.next_background is not None:
        stack = replace(stack, background=stack.background.lerp(stack.next_background, stack.share))
    across, down = margin[0] - stack.margin[0], margin[1] - stack.margin[1]
    if (across, down) != (
        0,
        0,
    ):  # a photo has no margin: it gets one, mirrored, so that the two lie on each other
        wide, sure = (_mirrored(x, across, down) for x in (stack.background, stack.confidence))
        hole = stack.hole and replace(stack.hole, mask=_mirrored(stack.hole.mask, across, down))
        stack = replace(stack, background=wide, confidence=sure, margin=margin, hole=hole)
    return replace(stack, next_background=background, next_label=label, share=0.0)


def tone_to(stack: LayerStack, tone: Tone) -> LayerStack:
    """A scene on its way to another tone, from what has come of the one to which it was on its way; as it is where it has that."""
    if tone == (stack.next_tone or stack.tone):
        return stack
    now = stack.tone if stack.next_tone is None else between(stack.tone, stack.next_tone, stack.share)
    share = 0.0 if stack.next_background is None else stack.share
    return replace(stack, tone=now, next_tone=tone, share=share)


def advance(stack: LayerStack, share: float) -> LayerStack:
    """The stack when `share` 0..1 of the transition will have been made at the end of a chunk, in whose frames it goes there."""
    stack = let_down(stack, share)
    layers = tuple(
        replace(
            layer,
            opacity=min(layer.opacity, 1 - share) if layer.leaving else max(layer.opacity, share),
            shown=layer.opacity,
        )
        for layer in stack.layers
    )
    return replace(stack, layers=layers, share=share, shown=stack.share)


def _mirrored(picture: Tensor, across: int, down: int) -> Tensor:
    """A picture [C, H, W] wider and taller by so many pixels on each side, which are mirrored."""
    return F.pad(picture[None], (across, across, down, down), "reflect")[0]
