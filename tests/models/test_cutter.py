"""The cutter: a square around a hand in, an opacity out."""

from __future__ import annotations

import torch

from models.cutter import SEEN, Cutter, square
from models.spec import CutterSpec

SPEC = CutterSpec(edge=32, widths=(8, 16))


def test_every_pixel_of_the_square_gets_a_logit() -> None:
    assert Cutter(SPEC)(torch.randn(3, SEEN, 32, 32)).shape == (3, 1, 32, 32)


def test_squares_in_a_batch_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    cutter, x = Cutter(SPEC), torch.randn(3, SEEN, 32, 32)
    assert torch.allclose(cutter(x)[1:2], cutter(x[1:2]), atol=1e-5)


def test_the_square_has_the_hand_in_its_middle_and_knows_where_the_picture_ends() -> None:
    frame = torch.full((3, 40, 60), 0.5)
    seen, (left, top) = square(frame, torch.tensor([[4.0, 38.0]]), 32)
    assert (left, top) == (-12, 22)
    inside = seen[4] == 1
    assert inside[:18, 12:].all() and int(inside.sum()) == 18 * 20
    assert bool((seen[:3, inside] == 0.5).all()) and not seen[:3, ~inside].any()
    y, x = divmod(int(seen[3].argmax()), 32)
    assert abs(x + 0.5 - 16) <= 1 and abs(y + 0.5 - 16) <= 1


def test_every_point_of_a_hand_is_marked() -> None:
    seen, (left, top) = square(torch.zeros(3, 64, 64), torch.tensor([[26.0, 32.0], [38.0, 32.0]]), 32)
    for x in (26, 38):
        assert float(seen[3, 32 - top, x - left]) > 0.9
    assert float(seen[3, 2, 2]) < 0.01


def test_it_learns_what_is_touched() -> None:
    """Two bars, one of them touched: the one under the hand is to be found."""
    torch.manual_seed(0)
    cutter = Cutter(SPEC)
    frame = torch.full((3, 32, 32), -0.5)
    frame[:, :, 4:10] = frame[:, :, 20:26] = 0.7
    inputs, wanted = [], []
    for x in (7.0, 23.0):
        inputs.append(square(frame, torch.tensor([[x, 16.0]]), 32)[0])
        bar = torch.zeros(1, 32, 32)
        left = int(x) - 3 + 16 - round(x)
        bar[:, :, left : left + 6] = 1
        wanted.append(bar)
    seen, target = torch.stack(inputs), torch.stack(wanted)
    adam = torch.optim.Adam(cutter.parameters(), 0.01)
    for _ in range(80):
        adam.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(cutter(seen), target).backward()
        adam.step()
    made = cutter(seen).sigmoid() > 0.5
    assert float((made == target.bool()).float().mean()) > 0.97
