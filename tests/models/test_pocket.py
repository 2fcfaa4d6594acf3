"""pocket's weights file: what is saved is what is served; what does not fit is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.device import choose
from flowbrush.models.loading.checkpoint import BadWeights, read, save
from flowbrush.models.loading.load import load_model
from flowbrush.models.pocket import load_pocket, save_pocket

PLACEMENT = choose("cpu", "fp32")


@pytest.fixture
def file(tmp_path: Path, tiny_card: ModelCard) -> Path:
    path = tmp_path / "pocket.safetensors"
    save_pocket(path, load_pocket(tiny_card, PLACEMENT), {"recipe": "none"})
    return path


def test_a_saved_model_is_served_as_it_was(file: Path, tiny_card: ModelCard) -> None:
    original, loaded = load_pocket(tiny_card, PLACEMENT), load_model(tiny_card, PLACEMENT, weights=file)
    assert original.text(["a cat"]).equal(loaded.text(["a cat"]))
    assert tiny_card.light is not None
    for name, channels in (("codec", tiny_card.codec.channels), ("light", tiny_card.light.channels)):
        latents = torch.randn(1, channels, 1, 8, 8)
        one, other = (getattr(model, name).decode_linear(latents) for model in (original, loaded))
        assert torch.equal(one, other), name
    assert original.keyframes.catalogue == loaded.keyframes.catalogue
    for one, other in zip(original.student.parameters(), loaded.student.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=0.01, atol=1e-6), "the student is kept in bf16"


def test_the_file_says_where_it_comes_from(file: Path) -> None:
    tensors, metadata = read(file)
    assert metadata["recipe"] == '"none"'
    assert {name.split(".")[0] for name in tensors} == {"student", "codec", "light", "text", "keyframes"}


def test_random_weights_are_the_same_every_time(tiny_card: ModelCard) -> None:
    one, other = (load_pocket(tiny_card, PLACEMENT) for _ in range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(one.student.parameters(), other.student.parameters(), strict=True)
    )


def test_a_loaded_model_is_ready_to_be_used(tiny_card: ModelCard) -> None:
    model = load_pocket(tiny_card, choose("cpu", "bf16"))
    assert not model.student.training and not any(p.requires_grad for p in model.student.parameters())
    assert {p.dtype for p in model.student.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in model.text.parameters()} == {torch.float32}


def test_weights_of_another_shape_are_refused_by_name(file: Path, tiny_card: ModelCard) -> None:
    deeper = replace(tiny_card, student=replace(tiny_card.student, layers=3))
    with pytest.raises(BadWeights, match=r"missing student\.blocks\.2"):
        load_pocket(deeper, PLACEMENT, path=file)
    wider = replace(tiny_card, student=replace(tiny_card.student, ffn_dim=128))
    with pytest.raises(BadWeights, match=r"student\.blocks\.0\.ffn.* expected"):
        load_pocket(wider, PLACEMENT, path=file)


def test_a_truncated_file_is_refused(file: Path, tiny_card: ModelCard) -> None:
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(BadWeights, match="truncated"):
        load_pocket(tiny_card, PLACEMENT, path=file)


def test_another_safetensors_file_is_refused(tmp_path: Path, tiny_card: ModelCard) -> None:
    save(tmp_path / "other.safetensors", {"layer": torch.nn.Linear(2, 2)}, {})
    with pytest.raises(BadWeights, match="no vocabulary and catalogue"):
        load_pocket(tiny_card, PLACEMENT, path=tmp_path / "other.safetensors")


def test_weights_that_are_not_here_are_an_error(tmp_path: Path, tiny_card: ModelCard) -> None:
    with pytest.raises(BadWeights, match="no weights at"):
        load_pocket(tiny_card, PLACEMENT, path=tmp_path / "none.safetensors")
