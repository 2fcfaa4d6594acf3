"""Model cards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowbrush.models.cards.registry import CARDS, UnknownModel, card
from flowbrush.models.motion_channels import LIGHT


def test_an_unknown_model_is_an_error_that_names_the_others() -> None:
    with pytest.raises(UnknownModel, match=r"'sora'.*pocket"):
        card("sora")


@pytest.mark.parametrize("name", sorted(CARDS))
def test_cards_are_whole_and_fit_together(name: str) -> None:
    found = card(name)
    assert found.name == name and found.title and found.licence
    assert found.width % (found.codec.stride * found.student.patch) == 0
    assert found.height % (found.codec.stride * found.student.patch) == 0
    assert found.chunk_frames == found.student.chunk * found.codec.frames
    light = 0 if found.light is None else LIGHT + found.light.channels  # pocket denoises motion and light
    assert found.student.latent_channels == (light or found.codec.channels)
    assert found.student.text_dim == found.text.dim
    assert found.steps >= 1 and found.start_steps >= 1 and found.fps > 0


@pytest.mark.parametrize("name", sorted(CARDS))
def test_what_the_public_is_told_is_json_and_holds_no_paths(name: str) -> None:
    public = card(name).public()
    text = json.dumps(public)
    assert {
        "name",
        "title",
        "licence",
        "width",
        "height",
        "fps",
        "capabilities",
        "examples",
        "available",
    } <= set(public)
    assert "safetensors" not in text and "weights_path" not in text
    assert not {"student", "codec", "text", "weights"} & set(public)


def test_random_weights_are_always_here() -> None:
    assert card("pocket-random").public()["available"] is True


def test_every_example_of_pocket_has_a_picture_on_its_card() -> None:
    gallery = Path(__file__).parents[3] / "web" / "gallery"
    pictures = json.loads((gallery / "index.json").read_text())
    assert set(pictures) == set(card("pocket").examples)
    assert all((gallery / name).is_file() for name in pictures.values())


def test_only_pocket_hears_what_is_to_change() -> None:
    """To Wan "add a dog" is the description of a picture."""
    assert {name for name, each in CARDS.items() if each.capabilities["edits"]} == {"pocket", "pocket-random"}
