import json
import shutil
from pathlib import Path

import pytest
from packages_made import collection, encoded, photo, wallpapers, written
from PIL import Image

from flowbrush.training.__main__ import main
from flowbrush.training.photos.licences import Terms
from flowbrush.training.photos.packages import STAMPS, MissingPackage
from flowbrush.training.photos.pool import build_photos, held_out

RECIPE = Path(__file__).parents[3] / "training/configs/pocket-cpu.toml"


@pytest.fixture(autouse=True)
def _no_debian(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package can be fetched."""
    monkeypatch.setattr(shutil, "which", lambda _: None)


def test_pool_learns_only_from_clear_terms(tmp_path: Path) -> None:
    wallpapers(tmp_path)
    assert build_photos(tmp_path) == {"learned": 2, "held_out": 2, "stamps": 0}
    learned = sorted(path.name for path in tmp_path.glob("*.webp"))
    assert learned == ["lomiri-wallpapers-16.04-hill.webp", "lomiri-wallpapers-16.04-meadow.webp"]
    with Image.open(tmp_path / learned[0]) as picture:
        assert picture.size == (1024, 576)


def test_pool_every_picture_is_credited(tmp_path: Path) -> None:
    wallpapers(tmp_path)
    build_photos(tmp_path)
    credits = {one["file"]: one for one in json.loads((tmp_path / "attribution.json").read_text())}
    assert credits.keys() == {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.webp")}
    assert credits["lomiri-wallpapers-16.04-meadow.webp"] == {
        "file": "lomiri-wallpapers-16.04-meadow.webp",
        "title": "meadow",
        "package": "lomiri-wallpapers-16.04",
        "author": "2018 A. Painter",
        "licence": "CC-BY-4.0",
        "source": "https://pictures.example/meadow",
    }


def test_pool_made_again_forgets_what_is_no_longer_clear(tmp_path: Path) -> None:
    root = wallpapers(tmp_path)
    build_photos(tmp_path)
    terms = root / "usr/share/doc" / root.name / "copyright"
    terms.write_text(terms.read_text().replace("16.04/hill.jpg", "16.04/hill2.jpg"))
    assert build_photos(tmp_path)["learned"] == 1
    assert not (tmp_path / "lomiri-wallpapers-16.04-hill.webp").exists()


def test_pool_missing_packages_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wallpapers(tmp_path)
    build_photos(tmp_path)
    said = capsys.readouterr().err
    assert "left out: gcompris-qt-data: there is no `apt-get` here" in said
    assert str(tmp_path / "unpacked" / "gcompris-qt-data") in said


def test_pool_without_packages_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "mine.webp").write_bytes(b"x")
    with pytest.raises(MissingPackage, match="no photo to learn from"):
        build_photos(tmp_path)
    assert (tmp_path / "mine.webp").exists()


def test_pool_reads_collections(tmp_path: Path) -> None:
    root = tmp_path / "unpacked" / "gcompris-qt-data"
    written(root, root.name, "Files: pictures/*\nCopyright: C\nLicense: CC0-1.0\n")
    place = root / "usr/share/gcompris-qt/rcc"
    place.mkdir(parents=True)
    for name in ("categorization", "erase", "explore_monuments", "explore_world_animals"):
        files = {f"{name}.webp": encoded(photo(1), "webp"), "small.webp": encoded(photo(2, (90, 90)), "webp")}
        (place / f"{name}.rcc").write_bytes(collection(files))
    assert build_photos(tmp_path) == {"learned": 4, "held_out": 0, "stamps": 0}


def test_pool_stamps_only_judge(tmp_path: Path) -> None:
    wallpapers(tmp_path)
    root = tmp_path / "unpacked" / STAMPS
    written(root, STAMPS, "Files: *\nCopyright: D\nLicense: GPL-2\n")
    place = root / "usr/share/tuxpaint/stamps/animals"
    place.mkdir(parents=True)
    photo(3, (200, 160), "RGBA").save(place / "duck.png")
    Image.new("RGBA", (200, 160), "red").save(place / "drawn.png")
    assert build_photos(tmp_path)["stamps"] == 1
    with Image.open(tmp_path / "stamps" / f"{STAMPS}-animals-duck.webp") as stamp:
        assert stamp.mode == "RGBA"


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("categorization/images/fishes/fish25", True),
        ("categorization/images/fishes/fish1", False),
        ("categorization/images/tools/hammer3", False),
        ("categorization/images/tools/screwDriver", True),
    ],
)
def test_pool_wrongly_credited_pictures_are_held_out(title: str, kept: bool) -> None:
    assert held_out(title, Terms("somebody", "public-domain", "")) is not kept


def test_pool_command_gathers_photos_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wallpapers(tmp_path / "photos")
    command = ["pool", "--photos", "--config", str(RECIPE), "--run", str(tmp_path)]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "learned 2, held_out 2, stamps 0" in said.out
    assert "furniture: left out: " in said.err
    assert not (tmp_path / "pool").exists()


def test_pool_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pool", "--photos", "--config", str(RECIPE), "--run", str(tmp_path)]) == 2
    assert "flowbrush train: no photo to learn from" in capsys.readouterr().err
