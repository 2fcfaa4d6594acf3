"""Track files of others as paths: ATI (`.pth`), Wan-Move (`.npy`), plain JSON.

Every format becomes `Tracks`: where each point is in each frame, in frame sizes, at the file's own frame rate. `paths` turns
those into the controls that a stream or a session file takes.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flowbrush import limits
from flowbrush.controls import Point, TrackBegin
from flowbrush.pipelines.media.files import read_at_most

ATI_FRAMES, ATI_FPS, ATI_SCALE = (
    121,
    24.0,
    8.0,
)  # five seconds and one frame; coordinates are stored eightfold
WAN_MOVE_FPS = 16.0
MOST_TRACKS = limits.MAX_TRACKS  # that a session takes at once
MOST_POINTS = limits.MAX_POINTS  # of one path: longer tracks are thinned out
MOST_PIXELS = 1e6  # of a coordinate, frames a second or a picture's side
LARGEST = 64 * 2**20  # bytes of a file that is read
OUTSIDE = 3.0  # so many frame sizes from the corner no point is meant to be: it is in pixels


class BadTracks(ValueError):
    """A track file that cannot be read; the text says what was expected."""


@dataclass(frozen=True)
class Tracks:
    """`xy` [T, N, 2] in frame sizes (0..1 inside the picture), `visible` [T, N], at `fps` frames a second."""

    xy: np.ndarray
    visible: np.ndarray
    fps: float


def read_tracks(path: Path, size: tuple[int, int] | None = None, visibility: Path | None = None) -> Tracks:
    """A track file by its ending: .pth (ATI), .npy (Wan-Move), .json.

    `size` (width, height) is that of the picture which pixel coordinates belong to: needed for .pth and .npy, and for JSON
    in pixels that does not say. `visibility` is Wan-Move's second file. Raises BadTracks.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise BadTracks(f"{path.name} is larger than {LARGEST >> 20} MB: no track file is")
        readers = {".pth": _ati, ".npy": _wan_move, ".json": _json}
        if path.suffix not in readers:
            raise BadTracks(
                f"{path.name} is no track file: expected .pth (ATI), .npy (Wan-Move) or .json; of a video say with --grid how many "
                "points are followed"
            )
        if visibility is not None and path.suffix != ".npy":
            raise BadTracks(
                f"{path.name} takes no --visibility: that is the second file of a .npy (Wan-Move)"
            )
        with np.errstate(over="ignore"):  # what is too large is refused below, in words
            tracks = readers[path.suffix](path, size, visibility)
    except OSError as error:
        raise BadTracks(f"{path} cannot be read: {error.strerror or error}") from error
    if not np.isfinite(tracks.xy).all():
        raise BadTracks(f"{path.name} holds coordinates that are not finite numbers")
    if not tracks.visible.size:
        raise BadTracks(f"{path.name} has no tracks: expected one at least, of one frame at least")
    if not tracks.visible.any():
        many, frames = tracks.visible.shape[1], tracks.visible.shape[0]
        raise BadTracks(
            f"{path.name} shows nothing: in {frames} frames none of its {many} tracks is visible; expected 1 or true as visible "
            "where a point is to be seen"
        )
    return tracks


def paths(tracks: Tracks, first: int = 1) -> tuple[TrackBegin, ...]:
    """One path for every track that is ever visible, numbered from `first`. Their times count from the first frame.

    Raises BadTracks for more tracks than a session takes at once.
    """
    count = int(tracks.visible.any(0).sum())
    if count > MOST_TRACKS:
        raise BadTracks(f"{count} tracks are too many: a session takes {MOST_TRACKS} at once, leave some out")
    begins: list[TrackBegin] = []
    for number in range(tracks.xy.shape[1]):
        seen = tracks.visible[:, number]
        if not seen.any():
            continue
        kept = _thinned(seen)
        points = tuple(
            Point(
                t=float(frame / tracks.fps),
                x=_coordinate(tracks.xy[frame, number, 0]),
                y=_coordinate(tracks.xy[frame, number, 1]),
                visible=bool(seen[frame]),
            )
            for frame in kept
        )
        begins.append(TrackBegin(track=first + len(begins), kind="path", points=points))
    return tuple(begins)


