"""`flowbrush pull`: fetches a model's weights from the hub to where the loader looks for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.card import ModelCard

Fetch = Callable[..., Any]


class NothingToPull(ValueError):
    """The model's weights come from elsewhere; the text says from where."""


def pull(card: ModelCard, fetch: Fetch, folder: Path | None = None) -> Path:
    """Fetches what is missing with `fetch` (huggingface_hub.snapshot_download); returns the model's folder.

    The mark of completeness, flowbrush.json, is written last: an interrupted pull goes on with the next call.
    """
    if card.random or card.family == "pocket":
        raise NothingToPull(f"the weights of {card.name} come with the project: there is nothing to fetch")
    target = folder or card.weights_path
    if not card.sources:
        raise NothingToPull(f"{card.name} has no published weights: put your own into {target}")
    target.mkdir(parents=True, exist_ok=True)
    for source in card.sources:
        fetch(source.repository, allow_patterns=list(source.files), local_dir=target / source.folder)
    marker = target / "flowbrush.json"
    marker.write_text(
        json.dumps({"model": card.name, "sources": [each.repository for each in card.sources]}) + "\n"
    )
    return target
