"""Files that torch.save wrote, of which nothing may run: tensors and plain containers alone."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch


class NotPlain(ValueError):
    """It is no such file; the text says why in half a sentence. torch's own words are pages, and advise to run what is in it."""


def load_plain(path: Path, *, mmap: bool = False) -> Any:
    """What the file holds, on the CPU. Raises NotPlain, and OSError where it cannot be read."""
    with open(path, "rb"):
        pass  # what cannot be opened is no broken file; torch raises OSError of both
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of pickle's versions, which are no business of who named the file
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        raise NotPlain("it is broken, or holds more than data, which could run code") from error
    except MemoryError:
        raise
    except Exception as error:  # bytes of any kind may stand there, and each upsets the reader in its own way
        raise NotPlain("it is truncated, or something else") from error
