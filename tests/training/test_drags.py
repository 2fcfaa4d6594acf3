"""The same drag three ways, on a world's clip: what each way is given, and what of it is counted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from flowbrush.models.motion_channels import FRAMES
from flowbrush.pipelines.animation.bending import Bends
from flowbrush.pipelines.generator import Generator
from flowbrush.training.evaluation.drags import KINDS, DragClips, Told, Warped, hand
from flowbrush.training.evaluation.streams import glyphs
from flowbrush.training.pool import reference_of
from flowbrush.training.world.living import LivingClip, LivingWorld
from flowbrush.training.world.sprites import MissingFont, SpriteBook

SIZE = (320, 192)


@pytest.fixture(scope="module")
def book() -> SpriteBook:
    try:
        return SpriteBook(glyphs())
    except MissingFont as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def clip(book: SpriteBook) -> LivingClip:
    return LivingWorld(*SIZE).dragged(np.random.default_rng(1), "dog", "meadow", 16)


def test_a_hand_has_the_thing_from_the_first_frame_to_the_last(clip: LivingClip) -> None:
    (thing,) = clip.things
    assert thing.held.all() and all(clip.held[t][clip.owner[t] == 0].all() for t in range(4))
    assert np.linalg.norm(thing.pose[-1, :2] - thing.pose[0, :2]) > 5
    assert torch.equal(clip.ground[0], clip.ground[-1]), "the camera stands still"


def test_the_warp_carries_the_last_picture_near_the_hand_and_leaves_the_rest(clip: LivingClip) -> None:
    way, picture = Warped(clip), clip.frames[0].float() / 255
    given = way.reference(1)
    (before, *_, after) = hand(clip, 1)
    gone = after - before
    assert not given.things.any() and given.frames.shape == (1, FRAMES, 3, 192, 320)
    x, y = (int(each) for each in after)
    velocity = given.velocity[0, -1, :, y // 8, x // 8]
    assert velocity.tolist() == pytest.approx(gone.tolist(), abs=0.5)
    assert given.held[0, 0, y // 8, x // 8] > 0.9
    far = given.held[0, 0] == 0
    pixels = far.repeat_interleave(8, 0).repeat_interleave(8, 1)
    assert far.any() and torch.equal(given.frames[0, -1][:, pixels], picture[:, pixels])
    assert not given.velocity[0, -1][:, far].any()


def test_with_tracks_alone_the_layers_stay_and_go_only_as_the_student_bends_them(clip: LivingClip) -> None:
    way = Told(clip)
    first, second = way.reference(0), way.reference(1)
    start = reference_of(clip).things[0, 0]
    assert torch.equal(first.things[0, -1], start) and torch.equal(second.things[0, 0], start)
    told = second.velocity[0, -1][:, second.held[0, 0] > 0]
    assert told.mean(1).tolist() == pytest.approx((hand(clip, 1)[-1] - hand(clip, 1)[0]).tolist(), abs=1e-3)
    assert not second.velocity[0, -1][:, second.held[0, 0] == 0].any()
    flow = torch.zeros(1, FRAMES, 2, 24, 40)
    flow[:, :, 0] = -8.0  # the result at p shows what is 8 pixels to its left
    way.shown(clip.frames[:FRAMES].float() / 255, Bends(flow, flow, torch.zeros(1, FRAMES, 3, 192, 320)))
    moved = way.reference(1).things[0, 0]
    torch.testing.assert_close(moved[..., 8:], start[..., :-8], atol=1e-3, rtol=0)


@pytest.mark.slow
def test_what_is_served_follows_and_the_others_are_told_from_it(book: SpriteBook) -> None:
    """On one drag with the weights that are shipped; the table of twelve stands in docs/models.md."""
    model = Generator.load("pocket", device="cpu", seats=1).model
    clips = DragClips(model, 2, SIZE, book, 24)  # type: ignore[arg-type]
    assert clips.clip("dog", "meadow", 0).shape == (len(KINDS), 24, 3, 192, 320)
    of = clips.report()
    assert of["bypassed"]["off_percent"] < of["truth"]["off_percent"] + 0.1 < 3
    assert of["reference"]["off_percent"] < of["tracks"]["off_percent"] - 1
    assert of["reference"]["changed_psnr_db"] > of["warp"]["changed_psnr_db"] + 1
    assert of["held"]["changed_psnr_db"] < of["reference"]["changed_psnr_db"]
