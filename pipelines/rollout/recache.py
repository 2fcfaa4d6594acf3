"""A new prompt reaches the past (LongLive): the window's keys and values are worked out again under it.

One clean pass over the latest latents, which see each other in both directions, as the published student was
trained. The sink keeps what it was, unless the pass reaches back to the start of the stream. A transition has
one such pass, once the new prompt is alone: the publisher switches in one step, and a past worked out under a
mixture would be worked out again a chunk later.
"""

from __future__ import annotations

import torch
from torch import Tensor

from flowbrush.models.layers import KeyValue
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.conditions.controls import ChunkPlan, ControlState
from flowbrush.pipelines.rollout.past import CachedPast
from flowbrush.pipelines.rollout.state import StreamState


def is_due(before: ControlState, plan: ChunkPlan) -> bool:
    """Whether the chunk of `plan` is the first that is made under a new prompt alone; `before` is what stood at the
    end of the chunk before it.
    """
    return plan.share >= 1 and (plan.prompt != before.prompt or before.transition is not None)


@torch.inference_mode()
def recache(
    student: CausalTransformer, past: CachedPast, state: StreamState, words: list[KeyValue]
) -> dict[int, Tensor]:
    """Rewrites the attended chunks of `state` in the cache; returns them by index. `words` are the new
    prompt's.

    Nothing is recorded: `past.restore` takes it back.
    """
    cache, spec = past.cache, student.spec
    if not state.made:
        return {}
    from_start = state.made <= spec.sink + spec.window + 1
    sinks = [] if from_start else list(range(spec.sink))
    chunks = list(range(0 if from_start else state.made - spec.window - 1, state.made))
    kept = state.by_index
    latents = torch.cat([kept[index].latents for index in chunks], 1)[None]  # [1, C, chunks × chunk, h, w]
    places = cache.places([*sinks, *chunks])
    context = cache.gather([state.seat], [sinks], places[: len(sinks)], past.rope, len(chunks))
    weight = student.reference
    still = torch.zeros(1, latents.shape[2], device=weight.device)
    first = places[len(sinks)]
    new = student.keys_values(latents.to(weight), still, words, past.rope, context=context, first_frame=first)
    changed = {}
    for place, index in enumerate(chunks):
        if index in cache.attended(state.made):
            part = slice(place * cache.tokens, (place + 1) * cache.tokens)
            cache.write([state.seat], [index], [(keys[:, part], values[:, part]) for keys, values in new])
            changed[index] = cache.take(state.seat, index)
    return changed
