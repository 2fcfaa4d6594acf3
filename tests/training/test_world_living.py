"""The living world: its frames are what the one warp makes of what it says, and what it says is in range at every size."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import need_font

from flowbrush.pipelines.reference.drawing import FARTHEST
from flowbrush.pipelines.reference.warp import over, warp
from flowbrush.training.composite import composite_frames
from flowbrush.training.world import gaits, verbs
from flowbrush.training.world.bodies import CHUNK, ROLLING, Base, Mover, Place, move
from flowbrush.training.world.deform import Placed, thing_flow
from flowbrush.training.world.gaits import live
from flowbrush.training.world.living import LivingClip, LivingWorld
from flowbrush.training.world.rigid import reference, velocities
from flowbrush.training.world.shapes import Shape

need_font()
ROOT = Path(__file__).parents[2]
FRAMES = 16
SIZES = [(320, 192), (192, 320), (256, 256)]


@pytest.fixture(scope="module")
def world() -> LivingWorld:
    return LivingWorld()


def composite(clip: LivingClip) -> torch.Tensor:
    return composite_frames(clip.things_rgba / 255, clip.ground / 255, clip.thing_flow, clip.ground_flow)


def walked(kind: str, speed: float, frames: int = 48, size: float = 64.0) -> Shape:
    """The shape of a thing that goes to the right at a speed in pixels a frame."""
    step = np.tile([speed, 0.0], (frames, 1))
    path = np.concatenate([[[40.0, 100.0]], 40 + np.cumsum(step, 0) + [0, 60]])
    still = np.zeros(frames + 1)
    base = Base(path, path, still, np.zeros(frames // CHUNK, bool), np.zeros(frames), step)
    return live(np.random.default_rng(0), kind, None, base, size)


def test_frames_are_the_bent_reference_where_no_light_falls(world: LivingWorld) -> None:
    checked = 0
    for seed in range(12):
        clip = world.make(np.random.default_rng(seed), 8)
        if clip.scene in ("meadow", "desert") and "rain" not in clip.caption:
            off = (composite(clip) * 255 - clip.frames).abs().amax(1)
            assert float((off <= 0.51).float().mean()) > 0.6
            checked += 1
    assert checked


def test_bending_is_what_makes_them(world: LivingWorld) -> None:
    """Without the flows the reference is far from the truth on things and ground that move."""
    clip = world.make(np.random.default_rng(3), 8)
    rigid = over(clip.things_rgba / 255, clip.ground / 255) * 255
    better = (composite(clip) * 255 - clip.frames).abs().mean()
    assert better < 0.6 * (rigid - clip.frames).abs().mean()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_everything_is_in_range_at_every_size(width: int, height: int) -> None:
    world = LivingWorld(width, height)
    cells = (height // 8, width // 8)
    for seed in range(3):
        clip = world.make(np.random.default_rng([7, seed]), FRAMES)
        assert clip.frames.shape == clip.ground.shape == (FRAMES, 3, height, width)
        assert clip.things_rgba.shape == (FRAMES, 4, height, width)
        assert {t.dtype for t in (clip.frames, clip.ground, clip.things_rgba)} == {torch.uint8}
        for flow in (clip.thing_flow, clip.ground_flow, clip.velocity):
            assert flow.shape == (FRAMES, 2, *cells) and flow.dtype == torch.float32 and flow.isfinite().all()
        assert clip.drive.shape == (FRAMES // CHUNK, 3, *cells)
        assert clip.held.shape == clip.owner.shape == (FRAMES // CHUNK, *cells)
        assert clip.thing_flow.norm(dim=1).max() <= FARTHEST + 1e-3
        assert clip.ground_flow.abs().max() <= 10
        assert clip.ground_flow.norm(dim=1).max() > 1, "a scene lives"
        assert clip.owner.max() < len(clip.things)
        assert (clip.held[clip.owner < 0] == 0).all()
        assert (clip.drive[:, :2].abs().amax(1)[clip.held > 0] < 1e-3).all(), "a hand leads"


def test_a_clip_is_a_function_of_its_generator(world: LivingWorld) -> None:
    first, again = (world.make(np.random.default_rng([1, 2]), 8) for _ in range(2))
    assert first.caption == again.caption and torch.equal(first.frames, again.frames)
    assert not torch.equal(world.make(np.random.default_rng([1, 3]), 8).frames, first.frames)


def test_only_whole_chunks_are_made(world: LivingWorld) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        world.make(np.random.default_rng(0), 10)


@pytest.mark.parametrize(("dx", "dy", "rock"), [(9.0, 0.0, 0.0), (0.0, -12.0, 0.0), (0.0, 0.0, 0.3)])
def test_a_shape_moves_what_is_seen_where_it_says(dx: float, dy: float, rock: float) -> None:
    """A disc above the middle of a thing goes by (dx, dy), and turns with the thing about its foot."""
    size, middle = 64.0, np.array([[160.0, 96.0]])
    shape = Shape.rest(1)
    shape.dx[:], shape.dy[:], shape.rock[:] = dx, dy, rock
    flow = thing_flow([Placed(middle, middle, np.zeros(1), np.array([size]), shape)], 1, 320, 192)
    y, x = torch.meshgrid(torch.arange(192) + 0.5, torch.arange(320) + 0.5, indexing="ij")
    disc = torch.exp(-((x - 160) ** 2 + (y - 76) ** 2) / 30)[None, None]
    shown = warp(disc, torch.from_numpy(flow))[0, 0]
    found = np.array([float((shown * x).sum() / shown.sum()), float((shown * y).sum() / shown.sum())])
    arm = np.array([0.0, -20 - shape.pivot * size])
    turned = np.array([-np.sin(rock) * arm[1], np.cos(rock) * arm[1]])
    assert np.abs(found - (middle[0] + [dx, dy] + [0, shape.pivot * size] + turned)).max() < 0.4


def test_what_has_gone_far_is_seen_once() -> None:
    """A disc 40 pixels from its reference is whole there, and nothing of it is left behind."""
    reference_at, base_at = np.array([[160.0, 70.0]]), np.array([[160.0, 110.0]])
    shape = Shape.rest(1)
    flow = thing_flow([Placed(reference_at, base_at, np.zeros(1), np.array([64.0]), shape)], 1, 320, 192)
    y, x = torch.meshgrid(torch.arange(192) + 0.5, torch.arange(320) + 0.5, indexing="ij")
    disc = ((x - 160) ** 2 + (y - 70) ** 2 < 30**2).float()[None, None]
    shown = warp(disc, torch.from_numpy(flow))[0, 0]
    there = (x - 160) ** 2 + (y - 110) ** 2 < 34**2
    assert float(shown[~there].sum()) < 1
    assert float(shown.sum()) == pytest.approx(float(disc.sum()), rel=0.04)


def test_hops_follow_the_distance_gone() -> None:
    slow, fast, rest = (walked("hopper", speed) for speed in (1.5, 3.0, 0.0))

    def hops(shape: Shape) -> int:
        up = -shape.dy
        return int(((up[1:-1] > up[:-2]) & (up[1:-1] >= up[2:]) & (up[1:-1] > 4)).sum())

    assert hops(fast) == pytest.approx(2 * hops(slow), abs=1) and hops(slow) >= 1
    assert 7 <= -fast.dy.min() <= 17
    assert np.abs(rest.dy).max() < 0.5 and np.ptp(rest.tall) > 0.05, "it only breathes"


@pytest.mark.parametrize("kind", list(gaits.GAITS))
def test_every_kind_is_seen_to_move_and_stays_whole(kind: str) -> None:
    for speed in (0.0, 2.0):
        shape, size = walked(kind, speed), 64.0
        middle = np.tile([[160.0, 96.0]], (48, 1))
        placed = Placed(middle, middle, np.zeros(48), np.full(48, size), shape)
        flow = thing_flow([placed], 48, 320, 192)[:, :, 8:16, 16:24]  # its own cells
        swing = np.ptp(flow, axis=0).max()
        rolls = kind in ROLLING and speed  # its base turns
        assert (0.0 if rolls else 2.0) <= swing <= 45, (kind, speed, swing)
        assert np.abs(np.diff(flow, axis=0)).max() < 14, "smooth in time"


def test_base_paths_are_references_and_drives(world: LivingWorld) -> None:
    still = np.tile(np.eye(2, 3), (24, 1, 1))
    place = Place(320, 192, 140.0, None)
    for seed, kind in enumerate(["ball", "walker", "flyer", "balloon"]):
        rng = np.random.default_rng(seed)
        doing = verbs.draw_doing(rng, verbs.KINDS[kind][0])
        held = np.array([False, True, True, False, False, False])
        base = move(rng, Mover(rng, kind, doing, 60.0, place), np.array([150.0, 60.0]), 0.0, held, still)
        rigid = reference(base, 60.0, still)
        ends = np.arange(3, 24, 4)
        assert np.allclose(rigid.middle[ends] + rigid.drive[:, :2], base.frame[1:][ends])
        assert np.allclose(rigid.drive[:, 2].cumsum(), base.angle[1:][ends])
        assert np.allclose(rigid.drive[1:3, :2], 0)
        free = np.concatenate([[[150.0, 60.0]], base.frame[1:][ends]])
        assert np.allclose(rigid.middle[[0, 12, 16]], free[[0, 3, 4]]), (
            "what is free stays until the chunk ends"
        )


def test_what_is_let_go_comes_down_and_lies_still() -> None:
    still = np.tile(np.eye(2, 3), (80, 1, 1))
    place = Place(320, 192, 140.0, None)
    for kind in ("ball", "soft", "walker", "stiff"):
        mover = Mover(np.random.default_rng(0), kind, None, 60.0, place)
        base = move(np.random.default_rng(1), mover, np.array([150.0, 30.0]), 0.0, np.zeros(20, bool), still)
        assert base.frame[-1, 1] == pytest.approx(140 - 0.46 * 60)
        assert np.abs(base.step[-4:]).max() < 0.05
        assert base.step[:, 1].max() > 5
    rises = Mover(np.random.default_rng(0), "balloon", None, 60.0, place)
    base = move(np.random.default_rng(1), rises, np.array([150.0, 140.0]), 0.0, np.zeros(20, bool), still)
    assert base.frame[-1, 1] < 110


def test_velocities_say_where_the_ground_was(world: LivingWorld) -> None:
    """The ground at the end of the chunk before, moved by its velocity, is the ground now, where nothing stands."""
    moved = 0
    for seed in range(8):
        clip = world.make(np.random.default_rng([21, seed]), 8)
        free = clip.things_rgba[7, 3] == 0
        free[:24] = free[-24:] = free[:, :24] = free[:, -24:] = False
        far = float(clip.velocity[7].norm(dim=0)[clip.owner[1] < 0].mean())
        if far > 2:
            before, now = clip.ground[3:4] / 255, clip.ground[7] / 255
            shown = warp(before, -clip.velocity[7:8], "border")[0]
            assert (shown - now)[:, free].abs().mean() < 0.5 * (before[0] - now)[:, free].abs().mean()
            moved += 1
    assert moved


def test_verbs_are_true_of_their_clips(world: LivingWorld) -> None:
    """What is said to go left goes left, and so on, as long as no hand has it."""
    right, total = 0, 0
    for seed in range(40):
        clip = world.make(np.random.default_rng([11, seed]), FRAMES)
        for number, thing in enumerate(clip.things):
            if thing.doing and thing.doing.direction in ("left", "right") and not thing.held.any():
                gone = float(clip.drive[:, 0][clip.owner == number].sum())
                total += 1
                right += (gone < 0) if thing.doing.direction == "left" else (gone > 0)
    assert total >= 4 and right / total > 0.8


def test_nothing_of_it_exists_outside_training() -> None:
    for folder in ("flowbrush", "models", "pipelines", "server"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not re.search(r"^\s*(from|import) flowbrush\.training\b", path.read_text(), re.M), path


def test_velocities_say_where_a_hand_has_led() -> None:
    """What covers every cell has come as far as its middle since the chunk before, whether a hand or nobody has it."""
    still = np.tile(np.eye(2, 3), (24, 1, 1))
    mover = Mover(np.random.default_rng(0), "walker", None, 60.0, Place(320, 192, 140.0, None))
    held = np.array([True, True, True, True, False, False])
    base = move(np.random.default_rng(3), mover, np.array([150.0, 60.0]), 0.0, held, still)
    said = velocities(torch.ones(24, 1, 24, 40), [reference(base, 60.0, still)], still)
    led = base.frame[1:17].reshape(4, 4, 2) - base.frame[0:16:4][:, None]
    assert np.abs(led).max() > 5
    assert np.allclose(said[:16], led.reshape(16, 2, 1, 1), atol=1e-3)
    assert np.allclose(said[16:], 0, atol=1e-3)
