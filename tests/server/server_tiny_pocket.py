"""Loads pocket's architecture with narrow networks of random weights: the real generator, quick enough for tests."""

from __future__ import annotations

from dataclasses import replace

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.registry import card, for_codecs
from flowbrush.models.cards.spec import InpainterSpec, PocketCodecSpec, PocketTextSpec, SegmenterSpec
from flowbrush.models.device import choose
from flowbrush.models.pocket import load_pocket
from flowbrush.pipelines.generator import Generator


def load(name: str, *, device: str = "cpu", seats: int = 2) -> Generator:
    """As `Generator.load`, at 64x64 pixels."""
    pocket = narrow(name)
    assert pocket.keyframes is not None
    keyframes = replace(pocket.keyframes, sizes=((64, 64),), margin=(16, 16))
    tiny = replace(pocket, width=64, height=64, other_sizes=(), keyframes=keyframes)
    return _generator(tiny, device, seats)


def load_at_size(name: str, *, device: str = "cpu", seats: int = 2) -> Generator:
    """As `Generator.load`, at the sizes that the card names."""
    return _generator(narrow(name), device, seats)


def narrow(name: str) -> ModelCard:
    """The card with networks of a few channels."""
    pocket = card(name)
    assert pocket.keyframes is not None and isinstance(pocket.text, PocketTextSpec)
    small = {"dim": 48, "ffn_dim": 96, "heads": 2, "layers": 2, "text_dim": 32}
    student = replace(pocket.student, **small, conv_width=16, conv_blocks=1, conv_head_blocks=1)
    codec, light = PocketCodecSpec(channels=16), PocketCodecSpec(channels=8)
    things = {"edge": 32, "thing_channels": 4, "thing_widths": (8, 8)}
    scenes = {"variants": 2, "scene_plain": 2, "scene_fine": 2, "scene_details": 16}
    return replace(
        pocket,
        student=for_codecs(student, codec, light),
        codec=codec,
        light=light,
        keyframes=replace(pocket.keyframes, **things, **scenes),
        segmenter=SegmenterSpec(edge=32, widths=(8, 16)),
        inpainter=InpainterSpec(widths=(8, 16)),
        text=replace(pocket.text, dim=32, heads=2),
        steps=2,
        start_steps=3,
    )


def _generator(tiny: ModelCard, device: str, seats: int) -> Generator:
    placement = choose(device, "fp32")
    return Generator(tiny, load_pocket(tiny, placement), placement, seats)
