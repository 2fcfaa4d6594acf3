"""The photos of the page's gallery keep what their cards promise: what one is told to pull can be taken."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from flowbrush.models.cards.registry import card
from flowbrush.models.device import choose
from flowbrush.models.loading.load import load_model
from flowbrush.pipelines.media.image import fit_image
from flowbrush.pipelines.reference.acquire import Acquirer, Touch
from flowbrush.pipelines.reference.layers import LayerStack
from flowbrush.training.photos.clicks import overlap

GALLERY = Path(__file__).parents[3] / "web" / "gallery"
PHOTOS = json.loads((GALLERY / "credits.json").read_text())
AROUND = (
    (0.0, 0.0),
    (0.03, 0.0),
    (-0.03, 0.0),
    (0.0, 0.03),
    (0.0, -0.03),
)  # of the picture's sides: nobody hits a point


@pytest.mark.parametrize("photo", PHOTOS, ids=[each["title"] for each in PHOTOS])
def test_a_press_near_the_middle_of_what_a_card_names_takes_it(photo: dict[str, Any]) -> None:
    """The same thing wherever the hand comes down."""
    picture = np.array(Image.open(GALLERY / photo["file"]).convert("RGB"))
    shape = math.log(picture.shape[1] / picture.shape[0])
    width, height = min(card("pocket").sizes, key=lambda size: abs(math.log(size[0] / size[1]) - shape))
    acquirer = Acquirer(load_model(card("pocket"), choose("cpu", "fp32")).segmenter, None)  # type: ignore[union-attr]
    stack = LayerStack(fit_image(picture, width, height)[0] / 2 + 0.5, torch.ones(1, height, width))
    x, y = photo["subject"]
    finds = [acquirer.mask(stack, Touch(((x + dx) * width, (y + dy) * height))) for dx, dy in AROUND]
    taken = [find for find in finds if find is not None]
    assert len(taken) == len(AROUND) and min(overlap(each, taken[0]) for each in taken) > 0.7
