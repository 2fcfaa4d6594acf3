"""A layer stack as tensors and JSON, for snapshots."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from torch import Tensor

from flowbrush.pipelines.reference.layers import Layer, LayerStack
from flowbrush.pipelines.reference.pose import Similarity


def dump(stack: LayerStack) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The inverse of `load`."""
    tensors = {"background": stack.background, "confidence": stack.confidence}
    if stack.next_background is not None:
        tensors["next_background"] = stack.next_background
    layers = []
    for index, layer in enumerate(stack.layers):
        tensors[f"layer.{index}"] = layer.rgba
        layers.append(
            {
                "label": layer.label,
                "pose": asdict(layer.pose),
                "hands": sorted(layer.hands),
                "depth": layer.depth,
                "opacity": layer.opacity,
                "leaving": layer.leaving,
            }
        )
    facts = {
        "layers": layers,
        "camera": asdict(stack.camera),
        "margin": list(stack.margin),
        "empty": sorted(stack.empty),
        "label": stack.label,
        "prompt": [list(part) for part in stack.prompt],
        "seed": stack.seed,
        "next_label": stack.next_label,
        "share": stack.share,
    }
    return tensors, facts


def load(tensors: dict[str, Tensor], facts: dict[str, Any]) -> LayerStack:
    """The stack that `dump` took apart."""
    layers = tuple(
        Layer(
            tensors[f"layer.{index}"],
            given["label"],
            Similarity(**given["pose"]),
            frozenset(given["hands"]),
            given["depth"],
            given["opacity"],
            given["leaving"],
        )
        for index, given in enumerate(facts["layers"])
    )
    return LayerStack(
        tensors["background"],
        tensors["confidence"],
        layers,
        Similarity(**facts["camera"]),
        (facts["margin"][0], facts["margin"][1]),
        frozenset(facts["empty"]),
        facts["label"],
        tuple((text, weight) for text, weight in facts["prompt"]),
        facts["seed"],
        tensors.get("next_background"),
        facts["next_label"],
        facts["share"],
    )
