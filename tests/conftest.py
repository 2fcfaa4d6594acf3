"""Fixtures that several packages' tests share. torch is imported by the fixtures, so that tests without it stay quick."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:
    # Several test processes share the cores: two that each wait for threads on all of them are slower than one after the other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # as of what a script puts into the background: all that tests start would be deaf to Ctrl-C, and that is tested
    signal.signal(signal.SIGINT, signal.default_int_handler)

if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

    from flowbrush.models.cards.card import ModelCard
    from flowbrush.pipelines.generator import Generator


settings.register_profile("project", deadline=None)  # how fast a machine is says nothing of what it computes
settings.load_profile("project")


PAGE_UNITS = 6
"""Files of the page's tests are run so many lots, each with one browser: to start one takes as long as some tests do."""
PAGE = "tests/web/"
FILES = sorted(PAGE + path.name for path in Path(__file__).parent.joinpath("web").glob("test_*.py"))


def unit(nodeid: str) -> str:
    """What one process runs without a break: a file, or a lot of the page's files."""
    file = nodeid.partition("::")[0]
    return f"{PAGE} {FILES.index(file) % PAGE_UNITS}" if file in FILES else file


def turn(nodeid: str) -> tuple[float, int]:
    """When a test comes, by its unit and its file. Those of all packages are mixed by their names: servers and faults mostly wait,
    the page reckons, and each kind by itself leaves processors idle or short. A large unit at the end would leave all but one idle.
    """
    of, file = unit(nodeid), nodeid.partition("::")[0]
    name = zlib.crc32(of.encode()) / 2**32
    lot = float(of.removeprefix(PAGE)) / PAGE_UNITS * 0.8 if of.startswith(f"{PAGE} ") else name
    return lot, zlib.crc32(file.encode())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Units instead of files."""
    from xdist.scheduler import LoadFileScheduling

    class Units(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(nodeid)

    return Units(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked gpu are skipped, with the reason, where there is no CUDA device."""
    items.sort(key=lambda item: turn(item.nodeid))
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="PyTorch sees no CUDA device"))


@pytest.fixture(scope="session")
def tiny_card() -> ModelCard:
    """pocket's architecture at 64x64 and 64x96 pixels and two narrow layers, random weights: quick, and the same code."""
    from flowbrush.models.cards.registry import card, for_codecs
    from flowbrush.models.cards.spec import InpainterSpec, PocketCodecSpec, PocketTextSpec, SegmenterSpec

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
        conv_head_blocks=1,
    )
    codec, light = PocketCodecSpec(channels=16), PocketCodecSpec(channels=8)
    assert pocket.keyframes is not None and isinstance(pocket.text, PocketTextSpec)
    keyframes = replace(
        pocket.keyframes,
        edge=32,
        thing_channels=4,
        thing_widths=(8, 8),
        variants=2,
        sizes=((64, 64), (64, 96)),
        margin=(16, 16),
        scene_plain=2,
        scene_fine=2,
        scene_details=16,
    )
    return replace(
        pocket,
        width=64,
        height=64,
        other_sizes=((64, 96),),
        student=for_codecs(student, codec, light),
        codec=codec,
        light=light,
        keyframes=keyframes,
        segmenter=SegmenterSpec(edge=32, widths=(8, 16)),
        inpainter=InpainterSpec(widths=(8, 16)),
        text=replace(pocket.text, dim=32, heads=2),
        steps=2,
        start_steps=3,
    )


@pytest.fixture(scope="session")
def tiny_generator(tiny_card: ModelCard) -> Generator:
    """One generator for the whole run; tests take streams of it through `tiny`."""
    from flowbrush.models.device import choose
    from flowbrush.models.pocket import load_pocket
    from flowbrush.pipelines.generator import Generator

    placement = choose("cpu", "fp32")
    return Generator(tiny_card, load_pocket(tiny_card, placement), placement, seats=4)


@pytest.fixture
def tiny(tiny_generator: Generator) -> Iterator[Generator]:
    """The tiny generator with all its seats free, before and after."""
    tiny_generator.free[:] = range(tiny_generator.seats)
    yield tiny_generator
    tiny_generator.free[:] = range(tiny_generator.seats)
