"""A recipe so small that every stage takes about a second, and commands run in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from flowbrush.training.__main__ import main
from flowbrush.training.config import Recipe, read_recipe
from flowbrush.training.stages import codec, light, pool
from flowbrush.training.world.sprites import MissingFont, find_font

RECIPE = """
name = "tiny"
seed = 3
[model.student]
dim = 32
ffn_dim = 48
heads = 2
layers = 1
conv_width = 16
conv_blocks = 1
conv_head_blocks = 1
[model.codec]
channels = 12
[model.light]
channels = 6
[model.keyframes]
edge = 32
thing_channels = 4
thing_stride = 8
thing_widths = [8, 8]
variants = 2
sizes = [[64, 32], [32, 64]]
margin = [16, 16]
scene_plain = 2
scene_fine = 6
scene_details = 90
[model.segmenter]
edge = 64
widths = [8, 16]
[model.inpainter]
widths = [8, 16]
[model.text]
dim = 32
layers = 1
heads = 2
buckets = 64
[codec]
clips = 1
[light]
clips = 1
[text]
steps = 2
batch = 4
[keyframes]
steps = 2
batch = 2
[segmenter]
steps = 2
batch = 2
[inpainter]
steps = 2
batch = 2
[pool]
shards = 2
clips = 1
frames = 12
workers = 1
[forcing]
steps = 2
batch = 2
latent_frames = 2
crop = [8, 8]
whole = 0.0
[rollout]
steps = 2
batch = 2
latent_frames = 2
crop = [8, 8]
whole = 0.0
[teacher]
steps = 2
batch = 2
latent_frames = 3
crop = [8, 8]
whole = 0.0
[distill]
steps = 2
batch = 1
latent_frames = 3
crop = [8, 8]
whole = 0.0
critic_steps = 1
"""


def need_font() -> None:
    """Skips where the toy world cannot be drawn."""
    try:
        find_font()
    except MissingFont as error:
        pytest.skip(str(error), allow_module_level=True)


class Tiny:
    """One training folder and the command line on it, in fp32 on one thread of the CPU."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.folder, self.config = folder, config

    @property
    def recipe(self) -> Recipe:
        return read_recipe(self.config)

    def __call__(self, stage: str, *more: str) -> int:
        place = ["--run", str(self.folder), "--device", "cpu", "--dtype", "fp32"]
        with one_thread():
            return main([stage, "--config", str(self.config), *place, *more])

    def fill_pool(self) -> None:
        """What the stage `pool` does, without a process of its own."""
        with one_thread():
            pool._render(self.recipe, self.folder, 0, 1)

    def state(self, stage: str) -> dict:
        return torch.load(self.folder / stage / "checkpoint.pt", weights_only=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread inside: sums of products depend in their last bits on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing forks: tests spend their time on the work itself."""
    for stage in (codec, light):
        monkeypatch.setattr(stage, "cores", lambda: 1)


def same(a: object, b: object) -> bool:
    """Whether two nested states are equal to the bit, times aside."""
    if isinstance(a, dict):
        assert isinstance(b, dict)
        keys = (a.keys() | b.keys()) - {"elapsed"}
        return all(same(a[key], b[key]) for key in keys)
    if isinstance(a, torch.Tensor):
        return torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)  # type: ignore[arg-type]
    if isinstance(a, list):
        return all(same(x, y) for x, y in zip(a, b, strict=True))  # type: ignore[call-overload]
    return a == b
