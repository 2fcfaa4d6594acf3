"""Which prompt is being read at the worker beside its chunks, and waits for that. No I/O."""

from __future__ import annotations

from flowbrush.protocol import PromptSet

PATIENCE = 8
"""Chunks that a prompt waits at the most; then the chunk that shows it waits for it instead."""

Texts = tuple[str, ...]


class Reading:
    """One prompt after the other; a newer one is read when the one before it has been."""

    def __init__(self) -> None:
        self.needed = False
        """whether the model reads prompts so slowly that a chunk would be late"""
        self._asked: Texts | None = None
        self._read: Texts | None = None
        self._since: int | None = None
        """the first chunk that had to do without the prompt"""

    def ask(self, prompt: PromptSet | None, chunk: int) -> Texts | None:
        """What the worker is to read now for the `prompt` that waits; `chunk` is the next one. None for nothing."""
        if not self.needed or prompt is None or self._asked is not None:
            return None
        texts = tuple(each.text for each in prompt.prompts)
        if texts == self._read:
            return None
        self._asked = texts
        self._since = chunk if self._since is None else self._since
        return texts

    def done(self) -> None:
        """What was asked for has been read."""
        self._read, self._asked = self._asked, None

    def holds(self, chunk: int) -> bool:
        """Whether `chunk` is to be made without the prompt that waits."""
        return self._asked is not None and self._since is not None and chunk - self._since < PATIENCE

    def shown(self) -> None:
        """No prompt waits any more."""
        self._since = None

    def stop(self) -> None:
        """Who was asked is gone, or does not stand where it stood."""
        self._asked = self._read = self._since = None
