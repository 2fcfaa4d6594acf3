"""Filled holes are put together of what is around them, and go on as that does."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.inpainting import patches, quilting
from flowbrush.models.inpainting.inpainter import diffuse_fill
from flowbrush.models.inpainting.patches import patched

HOLE = (slice(64, 128), slice(96, 208))


def grass(seed: int = 0) -> Tensor:
    """Fine noise around a mean [3, 192, 320]."""
    noise = torch.randn(3, 192, 320, generator=torch.Generator().manual_seed(seed))
    return (noise * 0.15 - 0.1).clamp(-1, 1)


def with_smear(ground: Tensor, colour: float = -0.1) -> tuple[Tensor, Tensor]:
    """`ground` with a hole that was filled with its mean, and the hole [1, H, W]."""
    hole = torch.zeros(1, 192, 320)
    hole[:, *HOLE] = 1
    return ground * (1 - hole) + colour * hole, hole


def energy(picture: Tensor) -> float:
    return float(picture.diff(dim=-1).abs().mean())


def test_a_smear_in_grass_becomes_grass() -> None:
    ground = grass()
    filled, hole = with_smear(ground)
    made = patched(filled, hole)
    share = energy(made[:, *HOLE]) / energy(ground[:, *HOLE])
    # Less is a smear; with all of it tiles show, which are whole patches of what was never there.
    assert 0.70 < share < 0.77
    assert torch.equal(made * (1 - hole), filled * (1 - hole))


@pytest.mark.parametrize("size", [(192, 320), (320, 192), (240, 256)])
def test_a_smooth_ground_stays_smooth(size: tuple[int, int]) -> None:
    ground = torch.linspace(-0.5, 0.5, size[1]).expand(3, *size).contiguous()
    hole = torch.zeros(1, *size)
    hole[:, 64:128, 60:130] = 1
    assert float((patched(ground, hole) - ground).abs().max()) < 0.03


def test_texture_comes_from_where_the_picture_looks_alike() -> None:
    ground = grass()
    ground[:, :, 160:] = 0.6  # a plain wall next to the grass
    filled, hole = with_smear(ground)
    filled[:, 64:128, 160:208] = 0.6
    made = patched(filled, hole)
    assert energy(made[:, 64:128, 96:144]) > 0.4 * energy(ground[:, 64:128, 96:144])
    assert energy(made[:, 64:128, 176:208]) < 0.15 * energy(ground[:, 64:128, 96:144])


def test_no_place_is_copied_everywhere() -> None:
    filled, hole = with_smear(grass())
    made = patched(filled, hole)[:, *HOLE]
    step = 4 * quilting.TILE
    first, second = made[:, :, :-step] + 0.1, made[:, :, step:] + 0.1
    alike = (first * second).mean() / (first.square().mean() * second.square().mean()).sqrt()
    assert float(alike) < 0.4  # one tile again and again: 0.9


def test_neighbours_that_look_alike_do_not_take_the_same_patch() -> None:
    """In dark leaves a quarter of the pixels took the place that their neighbour took: the same four pixels again and again."""
    filled, hole = with_smear(grass())
    level = patches.Level.of(filled, hole, 4)
    looks = patches._looks(level.known, filled)
    tiles = level.free.nonzero()[:, 0][torch.arange(len(level.at)) % 900]
    taken = patches._better(level, looks, tiles)
    anew = taken != tiles
    assert int(anew.sum()) > 100
    spread = taken[anew].unique(return_counts=True)[1]
    assert 0.06 < int(spread.max()) / int(anew.sum()) < 0.1  # where each takes the one that fits best 0.18
    at = torch.full(level.lacks.shape[1:], -1).flatten().index_put((level.at[anew],), taken[anew])
    at = at.view(level.lacks.shape[1:])
    assert not bool(((at[:, 1:] == at[:, :-1]) & (at[:, 1:] >= 0)).any())
    assert not bool(((at[1:] == at[:-1]) & (at[1:] >= 0)).any())


def weave(made: Tensor) -> Tensor:
    """How strong the texture of a filled hole is at each place within a tile, compared with its mean: [2, pixels of a tile]."""
    step = 4 * quilting.TILE
    strong = made.diff(dim=-1).abs().mean(0)  # [h, w]
    folded = []
    for line in (strong.mean(0), strong.mean(1)):
        whole = line[: len(line) // step * step].view(-1, step).mean(0)
        folded.append(whole / whole.mean())
    return torch.stack(folded)


def test_tiles_are_not_seen_as_a_weave() -> None:
    woven = torch.stack([weave(patched(*with_smear(grass(seed)))[:, *HOLE]) for seed in range(4)]).mean(0)
    assert float(woven.max() - woven.min()) < 0.2  # with tiles in rows and columns 0.33


def test_what_is_copied_is_whole_patches() -> None:
    ground = grass()
    filled, hole = with_smear(ground)
    made = patched(filled, hole)
    pieces = F.unfold(ground[None], 6)[0].T
    pieces = pieces - pieces.mean(1, keepdim=True)
    agree = []
    for row, column in itertools.product(range(70, 118, 8), range(104, 192, 8)):
        patch = made[:, row : row + 6, column : column + 6].flatten()
        patch = patch - patch.mean()
        agree.append(float(((pieces @ patch) / (pieces.norm(dim=1) * patch.norm())).max()))
    assert statistics.median(agree) > 0.9  # of tiles half as large 0.78


def test_waves_as_long_as_a_tile_are_texture() -> None:
    wave = (torch.arange(320) * (2 * torch.pi / 12)).sin() * 0.3
    ground = wave.expand(3, 192, 320).contiguous()
    filled, hole = with_smear(ground, 0.0)
    assert energy(patched(filled, hole)[:, *HOLE]) > 0.4 * energy(ground)


@pytest.mark.parametrize("known", [8, 40])
def test_a_hole_in_next_to_nothing_stays_as_it_was_filled(known: int) -> None:
    """Of 8 known pixels no window can be copied, of 40 nine: too few for a choice."""
    filled = grass()
    hole = torch.ones(1, 192, 320)
    hole[:, :known, :known] = 0
    assert torch.equal(patched(filled, hole), filled)


def test_nothing_is_done_where_there_is_no_hole() -> None:
    filled = grass()
    assert torch.equal(patched(filled, torch.zeros(1, 192, 320)), filled)


def lost(ground: Tensor) -> float:
    """The error inside a hole of `ground`, of its smear's."""
    hole = torch.zeros(1, 192, 320)
    hole[:, *HOLE] = 1
    filled = diffuse_fill(ground[None], hole[None])[0]
    made, smear = (
        (picture - ground)[:, *HOLE].square().mean() for picture in (patched(filled, hole), filled)
    )
    return float(made / smear)


