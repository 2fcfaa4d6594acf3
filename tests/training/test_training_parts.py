"""Optimiser, teacher's conditions, guidance and distribution matching."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from models.codecs.pocket import PocketCodec
from models.spec import MotionSpec, PocketCodecSpec, StudentSpec
from models.transformer import CausalTransformer
from pipelines.guidance import joint_guidance
from pipelines.motion import TrackWindow
from training.distributed import Workers, generator
from training.forcing import Batch
from training.matching import matching_loss, roll
from training.optim import MasterOptimiser, orthogonalise
from training.rollout import Rollout
from training.teacher import Guided, flow_loss, hidden, predict_clean, since_seen, task

ROWS, COLUMNS, TIMES = 8, 8, 3
SPEC = StudentSpec(
    12,
    32,
    32,
    2,
    1,
    16,
    patch=4,
    chunk=1,
    window=2,
    conv_width=16,
    conv_blocks=1,
    position_grid=(2, 2),
    motion=MotionSpec(),
    prediction="x0",
)


@pytest.fixture
def codec() -> PocketCodec:
    codec = PocketCodec(PocketCodecSpec(channels=12, width=16, blocks=1)).requires_grad_(False)
    basis = torch.randn(codec.basis.shape, generator=torch.Generator().manual_seed(3))
    codec.basis.copy_(torch.linalg.qr(basis)[0])  # components that hold something of every frame
    return codec


def network(chunk: int, seed: int) -> CausalTransformer:
    """With no weight at zero, where new networks begin so that they say little."""
    torch.manual_seed(seed)
    made = CausalTransformer(replace(SPEC, chunk=chunk))
    for parameter in made.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return made


def batch_of(size: int = 2, tracks: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(size, 12, TIMES, ROWS, COLUMNS, generator=generator)
    path = torch.rand(size, tracks, 1, 2, generator=generator) * 40
    path = path + torch.arange(4 * TIMES + 1).view(1, 1, -1, 1) * 0.8  # a pixel a frame, diagonally
    xy = torch.stack([path[:, :, 4 * t : 4 * t + 5] for t in range(TIMES)], 1).flatten(0, 1)
    windows = TrackWindow(
        torch.arange(tracks).expand(size * TIMES, -1), xy, torch.ones(xy.shape[:3], dtype=torch.bool)
    )
    begins = torch.zeros(size, TIMES, dtype=torch.bool)
    return Batch(latents, torch.randn(size, 5, 16, generator=generator), windows, begins, [""] * size)


def test_orthogonalise_makes_singular_values_equal() -> None:
    matrices = torch.randn(3, 40, 24, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(matrices))
    assert 0.5 < float(values.min()) and float(values.max()) < 1.4  # five steps land in about 0.7..1.2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_optimiser_fits_and_its_average_follows(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(16, 32), nn.SiLU(), nn.Linear(32, 16)).to(dtype)
    optimiser = MasterOptimiser(net, 0.02, ema=0.9)
    x = torch.randn(64, 16)
    target = torch.tanh(x.roll(1, 1))

    def loss() -> torch.Tensor:
        return (net(x.to(dtype)).float() - target).square().mean()

    before = float(loss().detach())
    for _ in range(80):
        loss().backward()
        optimiser.step()
    assert float(loss().detach()) < 0.3 * before
    net.load_state_dict({name: value.to(dtype) for name, value in optimiser.averages.items()})
    assert float(loss().detach()) < 0.4 * before


def test_a_broken_gradient_changes_nothing() -> None:
    net = nn.Linear(16, 16)
    optimiser = MasterOptimiser(net, 0.02)
    before = copy.deepcopy(optimiser.state_dict())
    for parameter in net.parameters():
        parameter.grad = torch.full_like(parameter, float("nan"))
    assert not optimiser.step() < float("inf")
    after = optimiser.state_dict()
    assert after["steps"] == 0
    assert all(torch.equal(after["masters"][n], before["masters"][n]) for n in after["masters"])
    assert all(torch.equal(after["first"][n], before["first"][n]) for n in after["first"])


def test_small_steps_are_not_lost_in_bf16() -> None:
    net = nn.Linear(16, 16).to(torch.bfloat16)
    optimiser = MasterOptimiser(net, 1e-4)
    start = optimiser.masters["weight"].clone()
    for _ in range(50):
        for parameter in net.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimiser.step()
    assert (optimiser.masters["weight"] - start).abs().max() > 1e-4


def test_joint_guidance_is_equation_two_and_keeps_agreement() -> None:
    full, no_text, no_motion = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    share = 3.0 / 4.5
    expected = share * no_text + (1 - share) * no_motion + 3 * (full - no_text) + 1.5 * (full - no_motion)
    assert torch.allclose(joint_guidance(full, no_text, no_motion, 3.0, 1.5), expected)
    assert torch.allclose(joint_guidance(full, full, full, 3.0, 1.5), full)
    level, noisy = 0.4, torch.randn(4, 5)  # velocities or clean latents: the same in the end
    speeds = [(noisy - x) / level for x in (full, no_text, no_motion)]
    by_speed = noisy - level * joint_guidance(*speeds, 3.0, 1.5)
    assert torch.allclose(by_speed, joint_guidance(full, no_text, no_motion, 3.0, 1.5), atol=1e-5)
    with pytest.raises(ValueError, match="not both 0"):
        joint_guidance(full, full, full, 0.0, 0.0)


def test_the_teacher_measures_motion_from_where_a_track_was_first_seen() -> None:
    batch = batch_of(1, 2)
    windows = batch.windows
    windows.visible[:2, 1] = False  # the second track comes with the third latent frame
    windows.visible[2, 1, 0] = False
    since = since_seen(windows, TIMES)
    end_of_first = windows.xy[0, 0, -1]
    for latent in range(TIMES):
        assert torch.equal(since.xy[latent, 0, 0], end_of_first)
    assert torch.equal(since.xy[2, 0, 1:], windows.xy[2, 0, 1:])
    assert torch.equal(since.xy[0, 0, 1:], end_of_first.expand(4, 2))  # the given frame does not move
    assert torch.equal(since.xy[2, 1, 0], windows.xy[2, 1, 1])  # first seen there
    assert since.visible[2, 1, 0] and not since.visible[1, 1, 1:].any()
    nobody = since_seen(hidden(windows, torch.ones(TIMES, dtype=torch.bool)), TIMES)
    assert not nobody.visible.any()


def test_hidden_tracks_leave_no_trace_in_the_task(codec: PocketCodec) -> None:
    batch = batch_of()
    rows = torch.zeros(2 * TIMES, dtype=torch.bool)
    rows[1] = True  # the second latent frame of the first clip
    seen, masked = task(codec, batch, 16), task(codec, batch, 16, hidden(batch.windows, rows))
    assert seen.motion.code[0, :, 1].abs().sum() > 0
    assert masked.motion.code[0, :, 1].abs().sum() == 0
    assert torch.allclose(masked.motion.moved[0, :, 1], masked.motion.plain[0, :, 1], atol=1e-5)
    assert torch.equal(masked.motion.code[1], seen.motion.code[1])
    assert not torch.allclose(seen.motion.moved[0, :, 2], seen.motion.plain[0, :, 2], atol=1e-3)


def test_the_teacher_sees_the_future_and_never_changes_the_first_frame(codec: PocketCodec) -> None:
    teacher, batch = network(TIMES, 2), batch_of()
    given = task(codec, batch, 16)
    noisy, level = torch.randn_like(batch.latents), torch.tensor([0.7, 0.3])
    clean = predict_clean(teacher, noisy, level, given)
    assert torch.equal(clean[:, :, 0], batch.latents[:, :, 0])
    other = noisy.clone()
    other[:, :, 2] += 1
    assert not torch.allclose(predict_clean(teacher, other, level, given)[:, :, 1], clean[:, :, 1], atol=1e-5)
    student = network(1, 2)
    student.load_state_dict(teacher.state_dict())
    causal = predict_clean(student, noisy, level, given)
    assert torch.allclose(predict_clean(student, other, level, given)[:, :, 1], causal[:, :, 1], atol=1e-6)


def test_matching_pushes_a_roll_out_from_the_critic_to_the_teacher(codec: PocketCodec) -> None:
    """No push where critic and teacher agree; elsewhere the gradient points away from the teacher."""
    teacher, batch = network(TIMES, 2), batch_of()
    guided = Guided.of(teacher, codec, batch, torch.zeros(1, 5, 16), 3.0, 1.5)
    alone = Guided(
        teacher, guided.full, guided.full, guided.full, 3.0, 1.5
    )  # guidance between equals is none
    made = batch.latents.clone().requires_grad_(True)
    weight = torch.ones(12)
    loss, distance = matching_loss(made, alone, teacher, 2.0, weight)
    assert distance < 1e-5 and float(loss.detach()) < 1e-8
    critic = network(TIMES, 9)
    loss, distance = matching_loss(made, alone, critic, 2.0, weight)
    loss.backward()
    assert made.grad is not None and distance > 0.01
    assert made.grad[:, :, 0].abs().max() == 0  # the first frame was given
    torch.manual_seed(4)
    level = torch.full((2,), 0.5)
    noisy = 0.5 * made.detach() + 0.5 * torch.randn_like(made)
    gap = predict_clean(critic, noisy, level, alone.full) - alone.clean(noisy, level)
    assert float((made.grad * gap)[:, :, 1:].sum()) > 0


def test_a_roll_out_has_a_gradient_through_every_chunk(codec: PocketCodec) -> None:
    student, batch = network(1, 3), batch_of()
    rollout = Rollout(student, codec, batch, [1.0, 0.5], 0, np.random.default_rng(0), roughness=0.0)
    made = roll(rollout)
    assert made.shape == batch.latents.shape
    assert torch.equal(made[:, :, 0], batch.latents[:, :, 0])
    for chunk in (1, TIMES - 1):
        student.zero_grad()
        made[:, :, chunk].square().mean().backward(retain_graph=True)
        assert student.patch_embedding.weight.grad is not None
        assert float(student.patch_embedding.weight.grad.abs().sum()) > 0


def test_a_critic_learns_what_the_student_makes(codec: PocketCodec) -> None:
    critic, batch = network(TIMES, 5), batch_of()
    optimiser = MasterOptimiser(critic, 0.02)
    given, errors = task(codec, batch, 16), []
    for step in range(30):
        torch.manual_seed(step % 3)
        loss, error = flow_loss(critic, batch.latents, torch.tensor([0.8, 0.6]), given, torch.ones(12))
        loss.backward()
        optimiser.step()
        errors.append(error)
    assert np.mean(errors[-6:]) < 0.7 * np.mean(errors[:6])


def test_one_process_averages_with_nobody() -> None:
    workers = Workers(0, 1, torch.device("cpu"))
    net = nn.Linear(3, 3)
    net.weight.grad = torch.ones(3, 3)
    workers.average_gradients(net)
    assert torch.equal(net.weight.grad, torch.ones(3, 3)) and net.bias.grad is None
    assert workers.agree(True) and not workers.agree(False) and workers.share(0.25) == 0.25


def test_random_numbers_depend_on_their_key_alone() -> None:
    assert generator(1, 2, 3).random() == generator(1, 2, 3).random()
    assert generator(1, 2, 3).random() != generator(1, 2, 4).random()
