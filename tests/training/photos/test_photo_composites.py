"""Composites: what is said of a picture's things is what is seen in it, and a touch means what it says."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from flowbrush.training.photos import composites
from flowbrush.training.photos.composites import Composer
from flowbrush.training.photos.materials import SUBJECTS, Materials, filled
from flowbrush.training.photos.pieces import Rim
from flowbrush.training.photos.questions import SOLID, Question, ask, corrected, roughly

SIZE = (96, 64)


def dark_photos_and_white_things(annotated: int = 0) -> Materials:
    """Four black photos of which some have a known subject in the middle, and white discs."""
    photos = torch.zeros(4, 3, 128, 128, dtype=torch.uint8)
    subjects = torch.zeros(4, 1, 128, 128, dtype=torch.uint8)
    subjects[:annotated, :, 32:96, 32:96] = 255
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    disc = (torch.hypot(rows - 23.5, columns - 23.5) < 22).to(torch.uint8) * 255
    things = torch.stack([torch.full_like(disc, 255)] * 3 + [disc])[None]
    return Materials(photos, torch.full((4,), 1.5), subjects, annotated, 4, {"glyph": things})


def questions(materials: Materials, count: int = 24) -> list[tuple[Question, torch.Tensor]]:
    """Touches, and the whole opacity of what lies in their pictures."""
    rng = torch.Generator().manual_seed(3)
    drawn = Composer(materials).draw(rng, count, SIZE)
    asked = [(ask(rng, drawn, one), drawn.opacity[one].sum(0)) for one in range(count)]
    return [(question, everything) for question, everything in asked if question is not None]


def test_a_picture_shows_its_things_where_their_opacity_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composites, "PIECE", 0.0)
    drawn = Composer(dark_photos_and_white_things()).draw(torch.Generator().manual_seed(0), 12, SIZE)
    everything, brightness = drawn.opacity.sum(1), drawn.pictures.mean(1)
    assert drawn.pictures.shape == (12, 3, SIZE[1], SIZE[0])
    assert float(everything.max()) <= 1 + 1e-5  # what lies behind is hidden
    inside, outside = everything > 0.99, torch.nn.functional.max_pool2d(everything, 13, 1, 6) < 0.01
    assert float(brightness[inside].mean()) > 0.5
    assert float(brightness[outside].mean()) < 0.05
    assert float(drawn.grounds.mean()) < 0.01


def test_the_same_generator_gives_the_same_pictures() -> None:
    one, two = (
        Composer(dark_photos_and_white_things(2)).draw(torch.Generator().manual_seed(5), 4, SIZE)
        for _ in range(2)
    )
    assert torch.equal(one.pictures, two.pictures)
    assert torch.equal(one.opacity, two.opacity)


def test_a_known_subject_is_a_thing_of_its_photo() -> None:
    drawn = Composer(dark_photos_and_white_things(4)).draw(torch.Generator().manual_seed(1), 12, SIZE)
    own = drawn.opacity[:, 0].amax((1, 2)) > 0.5
    assert own.any()
    assert bool(drawn.clear[own].all())
    unknown = Composer(dark_photos_and_white_things(0)).draw(torch.Generator().manual_seed(1), 6, SIZE)
    assert not bool(unknown.clear.any())  # nobody knows what stands out in these photos


def test_points_lie_on_what_is_meant_and_next_to_it() -> None:
    asked = questions(dark_photos_and_white_things(2), 48)
    meant = [one for one, _ in asked if one.answer.any()]
    assert len(meant) > 20
    for one in meant:
        for x, y in one.add.long().tolist():
            assert one.answer[0, y, x] > SOLID
        for x, y in one.remove.long().tolist():
            assert one.answer[0, y, x] < 0.05
        assert len(one.add) or one.region.any()
    assert any(len(one.add) == 2 for one in meant)
    assert any(len(one.remove) for one in meant)
    assert any(one.region.any() for one in meant)


def test_bare_ground_is_asked_for_only_where_everything_is_known() -> None:
    bare = [
        (one, everything)
        for one, everything in questions(dark_photos_and_white_things(4), 32)
        if not one.answer.any()
    ]
    assert bare
    for one, everything in bare:
        x, y = one.add[0].long().tolist()
        assert everything[y, x] < 0.02
    assert not any(not one.answer.any() for one, _ in questions(dark_photos_and_white_things(0), 16))


def test_a_rough_region_lies_over_its_thing() -> None:
    answer = torch.zeros(1, 64, 96)
    answer[:, 20:44, 30:66] = 1
    rough = [roughly(torch.Generator().manual_seed(seed), answer) for seed in range(8)]
    assert all(float((one * answer).sum()) > 0.5 * float(one.sum()) for one in rough)
    assert any(not torch.equal(one, answer) for one in rough)


def test_rims_are_whole_and_differ() -> None:
    grid = torch.stack(
        torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")[::-1], -1
    )
    rim = Rim(torch.Generator().manual_seed(0), 6)
    shapes = rim.body(grid[None].expand(6, -1, -1, -1), torch.full((6,), 64.0))
    assert bool((shapes[:, 0, 31:33, 31:33] == 1).all())  # the middle is in
    assert len({round(float(shape.sum())) for shape in shapes}) == 6


def test_outlines_drawn_by_hand_are_within_their_pictures() -> None:
    for name, polygons in json.loads(SUBJECTS.read_text()).items():
        mask = filled(polygons, (200, 160))
        share = sum(mask.histogram()[128:]) / (200 * 160)
        assert 0.02 < share < 0.98, name
        assert isinstance(mask, Image.Image)


def test_a_correction_points_at_what_is_wrong() -> None:
    answer = torch.zeros(1, 64, 96)
    answer[:, 20:44, 30:66] = 1
    asked = Question(
        torch.zeros(3, 64, 96), torch.tensor([[40.0, 30.0]]), torch.zeros(0, 2), answer * 0, answer
    )
    rng = torch.Generator().manual_seed(0)
    half = answer.clone()
    half[:, :, 48:] = 0
    more = corrected(rng, asked, half)
    assert len(more.add) == 2 and not len(more.remove) and more.add[1, 0] > 48
    wide = answer.clone()
    wide[:, :, 66:90] = 1
    less = corrected(rng, asked, wide)
    assert len(less.add) == 1 and len(less.remove) == 1 and less.remove[0, 0] > 66
    assert corrected(rng, asked, answer) is asked
