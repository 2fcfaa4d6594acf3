"""Meshes as they are read, and what a catalogue says of them."""

from pathlib import Path

import numpy as np
import pytest
from furniture_made import box, furniture
from PIL import Image

from flowbrush.training.furniture.catalogue import load, pieces
from flowbrush.training.furniture.surface import sampled
from flowbrush.training.furniture.wavefront import BadMesh, read_materials, read_mesh


def test_mesh_faces_are_cut_and_coloured(tmp_path: Path) -> None:
    mesh = read_mesh(box(tmp_path))
    assert mesh.corners.shape == (12, 3, 3)
    assert [mesh.materials[i].colour for i in mesh.material[[0, 1, 2]]] == [(0, 0, 0.9)] * 2 + [(0.9, 0, 0)]
    assert np.allclose(np.abs(mesh.normals[:2]), [0, 1, 0])  # edges of a box are sharp


def test_mesh_counts_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "two.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 0 0 5\nv 1 0 5\nv 0 1 5\nf -3 -2 -1\n")
    assert read_mesh(path).corners[:, 0, 2].tolist() == [0, 5]


def test_mesh_normals_and_places_of_the_file_count(tmp_path: Path) -> None:
    path = tmp_path / "one.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0.25 0.5\nvn 0 3 4\nf 1/1/1 2/1/1 3/1/1\n")
    mesh = read_mesh(path)
    assert np.allclose(mesh.normals, [0, 0.6, 0.8])
    assert np.allclose(mesh.places, [0.25, 0.5])


@pytest.mark.parametrize(
    "text", ["", "v 0 0 0\n", "v 0 0\nf 1 1 1\n", "v 0 0 0\nf 1 2 3\n", "v 0 0 0\nf a b c\n"]
)
def test_mesh_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.obj"
    path.write_text(text)
    with pytest.raises(BadMesh, match=r"bad\.obj: cannot be read; expected"):
        read_mesh(path)


def test_material_texture_lies_next_to_the_mesh(tmp_path: Path) -> None:
    Image.new("RGB", (2, 1), (10, 20, 30)).save(tmp_path / "wood.png")
    (tmp_path / "m.mtl").write_text(
        "newmtl a\nmap_Kd C:\\Their files\\wood.png# by hand\nnewmtl b\nmap_Kd gone.png\n"
    )
    found = read_materials(tmp_path / "m.mtl")
    assert found["a"].texture is not None and found["a"].texture[0, 0].tolist() == [10, 20, 30, 255]
    assert found["b"].texture is None


def test_texture_begins_at_the_bottom_and_goes_on() -> None:
    texture = np.zeros((4, 4, 4), np.uint8)
    texture[3, 0] = 255  # bottom left
    places = np.array([[0.125, 0.125], [1.125, -0.875], [0.125, 0.875]], np.float32)
    assert sampled(texture, places)[:, 0].tolist() == [1, 1, 0]


def test_catalogue_lists_what_may_be_learned_from(tmp_path: Path) -> None:
    (piece,) = pieces(furniture(tmp_path))
    assert piece.name == "Free-box"
    assert piece.terms.author == "B. Sculptor (2018 The sculptors)"
    assert (piece.terms.licence, piece.terms.source) == ("CC-BY-3.0-USA", "http://meshes.example/box")


def test_catalogue_gives_meshes_their_size(tmp_path: Path) -> None:
    (piece,) = pieces(furniture(tmp_path))
    corners = load(piece, tmp_path).corners
    assert np.allclose(corners.max((0, 1)) - corners.min((0, 1)), [20, 40, 30])
