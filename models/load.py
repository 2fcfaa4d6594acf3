"""Any registered model, by its card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from models.card import ModelCard
from models.device import Placement
from models.pocket import PocketModel, load_pocket

if TYPE_CHECKING:
    from models.wan.load import WanModel

Model: TypeAlias = "PocketModel | WanModel"


def load_model(
    card: ModelCard, placement: Placement, attention: str = "sdpa", weights: Path | None = None
) -> Model:
    """The networks of `card`. Raises BadWeights where weights are missing, broken or of another model."""
    if card.family == "pocket":
        return load_pocket(card, placement, attention, weights)
    from models.wan.load import (
        load_wan,
    )  # diffusers takes two seconds, by which a lost worker would be back later

    return load_wan(card, placement, attention, weights)
