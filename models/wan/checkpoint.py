"""Published checkpoints of Wan students into our transformer: every layout that is about, and an error that
names what is wrong.

Pickles are read with `weights_only=True` alone: a file with code in it is refused and nothing of it runs.
"""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

from torch import Tensor

from flowbrush.models.loading.checkpoint import BadWeights, fill, read
from flowbrush.models.loading.plain_pickle import NotPlain, load_plain
from flowbrush.models.transformer import CausalTransformer
from flowbrush.models.wan.lora import merge
from flowbrush.models.wan.names import cleaned

SUFFIXES = (".safetensors", ".pt", ".pth")
CONTAINERS = (
    "generator_ema",
    "generator",
    "model",
    "state_dict",
)  # the first that is there holds the weights


def load_tensors(path: Path, container: str = "") -> dict[str, Tensor]:
    """The tensors of a checkpoint file, or of a folder of safetensors shards, under the file's own names; those
    in its entry `container` where it has that one.

    Raises BadWeights: no such file, truncated, not a checkpoint, a pickle with code in it, or files in a folder that are not the
    shards of one checkpoint.
    """
    if path.is_dir():
        return _joined(path)
    if path.suffix not in SUFFIXES:
        raise BadWeights(f"{path} is no checkpoint: expected a file ending in {', '.join(SUFFIXES)}")
    if path.suffix == ".safetensors":
        return read(path)[0]
    return unwrap(read_pickle(path), path.name, container)


def _joined(folder: Path) -> dict[str, Tensor]:
    """The tensors of all shards in a folder."""
    tensors: dict[str, Tensor] = {}
    held: dict[str, str] = {}
    for shard in sorted(folder.glob("*.safetensors")):
        for name, value in read(shard)[0].items():
            if name in held:
                raise BadWeights(
                    f"{held[name]} and {shard.name} in {folder} both hold {name}: they are no shards of one checkpoint; leave one"
                )
            tensors[name], held[name] = value, shard.name
    if not tensors:
        raise BadWeights(f"no .safetensors files in {folder}: expected the shards of a checkpoint")
    return tensors


def read_pickle(path: Path) -> Any:
    """What a .pt or .pth file holds, tensors and plain containers only. Raises BadWeights."""
    if not path.is_file():
        raise BadWeights(f"no weights at {path}: expected a checkpoint file")
    try:
        # A zip file is mapped, not read: a 10 GB checkpoint needs no 10 GB of memory.
        return load_plain(path, mmap=zipfile.is_zipfile(path))
    except NotPlain as error:
        if isinstance(error.__cause__, pickle.UnpicklingError):
            raise BadWeights(
                f"{path} is refused: it is broken, or holds more than tensors, which could run code when it is opened. "
                "Ask its publisher for a .safetensors file"
            ) from error
        raise BadWeights(
            f"{path} is not a whole checkpoint: it is truncated or something else; fetch it again"
        ) from error


def unwrap(loaded: Any, source: str, container: str = "") -> dict[str, Tensor]:
    """The state dict inside a checkpoint: its entry `container` if it has that, else `generator_ema`,
    `generator`, `model`, `state_dict`, or the checkpoint itself.
    """
    if isinstance(loaded, dict):
        for key in (container, *CONTAINERS):
            if isinstance(loaded.get(key), dict):
                return unwrap(loaded[key], source, container)
        if loaded and all(
            isinstance(name, str) and isinstance(value, Tensor) for name, value in loaded.items()
        ):
            return loaded
        found = ", ".join(sorted(map(str, loaded))[:5])
        raise BadWeights(
            f"{source} holds no weights of a student: expected {', '.join(CONTAINERS)} or tensors, found {found}"
        )
    raise BadWeights(f"{source} holds no weights of a student but a {type(loaded).__name__}")


def load_student(
    student: CausalTransformer, path: Path, lora: Path | None = None, container: str = ""
) -> None:
    """Fills `student` from the checkpoint at `path` (its entry `container`, where it has several), with `lora`
    merged in. Raises BadWeights; then nothing has changed.
    """
    try:
        tensors = cleaned(load_tensors(path, container))
        if lora is not None:
            tensors = merge(tensors, load_tensors(lora, "generator_lora"), lora.name)
    except ValueError as error:
        raise error if isinstance(error, BadWeights) else BadWeights(f"{path.name}: {error}") from error
    fill(student, tensors, "", path.name)
