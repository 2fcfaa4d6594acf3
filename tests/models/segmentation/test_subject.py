"""What stands out of a photo, with a network in place of the trained one that finds what is red, and with that one."""

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
from flowbrush.models.segmentation.segmenter import Segmenter
from flowbrush.models.segmentation.subject import standing_out
from flowbrush.training.photos.clicks import overlap

GALLERY = Path(__file__).parents[3] / "web" / "gallery"
NONE = torch.zeros(0, 2)


class FindsWhatIsRedThere(nn.Module):
    """What is red, each click its own half of the picture: left or right of the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(1, 1, 1)  # where the segmenter reads the type of its numbers

    def forward(self, seen: Tensor) -> Tensor:
        half = seen.shape[-1] // 2
        marked_left = seen[:, 3, :, :half].amax((1, 2)) > seen[:, 3, :, half:].amax((1, 2))
        left = (torch.arange(seen.shape[-1]) < half)[None, None]
        return (9 * seen[:, 0]).where(left == marked_left[:, None, None], -9.0)[:, None]


def finder() -> Segmenter:
    segmenter = Segmenter(SegmenterSpec(edge=64, widths=(8, 8)))
    segmenter.net = FindsWhatIsRedThere()  # type: ignore[assignment]
    return segmenter


def picture_with(*boxes: tuple[int, int, int, int]) -> Tensor:
    """[3, 192, 320], red in boxes (left, top, right, bottom)."""
    picture = torch.zeros(3, 192, 320)
    picture[0] = -1
    for left, top, right, bottom in boxes:
        picture[0, top:bottom, left:right] = 1
    return picture


def test_a_click_that_hits_is_better_than_one_beside() -> None:
    at = standing_out(finder(), picture_with((190, 70, 240, 120)))
    assert at is not None and 190 <= at[0] <= 240 and 70 <= at[1] <= 120


@pytest.mark.parametrize("x", [0.32, 0.68])
@pytest.mark.parametrize("y", [0.32, 0.68])
def test_what_stands_at_a_third_of_a_photo_is_hit(x: float, y: float) -> None:
    """Where photographers put it."""
    box = tuple(round(at) for at in (320 * x - 14, 192 * y - 14, 320 * x + 14, 192 * y + 14))
    at = standing_out(finder(), picture_with(box))  # type: ignore[arg-type]
    assert at is not None and box[0] <= at[0] <= box[2] and box[1] <= at[1] <= box[3]


def test_what_several_clicks_agree_about_is_the_subject() -> None:
    """The small one is as red, and is looked for first."""
    at = standing_out(finder(), picture_with((50, 45, 75, 70), (180, 40, 300, 160)))
    assert at is not None and at[0] > 160


def test_what_is_small_may_be_a_subject_and_what_is_tiny_is_none() -> None:
    """0.8 and 0.4 % of the picture."""
    assert standing_out(finder(), picture_with((85, 84, 105, 108))) is not None
    assert standing_out(finder(), picture_with((90, 90, 105, 108))) is None


def test_specks_and_what_fills_the_picture_are_no_subjects() -> None:
    assert standing_out(finder(), picture_with((62, 55, 66, 60))) is None
    everything = Segmenter(SegmenterSpec(edge=64, widths=(8, 8)))
    everything.net.forward = lambda seen: torch.ones_like(seen[:, :1])  # type: ignore[method-assign]
    assert standing_out(everything, picture_with()) is None


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("photo", "click"), [("panda", (160, 105)), ("moose", (150, 120)), ("fig", (160, 80))]
)
def test_the_trained_network_sees_what_a_photo_is_of(photo: str, click: tuple[int, int], dtype: str) -> None:
    image = Image.open(GALLERY / f"photo-{photo}.webp").convert("RGB").resize((320, 192))
    picture = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1
    segmenter = load_model(card("pocket"), choose("cpu", dtype)).segmenter  # type: ignore[union-attr]
    at = standing_out(segmenter, picture)
    assert at is not None
    by_itself, by_hand = (
        segmenter.segment(picture, torch.tensor([point], dtype=torch.float32), NONE)[0]
        for point in (at, click)
    )
    assert overlap(by_itself, by_hand) > 0.85
