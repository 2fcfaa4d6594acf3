"""Prompts as text tokens: encoded once, blended by weight, passed from one to the next."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from flowbrush.models.text.base import TextEncoder
from flowbrush.pipelines.conditions.controls import Blend, ChunkPlan, ControlState
from flowbrush.pipelines.requests import Notice

KEPT = 256  # prompts whose tokens are remembered: of Wan's, 4 MiB each, a gibibyte of the memory that streams leave free
LISTED = 6  # words that a notice names: more are not read
LONGEST = 30  # letters of a word that a notice says


class Prompts:
    """Text tokens [L, D] of prompts, the latest KEPT of them remembered."""

    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder = encoder
        self.known: OrderedDict[str, Tensor] = OrderedDict()
        self._knowing, self._encoding = threading.Lock(), threading.Lock()

    @property
    def slow(self) -> bool:
        """Whether texts had better be read ahead, while chunks are made."""
        return self.encoder.slow

    @torch.inference_mode()
    def encode(self, text: str) -> Tensor:
        """Its tokens [L, D]. Any thread; one that asks for what is known does not wait for others."""
        found = self._known(text)
        if found is not None:
            return found
        with self._encoding:
            found = self._known(text)  # another thread may have been at it
            if found is None:
                found = self.encoder([text])[0]
                self._keep(text, found)
            return found

    def read(self, texts: Sequence[str]) -> None:
        """Encodes what a later chunk will ask for; for another thread than the one that makes chunks."""
        for text in texts:
            self.encode(text)

    def unread(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Those of `texts` that are not known."""
        return tuple(text for text in texts if self._known(text) is None)

    def _known(self, text: str) -> Tensor | None:
        with self._knowing:
            found = self.known.get(text)
            if found is not None:
                self.known.move_to_end(text)
            return found

    def _keep(self, text: str, tokens: Tensor) -> None:
        with self._knowing:
            self.known[text] = tokens
            if len(self.known) > KEPT:
                self.known.popitem(last=False)

    def blend(self, prompts: Blend) -> Tensor:
        """The weighted mean of the prompts' tokens; those of no words where there is no prompt."""
        if not prompts:
            return self.encode("")
        if len(prompts) == 1:
            return self.encode(prompts[0][0])
        return torch.stack([self.encode(text) * weight for text, weight in prompts]).sum(0)

    def tokens(self, plan: ChunkPlan) -> Tensor:
        """The tokens in force in one chunk."""
        return self._between(plan.source, plan.prompt, plan.share, plan.method)

    def in_force(self, controls: ControlState) -> Tensor:
        """The tokens that were in force in the chunk after which a stream stands with `controls`."""
        change = controls.transition
        if change is None:
            return self.blend(controls.prompt)
        return self._between(change.source, controls.prompt, change.done / change.chunks, change.method)

    def _between(self, before: Blend, after: Blend, share: float, method: str) -> Tensor:
        target = self.blend(after)
        if share >= 1:
            return target
        source = self.blend(before)
        if method == "slerp":
            return slerp(source, target, share)
        return source + (target - source) * share

    def notices(self, plan: ChunkPlan, understood: Collection[str] = ()) -> tuple[Notice, ...]:
        """What the person should know of prompts that are new in this chunk, of which `understood` words mean something though
        they were never trained.
        """
        notices = []
        for text, control in plan.new_texts:
            every = self.encoder.unknown(text)
            unknown = {word: shown for word, shown in every.items() if word not in understood}
            if unknown:
                message = f"this model was not trained on {_listed(unknown)}"
                if not all(unknown.values()):
                    message += ": it is left out, or a guess (its examples, in English, show what it knows)"
                notices.append(Notice("unknown_words", message, control, text))
            notices += [Notice("partly_shown", why, control, text) for why in self.encoder.remarks(text)]
            spare = self.encoder.left_out(text)
            if spare:
                listed = ", ".join(repr(part) for part in spare)
                message = f"a picture shows one scene, the first: {listed} is left out"
                notices.append(Notice("one_scene", message, control, text))
        return tuple(notices)


def _listed(unknown: Mapping[str, str]) -> str:
    """Words, each with what stands for it, which are not left out of a long list."""
    seen = sorted(unknown, key=lambda word: not unknown[word])[:LISTED]
    words = [
        repr(_cut(word)) + (f" ({unknown[word]!r} stands for it)" if unknown[word] else "")
        for word in unknown
        if word in seen
    ]
    more = len(unknown) - len(words)
    return ", ".join(words) + (f" and {more} more words" if more else "")


def _cut(word: str) -> str:
    return word if len(word) <= LONGEST else f"{word[:LONGEST]}…"


def slerp(source: Tensor, target: Tensor, share: float) -> Tensor:
    """Spherical interpolation of every token [L, D]; lengths go over linearly."""
    a, b = source.norm(dim=-1, keepdim=True), target.norm(dim=-1, keepdim=True)
    u, v = source / a.clamp_min(1e-6), target / b.clamp_min(1e-6)
    angle = torch.acos((u * v).sum(-1, keepdim=True).clamp(-1 + 1e-6, 1 - 1e-6))
    arc = (torch.sin((1 - share) * angle) * u + torch.sin(share * angle) * v) / torch.sin(angle)
    made: Tensor = arc * (a + (b - a) * share)
    return made


def effective(plan: ChunkPlan) -> str:
    """The prompt in force as people read it."""
    if plan.share < 1 and _text(plan.source):  # a photo may have none
        return f"{_text(plan.source)} → {_text(plan.prompt)} ({plan.share:.0%})"
    return _text(plan.prompt)


def _text(prompts: Blend) -> str:
    if len(prompts) == 1:
        return prompts[0][0]
    return " + ".join(f"{text} ({weight:.0%})" for text, weight in prompts)
