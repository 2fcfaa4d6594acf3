from pathlib import Path

import pytest
from packages_made import COPYRIGHT, collection

from flowbrush.training.photos.licences import Copyright, Terms
from flowbrush.training.photos.rcc import BadCollection, read_collection


@pytest.fixture
def terms(tmp_path: Path) -> Copyright:
    path = tmp_path / "copyright"
    path.write_text(COPYRIGHT)
    return Copyright.read(path)


def test_terms_last_paragraph_that_fits_counts(terms: Copyright) -> None:
    assert terms.terms("16.04/meadow.jpg") == Terms(
        "2018 A. Painter", "CC-BY-4.0", "https://pictures.example/meadow"
    )
    assert terms.terms("16.04/other.jpg") == Terms("2018 The packagers", "GPL-3+", "")


def test_terms_converted_picture_keeps_them(terms: Copyright) -> None:
    assert terms.terms("16.04/hill.webp") == terms.terms("16.04/hill.jpg")


@pytest.mark.parametrize(
    ("licence", "clear"),
    [
        ("CC-BY-2.0", True),
        ("CC0-1.0", True),
        ("CC0", True),
        ("CC-BY-3.0-USA", True),
        ("CC-BY-3.0-SA", False),
        ("public-domain", True),
        ("CC-BY-3.0 and CC0-1.0", True),
        ("CC-BY-SA-3.0", False),
        ("CC-BY-NC-4.0", False),
        ("GPL-2+", False),
        ("CC-BY-3.0 and GPL-3", False),
        ("", False),
    ],
)
def test_terms_clear_only_without_conditions_on_what_is_made(licence: str, clear: bool) -> None:
    assert Terms("somebody", licence, "").clear is clear


@pytest.mark.parametrize("version", [1, 2])
def test_collection_read(tmp_path: Path, version: int) -> None:
    files = {"plain.webp": b"abc", "packed.webp": b"d" * 500, "last.txt": b"e"}
    path = tmp_path / "some.rcc"
    path.write_bytes(collection(files, version))
    assert read_collection(path) == {f"pictures/{name}": content for name, content in files.items()}


@pytest.mark.parametrize("cut", [0, 40, 90])
def test_collection_damaged_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "some.rcc"
    path.write_bytes(collection({"a.webp": b"abc", "b.webp": b"d" * 500})[:cut])
    with pytest.raises(BadCollection, match=r"some\.rcc"):
        read_collection(path)
