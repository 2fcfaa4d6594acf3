"""The segmenter's looks, with a network in place of the trained one that finds what is red."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from flowbrush.models.cards.registry import card
from flowbrush.models.cards.spec import SegmenterSpec
from flowbrush.models.device import choose
from flowbrush.models.loading.load import load_model
from flowbrush.models.segmentation.appearance import by_color
from flowbrush.models.segmentation.segmenter import STEP, Segmenter, around, decided, look_at
from flowbrush.training.photos.clicks import overlap

NONE = torch.zeros(0, 2)
GALLERY = Path(__file__).parents[3] / "web" / "gallery"


class FindsRed(nn.Module):
    """Logits from the first channel; notes the sizes of its looks."""

    def __init__(self, sure: float) -> None:
        super().__init__()
        self.enter = nn.Conv2d(1, 1, 1)  # where `segment` reads the type of its numbers
        self.sure, self.sizes = sure, list[tuple[int, int]]()

    def forward(self, seen: Tensor) -> Tensor:
        self.sizes.append((seen.shape[-2], seen.shape[-1]))
        return self.sure * seen[:, :1]


def finder(sure: float) -> Segmenter:
    segmenter = Segmenter(SegmenterSpec(edge=64, widths=(8, 8)))
    segmenter.net = FindsRed(sure)  # type: ignore[assignment]
    return segmenter


def picture_with(box: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """A picture [3, H, W] that is red in a box (left, top, right, bottom), and the box's opacity [H, W]."""
    left, top, right, bottom = box
    truth = torch.zeros(size)
    truth[top:bottom, left:right] = 1
    return torch.stack([truth * 2 - 1, torch.zeros(size), torch.zeros(size)]), truth


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(192, 320), (320, 192), (256, 256)])
@pytest.mark.parametrize("box", [(20, 30, 60, 90), (100, 100, 180, 180), (0, 0, 192, 192)])
def test_a_find_lies_where_the_thing_lies(
    box: tuple[int, int, int, int], size: tuple[int, int], dtype: torch.dtype
) -> None:
    picture, truth = picture_with(box, size)
    found = (
        finder(9.0)
        .to(dtype)
        .segment(picture, torch.tensor([[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]]), NONE)[0]
    )
    assert found.shape == size
    assert float(torch.minimum(found, truth).sum() / torch.maximum(found, truth).sum()) > 0.93


class FindsRedToTheLeft(FindsRed):
    """Sees what is red badly, the further to the right the worse."""

    def forward(self, seen: Tensor) -> Tensor:
        return super().forward(seen) * torch.linspace(1, -0.4, seen.shape[-1])


def test_what_a_network_misses_on_one_side_is_seen_in_the_mirror() -> None:
    picture, truth = picture_with((40, 40, 280, 150), (192, 320))
    segmenter = finder(9.0)
    segmenter.net = FindsRedToTheLeft(9.0)  # type: ignore[assignment]
    found = segmenter.segment(picture, torch.tensor([[90.0, 90.0]]), NONE)[0]
    assert float(torch.minimum(found, truth).sum() / torch.maximum(found, truth).sum()) > 0.93


