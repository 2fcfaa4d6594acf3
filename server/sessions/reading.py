"""Which texts of prompts are being read at the worker while it makes chunks, and what waits for that. No I/O, no clock."""

from __future__ import annotations

from flowbrush.protocol import PromptSet

PATIENCE = 8
"""Chunks that a new prompt waits at the most; then the stream waits for it."""

PATIENCE_S = 30.0
"""A stream that cannot go on without texts waits so long for them; then its worker reads them in the stream's own turn."""

Texts = tuple[str, ...]


class Reading:
    """One new prompt after the other; a newer one is read when the one before it has been. Also what the worker said that the
    stream cannot go on without.
    """

    def __init__(self) -> None:
        self.needed = False
        """whether the model reads prompts so slowly that a chunk would be late"""
        self.until: float | None = None
        """the stream waits for texts that it cannot go on without, but no longer"""
        self.insists = False
        """whether the worker is to go on even where it has to read first: it has been waited for"""
        self._missing: Texts | None = None
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

    def miss(self, texts: Texts, now: float) -> None:
        """The worker cannot go on before these are read, which it is asked for."""
        self._missing, self.until, self.insists = texts, now + PATIENCE_S, True

    def done(self, texts: Texts) -> None:
        """These have been read."""
        if texts == self._missing:
            self._missing = self.until = None
        if texts == self._asked:
            self._read, self._asked = self._asked, None

    def went_on(self) -> None:
        """The worker has made what waited."""
        self._missing = self.until = None
        self.insists = False

    def holds(self, chunk: int) -> bool:
        """Whether `chunk` is to be made without the prompt that waits."""
        return self._asked is not None and self._since is not None and chunk - self._since < PATIENCE

    def shown(self) -> None:
        """No prompt waits any more."""
        self._since = None

    def stop(self) -> None:
        """Who was asked is gone, or does not stand where it stood."""
        self._asked = self._read = self._since = None
        self.went_on()
