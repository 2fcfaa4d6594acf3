"""Track files of other tools: read as what they mean, refused where they are something else."""

import io
import json
import os

import numpy as np
import pytest
import torch

from flowbrush.pipelines.media.tracks_io import BadTracks, Tracks, paths, read_tracks

SIZE = (832, 480)


def ati_file(path, array):
    data = io.BytesIO()
    np.savez(data, array=array)
    torch.save(data.getvalue(), path)
    return path


def ati_array(tracks=2):
    array = np.zeros((tracks, 121, 1, 3), np.float32)
    array[:, :, 0, 0] = 8 * np.linspace(0, 416, 121)
    array[:, :, 0, 1] = 8 * 240
    array[:, :, 0, 2] = 8
    array[1, 60:, 0, 2] = 0
    return array


def test_ati(tmp_path):
    tracks = read_tracks(ati_file(tmp_path / "a.pth", ati_array()), SIZE)
    assert tracks.fps == 24 and tracks.xy.shape == (121, 2, 2)
    np.testing.assert_allclose(tracks.xy[120, 0], [0.5, 0.5])
    assert tracks.visible[:, 0].all() and tracks.visible[:60, 1].all() and not tracks.visible[60:, 1].any()
    path = paths(tracks)[1]
    assert path.kind == "path" and path.points[-1].t == pytest.approx(5.0) and not path.points[-1].visible


@pytest.mark.parametrize("batched", [True, False])
def test_wan_move(tmp_path, batched):
    xy = np.zeros((81, 3, 2), np.float32)
    xy[:, :, 0] = np.linspace(0, 832, 81)[:, None]
    visible = np.ones((81, 3), bool)
    visible[:, 2] = False
    np.save(tmp_path / "t.npy", xy[None] if batched else xy)
    np.save(tmp_path / "v.npy", visible[None] if batched else visible)
    tracks = read_tracks(tmp_path / "t.npy", SIZE, tmp_path / "v.npy")
    assert tracks.fps == 16 and tracks.xy[80, 0, 0] == pytest.approx(1.0)
    assert [path.track for path in paths(tracks)] == [1, 2]
    assert read_tracks(tmp_path / "t.npy", SIZE).visible.all()


@pytest.mark.parametrize(
    "data",
    [
        [[[0.1, 0.2], [0.3, 0.4]]],
        {"tracks": [[{"x": 83.2, "y": 96}, {"x": 249.6, "y": 192}]], "width": 832, "height": 480},
        {"tracks": [[[0.1, 0.2, 1], [0.3, 0.4, True]]], "fps": 16},
    ],
)
def test_json(tmp_path, data):
    (tmp_path / "t.json").write_text(json.dumps(data))
    tracks = read_tracks(tmp_path / "t.json")
    np.testing.assert_allclose(tracks.xy[:, 0], [[0.1, 0.2], [0.3, 0.4]], rtol=1e-5)
    assert tracks.visible.all() and tracks.fps == 16


def test_json_tracks_of_different_length(tmp_path):
    (tmp_path / "t.json").write_text(json.dumps([[[0.1, 0.1], [0.2, 0.2]], [[0.5, 0.5]]]))
    tracks = read_tracks(tmp_path / "t.json")
    assert tracks.visible.tolist() == [[True, True], [True, False]]
    np.testing.assert_allclose(tracks.xy[1, 1], [0.5, 0.5])


def test_long_tracks_are_thinned_and_keep_changes_of_visibility():
    visible = np.ones((5000, 1), bool)
    visible[1234:1240] = False
    points = paths(Tracks(np.full((5000, 1, 2), 0.5), visible, 16.0))[0].points
    assert len(points) <= 1024 and points[0].t == 0 and points[-1].t == pytest.approx(4999 / 16)
    assert {1234 / 16: False, 1240 / 16: True}.items() <= {point.t: point.visible for point in points}.items()


def test_places_are_written_with_no_more_digits_than_are_seen():
    xy = np.array([[[0.1, -7.0]], [[1 / 3, 9.0]]], np.float32)
    points = paths(Tracks(xy, np.ones((2, 1), bool), 16.0))[0].points
    assert [(point.x, point.y) for point in points] == [(0.1, -1.0), (0.3333333, 2.0)]


def test_too_many_tracks():
    with pytest.raises(BadTracks, match="65 tracks are too many"):
        paths(Tracks(np.zeros((2, 65, 2)), np.ones((2, 65), bool), 16.0))


class Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_hostile_files_run_nothing(tmp_path):
    trace = tmp_path / "it-ran"
    torch.save(Hostile(trace), tmp_path / "a.pth")
    np.save(tmp_path / "b.npy", np.array([Hostile(trace)], dtype=object), allow_pickle=True)
    inner = io.BytesIO()
    np.savez(inner, array=np.array([Hostile(trace)], dtype=object))
    torch.save(inner.getvalue(), tmp_path / "c.pth")
    for name in ("a.pth", "b.npy", "c.pth"):
        with pytest.raises(BadTracks, match=name):
            read_tracks(tmp_path / name, SIZE)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.txt", b"x", "expected .pth"),
        ("t.json", b"{", "not JSON"),
        ("t.json", b"[]", "no tracks"),
        ("t.json", b'[[["a", 1]]]', r"tracks\[0\]\[0\] is no point"),
        ("t.json", b'{"tracks": [[[1, 1]]], "fps": 0}', "above 0"),
        ("t.json", b"[[[NaN, 1]]]", "is no point"),
        ("t.npy", b"\x93NUMPY", "whole .npy"),
        ("t.pth", b"PK\x03\x04", "t.pth"),
        ("t.pth", b"hello", "t.pth is no whole ATI file: it is truncated, or"),
        ("t.json", b"[" * 100_000, "not JSON"),
        ("t.json", b"[[[1" + b"0" * 400 + b", 1]]]", "is no point"),
        ("t.json", b'{"array": [[[[800, 480, 8]]]]}', "has no tracks: expected a list of lists of points"),
        (
            "t.json",
            b"[[[800, 480, 8]]]",
            r"tracks\[0\]\[0\] has 8 as visible: expected true or false, 1 or 0",
        ),
        ("t.json", b"[[[1, 1, 0], [2, 2, 0]]]", "in 2 frames none of its 1 tracks is visible; expected 1"),
        ("t.json", b'{"tracks": [[[1, 1]]], "height": 480}', "has height alone: expected both, or neither"),
        ("t.json", b'{"tracks": [[[1, 1]]], "width": 9, "height": 9}', "is 9x9, not 832x480: leave --size"),
    ],
)
def test_files_that_are_something_else(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadTracks, match=said):
        read_tracks(tmp_path / name, SIZE)


def test_a_coordinate_beyond_single_precision_is_refused_in_words(tmp_path):
    np.save(tmp_path / "t.npy", np.full((3, 1, 2), 1e300))
    with pytest.raises(BadTracks, match="not finite"):
        read_tracks(tmp_path / "t.npy", SIZE)


def test_what_shows_nothing_is_no_empty_list(tmp_path):
    np.save(tmp_path / "t.npy", np.zeros((81, 3, 2)))
    np.save(tmp_path / "v.npy", np.zeros((81, 3)))
    with pytest.raises(BadTracks, match="in 81 frames none of its 3 tracks is visible"):
        read_tracks(tmp_path / "t.npy", SIZE, tmp_path / "v.npy")
    with pytest.raises(BadTracks, match="in 121 frames none of its 2 tracks is visible"):
        read_tracks(ati_file(tmp_path / "a.pth", np.zeros((2, 121, 1, 3))), SIZE)
    for shape in [(1, 81, 0, 2), (1, 0, 3, 2)]:
        np.save(tmp_path / "t.npy", np.zeros(shape))
        with pytest.raises(BadTracks, match="has no tracks: expected one at least"):
            read_tracks(tmp_path / "t.npy", SIZE)


def test_shapes_and_sizes(tmp_path):
    with pytest.raises(BadTracks, match=r"ATI has \[N, 121, 1, 3\]"):
        read_tracks(ati_file(tmp_path / "a.pth", np.zeros((2, 81, 1, 3))), SIZE)
    np.save(tmp_path / "t.npy", np.zeros((81, 3)))
    with pytest.raises(BadTracks, match=r"a\.pth takes no --visibility: that is the second file of a \.npy"):
        read_tracks(tmp_path / "a.pth", SIZE, tmp_path / "t.npy")
    with pytest.raises(BadTracks, match="Wan-Move has"):
        read_tracks(tmp_path / "t.npy", SIZE)
    with pytest.raises(BadTracks, match="say the width and height"):
        read_tracks(tmp_path / "t.npy")
    with pytest.raises(BadTracks, match="cannot be read"):
        read_tracks(tmp_path / "none.npy", SIZE)


SPLINE = [{"x": 10, "y": 20}, {"x": 30, "y": 40}]


@pytest.mark.parametrize(
    "data",
    [
        SPLINE,
        [[10, 20], [30, 40]],
        [SPLINE],
        json.dumps(SPLINE),
        [json.dumps(SPLINE)],
        {"tracks": json.dumps([SPLINE])},
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_as_editors_write_it(tmp_path, data, encoding):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(data), encoding=encoding)
    tracks = read_tracks(path, (100, 200))
    np.testing.assert_allclose(tracks.xy[:, 0], [[0.1, 0.1], [0.3, 0.2]])
    with pytest.raises(BadTracks, match="up to 40, which are pixels: say with --size WIDTHxHEIGHT"):
        read_tracks(path)


@pytest.mark.parametrize(("far", "pixels"), [(2.5, False), (5.0, True)])
def test_what_goes_out_of_the_picture_is_no_pixel_and_a_short_way_in_pixels_is_none_either(
    tmp_path, far, pixels
):
    path = tmp_path / "t.json"
    path.write_text(json.dumps([[0.5, 0.5], [far, 0.5]]))
    if pixels:
        with pytest.raises(BadTracks, match="which are pixels"):
            read_tracks(path)
    else:
        assert float(read_tracks(path).xy.max()) == far


@pytest.mark.parametrize(("most", "taken"), [(1_000_000, True), (1_000_001, False)])
def test_coordinates_and_sizes_end_at_a_million(tmp_path, most, taken):
    """No picture has so many pixels across: what is larger is a slip, and in float32 no whole pixel soon after."""
    sized = {"width": most, "height": 10, "fps": 24, "tracks": [[[0, 0], [most // 2, 1]]]}
    for number, text in enumerate(([[[0, 0], [most, 1]]], sized)):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(text))
        if taken:
            assert read_tracks(file, None if number else (1000, 1000)).xy.shape == (2, 1, 2)
        else:
            with pytest.raises(BadTracks):
                read_tracks(file, None if number else (1000, 1000))
