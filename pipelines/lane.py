"""What belongs to one size of picture: positions, cache and the maker of chunks. Streams of one size share their passes."""

from __future__ import annotations

from models.card import ModelCard
from models.device import Placement
from models.kv_cache import POSITIONS, KVCache
from models.load import Model
from pipelines.denoise import ChunkMaker
from pipelines.joint import JointMaker
from pipelines.past import CachedPast, Past, RecomputedPast
from pipelines.prompts import Prompts


class Lane:
    """Slots for `slots` streams of pictures of `size` (W, H) pixels."""

    def __init__(
        self,
        card: ModelCard,
        model: Model,
        placement: Placement,
        slots: int,
        size: tuple[int, int],
        prompts: Prompts,
    ) -> None:
        spec, rollout, stride = card.student, card.rollout, card.codec.stride
        grid = (size[1] // stride, size[0] // stride)
        tokens = (grid[0] // spec.patch) * (grid[1] // spec.patch)
        frames = POSITIONS if rollout.positions == "absolute" else (spec.sink + spec.window + 1) * spec.chunk
        rope = model.student.rope_table(frames, *grid)
        self.aspect = size[1] / size[0]
        if rollout.past == "recompute":
            self.past: Past = RecomputedPast(spec.chunk, rope, prompts, rollout.keep_first_frame)
        else:
            cache = KVCache(spec, tokens, slots, placement.device, placement.dtype, rollout)
            self.past = CachedPast(cache, rope)
        if rollout.joint:
            assert isinstance(self.past, CachedPast)
            self.maker: ChunkMaker = JointMaker(model.student, self.past, rope, grid)
        else:
            self.maker = ChunkMaker(model.student, self.past, rope, grid)
