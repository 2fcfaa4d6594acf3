"""The prompts of a session and what was said of them, for those who come later: a page that is loaded again, a viewer. No I/O."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from flowbrush.protocol import Control, Notice, Prompt, PromptSet

PROMPTS_KEPT = 256
"""Of a session, the newest: a new one each ten seconds for 40 minutes. The longest ones are four megabytes."""

NOTICES_KEPT = 32
"""Of a session, the newest: what was said of some prompts. All of it is told to whoever comes."""


class Asked:
    """What was asked for, by the chunk that saw it first."""

    def __init__(self, first: Sequence[tuple[str, float]]) -> None:
        """`first` are the prompts of the start, (text, weight) pairs."""
        self._prompts = [tuple(Prompt(text=text, weight=weight) for text, weight in first)]
        self._since = [0]
        """the chunk from which on each of these holds"""
        self._notices: dict[tuple[str | None, str], Notice] = {}

    def saw(self, controls: Iterable[Control], chunk: int) -> None:
        """`chunk` is made with these controls."""
        for control in controls:
            if isinstance(control, PromptSet):
                self._prompts.append(control.prompts)
                self._since.append(chunk)
        del self._prompts[:-PROMPTS_KEPT], self._since[:-PROMPTS_KEPT]

    def cut(self, chunks: int) -> None:
        """Only the first `chunks` chunks ever were."""
        while len(self._since) > 1 and self._since[-1] >= chunks:
            self._prompts.pop()
            self._since.pop()

    def before(self, chunk: int) -> tuple[Prompt, ...] | None:
        """What the picture is made from that `chunk` follows; for chunk 0 what it will be made from. None: it is not kept."""
        place = bisect_right(self._since, max(0, chunk - 1)) - 1
        return self._prompts[place] if place >= 0 else None

    def told(self, notice: Notice) -> None:
        """Its client is told this of a prompt."""
        key = notice.prompt, notice.message
        self._notices.pop(key, None)
        self._notices[key] = notice.model_copy(update={"id": None})
        if len(self._notices) > NOTICES_KEPT:
            self._notices.pop(next(iter(self._notices)))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What was said of prompts, the newest of it, each once; without the ids of controls, which only its client knows."""
        return tuple(self._notices.values())
