"""The folder of one training: checkpoints, losses, contact sheets. Every file appears whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from flowbrush.models.loading.plain_pickle import NotPlain, load_plain


class MissingStage(RuntimeError):
    """A stage needs what another one has not made yet."""


class Run:
    """Paths and files of `folder`; only the first process of a distributed training writes. Raises ValueError for a folder that
    cannot be made.
    """

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self.folder, self.writes = folder, writes
        if writes:
            try:
                (folder / "sheets").mkdir(parents=True, exist_ok=True)
            except OSError as error:
                text = (
                    f"the run cannot be kept in {folder} ({error.strerror}): name another folder with --run"
                )
                raise ValueError(text) from error

    def checkpoint(self, stage: str) -> Path:
        return self.folder / stage / "checkpoint.pt"

    def sheet(self, stage: str, step: int) -> Path:
        return self.folder / "sheets" / f"{stage}_{step:06d}.png"

    @property
    def pool(self) -> Path:
        return self.folder / "pool"

    def has(self, stage: str) -> bool:
        return self.checkpoint(stage).is_file()

    def save(self, stage: str, state: dict[str, Any]) -> None:
        if self.writes:
            write_whole(self.checkpoint(stage), state)

    def load(self, stage: str) -> dict[str, Any]:
        """The state that a stage saved. Raises MissingStage where there is none or it cannot be read."""
        path = self.checkpoint(stage)
        if not path.is_file():
            raise MissingStage(
                f"{path} is not there: run the stage `{stage}` first "
                f"(python -m flowbrush.training {stage} --config … --run {self.folder})"
            )
        try:
            made: dict[str, Any] = load_plain(path)
            return made
        except (NotPlain, OSError, MemoryError) as error:
            raise MissingStage(
                f"{path} cannot be read ({error}): run `{stage}` again with --fresh"
            ) from error

    def forget(self, stage: str) -> None:
        """Throws away what a stage has saved."""
        if self.writes:
            shutil.rmtree(self.folder / stage, ignore_errors=True)

    def log(self, line: dict[str, object]) -> None:
        if self.writes:
            with (self.folder / "losses.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")


def write_whole(path: Path, state: object) -> None:
    """torch.save by way of a temporary file next to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    os.replace(temporary, path)