def test_looks_after_the_first_are_closer() -> None:
    picture, truth = picture_with((30, 40, 46, 56), (192, 320))
    segmenter = finder(9.0)
    found = segmenter.segment(picture, torch.tensor([[38.0, 48.0]]), NONE)[0]
    assert segmenter.net.sizes == [(64 * 192 // 320 // STEP * STEP, 64), (64, 64), (64, 64), (64, 64)]
    assert (
        float((found - truth).abs().sum() / truth.sum()) < 0.15
    )  # seen at half its size it would be far worse


class NotesShares(FindsRed):
    """Notes how much of each look is red."""

    def __init__(self) -> None:
        super().__init__(9.0)
        self.shares = list[float]()

    def forward(self, seen: Tensor) -> Tensor:
        self.shares.append(float((seen[0, 0] > 0).float().mean()))
        return super().forward(seen)


def test_of_two_looks_one_sees_a_thing_with_its_rim_and_little_else_and_one_sees_what_is_around_it() -> None:
    picture, _ = picture_with((130, 66, 190, 126), (192, 320))
    segmenter = finder(9.0)
    segmenter.net = net = NotesShares()  # type: ignore[assignment]
    segmenter.segment(picture, torch.tensor([[160.0, 96.0]]), NONE)
    _, near, far, last = net.shares
    assert 0.45 < near < 0.7 and 0.18 < far < 0.28
    assert far < last < near, "the last look is at what both have found"


class FindsNothingFrom(FindsRed):
    """Is blind to what takes a share of a look's pixels between two bounds."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__(9.0)
        self.least, self.most = least, most

    def forward(self, seen: Tensor) -> Tensor:
        logits = super().forward(seen)
        share = float((logits > 0).float().mean())
        return logits.new_full(logits.shape, -9.0) if self.least < share < self.most else logits


@pytest.mark.parametrize(("least", "most"), [(0.15, 0.3), (0.3, 0.45), (0.45, 0.9)])
def test_what_a_network_misses_from_one_distance_is_seen_from_another(least: float, most: float) -> None:
    picture, truth = picture_with((130, 66, 190, 126), (192, 320))
    segmenter = finder(9.0)
    segmenter.net = FindsNothingFrom(least, most)  # type: ignore[assignment]
    found = segmenter.segment(picture, torch.tensor([[160.0, 96.0], [150.0, 80.0]]), NONE)[0]
    assert overlap(found, truth) > 0.9


@pytest.mark.parametrize("y", [150.0, 186.0])
def test_a_thing_at_the_rim_is_taken_where_it_ends_there(y: float) -> None:
    """The nearer look does not see its last rows: they are not half a thing, and no ground."""
    picture, truth = picture_with((100, 60, 200, 192), (192, 320))
    found = finder(1.5).segment(picture, torch.tensor([[150.0, y]]), NONE)[0]
    assert overlap(found, truth) > 0.9


class FindsTheMiddle(FindsRed):
    """At its first look sees what is near the middle alone."""

    def forward(self, seen: Tensor) -> Tensor:
        logits, width = super().forward(seen), seen.shape[-1]
        if len(self.sizes) > 1:
            return logits
        return logits.where((torch.arange(width) + 0.5 - width / 2).abs() < 0.08 * width, -9.0)


def test_the_second_look_finds_the_rest_of_what_was_found_in_part() -> None:
    picture, truth = picture_with((110, 66, 210, 126), (192, 320))
    segmenter = finder(9.0)
    segmenter.net = FindsTheMiddle(9.0)  # type: ignore[assignment]
    found = segmenter.segment(picture, torch.tensor([[160.0, 96.0]]), NONE)[0]
    assert overlap(found, truth) > 0.95


def test_the_second_look_sees_fine_teeth() -> None:
    """So it takes no more room around a find than it needs."""
    picture, truth = picture_with((120, 60, 160, 120), (192, 320))
    for top in range(60, 120, 4):
        truth[top : top + 2, 160:180] = 1
    picture[0] = truth * 2 - 1
    found = finder(9.0).segment(picture, torch.tensor([[140.0, 96.0]]), NONE)[0]
    assert overlap(found, truth) > 0.94


def test_the_second_look_goes_where_a_thing_may_be_and_not_where_it_hardly_is() -> None:
    found = torch.zeros(1, 192, 320)
    found[:, 60:100, 100:140] = 0.9
    found[:, 60:100, 140:160] = 0.4  # a leg that the first look was not sure of
    found[:, 20:40, 280:300] = 0.2  # a shimmer far away, for which all else would be seen smaller
    box = around(found)
    assert box is not None
    left, top, right, bottom = box
    assert left < 100 and top < 60 and bottom > 100 and 160 < right < 200 and top > 40


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_the_trained_network_takes_what_a_click_means(dtype: str) -> None:
    """It has learned what a mark of that size says: smaller ones it does not see, larger ones are only a part of the panda."""
    photo = Image.open(GALLERY / "photo-panda.webp").convert("RGB").resize((320, 192))
    picture = torch.from_numpy(np.array(photo)).permute(2, 0, 1).float() / 127.5 - 1
    segmenter = load_model(card("pocket"), choose("cpu", dtype)).segmenter  # type: ignore[union-attr]
    clicks = ([[160.0, 105.0]], [[144.0, 77.0]])
    belly, shoulder = (segmenter.segment(picture, torch.tensor(click), NONE)[0] for click in clicks)
    assert overlap(belly, shoulder) > 0.9
    assert 0.3 < float(belly.mean()) < 0.42
    large = torch.nn.functional.interpolate(picture[None], scale_factor=2.6, mode="bilinear")[0]
    found = segmenter.segment(large, 2.6 * torch.tensor(clicks[0]), NONE)[0]
    assert abs(float(found.mean() - belly.mean())) < 0.02


def test_what_the_network_doubts_is_decided() -> None:
    doubt = torch.tensor([0.3, 0.45, 0.5, 0.55, 0.7])
    assert torch.allclose(decided(doubt), torch.tensor([0.0, 0.35, 0.5, 0.65, 1.0]), atol=1e-6)


def test_colours_decide_where_the_network_doubts() -> None:
    picture, truth = picture_with((60, 60, 120, 120), (192, 320))
    found = finder(0.8).segment(picture, torch.tensor([[90.0, 90.0]]), NONE)[0]  # sigmoid: 0.69 in, 0.31 out
    assert float(found[63:117, 63:117].min()) == 1.0  # 0.95 by the network alone
    assert float(found[truth == 0].mean()) < 0.2


def test_a_piece_of_plain_ground_is_not_taken_by_one_click() -> None:
    picture, truth = picture_with((0, 120, 320, 192), (192, 320))
    click, second = torch.tensor([[150.0, 160.0]]), torch.tensor([[150.0, 160.0], [60.0, 170.0]])
    assert not finder(0.8).segment(picture, click, NONE).any()  # sigmoid: 0.69
    assert overlap(finder(0.8).segment(picture, second, NONE)[0], truth) > 0.9
    assert overlap(finder(0.8).segment(picture, click, NONE, truth)[0], truth) > 0.9
    assert overlap(finder(0.8).segment(picture, click, NONE, within=(0, 0, 320, 192))[0], truth) > 0.9
    assert overlap(finder(5.0).segment(picture, click, NONE)[0], truth) > 0.9
    inside, truth = picture_with((60, 60, 120, 120), (192, 320))
    found = finder(0.8).segment(inside, torch.tensor([[90.0, 90.0]]), NONE)[0]
    assert overlap((found > 0.5).float(), truth) > 0.9  # as unsure, but away from the rim


@pytest.mark.parametrize("size", [(480, 832), (832, 480), (704, 1280)])
def test_a_large_picture_is_looked_at_as_a_smaller_one(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found lies at its place, a region and points that take away too, and nothing is counted in millions of pixels."""
    counted = list[int]()
    real = by_color
    monkeypatch.setattr(
        "flowbrush.models.segmentation.segmenter.by_color",
        lambda picture, found: counted.append(max(picture.shape[-2:])) or real(picture, found),
    )
    box = (120, 60, 400, 300)
    picture, truth = picture_with(box, size)
    click, away = torch.tensor([[260.0, 180.0]]), torch.tensor([[450.0, 380.0]])
    for found in (
        finder(9.0).segment(picture, click, NONE),
        finder(9.0).segment(picture, click, away, truth),
    ):
        assert found.shape == (1, *size) and overlap(found[0], truth) > 0.93
    assert 320 < min(counted) == max(counted) < 480


def test_nothing_is_found_where_nothing_is() -> None:
    nothing = -torch.ones(3, 192, 320)
    assert not finder(9.0).segment(nothing, torch.tensor([[90.0, 90.0]]), NONE).any()
    assert around(torch.zeros(1, 8, 8)) is None


def test_points_and_a_region_are_seen_at_their_places() -> None:
    region = torch.zeros(1, 192, 320)
    region[:, 100:150, 200:300] = 1
    add, remove = torch.tensor([[80.0, 48.0]]), torch.tensor([[240.0, 144.0]])
    seen = look_at(torch.zeros(3, 192, 320), add, remove, region, (0.0, 0.0, 320.0, 192.0), 160)
    assert seen.shape == (6, 96, 160)
    assert divmod(int(seen[3].argmax()), 160) == pytest.approx((24, 40), abs=1)
    assert divmod(int(seen[4].argmax()), 160) == pytest.approx((72, 120), abs=1)
    assert float(seen[5, 52:73, 102:148].min()) > 0.9 and float(seen[5, :45].max()) < 0.1


def test_a_random_network_gives_opacities() -> None:
    torch.manual_seed(0)
    found = Segmenter(SegmenterSpec(edge=64, widths=(8, 8, 8, 8, 8))).segment(
        torch.rand(3, 128, 96) * 2 - 1,
        torch.tensor([[30.0, 60.0]]),
        torch.tensor([[5.0, 5.0]]),
        torch.ones(128, 96),
    )
    assert found.shape == (1, 128, 96)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
