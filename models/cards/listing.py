"""A model in words, as `flowbrush models` prints it. Free of torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.needs import needs
from flowbrush.models.loading.hub import MARKER, how_to_get

GB = 1e9


def describe(card: ModelCard) -> str:
    """Name, abilities, needs, licence and weights of a model, in a few lines."""
    can = ", ".join(name for name, able in card.capabilities.items() if able)
    size = f"{card.width}x{card.height}, {card.fps:g} frames/s, {card.chunk_frames} frames a chunk, {card.steps} steps"
    lines = {
        "makes": size,
        "can": can,
        "follows": f"the hand by {card.drag}",
        "encodes": f"pictures by {card.codec.encoder}",
        "needs": _needs(card),
        "licence": _licence(card),
        "weights": _weights(card),
    }
    about = [f"{card.name}: {card.title}", *(f"    {name:9}{text}" for name, text in lines.items())]
    return "\n".join(about)


def _needs(card: ModelCard) -> str:
    if card.family != "wan":
        return "no GPU; two CPU cores for real time"
    least = needs(card)
    return (
        f"a GPU with {least.device / GB:.0f} GB or more ({least.stream / GB:.0f} GB of it for each stream), "
        f"{least.text / GB:.0f} GB for the text encoder there or in main memory, {least.disk / GB:.0f} GB of disk or more"
    )


def _licence(card: ModelCard) -> str:
    """As the hub stated it when the weights were fetched; the card's own word before."""
    marker = card.weights_path / MARKER
    if card.family != "wan" or not marker.is_file():
        return card.licence
    try:
        sources = json.loads(marker.read_text(encoding="utf-8"))["sources"]
        return ", ".join(f"{source['licence']} ({source['repository']})" for source in sources)
    except (OSError, ValueError, KeyError, TypeError):
        return card.licence


def _weights(card: ModelCard) -> str:
    if card.random:
        return "random, none needed"
    if not card.available:
        return f"not here: {how_to_get(card)}"
    size = sum(file.stat().st_size for file in _files(card.weights_path))
    return f"here, {size / GB:.2f} GB, {card.weights_path}"


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    yield from (file for file in path.rglob("*") if file.is_file())
