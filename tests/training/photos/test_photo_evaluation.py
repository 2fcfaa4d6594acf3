from dataclasses import replace
from pathlib import Path

import pytest
import torch
from packages_made import photo

from flowbrush.models.cards.registry import card
from flowbrush.models.cards.spec import InpainterSpec, PocketCodecSpec, SegmenterSpec
from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.inpainting.inpainter import Inpainter
from flowbrush.models.loading.checkpoint import BadWeights, random_like, save
from flowbrush.models.segmentation.segmenter import Segmenter
from flowbrush.training.photos.clicks import Judged
from flowbrush.training.photos.dragging import composite
from flowbrush.training.photos.evaluate import (
    Eyes,
    codec_figures,
    evaluate,
    psnr,
    segmenter_figures,
    table,
    texture,
)
from flowbrush.training.photos.judges import Pasted

SIZES = ((64, 48), (48, 64))
SMALL = replace(
    card("pocket"),
    segmenter=SegmenterSpec(edge=32, widths=(8, 8)),
    inpainter=InpainterSpec(widths=(8, 8)),
    codec=PocketCodecSpec(channels=8),
)


def test_figures_of_clicks() -> None:
    said = segmenter_figures([Judged(0.9, 0.95, 30), Judged(0.5, 0.85, 50), Judged(0.4, 0.6, 40)])
    assert said["iou_one_click"] == pytest.approx(0.6) and said["iou_two_clicks"] == pytest.approx(0.8)
    assert said["median"] == 0.5 and said["above_0.8"] == pytest.approx(1 / 3) and said["milliseconds"] == 40


def test_psnr_counts_only_where_it_is_asked() -> None:
    true = torch.zeros(3, 4, 4)
    made, where = true.clone(), torch.zeros(1, 4, 4)
    made[:, 0], where[:, 2:] = 1, 1
    assert psnr(made, true, where) > 90
    assert psnr(true + 0.2, true, where) == pytest.approx(20)


def test_texture_of_a_smear_is_none() -> None:
    true = torch.rand(3, 16, 16)
    everywhere = torch.ones(1, 16, 16)
    assert texture(true.mean((1, 2), keepdim=True).expand_as(true), true, everywhere) == pytest.approx(
        0, abs=1e-6
    )
    assert texture(true, true, everywhere) == pytest.approx(1)


def test_codec_that_keeps_all_loses_nothing() -> None:
    codec = PocketCodec(PocketCodecSpec(channels=768))
    said = codec_figures(codec, [torch.rand(3, 48, 64) * 2 - 1])
    assert said["psnr_still"] > 60 and said["psnr_sliding"] > 60


def test_evaluation_of_a_weights_file(tmp_path: Path) -> None:
    for part in ("held_out", "stamps", "reference"):
        (tmp_path / part).mkdir()
    photo(1, (640, 480)).save(tmp_path / "held_out" / "explore_monuments-a.webp")
    photo(2, (200, 160), "RGBA").save(tmp_path / "stamps" / "duck.webp")
    photo(3, (640, 480)).save(tmp_path / "held_out" / "cat.webp")
    photo(4, (640, 480), "RGBA").getchannel("A").save(tmp_path / "reference" / "cat.png")
    eyes = Eyes(
        Segmenter(SMALL.pocket_segmenter), Inpainter(SMALL.pocket_inpainter), PocketCodec(SMALL.pocket_codec)
    )
    for seed, module in enumerate(vars(eyes).values()):
        random_like(module, seed)
    save(tmp_path / "some.safetensors", vars(eyes), {})
    loaded = Eyes.load(SMALL, tmp_path / "some.safetensors")
    figures = evaluate(loaded, tmp_path, SIZES, 2, tmp_path / "sheet.png")
    assert figures.keys() == {"subjects", "pasted", "holes", "codec"}
    assert figures["subjects"]["pictures"] == 1 and figures["holes"]["holes"] == 2
    assert (tmp_path / "sheet.png").is_file() and table(figures).count("\n") == 3


def test_weights_without_eyes_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "other.safetensors", {"codec": PocketCodec(SMALL.pocket_codec)}, {})
    with pytest.raises(BadWeights, match=r"other\.safetensors"):
        Eyes.load(SMALL, tmp_path / "other.safetensors")


def test_the_true_composite_of_a_drag_moves_the_thing_alone() -> None:
    ground = torch.rand(3, 32, 48) * 2 - 1
    opacity = torch.zeros(32, 48)
    opacity[10:18, 12:20] = 1
    case = Pasted("square", ground * (1 - opacity) + opacity, ground, opacity)
    assert torch.allclose(composite(case, 0, 0), case.picture, atol=1e-5)
    moved = composite(case, 5, -3)
    assert torch.allclose(moved[:, 7:15, 17:25], torch.ones(3, 8, 8), atol=1e-4)
    assert torch.allclose(moved[:, 20:, :], ground[:, 20:, :], atol=1e-5)
    assert torch.allclose(moved[:, 15:18, 12:17], ground[:, 15:18, 12:17], atol=1e-4)
