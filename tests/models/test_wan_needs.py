"""What `flowbrush models` says of a model."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from flowbrush.models.attention import backend
from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.listing import describe
from flowbrush.models.cards.needs import UMT5_PARAMETERS, needs
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.cards.spec import VaeSpec
from flowbrush.models.loading.hub import how_to_get
from flowbrush.models.transformer import CausalTransformer

WAN = [card for card in CARDS.values() if card.family == "wan"]


@pytest.mark.parametrize("card", WAN, ids=lambda card: card.name)
def test_the_needs_are_those_of_the_network_itself(card: ModelCard) -> None:
    with torch.device("meta"):
        student = CausalTransformer(card.student, backend("sdpa", torch.device("cpu")))
    count = sum(parameter.numel() for parameter in student.parameters())
    least = needs(card)
    assert least.parameters == count
    assert least.device == 2 * count + least.stream and least.disk == 2 * (count + UMT5_PARAMETERS)


@pytest.mark.parametrize(
    ("name", "chunks"), [("wan-1.3b", 1), ("longlive-1.3b", 1), ("reward-forcing-1.3b", 2), ("krea-14b", 0)]
)
def test_a_chunk_that_can_be_taken_back_costs_its_keys_and_the_decoder_as_it_stood(
    name: str, chunks: int
) -> None:
    """And its latents, for snapshots. Reward Forcing also keeps its averaged sink as it then was; Krea works keys and values out
    again.
    """
    card = CARDS[name]
    chunk = 2 * 30 * (3 * 30 * 52) * 1536 * 2  # keys and values, layers, tokens, width, bf16
    decoder = 2 * 3 * (256 * 60 * 104 + 128 * 120 * 208 + 64 * 240 * 416)
    further = needs(replace(card, history=card.history + 1)).stream - needs(card).stream
    latents = 2 * 16 * 3 * 60 * 104 if chunks else 0
    assert further == chunks * chunk + decoder + latents


def test_a_pocket_model_has_no_needs() -> None:
    with pytest.raises(ValueError, match="no Wan student"):
        needs(CARDS["pocket"])


def test_weights_that_are_missing_come_with_the_command_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "`flowbrush pull krea-14b` fetches" in describe(CARDS["krea-14b"])
    assert "pull wan-1.3b --from FOLDER" in describe(CARDS["wan-1.3b"])
    assert str(CARDS["pocket"].weights_path) in how_to_get(CARDS["pocket"])
    assert "none needed" in describe(CARDS["pocket-random"])


def test_weights_that_are_here_are_told_with_their_size_and_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    card = CARDS["krea-14b"]
    folder = card.weights_path / "student"
    folder.mkdir(parents=True)
    (folder / "student.safetensors").write_bytes(b"x" * 20_000_000)
    sources = [{"licence": "apache-2.0", "repository": "somebody/student"}]
    (card.weights_path / "flowbrush.json").write_text(json.dumps({"sources": sources}))
    said = describe(card)
    assert "here, 0.02 GB" in said and "apache-2.0 (somebody/student)" in said


def test_the_card_says_what_encodes_pictures() -> None:
    card = CARDS["krea-14b"]
    assert "encodes  pictures by the tiny autoencoder's own encoder" in describe(card)
    own = replace(card, codec=VaeSpec())
    assert own.public()["encoder"] == "Wan's own encoder (diffusers)"


def test_pocket_needs_no_gpu() -> None:
    said = describe(CARDS["pocket"])
    assert "no GPU" in said and "320x192" in said and "drag" in said and "Apache-2.0" in said


@pytest.mark.parametrize("name", ["pocket", "wan-1.3b"])
def test_the_page_knows_how_a_model_follows_a_hand(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    (way,) = re.findall(r"follows  the hand by (.+)", describe(CARDS[name]))
    assert f"*{way}*" in page
