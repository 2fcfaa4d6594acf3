"""Any registered model, by its card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from flowbrush.models.allocator import keep_freed_memory
from flowbrush.models.cards.card import ModelCard
from flowbrush.models.device import Placement, occupy
from flowbrush.models.loading.checkpoint import BadWeights
from flowbrush.models.pocket import PocketModel, load_pocket

if TYPE_CHECKING:
    from flowbrush.models.wan.load import WanModel

Model: TypeAlias = "PocketModel | WanModel"


def load_model(
    card: ModelCard, placement: Placement, attention: str = "sdpa", weights: Path | None = None
) -> Model:
    """The networks of `card`. Raises BadWeights where weights are missing, broken or of another model."""
    occupy(placement.device)
    if placement.device.type == "cpu":
        keep_freed_memory()
    if card.family == "pocket":  # so small that there is nothing to measure
        return load_pocket(card, placement, "sdpa" if attention == "auto" else attention, weights)
    try:  # here: diffusers takes two seconds, by which a lost worker would be back later
        from flowbrush.models.wan.load import load_wan
    except ModuleNotFoundError as error:
        raise BadWeights(
            f"{card.name} needs more packages ({error.name} is missing): pip install 'flowbrush[wan]'"
        ) from error
    return load_wan(card, placement, attention, weights)
