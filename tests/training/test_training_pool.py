"""The pool gives back what was rendered into it."""

from __future__ import annotations

from functools import partial

import numpy as np
import psutil
import pytest
import torch
from tiny_training import need_font

from flowbrush.models.cards.spec import PocketCodecSpec, PocketTextSpec
from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.motion_channels import DRIVE, FRAMES, LIGHT, THINGS
from flowbrush.models.motion_latent import FLOW_UNIT, unpack
from flowbrush.models.text.pocket import PocketText
from flowbrush.pipelines.reference.maps import VELOCITY
from flowbrush.training.captions import vocabulary
from flowbrush.training.composite import composite_frames
from flowbrush.training.data import Source, ahead
from flowbrush.training.parallel import spread
from flowbrush.training.pool import Pool, StalePool, build_pool, light_of, mark_pool, reference_of, sample_of
from flowbrush.training.world.living import LivingWorld

need_font()
CLIP_FRAMES = 12
CODECS = tuple(PocketCodec(PocketCodecSpec(channels=n)).requires_grad_(False) for n in (12, 768))


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    folder = tmp_path_factory.mktemp("pool")
    build_pool(folder, CODECS, 2, 2, CLIP_FRAMES, 7)  # type: ignore[arg-type]
    return Pool(folder)


@pytest.fixture(scope="module")
def source(pool: Pool) -> Source:
    text = PocketText(PocketTextSpec(dim=32, layers=1, heads=2, buckets=64), vocabulary()).eval()
    return Source(pool, text, torch.device("cpu"))


def test_what_the_student_must_make_makes_the_clip() -> None:
    """Flows and light on the rigid references give the true frames, when the light's codec is whole."""
    clip = LivingWorld().make(np.random.default_rng(5), CLIP_FRAMES)
    sample = sample_of(clip, *CODECS)  # type: ignore[misc]
    reference, motion = reference_of(clip), unpack(sample.latents.float())
    parts = reference.things, reference.ground, motion.things, motion.ground
    light = CODECS[1].decode_linear(motion.light[:, :, None]).transpose(1, 2)  # [T, FRAMES, 3, H, W]
    made = composite_frames(*(part.flatten(0, 1) for part in parts)) + light.flatten(0, 1)
    assert (made - clip.frames.float() / 255).abs().max() < 0.02  # kept in half precision


def test_light_is_what_flows_do_not_show() -> None:
    clip = LivingWorld().make(np.random.default_rng(6), CLIP_FRAMES)
    light = light_of(clip)
    assert light.shape == (CLIP_FRAMES, 3, 192, 320) and light.abs().max() > 0.02
    assert light.abs().median() < 0.01  # most of a picture has none


def test_channels_are_where_they_are_said_to_be() -> None:
    clip = LivingWorld().make(np.random.default_rng(7), CLIP_FRAMES)
    sample = sample_of(clip, *CODECS)  # type: ignore[misc]
    flow = sample.latents[1, THINGS].float().view(FRAMES, 2, 24, 40) * FLOW_UNIT
    assert torch.allclose(flow, clip.thing_flow[FRAMES : 2 * FRAMES], atol=0.05)
    assert torch.allclose(sample.latents[:, DRIVE].float()[:, 0] * 4.0, clip.drive[:, 0], atol=0.01)
    assert sample.latents.shape[1] == LIGHT + 768
    told = sample.maps[1, VELOCITY].float().view(FRAMES, 2, 24, 40) * FLOW_UNIT
    true = clip.velocity[FRAMES : 2 * FRAMES].clamp(-64, 64)
    assert torch.allclose(told, true, atol=0.1)


def test_shards_that_are_there_are_kept_and_missing_ones_made_alike(pool: Pool) -> None:
    path = pool.folder / "shard_0000.pt"
    before = path.stat().st_mtime_ns
    (pool.folder / "shard_0001.pt").rename(pool.folder / "aside")
    build_pool(pool.folder, CODECS, 2, 2, CLIP_FRAMES, 7)  # type: ignore[arg-type]
    assert path.stat().st_mtime_ns == before
    again = torch.load(pool.folder / "shard_0001.pt", weights_only=False)
    assert torch.equal(again[1].latents, pool.samples[3].latents)


def test_a_draw_is_one_stretch_of_one_crop(source: Source) -> None:
    draw = source.draw(np.random.default_rng(3), 5, 2, (8, 12), blank=0.1, begins=0.3)
    batch = source.batch(draw)
    assert batch.latents.shape == (5, 2, LIGHT + 768, 8, 12)
    for row, (clip, start, (y, x)) in enumerate(zip(draw.clips, draw.starts, draw.corners, strict=True)):
        sample = source.pool.samples[clip]
        assert torch.equal(
            batch.latents[row], sample.latents[start : start + 2, :, y : y + 8, x : x + 12].float()
        )
        assert bool(batch.has_past[row, 0]) == (start > 0) and bool(batch.has_past[row, 1])
        before = (
            sample.latents[start - 1, :, y : y + 8, x : x + 12].float() if start else 0 * batch.before[row]
        )
        assert torch.equal(batch.before[row], before)
    assert set(source.draw(np.random.default_rng(3), 20, 2, (8, 8), blank=1.0, begins=0.3).captions) == {""}


def test_stretches_begin_with_their_clips_as_often_as_asked(source: Source) -> None:
    def past(begins: float, count: int) -> float:
        drawn = source.draw(np.random.default_rng(3), 400, count, (8, 8), blank=0.0, begins=begins)
        return float(np.mean([start > 0 for start in drawn.starts]))

    assert past(1.0, 2) == 0 and past(0.0, 2) == 1  # of three latent frames two with a past are the last two
    assert 0.25 < past(0.3, 2) < 0.45  # seven tenths begin by chance, half of them with the clip
    assert past(0.0, 3) == 0  # a whole clip has no past


def test_whole_pictures_come_from_clips_of_that_shape(source: Source) -> None:
    shapes = {tuple(sample.maps.shape[2:]) for sample in source.pool.samples}
    shape = max(shapes)
    draw = source.draw(np.random.default_rng(3), 8, 2, shape, blank=0.1, begins=0.3)
    assert all(source.pool.samples[clip].maps.shape[2] >= shape[0] for clip in draw.clips)


def test_draws_ahead_are_the_same_in_any_number_of_processes(source: Source) -> None:
    def draws(step: int) -> list:
        return [source.draw(np.random.default_rng([1, step]), 2, 2, (8, 8), blank=0.1, begins=0.3)]

    before = set(psutil.Process().children())
    here, there = ahead(draws, 4, 0), ahead(draws, 4, 2)
    for _ in range(3):
        assert next(here)[0] == next(there)[0]
    drawing = set(psutil.Process().children()) - before
    assert len(drawing) == 2
    there.close()
    assert not drawing & set(psutil.Process().children()), "none goes on drawing"


def test_a_pool_of_other_codecs_is_refused(tmp_path) -> None:
    mark_pool(tmp_path, torch.eye(4), torch.eye(2))
    mark_pool(tmp_path, torch.eye(4), torch.eye(2))
    with pytest.raises(StalePool, match="another codec"):
        mark_pool(tmp_path, torch.eye(4), torch.eye(2) * 2)


def test_work_is_spread_in_order() -> None:
    offset = 10
    assert spread(lambda index: np.array(index + offset), 5, 2) == [10, 11, 12, 13, 14]
    with pytest.raises(ZeroDivisionError):
        spread(partial(lambda one, index: one // index, 1), 2, 2)