def test_an_edge_goes_on_straight() -> None:
    down, right = torch.meshgrid(torch.arange(192.0), torch.arange(320.0), indexing="ij")
    across = (right - 150) * math.cos(0.6) + (down - 96) * math.sin(0.6)
    assert (
        lost((torch.sigmoid(across) * 1.2 - 0.6) + grass() * 0.2) < 0.4
    )  # tiles that ignore their neighbours: 0.8


def test_a_fence_goes_on() -> None:
    """A smear says nothing of where its boards are: each tile goes on with what lies beside it."""
    boards = ((torch.arange(320) % 24 < 12).float() - 0.5).expand(3, 192, 320).contiguous()
    assert lost(boards) < 0.2  # tiles that ignore their neighbours: 1.4


def test_waves_go_on_without_edges() -> None:
    """Edges are fast changes: of waves they leave the third derivative."""
    wave = (torch.arange(320) * (2 * torch.pi / 12)).sin() * 0.3
    ground = wave.expand(3, 192, 320).contiguous()
    made = patched(*with_smear(ground, 0.0))[:, *HOLE]
    rough = [
        energy(picture.diff(dim=-1).diff(dim=-1)) / energy(picture) for picture in (made, ground[:, *HOLE])
    ]
    assert rough[0] / rough[1] < 1.1


def test_what_is_as_long_as_a_field_is_left_to_the_network() -> None:
    """It knows where a picture is light and where dark: only what it cannot make is copied."""
    field = (torch.arange(320) * (2 * torch.pi / 64)).sin() * 0.3 + grass() * 0.3
    made = patched(*with_smear(field, 0.0))[:, *HOLE]
    assert float(F.avg_pool2d(made[None], 16).std()) < 0.04


def test_grass_ends_where_the_wall_begins() -> None:
    """Tiles are compared widely enough to see the border, and are small enough for a meadow that is a few of them wide."""
    ground = grass()
    ground[:, :, 100:] = 0.6
    filled, hole = ground.clone(), torch.zeros(1, 192, 320)
    hole[:, 64:128, 56:140] = 1
    filled[:, 64:128, 56:100] = -0.1
    made = patched(filled, hole)[:, 64:128]
    whole = energy(ground[:, 64:128, 56:92])
    assert energy(made[:, :, 60:92]) > 0.3 * whole
    assert energy(made[:, :, 104:112]) < 0.1 * whole
    assert energy(made[:, :, 112:136]) < 0.1 * whole


def test_a_narrow_border_is_enough_to_copy_from() -> None:
    filled, hole = grass(), torch.ones(1, 192, 320)
    hole[:, :, :64] = 0
    filled[:, :, 64:] = -0.1
    assert energy(patched(filled, hole)[:, :, 64:]) > 0.3 * energy(grass())
