"""What the student's stages are made of: losses that fall, roll-outs as streams make them, objectives that point where they say."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.motion_channels import DRIVE, LIGHT, THINGS, condition_channels
from flowbrush.models.motion_latent import bounded
from flowbrush.models.schedule import levels
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.reference.maps import OPACITY
from flowbrush.training.forcing import Batch, conditions, draw_levels, errors, forcing_loss, weights
from flowbrush.training.objectives import Consistency, DistributionMatching
from flowbrush.training.optim import MasterOptimiser
from flowbrush.training.rollout import AsStreamed, Rollout
from flowbrush.training.teacher import matching_error, sample, teacher_conditions, teacher_spec

CODEC, LIGHTS, ROWS = 6, 3, 8
CHANNELS = LIGHT + LIGHTS
SPEC = StudentSpec(
    latent_channels=CHANNELS,
    dim=24,
    ffn_dim=48,
    heads=2,
    layers=1,
    text_dim=16,
    patch=4,
    chunk=1,
    window=2,
    conv_width=16,
    conv_blocks=1,
    conv_head_blocks=1,
    condition_channels=condition_channels(CODEC, CHANNELS),
    prediction="x0",
)


def network(seed: int = 0, spec: StudentSpec = SPEC) -> CausalTransformer:
    """A small network whose last layer is not zero."""
    torch.manual_seed(seed)
    made = CausalTransformer(spec)
    torch.nn.init.normal_(made.shell.out.weight, std=0.1)  # type: ignore[union-attr]
    return made


def batch_of(size: int = 2, count: int = 3, seed: int = 1) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    latents = torch.randn(size, count, CHANNELS, ROWS, ROWS, generator=draw)
    maps = torch.rand(size, count, SPEC.condition_channels - CHANNELS - 1, ROWS, ROWS, generator=draw)
    has_past = torch.ones(size, count)
    has_past[0, 0] = 0
    return Batch(latents, torch.randn(size, CHANNELS, ROWS, ROWS, generator=draw), maps, has_past,
                 torch.randn(size, 5, 16, generator=draw), ["a dog"] * size)  # fmt: skip


def test_forcing_learns() -> None:
    student, batch = network(), batch_of()
    optimiser = MasterOptimiser(student, 0.01, 0.9)
    seen = []
    for step in range(60):
        torch.manual_seed(step % 6)
        loss, parts = forcing_loss(student, batch)
        loss.backward()
        optimiser.step()
        seen.append(float(loss.detach()))
    assert np.mean(seen[-6:]) < 0.7 * np.mean(seen[:6])
    assert parts.keys() == {"things", "ground", "drive", "light"}


def test_the_past_is_the_latent_before_and_nothing_where_there_is_none() -> None:
    batch = batch_of()
    batch.maps.zero_()  # nothing moves, so the past stays where it is
    given = conditions(batch, torch.zeros(2, 3))
    past = given[:, -CHANNELS:].transpose(1, 2)
    assert torch.allclose(past[:, 1:], batch.latents[:, :-1], atol=1e-5)
    assert torch.allclose(past[1, 0], batch.before[1], atol=1e-5)
    assert past[0, 0].abs().max() == 0 and given[0, -CHANNELS - 1, 0].max() == 0


def test_the_motion_of_things_counts_where_things_are() -> None:
    batch = batch_of(1, 1)
    batch.maps.zero_()
    batch.maps[:, :, OPACITY, :, :2] = 1.0
    weight = weights(batch.maps)
    assert weight[0, 0, 0, 0, 0] == 1 and weight[0, 0, 0, 0, 7] == pytest.approx(0.02)
    wrong = batch.latents.clone()
    wrong[:, :, THINGS, :, 7] += 1
    far = errors(wrong, batch.latents, weight)["things"]
    wrong = batch.latents.clone()
    wrong[:, :, THINGS, :, 0] += 1
    assert errors(wrong, batch.latents, weight)["things"] > 20 * far


def test_levels_leave_something_to_learn() -> None:
    torch.manual_seed(0)
    level = draw_levels((400, 5))
    assert level.min() >= 0 and level.max() == 1 and (level[:, -1] > 0.04).float().mean() > 0.9


def test_a_roll_out_without_draws_takes_every_step_and_goes_on_from_itself() -> None:
    student, batch = network().eval(), batch_of()
    torch.manual_seed(3)
    first = list(Rollout(student, batch, levels(2), None).chunks())
    torch.manual_seed(3)
    again = list(Rollout(student, batch, levels(2), None).chunks())
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    other = copy.copy(batch)
    other.latents = batch.latents + 1  # the truth is not looked at
    torch.manual_seed(3)
    assert torch.equal(list(Rollout(student, other, levels(2), None).chunks())[-1], first[-1])


def test_a_roll_out_as_streamed_is_guided_by_its_words_where_the_scene_is_no_photo() -> None:
    student, batch = network().eval(), batch_of()

    def made(blank: torch.Tensor | None) -> torch.Tensor:
        streamed = None if blank is None else AsStreamed([True, False], blank)
        torch.manual_seed(3)
        return next(Rollout(student, batch, levels(2), None, streamed).chunks()).detach()

    plain, same = made(None), made(batch.text)
    assert torch.equal(same, bounded(plain, [True, False])), "no words more: nowhere to go"
    guided = made(torch.zeros_like(batch.text))
    assert torch.equal(guided[0], same[0]), "a photo is not guided"
    assert torch.equal(guided[1, THINGS], same[1, THINGS]) and torch.equal(guided[1, DRIVE], same[1, DRIVE])
    assert not torch.allclose(guided[1, LIGHT:], same[1, LIGHT:])


def test_every_chunk_of_a_roll_out_has_a_gradient_of_its_own() -> None:
    student, batch = network(), batch_of()
    rollout = Rollout(student, batch, levels(2), np.random.default_rng(0))
    for made in rollout.chunks():
        made.square().mean().backward()
    assert len(rollout.made) == 3 and not any(made.requires_grad for made in rollout.made)
    assert student.text_embedding[0].weight.grad.abs().sum() > 0  # type: ignore[union-attr]


def test_the_teacher_sees_every_reference_but_the_first_past_alone() -> None:
    batch = batch_of()
    batch.maps.zero_()
    given = teacher_conditions(batch)
    past = given[:, -CHANNELS:].transpose(1, 2)
    assert past[:, 1:].abs().max() == 0 and torch.allclose(past[1, 0], batch.before[1], atol=1e-5)


def test_the_teacher_learns_and_samples() -> None:
    batch = batch_of()
    teacher = network(spec=teacher_spec(SPEC, 3))
    optimiser = MasterOptimiser(teacher, 0.01, 0.9)
    seen = []
    for step in range(40):
        torch.manual_seed(step % 4)
        loss = matching_error(teacher, batch.latents, batch)
        loss.backward()
        optimiser.step()
        seen.append(float(loss.detach()))
    assert np.mean(seen[-4:]) < 0.8 * np.mean(seen[:4])
    assert sample(teacher, batch, 3).shape == batch.latents.shape


def test_distribution_matching_moves_from_the_critic_to_the_teacher() -> None:
    """A teacher that sees less drive than the critic: following the gradient lowers the student's drive."""
    batch = batch_of()
    teacher = network(spec=teacher_spec(SPEC, 3))
    objective = DistributionMatching(network(4), teacher, 1, 0.01)
    with torch.no_grad():
        objective.critic.shell.out.bias[DRIVE] += 5.0  # type: ignore[union-attr]
    torch.manual_seed(0)
    loss, numbers = objective.loss(batch, np.random.default_rng(0))
    loss.backward()
    down = objective.student.shell.out.bias.grad[DRIVE]  # type: ignore[union-attr]
    assert (down > 0).all() and numbers["distance"] > 0.1


