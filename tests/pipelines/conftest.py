"""The shipped model, for what reads prompts with its words."""

from __future__ import annotations

import pytest

from flowbrush.models.cards.registry import card
from flowbrush.models.device import choose
from flowbrush.models.loading.load import load_model
from flowbrush.models.pocket import PocketModel


@pytest.fixture(scope="session")
def model() -> PocketModel:
    loaded = load_model(card("pocket"), choose("cpu", "fp32"), "sdpa", None)
    assert isinstance(loaded, PocketModel)
    return loaded
