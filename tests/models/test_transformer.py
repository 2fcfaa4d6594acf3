"""The student: cached streaming gives what full recomputation gives, a batch what its streams give alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from flowbrush.models.cards.registry import card
from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.kv_cache import KVCache
from flowbrush.models.loading.checkpoint import random_like
from flowbrush.models.transformer import CausalTransformer

WAN_LIKE = StudentSpec(
    latent_channels=4, dim=48, ffn_dim=96, heads=2, layers=2, text_dim=16, patch=2, chunk=2, sink=1, window=2
)
POCKET_LIKE = replace(
    WAN_LIKE, patch=4, chunk=1, window=3, conv_width=16, conv_blocks=1, condition_channels=6, prediction="x0"
)
ROWS = COLUMNS = 8
TOLERANCE = 1e-4


def student_of(spec: StudentSpec) -> CausalTransformer:
    student = CausalTransformer(spec)
    random_like(student, 3)
    return student.eval().requires_grad_(False)


def condition_of(spec: StudentSpec, batch: int, frames: int) -> Tensor | None:
    if not spec.condition_channels:
        return None
    return torch.randn(batch, spec.condition_channels, frames, ROWS, COLUMNS)


def part(condition: Tensor | None, start: int, stop: int) -> Tensor | None:
    return None if condition is None else condition[:, :, start:stop]


@pytest.fixture(params=[WAN_LIKE, POCKET_LIKE], ids=["wan-like", "pocket-like"])
def student(request: pytest.FixtureRequest) -> CausalTransformer:
    torch.manual_seed(7)
    return student_of(request.param)


def cached_stream(
    student: CausalTransformer, latents: Tensor, levels: Tensor, text: Tensor, condition: Tensor | None
) -> list[Tensor]:
    """Predictions of one chunk after the other; each is kept in the cache as its level-0 pass made it."""
    spec = student.spec
    rope = student.rope_table((spec.sink + spec.window + 1) * spec.chunk, ROWS, COLUMNS)
    cache = KVCache(spec, rope.tokens, len(latents), torch.device("cpu"), torch.float32)
    seats, words, out = list(range(len(latents))), student.text_keys_values(text), []
    for made in range(latents.shape[2] // spec.chunk):
        span = made * spec.chunk, (made + 1) * spec.chunk
        known = dict(
            condition=part(condition, *span),
            context=cache.read(seats, [made] * len(seats), rope),
            first_frame=cache.context_frames(made),
        )
        prediction = student(latents[:, :, slice(*span)], levels[:, slice(*span)], words, rope, **known)
        clean = torch.zeros_like(levels[:, slice(*span)])
        key_values = student.keys_values(latents[:, :, slice(*span)], clean, words, rope, **known)
        cache.write(seats, [made] * len(seats), key_values)
        out.append(prediction)
    return out


def test_cached_streaming_equals_full_recomputation_inside_the_window(student: CausalTransformer) -> None:
    spec = student.spec
    chunks = spec.sink + spec.window + 1
    frames = chunks * spec.chunk
    latents, text = (
        torch.randn(2, spec.latent_channels, frames, ROWS, COLUMNS),
        torch.randn(2, 5, spec.text_dim),
    )
    condition, levels = condition_of(spec, 2, frames), torch.full((2, frames), 400.0)
    streamed = cached_stream(student, latents, levels, text, condition)
    rope = student.rope_table(frames, ROWS, COLUMNS)
    for made in range(chunks):
        span = slice(0, (made + 1) * spec.chunk)
        timestep = torch.zeros(2, span.stop)
        timestep[:, -spec.chunk :] = 400.0  # the past is clean, the chunk being made is not
        whole = student(
            latents[:, :, span],
            timestep,
            student.text_keys_values(text),
            rope,
            condition=part(condition, 0, span.stop),
        )
        error = (whole[:, :, -spec.chunk :] - streamed[made]).abs().max()
        assert float(error) < TOLERANCE, f"chunk {made}"


def test_a_batch_of_streams_equals_one_at_a_time(student: CausalTransformer) -> None:
    spec = student.spec
    frames = 6 * spec.chunk
    latents, text = (
        torch.randn(3, spec.latent_channels, frames, ROWS, COLUMNS),
        torch.randn(3, 5, spec.text_dim),
    )
    condition, levels = condition_of(spec, 3, frames), torch.full((3, frames), 700.0)
    together = torch.cat(cached_stream(student, latents, levels, text, condition), 2)
    for row in range(3):
        one = slice(row, row + 1)
        own = None if condition is None else condition[one]
        alone = torch.cat(cached_stream(student, latents[one], levels[one], text[one], own), 2)
        assert float((alone - together[one]).abs().max()) < TOLERANCE


def test_the_past_text_and_level_all_matter(student: CausalTransformer) -> None:
    spec = student.spec
    frames = 2 * spec.chunk
    latents, text = (
        torch.randn(1, spec.latent_channels, frames, ROWS, COLUMNS),
        torch.randn(1, 5, spec.text_dim),
    )
    condition, levels = condition_of(spec, 1, frames), torch.full((1, frames), 700.0)
    reference = cached_stream(student, latents, levels, text, condition)[1]
    other_past = latents.clone()
    other_past[:, :, : spec.chunk] += 1
    for changed in (
        cached_stream(student, other_past, levels, text, condition)[1],
        cached_stream(student, latents, levels, text + 1, condition)[1],
        cached_stream(student, latents, levels - 300, text, condition)[1],
    ):
        assert float((changed - reference).abs().max()) > 10 * TOLERANCE


def test_what_is_written_behind_the_past_in_place_is_what_training_appends(
    student: CausalTransformer,
) -> None:
    spec = student.spec
    latents, rope = torch.randn(1, spec.latent_channels, spec.chunk, ROWS, COLUMNS), None
    rope = student.rope_table(2 * spec.chunk, ROWS, COLUMNS)
    size = (1, 2 * spec.chunk * rope.tokens, spec.heads, spec.head_dim)
    past = [(torch.randn(size), torch.randn(size)) for _ in range(spec.layers)]
    words = student.text_keys_values(torch.randn(1, 5, spec.text_dim))
    condition = condition_of(spec, 1, spec.chunk)

    def predicted() -> Tensor:
        timestep = torch.full((1, spec.chunk), 500.0)
        return student(
            latents,
            timestep,
            words,
            rope,
            condition=condition,
            context=past,
            first_frame=spec.chunk,
        )

    kept = [keys.clone() for keys, _ in past]
    trained = predicted()
    assert all(torch.equal(keys, before) for (keys, _), before in zip(past, kept, strict=True))
    with torch.inference_mode():
        places = [keys.data_ptr() for keys, _ in past]
        served = predicted()
        assert [keys.data_ptr() for keys, _ in past] == places
    assert torch.equal(trained, served)
    half = size[1] // 2
    assert all(
        torch.equal(keys[:, :half], before[:, :half]) for (keys, _), before in zip(past, kept, strict=True)
    )


def test_shapes_of_prediction_and_cache(student: CausalTransformer) -> None:
    spec = student.spec
    latents = torch.randn(2, spec.latent_channels, spec.chunk, ROWS, COLUMNS)
    rope = student.rope_table(spec.chunk, ROWS, COLUMNS)
    text = student.text_keys_values(torch.randn(2, 5, spec.text_dim))
    given = latents, torch.zeros(2, spec.chunk), text, rope
    condition = condition_of(spec, 2, spec.chunk)
    out, made = student(*given, condition=condition), student.keys_values(*given, condition=condition)
    assert out.shape == latents.shape
    assert len(made) == spec.layers
    assert made[0][0].shape == (2, spec.chunk * rope.tokens, spec.heads, spec.head_dim)


def test_a_student_with_conditions_asks_for_them() -> None:
    student = student_of(POCKET_LIKE)
    rope, text = student.rope_table(1, ROWS, COLUMNS), student.text_keys_values(torch.randn(1, 5, 16))
    with pytest.raises(ValueError, match="6 maps of conditions"):
        student(torch.randn(1, 4, 1, ROWS, COLUMNS), torch.zeros(1, 1), text, rope)


def test_the_shell_sees_a_crop_as_it_sees_the_whole() -> None:
    shell = student_of(POCKET_LIKE).shell
    assert shell is not None
    latents, condition = torch.randn(2, 4, 2, 16, 16), torch.randn(2, 6, 2, 16, 16)
    reach = 2 * POCKET_LIKE.conv_blocks  # cells from a rim that see beyond it
    part = (..., slice(4, 14), slice(2, 12))
    whole, crop = shell.enter(latents, condition), shell.enter(latents[part], condition[part])
    inside = (..., slice(reach, -reach), slice(reach, -reach))
    assert torch.allclose(whole[part][inside], crop[inside], atol=1e-5)
    assert not torch.allclose(whole[part], crop, atol=1e-3), "rims see zeros"
    tokens = torch.randn(whole.shape)
    out, cut = shell.leave(tokens, whole), shell.leave(tokens[part], whole[part])
    reach = 2 * POCKET_LIKE.conv_head_blocks
    inside = (..., slice(reach, -reach), slice(reach, -reach))
    assert torch.allclose(out[part][inside], cut[inside], atol=1e-5)


def test_conditions_matter_cell_by_cell() -> None:
    student = student_of(POCKET_LIKE)
    latents, condition = torch.randn(1, 4, 1, ROWS, COLUMNS), torch.randn(1, 6, 1, ROWS, COLUMNS)
    rope, text = student.rope_table(1, ROWS, COLUMNS), student.text_keys_values(torch.randn(1, 5, 16))
    one = student(latents, torch.full((1, 1), 500.0), text, rope, condition=condition)
    for channel in range(POCKET_LIKE.condition_channels):
        other = condition.clone()
        other[:, channel, :, 3, 4] += 1
        changed = student(latents, torch.full((1, 1), 500.0), text, rope, condition=other)
        assert float((changed - one)[..., 3, 4].abs().max()) > 10 * TOLERANCE, channel


def test_pocket_holds_what_its_card_says() -> None:
    spec = card("pocket").student
    with torch.device("meta"):
        student = CausalTransformer(spec)
    assert len(student.blocks) == spec.layers
    assert 5e6 < sum(parameter.numel() for parameter in student.parameters()) < 20e6
