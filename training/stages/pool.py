"""The stage `pool`: clips rendered and encoded by processes of their own."""

from __future__ import annotations

import multiprocessing
import sys
import time
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from models.codecs.pocket import PocketCodec
from training.change_pool import build_changes
from training.config import Recipe
from training.parallel import cores
from training.pool import build_pool, mark_pool, pool_files
from training.run import Run
from training.stages.base import Context, load_components
from training.world.clip import World


class PoolFailed(RuntimeError):
    """A rendering process ended badly."""


def _render(recipe: Recipe, folder: Path, worker: int, workers: int) -> None:
    torch.set_num_threads(1)
    codec = PocketCodec(recipe.card.pocket_codec)
    load_components(codec, Run(folder, writes=False).load("codec")["components"])
    world = partial(World, recipe.card.width, recipe.card.height, recipe.core_share)
    config = recipe.pool
    with torch.inference_mode():
        build_changes(
            folder / "pool",
            codec,
            config.change_shards,
            config.pictures,
            1000 * (recipe.seed + 1),
            worker,
            workers,
            world,
        )
        build_pool(
            folder / "pool",
            codec,
            config.shards,
            config.clips,
            config.frames,
            1000 * (recipe.seed + 1),
            worker,
            workers,
            world,
        )


class Rendering:
    """Processes that fill the pool of a run. Only the first process of a distributed training starts them."""

    def __init__(self, context: Context) -> None:
        self.context, self.started = context, time.monotonic()
        self.processes: list[BaseProcess] = []
        if not context.workers.first:
            return
        mark_pool(context.run.pool, context.run.load("codec")["components"]["basis"])
        recipe = context.recipe
        missing = recipe.pool.files - self.there()
        count = min(recipe.pool.workers or cores(), missing)
        spawn = multiprocessing.get_context("spawn")
        for worker in range(count):
            process = spawn.Process(
                target=_render, args=(recipe, context.run.folder, worker, count), daemon=True
            )
            process.start()
            self.processes.append(process)

    def there(self) -> int:
        return pool_files(self.context.run.pool)

    def wait(self) -> float:
        """Until the pool is whole. Returns the seconds since the start. Raises PoolFailed."""
        try:
            while any(process.is_alive() for process in self.processes):
                self._say()
                self.processes[0].join(1.0)
                self.processes.sort(key=lambda process: not process.is_alive())
        finally:
            self.stop()
        failed = [process.exitcode for process in self.processes if process.exitcode]
        if failed:
            raise PoolFailed(
                f"{len(failed)} of {len(self.processes)} rendering processes failed (exit code {failed[0]}): "
                "see their messages above"
            )
        self.context.workers.wait()
        return time.monotonic() - self.started

    def stop(self) -> None:
        for process in self.processes:
            if process.is_alive():
                process.terminate()
            process.join()

    def _say(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[2Kpool  {self.there()} of {self.context.recipe.pool.files} files")
            sys.stderr.flush()
