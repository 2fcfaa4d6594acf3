"""Chunks that nobody sees, made before the first viewer comes: they compile, fill pools of memory and load libraries.
Free of torch.
"""

from __future__ import annotations

import time
from typing import Any

from flowbrush.controls import Control, Prompt, PromptSet
from flowbrush.pipelines.requests import StreamSettings

PROMPTS = ("a cat in the meadow", "a boat at sea")
CHUNKS = 3  # without compiled blocks


def warm_up(generator: Any, compiled: bool) -> float:
    """Runs one stream of a `flowbrush.pipelines.generator.Generator` alone, and on a GPU full batches; returns the seconds of
    one chunk of one stream. On a CPU a first full batch takes a fifth longer than later ones, and warming it up took as long as all
    else: a lost worker is back sooner without.

    With `compiled`, in every shape that streams can have, since a shape is compiled when it first comes, which takes
    long: every number of streams, every length of the past up to a full window, and, where a prompt reaches the past,
    a new prompt at each of them.
    """
    card, seats = generator.card, generator.seats
    settings = StreamSettings(card.name, ((PROMPTS[0], 1.0),), card.width, card.height, card.fps)
    chunks, renews = CHUNKS, False
    if compiled:
        renews = card.rollout.recache
        chunks = card.student.sink + card.student.window + (4 if renews else 2)
    chunk_s = 0.0
    for streams in (
        range(1, seats + 1) if compiled else sorted({1, seats if getattr(generator, "on_gpu", True) else 1})
    ):
        states = [generator.start(settings) for _ in range(streams)]
        for chunk in range(chunks):
            controls = [_new_prompt(chunk)] if renews and 0 < chunk < chunks - 1 else []
            begun = time.monotonic()
            generator.step(states, [controls for _ in states])
            if streams == 1:
                chunk_s = time.monotonic() - begun
        for state in states:
            generator.release(state)
    return chunk_s


def _new_prompt(chunk: int) -> Control:
    return PromptSet(prompts=(Prompt(text=PROMPTS[chunk % 2]),))
