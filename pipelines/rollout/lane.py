"""What belongs to one size of picture: positions, cache and the maker of chunks. Streams of one size share their passes."""

from __future__ import annotations

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.device import Placement
from flowbrush.models.kv_cache import POSITIONS, KVCache
from flowbrush.models.loading.load import Model
from flowbrush.pipelines.conditions.prompts import Prompts
from flowbrush.pipelines.rollout.denoise import ChunkMaker
from flowbrush.pipelines.rollout.joint import JointMaker
from flowbrush.pipelines.rollout.past import CachedPast, NoPast, Past, RecomputedPast


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
        caches: dict[int, KVCache],
    ) -> None:
        """`caches` are those that there are, by the tokens of a latent frame: a slot is one stream's, whatever its size, so that
        sizes of equally many tokens share one.
        """
        spec, rollout, stride = card.student, card.rollout, card.codec.stride
        grid = (size[1] // stride, size[0] // stride)
        tokens = (grid[0] // spec.patch) * (grid[1] // spec.patch)
        attended = max(spec.sink + spec.window + 1, card.steps if rollout.joint else 0)
        frames = POSITIONS if rollout.positions == "absolute" else attended * spec.chunk
        rope = model.student.rope_table(frames, *grid)
        self.aspect = size[1] / size[0]
        if rollout.past == "recompute":
            self.past: Past = RecomputedPast(spec.chunk, rope, prompts, rollout.keep_first_frame)
        elif rollout.past == "none":
            self.past = NoPast(spec, tokens)
        else:
            if tokens not in caches:
                caches[tokens] = KVCache(spec, tokens, slots, placement.device, placement.dtype, rollout)
            self.past = CachedPast(caches[tokens], rope)
        if rollout.joint:
            assert not isinstance(self.past, RecomputedPast)
            self.maker: ChunkMaker = JointMaker(model.student, self.past, rope, grid)
        else:
            self.maker = ChunkMaker(model.student, self.past, rope, grid)


class Lanes(dict[tuple[int, int], Lane]):
    """The lanes of a model by their size, each made when it is first asked for."""

    def __init__(
        self, card: ModelCard, model: Model, placement: Placement, slots: int, prompts: Prompts
    ) -> None:
        super().__init__()
        self._made_of = (card, model, placement, slots)
        self._prompts = prompts
        self._caches: dict[int, KVCache] = {}

    def __missing__(self, size: tuple[int, int]) -> Lane:
        self[size] = Lane(*self._made_of, size, self._prompts, self._caches)
        return self[size]
