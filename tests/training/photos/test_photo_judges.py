from pathlib import Path

import pytest
import torch
from packages_made import photo
from torch import Tensor

from flowbrush.training.photos import judges, reference
from flowbrush.training.photos.clicks import judge, overlap, thickest
from flowbrush.training.photos.judges import NothingToJudge, hole_of, nearest_shape, pasted, subjects

SIZES = ((320, 192), (192, 320), (256, 256))


def box(left: int, top: int, right: int, bottom: int) -> Tensor:
    region = torch.zeros(40, 60)
    region[top:bottom, left:right] = 1
    return region


class Boxes:
    """Takes one box, and another when a second point lies in it; gives back what is taken away."""

    def __init__(self, first: Tensor, second: Tensor) -> None:
        self.first, self.second = first, second
        self.clicks: list[tuple[list[list[float]], list[list[float]]]] = []

    def segment(self, picture: Tensor, add: Tensor, remove: Tensor, region: Tensor | None = None) -> Tensor:
        self.clicks.append((add.tolist(), remove.tolist()))
        found = self.first if len(add) < 2 else self.first + self.second
        return (found if not len(remove) else found - self.second).clamp(0, 1)[None]


def test_thickest_is_the_middle() -> None:
    assert thickest(box(10, 4, 19, 37) > 0).tolist()[0] == 14.5
    assert thickest(box(20, 10, 21, 11) > 0).tolist() == [20.5, 10.5]


def test_thickest_counts_the_picture_as_its_end() -> None:
    assert thickest(box(0, 0, 60, 40) > 0).tolist()[1] in (19.5, 20.5)


def test_overlap_counts_parts() -> None:
    assert overlap(box(0, 0, 10, 10), box(0, 0, 10, 10)) == 1
    assert overlap(box(0, 0, 10, 10) / 2, box(0, 0, 10, 10)) == 0.5
    assert overlap(box(0, 0, 10, 10), box(20, 20, 30, 30)) == 0


def test_judge_second_click_adds_what_is_missing() -> None:
    left, right = box(2, 2, 30, 20), box(30, 2, 50, 20)
    hands = Boxes(left, right)
    seen = judge(hands, torch.zeros(3, 40, 60), left + right)
    assert seen.one == pytest.approx(28 / 48) and seen.two == 1
    (add, remove), (later, _) = hands.clicks
    assert remove == [] and later[0] == add[0] and 30 < later[1][0] < 50


def test_judge_second_click_takes_away_what_is_too_much() -> None:
    left, right = box(2, 2, 30, 20), box(30, 2, 50, 20)
    hands = Boxes(left + right, right)
    seen = judge(hands, torch.zeros(3, 40, 60), left)
    assert seen.one == pytest.approx(28 / 48) and seen.two == 1
    assert 30 < hands.clicks[1][1][0][0] < 50


def test_judge_no_second_click_where_all_is_right() -> None:
    truth = box(2, 2, 30, 20)
    hands = Boxes(truth, truth)
    assert judge(hands, torch.zeros(3, 40, 60), truth).two == 1
    assert len(hands.clicks) == 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pool with two grounds, a thing, and a subject with its mask."""
    for part in ("held_out", "stamps", "reference"):
        (tmp_path / part).mkdir()
    photo(1, (640, 400)).save(tmp_path / "held_out" / "x-explore_monuments-a.webp")
    photo(2, (400, 640)).save(tmp_path / "held_out" / "mate-backgrounds-b.webp")
    photo(3, (200, 160), "RGBA").save(tmp_path / "stamps" / "duck.webp", lossless=True)
    photo(4, (500, 500)).save(tmp_path / "held_out" / "cat.webp")
    photo(5, (500, 500), "RGBA").getchannel("A").save(tmp_path / "reference" / "cat.png")
    return tmp_path


def test_pasted_pictures_are_exact_and_the_same_each_time(folder: Path) -> None:
    cases = list(pasted(folder, SIZES, 6))
    for case in cases:
        assert case.picture.shape[-2:] == case.opacity.shape and case.opacity.shape in {
            (192, 320),
            (320, 192),
        }
        assert torch.equal(case.picture[:, case.opacity == 0], case.ground[:, case.opacity == 0])
        assert case.picture.abs().max() <= 1 + 1e-5 and (case.opacity > 0.5).any()
    for case, again in zip(cases, pasted(folder, SIZES, 6), strict=True):
        assert torch.equal(case.picture, again.picture)


def test_subjects_come_with_their_masks(folder: Path) -> None:
    ((name, picture, mask),) = subjects(folder, SIZES)
    assert name == "cat" and picture.shape == (3, 256, 256) and mask.shape == (256, 256)
    assert mask[128, 128] == 1 and mask[4, 4] == 0


@pytest.mark.parametrize(
    ("part", "said"), [("reference", "flowbrush.training.photos.reference"), ("stamps", "tuxpaint")]
)
def test_judges_that_are_missing_say_what_to_do(folder: Path, part: str, said: str) -> None:
    for path in (folder / part).iterdir():
        path.unlink()
    with pytest.raises(NothingToJudge, match=said):
        list(subjects(folder, SIZES) if part == "reference" else pasted(folder, SIZES, 1))


def test_hole_is_wider_than_what_was_there() -> None:
    hole = hole_of(box(20, 10, 30, 20))
    assert hole[0, 15, 16] == 1 and hole[0, 15, 15] == 0


@pytest.mark.parametrize(
    ("size", "best"), [((4000, 3600), (256, 256)), ((1920, 1080), (320, 192)), ((600, 1000), (192, 320))]
)
def test_nearest_shape(size: tuple[int, int], best: tuple[int, int]) -> None:
    assert nearest_shape(size, SIZES) == best


def test_reference_names_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr(reference, "load_network", lambda folder: None)
    assert reference.main([str(tmp_path)]) == 2
    assert "run `flowbrush train pool --photos` first" in capsys.readouterr().err
    assert not list((tmp_path / judges.REFERENCE).iterdir())


def test_reference_mask_comes_back_at_the_picture_s_size() -> None:
    class Network:
        def get_inputs(self):
            return [type("Input", (), {"name": "input"})]

        def run(self, _, given):
            seen = given["input"]
            assert seen.shape == (1, 3, 1024, 1024) and -0.5 <= seen.min() and seen.max() < 0.5
            return [(seen[:, :1] > 0).astype("float32")]

    picture = photo(6, (300, 200))
    assert reference.subject_mask(Network(), picture).size == (300, 200)
