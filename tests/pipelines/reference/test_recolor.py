"""A thing in another colour: its main part changes, with its light and shade, and the rest stays."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from flowbrush.models.text.colors import COLORS, color, parted
from flowbrush.pipelines.reference.recolor import recolored

RED, ORANGE, GREY, LINE = (0.8, 0.1, 0.1), (0.9, 0.5, 0.1), (0.6, 0.6, 0.6), (0.05, 0.05, 0.05)
LEAF = (0.55, 0.68, 0.1)


def sprite(main: tuple[float, float, float], rest: tuple[float, float, float]) -> Tensor:
    """A square of `main` colour in a clear picture, its left third in the shade, with a small square of another colour in it."""
    made = torch.zeros(4, 32, 32)
    made[:3, 4:28, 4:28] = torch.tensor(main).view(3, 1, 1)
    made[:3, 4:28, 4:12] *= 0.7
    made[:3, 16:24, 16:24] = torch.tensor(rest).view(3, 1, 1)
    made[3, 4:28, 4:28] = 1
    return made


@pytest.mark.parametrize("name", COLORS)
@pytest.mark.parametrize("main", [RED, ORANGE, GREY])
def test_the_main_part_has_the_colour_in_light_and_shade(name: str, main: tuple[float, float, float]) -> None:
    rgb = torch.tensor(COLORS[name])
    made = recolored(sprite(main, (0.1, 0.3, 0.9)), COLORS[name])
    lit, shade = made[:3, 8, 20], made[:3, 8, 8]
    assert float((lit - rgb).abs().max()) < 0.15
    assert torch.allclose(shade / shade.sum(), rgb / rgb.sum(), atol=0.02) and float(
        shade.sum()
    ) < 0.9 * float(lit.sum())


@pytest.mark.parametrize("rest", [LINE, (0.1, 0.3, 0.9), (0.1, 0.7, 0.2), LEAF, (0.95, 0.95, 0.95)])
def test_what_is_of_another_colour_stays(rest: tuple[float, float, float]) -> None:
    made = recolored(sprite(RED, rest), COLORS["purple"])
    assert torch.allclose(made[:3, 20, 20], torch.tensor(rest), atol=0.02)
    assert torch.equal(made[3], sprite(RED, rest)[3]) and not made[:3, :4].any()


def test_what_is_pale_as_a_whole_keeps_its_dark_lines() -> None:
    made = recolored(sprite((0.95, 0.95, 0.95), LINE), COLORS["pink"])
    assert float(made[:3, 20, 20].max()) < 0.12
    assert float(made[0, 8, 20] - made[1, 8, 20]) > 0.1


def test_what_is_dark_grey_is_no_part_of_its_own() -> None:
    """Tyres and shadow may be most of a thing; what is dyed is what has a colour."""
    made = recolored(sprite((0.22, 0.22, 0.22), RED), COLORS["blue"])
    assert torch.allclose(made[:3, 8, 20], torch.tensor((0.22, 0.22, 0.22)), atol=0.02)
    assert float(made[2, 20, 20]) > float(made[0, 20, 20]) + 0.1


def test_a_premultiplied_rim_stays_one() -> None:
    made = recolored(sprite(RED, LINE) * 0.4, COLORS["white"])
    assert float((made[:3] - made[3:]).max()) <= 1e-6 and float(made[3].max()) == pytest.approx(0.4)


def test_a_clear_picture_stays_clear() -> None:
    assert not recolored(torch.zeros(4, 8, 8), COLORS["blue"]).any()


def test_labels_are_parted() -> None:
    assert parted("blue police car") == ("blue", "police car")
    assert parted("orange") == ("", "orange") and parted("ice cream") == ("", "ice cream")
    assert color("gray") == "grey" and color("red") == "red" and color("reddish") == ""


def halves(left: tuple[float, float, float], right: tuple[float, float, float]) -> Tensor:
    """Two halves of different colours."""
    made = torch.ones(4, 32, 32)
    made[:3, :, :16], made[:3, :, 16:] = (torch.tensor(each).view(3, 1, 1) for each in (left, right))
    return made


def test_warm_and_cool_greys_are_one_part() -> None:
    made = recolored(halves((0.63, 0.6, 0.58), (0.57, 0.6, 0.63)), COLORS["red"])
    assert float((made[0] - made[1]).min()) > 0.4


def test_dull_colours_are_colours() -> None:
    made = recolored(sprite((0.6, 0.45, 0.35), (0.8, 0.8, 0.8)), COLORS["blue"])
    assert torch.allclose(made[:3, 20, 20], torch.tensor((0.8, 0.8, 0.8)), atol=0.02)


def test_dark_lines_are_no_part_however_many() -> None:
    striped = sprite(RED, RED)
    striped[:3, :, 12:] = 0.1 * striped[3:, :, 12:]
    made = recolored(striped, COLORS["yellow"])
    assert float(made[1, 8, 8]) > 0.5 and torch.equal(made[:3, 8, 20], striped[:3, 8, 20])


def test_what_shines_shines() -> None:
    shining = sprite((0.6, 0.1, 0.1), (0.95, 0.4, 0.4))
    made = recolored(shining, COLORS["blue"])
    assert float(made[:3, 20, 20].sum() - made[:3, 8, 20].sum()) > 0.3


@pytest.mark.parametrize(("shade", "like"), [((0.9, 0.4, 0.1), True), ((0.95, 0.85, 0.1), False)])
def test_two_like_hues_are_one_part_and_others_are_two(shade: tuple[float, float, float], like: bool) -> None:
    """Three and three tenths are red and this; four are blue, which is the largest part unless those two are one."""
    made = torch.ones(4, 30, 30)
    for columns, rgb in ((slice(9), RED), (slice(9, 18), shade), (slice(18, 30), (0.1, 0.2, 0.9))):
        made[:3, :, columns] = torch.tensor(rgb).view(3, 1, 1)
    painted = recolored(made, COLORS["green"])
    changed = (painted != made)[:3].any(0).any(0)
    assert changed.tolist() == [like] * 18 + [not like] * 12
    if like:
        assert float((painted[1] - painted[0])[:, :18].min()) > 0.3


def test_hues_that_shade_into_each_other_are_one_part() -> None:
    made = torch.ones(4, 32, 32)
    made[0], made[2], made[1] = 0.9, 0.1, torch.linspace(0.1, 0.5, 32)  # red to orange
    made[:3, 18:, 10:] = torch.tensor((0.1, 0.2, 0.9)).view(3, 1, 1)
    painted = recolored(made, COLORS["green"])
    assert torch.allclose(painted[:3, 28, 28], made[:3, 28, 28], atol=0.02)
    assert float((painted[1] - painted[0])[:18].min()) > 0.1


@pytest.mark.parametrize(("chroma", "stays"), [(0.14, True), (0.07, False)])
def test_what_is_nearly_grey_has_no_hue_and_what_is_a_little_brown_has_one(
    chroma: float, stays: bool
) -> None:
    """A brown thing is dyed and the grey on it left alone; of what is hardly warmer than grey the grey is a part."""
    main, made = torch.tensor([0.5, 0.5, 0.5]), torch.zeros(4, 32, 32)
    main[0] += (
        chroma / 0.701 * 0.956
    )  # of red alone: 0.701 of it is away from luma towards red, 0.299 towards blue
    made[:3, 4:28, 4:28] = 0.55
    made[:3, 4:28, 4:20] = main.view(3, 1, 1)
    made[3, 4:28, 4:28] = 1
    after = recolored(made, COLORS["purple"])
    assert float((after[:3, 8, 8] - made[:3, 8, 8]).abs().max()) > 0.1, "the larger part"
    assert (float((after[:3, 8, 24] - made[:3, 8, 24]).abs().max()) < 0.05) is stays
