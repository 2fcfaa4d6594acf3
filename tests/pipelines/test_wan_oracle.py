"""The cached roll-out against one without a cache, in fp64: the clean past and the noisy chunk in one block-causal pass.

As long as nothing has left the window the two are the same function.
"""

import pytest
import torch

from flowbrush.models.cards.spec import RolloutSpec, StudentSpec
from flowbrush.models.kv_cache import KVCache
from flowbrush.models.rope import RopeTable
from flowbrush.models.schedule import chunk_noise, noise_steps
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.conditions.controls import initial_state
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.rollout.denoise import Batch, ChunkMaker
from flowbrush.pipelines.rollout.past import CachedPast
from flowbrush.pipelines.rollout.state import ChunkRecord, StreamState

GRID, CHUNKS = (4, 6), 4
STEPS = (1000, 750, 500, 250)


@pytest.fixture(scope="module", params=[(1, 3), (0, 4), (2, 2)], ids=["sink 1", "no sink", "sink 2"])
def student(request):
    sink, window = request.param
    torch.manual_seed(0)
    spec = StudentSpec(
        latent_channels=4,
        dim=48,
        ffn_dim=96,
        heads=2,
        layers=2,
        text_dim=8,
        chunk=3,
        sink=sink,
        window=window,
    )
    return CausalTransformer(spec).double().eval()


def settings(seed):
    return StreamSettings("test", (("a fox", 1.0),), 96, 64, 16, seed=seed)


def roll_out(student, rollout, seeds, text):
    """Clean latents [B, C, T, h, w] of `CHUNKS` chunks, made through the cache."""
    spec = student.spec
    tokens = GRID[0] * GRID[1] // 4
    rope = student.rope_table(3 * (CHUNKS + 1), *GRID)
    cache = KVCache(spec, tokens, len(seeds), torch.device("cpu"), torch.float64, rollout)
    past = CachedPast(cache, rope)
    maker = ChunkMaker(student, past, rope, GRID)
    states = [
        StreamState(settings(seed), seat, initial_state((("a fox", 1.0),), ()), spec.window)
        for seat, seed in enumerate(seeds)
    ]
    made = []
    for chunk in range(CHUNKS):
        batch = Batch(states, text, None, noise_steps(rollout, 4), renew=True)
        latents, _ = maker.make(batch)
        maker.remember(batch, latents)
        for row, state in enumerate(states):
            record = ChunkRecord(chunk, chunk + 1, None, latents[row], state.controls)
            state.count(record, spec.sink, 99)
            state.chunk += 1
        made.append(latents)
    return torch.cat(made, 2)


@torch.no_grad()
def oracle(student, rollout, seed, text):
    """The same without a cache: every step is one pass over all that is past and the chunk itself."""
    words = student.text_keys_values(text)
    shape = (student.spec.latent_channels, 3, *GRID)
    past = torch.zeros(1, shape[0], 0, *GRID, dtype=torch.float64)
    steps = noise_steps(rollout, 4)
    for chunk in range(CHUNKS):
        noisy = chunk_noise(seed, chunk, 0, shape)[None].double()
        for index, step in enumerate(steps):
            frames = torch.cat([past, noisy], 2)
            timestep = torch.cat([torch.zeros(1, past.shape[2]), torch.full((1, 3), step.timestep)], 1)
            rope = RopeTable(
                student.spec.head_dim,
                frames.shape[2],
                GRID[0] // 2,
                GRID[1] // 2,
                torch.device("cpu"),
                torch.float64,
            )
            velocity = student(frames, timestep, words, rope)[:, :, -3:]
            clean = noisy - step.level * velocity
            if index + 1 < len(steps):
                level = steps[index + 1].level
                fresh = chunk_noise(seed, chunk, index + 1, shape)[None]  # scaled in fp32, as it is drawn
                noisy = (1 - level) * clean + level * fresh
        past = torch.cat([past, clean], 2)
    return past


@pytest.mark.parametrize("positions", ["slot", "absolute"])
def test_cached_roll_out_equals_the_oracle(student, positions, monkeypatch):
    # The pipeline keeps latents in fp32; here everything is fp64, so that what remains is no rounding.
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    rollout = RolloutSpec(STEPS, shift=5.0, positions=positions)
    text = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1)).double()
    made = roll_out(student, rollout, [7, 8], text)
    for row, seed in enumerate([7, 8]):
        expected = oracle(student, rollout, seed, text[row : row + 1])
        torch.testing.assert_close(made[row : row + 1], expected, rtol=1e-8, atol=1e-8)
