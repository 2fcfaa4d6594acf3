"""Keys and values worked out again from latents, for streams whose keys and values are too many to be written down.

A clean pass over each chunk, oldest first, each of which sees those before it, as they were made. The first ones see less than
they saw then, unless they are the stream's own first, so the chunks of one window more are passed through before those that count.
An averaged sink is what it was before anything was mixed into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.controls import ControlState
from flowbrush.pipelines.past import CachedPast
from flowbrush.pipelines.state import ChunkRecord, StreamState


@torch.inference_mode()
def rebuild(
    student: CausalTransformer,
    past: CachedPast,
    state: StreamState,
    tokens: Callable[[ControlState], Tensor],
) -> None:
    """Fills the stream's seat, and the records of the chunks that it cannot go on without; the others are left out.

    `tokens` gives the text [L, D] that was in force. A past that was worked out under a new prompt is so again.
    """
    cache, needed = past.cache, past.needed(state)
    weight = student.reference
    done: dict[int, ChunkRecord] = {}
    for index, record in sorted(state.by_index.items()):
        renewed = cache.rollout.recache and index >= cache.spec.sink
        words = student.text_keys_values(
            tokens(state.controls if renewed else record.controls)[None].to(weight)
        )
        seen = [earlier for earlier in cache.attended(index) if earlier in done]
        places = cache.places([*seen, index], ahead=0)
        new = student.keys_values(
            record.latents[None].to(weight),  # [1, C, chunk, h, w]
            torch.zeros(1, record.latents.shape[1], device=weight.device),
            words,
            past.rope,
            context=cache.gather([state.seat], [seen], places[:-2], past.rope) if seen else None,
            first_frame=places[-2],
        )
        cache.write([state.seat], [index], new)
        done[index] = replace(record, key_value=cache.take(state.seat, index) if index in needed else None)
    state.sinks = [done[sink.made - 1] for sink in state.sinks]
    latest = [done[record.made - 1] for record in state.records]
    state.records.clear()
    state.records.extend(record for record in latest if record.key_value is not None)
