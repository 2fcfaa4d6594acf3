"""How it is judged what words under a photo do, on the panda of the page's gallery."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from flowbrush.pipelines.generator import Generator
from flowbrush.training.photos.speaking import Spoken, means, spoken

PANDA = Path(__file__).parents[3] / "web" / "gallery" / "photo-panda.webp"


def test_a_panda_goes_where_it_is_told_and_jumps_where_it_is() -> None:
    generator = Generator.load("pocket", seats=1, device="cpu", dtype="fp32")
    pixels = np.array(Image.open(PANDA).convert("RGB").resize((320, 192)))
    picture = torch.from_numpy(pixels).permute(2, 0, 1).float() / 127.5 - 1
    segmenter = generator.family.acquirer.segmenter  # type: ignore[attr-defined]
    mask = segmenter.segment(picture, torch.tensor([[160.0, 105.0]]), torch.zeros(0, 2))[0]
    said = spoken(generator, picture, mask)
    assert said.agreement > 0.85 and said.went and said.stayed and said.change > 1
    elsewhere = torch.zeros(192, 320)
    elsewhere[:40, :40] = 1
    assert spoken(generator, picture, elsewhere).agreement < 0.1


def test_means_of_several_photos() -> None:
    said = means([Spoken(0.9, True, True, 3.0), Spoken(0.1, False, True, 1.0)])
    assert said["iou_of_what_is_meant"] == pytest.approx(0.5) and said["above_0.5"] == 0.5
    assert (said["went_where_told"], said["jumped_in_place"], said["change_when_it_jumps"]) == (0.5, 1.0, 2.0)
