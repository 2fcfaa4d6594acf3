"""The rolling cache: what a chunk attends to, where it lies, and that nothing grows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.kv_cache import KVCache
from flowbrush.models.rope import RopeTable

CPU, TOKENS = torch.device("cpu"), 6


def spec(chunk: int = 1, sink: int = 1, window: int = 3) -> StudentSpec:
    return StudentSpec(
        latent_channels=4,
        dim=24,
        ffn_dim=32,
        heads=2,
        layers=2,
        text_dim=8,
        patch=1,
        chunk=chunk,
        sink=sink,
        window=window,
    )


def cache_of(shape: StudentSpec, seats: int = 2) -> tuple[KVCache, RopeTable]:
    frames = (shape.sink + shape.window + 1) * shape.chunk
    return KVCache(shape, TOKENS, seats, CPU, torch.float32), RopeTable(12, frames, 2, 3, CPU, torch.float32)


def chunk(shape: StudentSpec, index: int) -> list[tuple[Tensor, Tensor]]:
    """Keys and values that name the chunk and the layer."""
    size = (1, shape.chunk * TOKENS, 2, 12)
    return [
        (torch.full(size, index + layer / 10), torch.full(size, -index - layer / 10)) for layer in range(2)
    ]


def values_seen(context: list[tuple[Tensor, Tensor]] | None, layer: int = 0) -> list[float]:
    assert context is not None
    return [-float(v) for v in context[layer][1][0, :-TOKENS:TOKENS, 0, 0]]


def test_sinks_and_window_are_attended_to() -> None:
    cache, _ = cache_of(spec(sink=2, window=3))
    assert cache.attended(0) == []
    assert cache.attended(1) == [0]
    assert cache.attended(4) == [0, 1, 2, 3]
    assert cache.attended(5) == [0, 1, 2, 3, 4]
    assert cache.attended(9) == [0, 1, 6, 7, 8]


def test_without_sinks_the_window_slides_alone() -> None:
    cache, _ = cache_of(spec(sink=0, window=2))
    assert cache.attended(1) == [0]
    assert cache.attended(7) == [5, 6]


@pytest.mark.parametrize("sink", [0, 1, 2])
@pytest.mark.parametrize("window", [1, 3])
def test_a_new_chunk_never_lies_on_what_is_attended_to(sink: int, window: int) -> None:
    cache, _ = cache_of(spec(sink=sink, window=window))
    for made in range(40):
        taken = {cache.slot(index) for index in cache.attended(made)}
        assert len(taken) == len(cache.attended(made)), "two chunks in one slot"
        assert cache.slot(made) not in taken
        assert cache.slot(made) < cache.slots


def test_what_was_written_is_read_in_order() -> None:
    shape = spec()
    cache, rope = cache_of(shape)
    for index in range(9):
        seen = cache.read([1], [index], rope)
        if index:
            assert values_seen(seen) == pytest.approx(cache.attended(index))
            assert values_seen(seen, 1) == pytest.approx([i + 0.1 for i in cache.attended(index)])
        cache.write([1], [index], chunk(shape, index))
    assert not cache.keys[:, 0].any(), "the other seat is untouched"


def test_keys_are_rotated_by_place_and_not_by_time() -> None:
    """The same contents at chunks 20 and 2,000 are read as the same keys, whatever slots they lie in."""
    shape = spec(sink=1, window=3)
    contents = [torch.randn(1, TOKENS, 2, 12) for _ in range(4)]

    def keys(made: int) -> Tensor:
        cache, rope = cache_of(shape)
        for index, content in zip(cache.attended(made), contents, strict=True):
            cache.write([0], [index], [(content, content), (content, content)])
        context = cache.read([0], [made], rope)
        assert context is not None
        return context[0][0][:, :-TOKENS]

    assert torch.equal(keys(20), keys(2000))
    _, rope = cache_of(shape)
    expected = torch.cat([rope.rotate(content, place) for place, content in enumerate(contents)], 1)
    assert torch.allclose(keys(2001), expected, atol=1e-6)


def test_streams_of_different_age_are_read_together() -> None:
    shape = spec()
    cache, rope = cache_of(shape)
    for seat, count in ((0, 6), (1, 9)):
        for index in range(count):
            cache.write([seat], [index], chunk(shape, 100 * seat + index))
    together = cache.read([0, 1], [6, 9], rope)
    assert together is not None
    for row, (seat, made) in enumerate(((0, 6), (1, 9))):
        alone = cache.read([seat], [made], rope)
        assert alone is not None
        assert torch.equal(alone[1][0][0], together[1][0][row])
        assert torch.equal(alone[1][1][0], together[1][1][row])


def test_memory_is_static() -> None:
    shape = spec()
    cache, _ = cache_of(shape)
    places = cache.keys.data_ptr(), cache.values.data_ptr()
    for index in range(50):
        cache.write([0], [index], chunk(shape, index))
    assert (cache.keys.data_ptr(), cache.values.data_ptr()) == places
    seats, per_token = len(cache.keys[0]), 2 * 24 * 4  # layers, dim, bytes
    assert cache.keys.nbytes == cache.values.nbytes == seats * cache.slots * TOKENS * per_token


def test_a_chunk_taken_out_and_put_back_is_the_same() -> None:
    shape = spec()
    cache, rope = cache_of(shape)
    for index in range(6):
        cache.write(
            [0], [index], [(torch.randn(1, TOKENS, 2, 12), torch.randn(1, TOKENS, 2, 12)) for _ in range(2)]
        )
    for index in cache.attended(6):
        cache.put(1, index, cache.take(0, index))
    one, other = cache.read([0], [6], rope), cache.read([1], [6], rope)
    assert one is not None and other is not None
    assert all(
        torch.equal(a, b)
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left, right, strict=True)
    )
