"""StreamDiT's moving buffer against a loop over nothing but the student, in fp64: one pass an emission, Euler steps, no past."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from flowbrush.models.cards.spec import RolloutSpec, StudentSpec
from flowbrush.models.rope import RopeTable
from flowbrush.models.schedule import chunk_noise, noise_steps
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.conditions.controls import initial_state
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.rollout.denoise import Batch
from flowbrush.pipelines.rollout.joint import JointMaker
from flowbrush.pipelines.rollout.past import NoPast
from flowbrush.pipelines.rollout.state import ChunkRecord, StreamState

GRID, CHUNK, CHUNKS, PARTS = (4, 6), 2, 5, 3
SHAPE = (4, CHUNK, *GRID)
ROLLOUT = RolloutSpec(shift=3.0, joint=True, past="none")
SPEC = StudentSpec(
    latent_channels=4, dim=48, ffn_dim=96, heads=2, layers=2, text_dim=8, chunk=CHUNK, sink=0, window=1
)
TEXT = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1)).double()
LEVELS = [1.0, 6 / 7, 0.6]  # three even ones, bent by a shift of 3


@pytest.fixture(scope="module")
def student() -> CausalTransformer:
    torch.manual_seed(0)
    return CausalTransformer(SPEC).double().eval()


def roll_out(student: CausalTransformer, seeds: list[int]) -> Tensor:
    """Clean latents [B, C, T, h, w] of CHUNKS chunks, as the pipeline makes them."""
    maker = JointMaker(student, NoPast(SPEC, 6), student.rope_table(CHUNK * PARTS, *GRID), GRID)
    states = []
    for seat, seed in enumerate(seeds):
        settings = StreamSettings("test", (("a fox", 1.0),), 96, 64, 16, seed=seed)
        states.append(StreamState(settings, seat, initial_state((("a fox", 1.0),), ()), 1))
    made = []
    for chunk in range(CHUNKS):
        batch = Batch(states, TEXT[: len(seeds)], None, noise_steps(ROLLOUT, PARTS))
        latents, pending = maker.make(batch)
        maker.remember(batch, latents)
        assert pending is not None
        for row, state in enumerate(states):
            record = ChunkRecord(chunk, chunk + 1, None, latents[row], state.controls, pending=pending[row])
            state.count(record, 0, 99)
            state.chunk += 1
        made.append(latents)
    return torch.cat(made, 2)


@torch.no_grad()
def oracle(student: CausalTransformer, seed: int, text: Tensor) -> Tensor:
    """The buffer as a list of parts and their levels. All its frames are one block of the student: full attention, no context."""
    whole = CausalTransformer(replace(SPEC, chunk=CHUNK * PARTS)).double().eval()
    whole.load_state_dict(student.state_dict())
    words = whole.text_keys_values(text)
    parts: list[Tensor] = []
    done: list[int] = []  # how many levels each has behind it
    out: list[Tensor] = []
    entered = 0
    while len(out) < CHUNKS:
        parts.append(chunk_noise(seed, entered, 0, SHAPE)[None].double())
        done.append(0)
        entered += 1
        frames = torch.cat(parts, 2)
        times = torch.tensor([1000 * LEVELS[count] for count in done]).repeat_interleave(CHUNK)[None]
        rope = RopeTable(
            SPEC.head_dim, frames.shape[2], GRID[0] // 2, GRID[1] // 2, torch.device("cpu"), torch.float64
        )
        velocity = whole(frames, times, words, rope).split(CHUNK, 2)
        for place, count in enumerate(done):
            following = LEVELS[count + 1] if count + 1 < PARTS else 0.0
            parts[place] = parts[place] + (following - LEVELS[count]) * velocity[place]
        done = [count + 1 for count in done]
        if done[0] == PARTS:
            out.append(parts.pop(0))
            done.pop(0)
    return torch.cat(out, 2)


def test_the_moving_buffer_equals_the_oracle(
    student: CausalTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pipeline keeps latents in fp32; here everything is fp64, so that what remains is no rounding.
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    made = roll_out(student, [7, 8])
    for row, seed in enumerate([7, 8]):
        expected = oracle(student, seed, TEXT[row : row + 1])
        torch.testing.assert_close(made[row : row + 1], expected, rtol=1e-6, atol=1e-6)


def test_a_card_cannot_ask_for_what_does_not_go_together() -> None:
    for wrong in ({"past": "none"}, {"past": "recompute", "joint": True}, {"past": "some"}):
        with pytest.raises(ValueError, match="past"):
            RolloutSpec(**wrong)  # type: ignore[arg-type]
