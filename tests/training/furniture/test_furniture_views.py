"""Views of a box: its opacity, its colours, and the files that the pool keeps of it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from furniture_made import box, furniture
from PIL import Image

from flowbrush.training.furniture import pool, render
from flowbrush.training.furniture.pool import build_furniture
from flowbrush.training.furniture.render import MissingTracer, Stage, view
from flowbrush.training.furniture.wavefront import read_mesh

SIDE = 48


def seen(tmp_path: Path, opacity: float = 1.0) -> np.ndarray:
    """The pixels [48, 48, 4] of a view of the box from above."""
    pytest.importorskip("embreex", reason="views need embreex: pip install '.[train]'")
    above = np.random.default_rng(5)
    return np.asarray(view(Stage(read_mesh(box(tmp_path, opacity))), above, SIDE)).astype(int)


def test_view_is_solid_within_and_clear_without(tmp_path: Path) -> None:
    alpha = seen(tmp_path)[..., 3]
    assert alpha[SIDE // 2, SIDE // 2] == 255
    assert [alpha[y, x] for y in (0, -1) for x in (0, -1)] == [0, 0, 0, 0]
    rows, columns = np.flatnonzero(alpha.max(1)), np.flatnonzero(alpha.max(0))
    assert max(np.ptp(rows), np.ptp(columns)) >= SIDE - 5  # it fills the square
    rim = (alpha > 0) & (alpha < 255)
    assert 0 < rim.sum() < 5 * SIDE
    assert set(np.unique(alpha)) <= {0, 64, 128, 191, 255}  # four rays a pixel


def test_view_has_the_colours_of_the_faces_where_they_are(tmp_path: Path) -> None:
    pixels = seen(tmp_path)
    solid = pixels[..., 3] == 255
    blue, red = (solid & (pixels[..., one] > pixels[..., other] + 20) for one, other in ((2, 0), (0, 2)))
    assert (blue | red).sum() > 0.9 * solid.sum()
    assert np.flatnonzero(blue.any(1)).min() < np.flatnonzero(red.any(1)).min()  # the roof is on top
    assert np.argwhere(blue).mean(0)[0] < np.argwhere(red).mean(0)[0]


def test_view_colours_go_on_around_the_thing(tmp_path: Path) -> None:
    pixels = seen(tmp_path)
    around = pixels[pixels[..., 3] == 0][:, :3]
    assert (around.max(1) > 20).all()


def test_view_through_walls_that_let_light_pass(tmp_path: Path) -> None:
    alpha = seen(tmp_path, opacity=0.5)[..., 3]
    assert 191 in alpha  # 1 − 0.5²: a wall before a wall
    assert alpha.max() == 255  # the roof


def test_pool_of_furniture_is_credited_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("embreex", reason="views need embreex: pip install '.[train]'")
    monkeypatch.setattr(pool, "SIDE", SIDE)
    furniture(tmp_path)
    assert build_furniture(tmp_path, views=1) == 1
    first = tmp_path / "furniture/Free-box-0.webp"
    os.utime(first, (1, 1))
    stranger = tmp_path / "furniture/Shared-box-0.webp"
    stranger.write_bytes(first.read_bytes())
    assert build_furniture(tmp_path, views=2) == 2
    assert first.stat().st_mtime == 1 and not stranger.exists()
    with Image.open(first) as picture:
        assert (picture.mode, picture.size) == ("RGBA", (SIDE, SIDE))
    credits = json.loads((tmp_path / "furniture/attribution.json").read_text())
    assert credits[0] == {
        "file": "Free-box-0.webp",
        "name": "Free-box",
        "package": "sweethome3d-furniture",
        "mesh": "Free.sh3f/things/box/box.obj",
        "author": "B. Sculptor (2018 The sculptors)",
        "licence": "CC-BY-3.0-USA",
        "source": "http://meshes.example/box",
    }
    assert [one["file"] for one in credits] == ["Free-box-0.webp", "Free-box-1.webp"]


def test_views_say_which_library_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(render, "import_module", gone)
    with pytest.raises(MissingTracer, match="need the library embreex, which is not installed"):
        build_furniture(tmp_path)