def _coordinate(value: float) -> float:
    """Within what a session takes, and with no more digits than are seen: 0.1, where single precision is 0.10000000149."""
    return round(float(np.clip(value, -1, 2)), 7)


def _thinned(seen: np.ndarray) -> np.ndarray:
    """The frames kept of one track: all, or evenly spread ones and every change of visibility."""
    frames = np.arange(len(seen))
    if len(frames) <= MOST_POINTS:
        return frames
    changes = np.flatnonzero(np.diff(seen.astype(int))) + 1
    even = (
        np.linspace(0, len(seen) - 1, MOST_POINTS - min(len(changes), MOST_POINTS // 2)).round().astype(int)
    )
    return np.union1d(even, changes[: MOST_POINTS // 2])[:MOST_POINTS]


def _ati(path: Path, size: tuple[int, int] | None, _: Path | None) -> Tracks:
    """A torch file that holds the bytes of an .npz, with `array` [N, 121, 1, 3]: x, y, visible, eightfold."""
    import torch

    from flowbrush.models.loading.plain_pickle import NotPlain, load_plain

    width, height = _size(path, size)
    try:
        held = load_plain(path)
    except NotPlain as error:
        raise BadTracks(f"{path.name} is no whole ATI file: {error}") from error
    if isinstance(held, bytes):
        try:
            with np.load(io.BytesIO(held), allow_pickle=False) as archive:
                held = archive["array"]
        except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
            raise BadTracks(
                f"{path.name} is not an ATI file: expected an .npz with 'array' in it ({error})"
            ) from error
    try:
        array = torch.as_tensor(held).float().numpy()
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadTracks(
            f"{path.name} is not an ATI file: expected numbers, found a {type(held).__name__}"
        ) from error
    if array.ndim != 4 or array.shape[1:] != (ATI_FRAMES, 1, 3):
        raise BadTracks(f"{path.name} has shape {list(array.shape)}: ATI has [N, {ATI_FRAMES}, 1, 3]")
    steps = array[:, :, 0].transpose(1, 0, 2) / ATI_SCALE  # [T, N, 3]
    return Tracks(steps[..., :2] / [width, height], steps[..., 2] > 0.5, ATI_FPS)


def _wan_move(path: Path, size: tuple[int, int] | None, visibility: Path | None) -> Tracks:
    """Pixels [1, T, N, 2] or [T, N, 2]; visibility [1, T, N] or [T, N] in a second file, all visible without one."""
    width, height = _size(path, size)
    xy = _array(path)
    xy = xy[0] if xy.ndim == 4 and xy.shape[0] == 1 else xy
    if xy.ndim != 3 or xy.shape[2] != 2:
        raise BadTracks(f"{path.name} has shape {list(xy.shape)}: Wan-Move has [1, T, N, 2] or [T, N, 2]")
    visible = np.ones(xy.shape[:2], bool)
    if visibility is not None:
        visible = _array(visibility)
        visible = visible[0] if visible.ndim == 3 else visible
        if visible.shape != xy.shape[:2]:
            raise BadTracks(
                f"{visibility.name} has shape {list(visible.shape)}: expected {list(xy.shape[:2])}"
            )
    return Tracks(xy.astype(np.float32) / [width, height], visible.astype(bool), WAN_MOVE_FPS)


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # a broken head is read as Python, and fails in many ways
        raise BadTracks(f"{path.name} is not a whole .npy file of numbers: {error}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise BadTracks(f"{path.name} is not an .npy file of numbers")
    return array


def _json(path: Path, size: tuple[int, int] | None, _: Path | None) -> Tracks:
    """A list of tracks, each a list of [x, y], [x, y, visible] or {"x", "y", "visible"}, one a frame, or one such list alone; or an
    object with those as "tracks", and with "fps" (16), "width" and "height". Each of them may be JSON text in a string, as
    editors of splines hand them on. Coordinates are pixels where a size is known, else frame sizes.
    """
    data = _parsed(read_at_most(path, LARGEST), path)
    about = data if isinstance(data, dict) else {"tracks": data}
    lists = _lists(about.get("tracks"), path)
    if (
        not isinstance(lists, list)
        or not lists
        or not all(isinstance(points, list) and points for points in lists)
    ):
        raise BadTracks(f"{path.name} has no tracks: expected a list of lists of points")
    frames = max(len(points) for points in lists)
    xy, visible = np.zeros((frames, len(lists), 2), np.float32), np.zeros((frames, len(lists)), bool)
    for number, points in enumerate(lists):
        for frame, point in enumerate(points):
            xy[frame, number], visible[frame, number] = _point(
                point, f"{path.name}: tracks[{number}][{frame}]"
            )
        xy[len(points) :, number] = xy[len(points) - 1, number]
    own = _own_size(about, size, path)
    if own is not None:
        size = own
    elif size is None and np.abs(xy[visible]).max(initial=0) > OUTSIDE:
        far = float(np.abs(xy[visible]).max())
        raise BadTracks(
            f"{path.name} has coordinates up to {far:g}, which are pixels: say with --size WIDTHxHEIGHT (in the file: width and "
            "height) how large the picture is that they belong to"
        )
    scale = size or (1, 1)
    numbers = (*scale, about.get("fps", WAN_MOVE_FPS))
    if not all(isinstance(value, int | float) and 0 < value <= MOST_PIXELS for value in numbers):
        raise BadTracks(
            f"{path.name}: width, height and fps must be numbers above 0, at most {MOST_PIXELS:g}"
        )
    return Tracks(xy / np.asarray(scale, np.float32), visible, float(numbers[2]))


def _own_size(about: dict[str, Any], size: tuple[int, int] | None, path: Path) -> tuple[Any, Any] | None:
    """The size that a JSON file says its pixels belong to, where it says one."""
    own = about.get("width"), about.get("height")
    if own == (None, None):
        return None
    if None in own:
        raise BadTracks(
            f"{path.name} has {'width' if own[1] is None else 'height'} alone: expected both, or neither"
        )
    if size is not None and size != own:
        raise BadTracks(
            f"{path.name} says that its picture is {own[0]}x{own[1]}, not {size[0]}x{size[1]}: leave --size out"
        )
    return own


def _parsed(text: str | bytes, path: Path) -> Any:
    """JSON, in any encoding of Unicode, with or without a byte order mark."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadTracks(f"{path.name} is not JSON: {error}") from error


def _lists(tracks: Any, path: Path) -> Any:
    """The tracks as a list of them, out of strings and however many there are."""
    if isinstance(tracks, str):
        tracks = _parsed(tracks, path)
    if not isinstance(tracks, list):
        return None
    tracks = [_parsed(each, path) if isinstance(each, str) else each for each in tracks]
    return [tracks] if tracks and all(_is_point(each) for each in tracks) else tracks


def _is_point(value: Any) -> bool:
    numbers = isinstance(value, list) and all(isinstance(each, int | float) for each in value)
    return isinstance(value, dict) or (numbers and len(value) in (2, 3))


def _point(point: Any, where: str) -> tuple[tuple[float, float], bool]:
    if isinstance(point, dict):
        point = [point.get("x"), point.get("y"), point.get("visible", True)]
    if (
        isinstance(point, list)
        and len(point) in (2, 3)
        and all(isinstance(value, int | float) and abs(value) <= MOST_PIXELS for value in point)
    ):
        visible = point[2] if len(point) == 3 else True
        if visible not in (0, 1):
            raise BadTracks(f"{where} has {visible!r} as visible: expected true or false, 1 or 0")
        return (float(point[0]), float(point[1])), bool(visible)
    raise BadTracks(f'{where} is no point: expected [x, y], [x, y, visible] or {{"x": …, "y": …}}')


def _size(path: Path, size: tuple[int, int] | None) -> tuple[int, int]:
    if size is None or min(size) <= 0:
        raise BadTracks(
            f"{path.name} is in pixels: say the width and height of the picture that they belong to"
        )
    return size