def test_the_critic_learns_what_the_student_makes() -> None:
    batch = batch_of()
    objective = DistributionMatching(network(4), network(spec=teacher_spec(SPEC, 3)), 1, 0.01)
    seen = [objective.prepare([batch], np.random.default_rng(0))["critic"] for _ in range(12)]
    assert seen[-1] < seen[0]


def test_consistency_aims_at_the_teacher_on_the_last_rung() -> None:
    batch = batch_of()
    student = network(4)
    objective = Consistency(student, network(spec=teacher_spec(SPEC, 3)), 1, 0.01)
    with torch.no_grad():
        objective.trailing.shell.out.bias += 100.0  # type: ignore[union-attr]

    class Last:
        def integers(self, count: int) -> int:
            return count - 1

    class First:
        def integers(self, count: int) -> int:
            return 0

    torch.manual_seed(0)
    assert objective.loss(batch, Last())[1]["gap"] < 1000  # type: ignore[arg-type]
    assert objective.loss(batch, First())[1]["gap"] > 1000  # type: ignore[arg-type]


def test_the_trailing_student_follows() -> None:
    objective = Consistency(network(4), network(spec=teacher_spec(SPEC, 3)), 1, 0.01)
    with torch.no_grad():
        objective.student.shell.out.bias += 1.0  # type: ignore[union-attr]
    objective.prepare([], np.random.default_rng(0))
    assert torch.allclose(objective.trailing.shell.out.bias, torch.full((CHANNELS,), 0.02), atol=1e-4)  # type: ignore[union-attr]
