"""Fixtures that several packages' tests share. torch is imported by the fixtures, so that tests without it
stay quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from models.card import ModelCard
    from pipelines.generator import Generator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked gpu are skipped, with the reason, where there is no CUDA device."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="PyTorch sees no CUDA device"))


@pytest.fixture(scope="session")
def tiny_card() -> ModelCard:
    """pocket's architecture at 64x64 pixels and two narrow layers, random weights: quick, and the same code."""
    from models.registry import card

    pocket = card("pocket-random")
    student = replace(
        pocket.student,
        dim=48,
        ffn_dim=96,
        heads=2,
        layers=2,
        text_dim=32,
        conv_width=16,
        conv_blocks=1,
        position_grid=(2, 2),
    )
    codec = replace(pocket.codec, width=16, blocks=1)
    text = replace(pocket.text, dim=32, heads=2)
    return replace(
        pocket, width=64, height=64, student=student, codec=codec, text=text, steps=2, start_steps=3
    )


@pytest.fixture(scope="session")
def tiny_generator(tiny_card: ModelCard) -> Generator:
    """One generator for the whole run; tests take streams of it through `tiny`. Its cutter sees no things."""
    import torch

    from models.cutter import Cutter
    from models.device import choose
    from models.pocket import load_pocket
    from models.spec import CutterSpec
    from pipelines.generator import Generator

    placement = choose("cpu", "fp32")
    model = load_pocket(tiny_card, placement)
    model.cutter = Cutter(CutterSpec(edge=32, widths=(8, 16))).eval().requires_grad_(False)
    torch.nn.init.constant_(model.cutter.out.bias, -9.0)  # type: ignore[arg-type]
    return Generator(tiny_card, model, placement, seats=4)


@pytest.fixture
def tiny(tiny_generator: Generator) -> Iterator[Generator]:
    """The tiny generator with all its seats free, before and after."""
    tiny_generator.free[:] = range(tiny_generator.seats)
    yield tiny_generator
    tiny_generator.free[:] = range(tiny_generator.seats)
