"""Loads pocket's architecture at 64x64 pixels with random weights: the real generator, quick enough for tests."""

from __future__ import annotations

from dataclasses import replace

from models.device import choose
from models.pocket import load_pocket
from models.registry import card
from pipelines.generator import Generator


def load(name: str, *, device: str = "cpu", seats: int = 2) -> Generator:
    """As `Generator.load`."""
    pocket = card(name)
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
    tiny = replace(
        pocket, width=64, height=64, student=student, codec=codec, text=text, steps=2, start_steps=3
    )
    placement = choose(device, "fp32")
    return Generator(tiny, load_pocket(tiny, placement), placement, seats)
