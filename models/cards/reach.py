"""How far back a student's keys and values reach: from which chunks' latents they can be worked out again, to the bit.
Free of torch.

A layer's keys of a chunk follow from what the layer before it made of that chunk and of its window. So those of the last layer
reach back by a window for each layer, and what is older has no part in them but for the sinks, and for a sink that is averaged.
"""

from __future__ import annotations

from flowbrush.models.cards.spec import RolloutSpec, StudentSpec


def past_window(spec: StudentSpec, rollout: RolloutSpec) -> int:
    """How many chunks before the next one, sinks excepted, a stream cannot go on without: one more where a new prompt reaches the
    past, because the window is then worked out again along with the chunk before it.
    """
    return spec.window + (1 if rollout.recache else 0)


def first_chunks(spec: StudentSpec, rollout: RolloutSpec) -> int:
    """How many of a stream's first chunks its sinks follow from, with what was asked for in them."""
    if not spec.sink:
        return 0
    return spec.sink + (past_window(spec, rollout) + 1 if rollout.recache else 0)


def latest_chunks(spec: StudentSpec, rollout: RolloutSpec) -> int:
    """How many of its latest chunks the keys and values of the past follow from, together with the sinks."""
    past = past_window(spec, rollout)
    return past + (spec.layers - 1) * spec.window + (past if rollout.recache else 0)


def passes_again(spec: StudentSpec, rollout: RolloutSpec) -> float:
    """How many passes over one chunk it takes to work them out again: the oldest chunks go through few blocks, the newest through
    all. 0 where there are none to be kept.
    """
    if rollout.past != "cache":
        return 0.0
    return first_chunks(spec, rollout) + past_window(spec, rollout) + (spec.layers - 1) * spec.window / 2
