"""What every text encoder offers the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class TextEncoder(Protocol):
    """Prompts → tokens for the student's cross-attention. A `slow` one takes so long that a chunk would be late."""

    slow: bool

    def __call__(self, prompts: Sequence[str], /) -> Tensor:
        """Tokens [B, L, D]; rows after a prompt's end are zero."""
        ...

    def unknown(self, text: str) -> dict[str, str]:
        """The words of `text` that this encoder was never trained on, each with the one that it hears in its place, "" for none."""
        ...

    def left_out(self, text: str) -> list[str]:
        """Parts of `text` that are not heard."""
        ...

    def remarks(self, text: str) -> list[str]:
        """What the person should know of `text` as a whole, in words."""
        ...
