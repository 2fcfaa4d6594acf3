"""A layer stack as tensors and JSON, for snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor

from flowbrush.pipelines.reference.layers import Hole, Layer, LayerStack, Lead, Seat, Told
from flowbrush.pipelines.reference.pose import Similarity
from flowbrush.pipelines.reference.tones import DAY, Tone


def dump(stack: LayerStack) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The inverse of `load`."""
    tensors, layers = dump_layers(stack.layers)
    tensors |= {"background": stack.background, "confidence": stack.confidence}
    if stack.next_background is not None:
        tensors["next_background"] = stack.next_background
    if stack.hole is not None:
        tensors["hole"] = stack.hole.mask
    if stack.bent is not None:
        tensors["bent"] = stack.bent
    facts = {
        "layers": layers,
        "camera": asdict(stack.camera),
        "margin": list(stack.margin),
        "empty": sorted(stack.empty),
        "unfound": sorted(stack.unfound),
        "label": stack.label,
        "prompt": [list(part) for part in stack.prompt],
        "seed": stack.seed,
        "next_label": stack.next_label,
        "share": stack.share,
        "tone": _flat(stack.tone),
        "next_tone": None if stack.next_tone is None else _flat(stack.next_tone),
        "filled": 0 if stack.hole is None else stack.hole.done,
    }
    return tensors, facts


def load(tensors: dict[str, Tensor], facts: dict[str, Any]) -> LayerStack:
    """The stack that `dump` took apart."""
    layers = load_layers(tensors, facts["layers"])
    return LayerStack(
        tensors["background"],
        tensors["confidence"],
        layers,
        Similarity(**facts["camera"]),
        (facts["margin"][0], facts["margin"][1]),
        frozenset(facts["empty"]),
        facts["label"],
        _prompts(facts["prompt"]),
        facts["seed"],
        tensors.get("next_background"),
        facts["next_label"],
        facts["share"],
        Hole(tensors["hole"], facts["filled"]) if "hole" in tensors else None,
        bent=tensors.get("bent"),
        tone=_tone(facts.get("tone")) or DAY,
        next_tone=_tone(facts.get("next_tone")),
        unfound=frozenset(facts.get("unfound", ())),
    )


def dump_layers(layers: Sequence[Layer]) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """The inverse of `load_layers`."""
    tensors = {f"layer.{index}": layer.rgba for index, layer in enumerate(layers)}
    facts = [
        {
            "label": layer.label,
            "pose": asdict(layer.pose),
            "hands": sorted(layer.hands),
            "depth": layer.depth,
            "opacity": layer.opacity,
            "leaving": layer.leaving,
            "number": layer.number,
            "pace": layer.pace,
            "seat": None if layer.seat is None else asdict(layer.seat),
            "told": [list(part) for part in layer.told],
            "looks": layer.looks,
            "lead": None if layer.lead is None else asdict(layer.lead),
            "cut": layer.cut,
            "unrest": layer.unrest,
        }
        for layer in layers
    ]
    return tensors, facts


def load_layers(tensors: dict[str, Tensor], facts: Sequence[dict[str, Any]]) -> tuple[Layer, ...]:
    """The layers that `dump_layers` took apart."""
    return tuple(
        Layer(
            tensors[f"layer.{index}"],
            given["label"],
            Similarity(**given["pose"]),
            frozenset(given["hands"]),
            given["depth"],
            given["opacity"],
            given["leaving"],
            given.get("number", 0),
            given.get("pace", 0.0),
            _seat(given.get("seat")),
            _prompts(given.get("told", ())),
            given.get("looks", ""),
            _lead(given.get("lead")),
            cut=given.get("cut", not given["label"]),
            unrest=given.get("unrest", 1.0),
        )
        for index, given in enumerate(facts)
    )


def _flat(tone: Tone) -> list[Any]:
    return [list(part) if isinstance(part, tuple) else part for part in tone]


def _tone(given: Sequence[Any] | None) -> Tone | None:
    if given is None:
        return None
    pale, deep, (red, green, blue), (far_red, far_green, far_blue), *veils = given
    return Tone(pale, deep, (red, green, blue), (far_red, far_green, far_blue), *veils)


def _prompts(given: Sequence[Sequence[Any]]) -> Told:
    return tuple((text, weight) for text, weight in given)


def _seat(given: dict[str, Any] | None) -> Seat | None:
    if given is None:
        return None
    at, goal = given["at"], given.get("goal")
    on_the_way = (goal[0], goal[1], goal[2]) if goal else None
    return Seat(given["label"], given["number"], (at[0], at[1]), on_the_way, given.get("chunks", 0.0))


def _lead(given: dict[str, Any] | None) -> Lead | None:
    return None if given is None else Lead((given["start"][0], given["start"][1]), given["against"])
