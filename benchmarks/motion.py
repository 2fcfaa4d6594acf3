"""Motion transfer: does what a model makes move as a given video does?

Points of the video are followed as by `flowbrush tracks`: of a fine grid those that move and are seen to the end, spread out, and
as many that stay. They are given as paths to a stream that starts from the first picture, and the same tracker follows them in what
was made. Its places are compared with those that were asked for. Along with that go the video itself, at the model's size and rate
(what the tracker is good for), and the first picture, held (what a stream scores that ignores its tracks).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from flowbrush.benchmarks.card import finish, machine, print_card, print_table
from flowbrush.benchmarks.local_server import check_numbers
from flowbrush.models.cards.registry import card
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.media.point_tracking import LONGEST, Points, follow
from flowbrush.pipelines.media.source_file import at_rate, facts_of
from flowbrush.pipelines.media.tracks_io import BadTracks, Tracks, paths
from flowbrush.pipelines.requests import Frames, StreamSettings

MOVED, NEAR = 0.02, 0.02  # of the width: points that were to move so far by then; one so near is followed
FINE = (40, 24)  # of the video's points that are tried
Row = tuple[str, float, "Score", "Score"]


@dataclass(frozen=True)
class Score:
    """Of the points that are to be seen at one time: how many, how far off on average those are that are found (% of the width),
    and what share of all is found near its place.
    """

    points: int
    off: float
    followed: float


def score(asked: Tracks, found: Tracks, frame: int, aspect: float, moving: bool) -> Score:
    """At `frame` of both, in pictures whose height is `aspect` times their width; `moving`: only points that were to move."""
    square = np.array([1.0, aspect])
    wanted = asked.visible[frame].copy()
    if moving:
        wanted &= np.linalg.norm((asked.xy[frame] - asked.xy[0]) * square, axis=1) > MOVED
    off = np.linalg.norm((found.xy[frame] - asked.xy[frame]) * square, axis=1)
    both = wanted & found.visible[frame]
    if not both.any():
        return Score(int(wanted.sum()), float("nan"), 0.0)
    near = float((both & (off < NEAR)).sum() / wanted.sum())
    return Score(int(wanted.sum()), 100 * float(off[both].mean()), near)


def at_times(tracks: Tracks, fps: float, frames: int) -> Tracks:
    """The tracks as a stream of `fps` shows them in its first `frames` frames."""
    last = len(tracks.xy) - 1
    times = np.minimum(np.arange(frames) / fps * tracks.fps, last)
    before, share = np.floor(times).astype(int), (times % 1)[:, None, None]
    after = np.minimum(before + 1, last)
    xy = tracks.xy[before] * (1 - share) + tracks.xy[after] * share
    seen = tracks.visible[before] & (tracks.visible[after] | (share[:, :, 0] == 0))
    return Tracks(xy, seen, fps)


def made(generator: Generator, first: Frames, tracks: Tracks, frames: int) -> list[Frames]:
    """What the model makes of the first picture and the tracks."""
    model = generator.card
    size = model.width, model.height
    settings = StreamSettings(model.name, (), *size, model.fps, seed=1, image=first, tracks=paths(tracks))
    state = generator.start(settings)
    shown: list[Frames] = []
    while len(shown) < frames:
        shown += list(generator.step([state], [()])[0].frames)
    generator.release(state)
    return shown[:frames]


def spread(points: Points, among: np.ndarray, count: int) -> list[int]:
    """Up to `count` of the points numbered `among`, each as far from those before it as can be."""
    chosen: list[int] = []
    while len(chosen) < min(count, len(among)):
        apart = [np.linalg.norm(points[among] - points[each], axis=1) for each in chosen]
        near = np.min(apart, axis=0) if apart else -np.linalg.norm(points[among] - 0.5, axis=1)
        chosen.append(int(among[near.argmax()]))
    return chosen


def of_video(video: Path, size: tuple[int, int], begin: float, seconds: float, count: int) -> Tracks:
    """Tracks of up to `count` points that move and as many that stay. Raises BadTracks where none moves."""
    width, height, fps = facts_of(video)
    scale = min(1.0, LONGEST / max(width, height))
    large = (round(size[0] / size[1] * height * scale), round(height * scale))
    pictures = islice(at_rate(video, large, fps), round(begin * fps), round((begin + seconds) * fps) + 1)
    x, y = np.meshgrid((np.arange(FINE[0]) + 0.5) / FINE[0], (np.arange(FINE[1]) + 0.5) / FINE[1])
    points = np.stack([x, y], -1).reshape(-1, 2).astype(np.float32)
    found = follow(pictures, points, fps)
    went = np.linalg.norm((found.xy[-1] - points) * [1, size[1] / size[0]], axis=1)
    seen = found.visible[-1]
    moving = np.flatnonzero(seen & (went > 2 * MOVED))
    if not len(moving):
        raise BadTracks(f"{video.name}: {why_none(found, begin, seconds)}")
    still = np.flatnonzero(seen & (went < MOVED / 4))
    chosen = spread(points, moving, count) + spread(points, still, count)
    return Tracks(found.xy[:, chosen], found.visible[:, chosen], fps)


def why_none(found: Tracks, begin: float, seconds: float) -> str:
    """What is wrong with `seconds` of a video from `begin` on where no point moves and is seen to the end."""
    lost = np.flatnonzero(~found.visible.any(1))
    if not len(lost):
        return f"nothing moves from second {begin:g} to {begin + seconds:g}"
    seen = lost[0] / found.fps
    shorter = math.floor((lost[0] - 1) / found.fps * 10) / 10
    said = f"there is a cut {seen:.2g} s after second {begin:g}, or everything leaves: no point is seen from there on"
    instead = f"--seconds {shorter:g}" if shorter > 0 else f"--begin {begin + math.ceil(seen * 10) / 10:g}"
    return f"{said}; try {instead}"


def measure(
    generator: Generator, video: Path, begin: float, seconds: float, count: int
) -> tuple[int, list[Row]]:
    """How many points, and (what, seconds, all of them, those that were to move) for the model, the video itself and the held
    picture.
    """
    model = generator.card
    size, frames, first = (model.width, model.height), round(seconds * model.fps), round(begin * model.fps)
    given = of_video(video, size, begin, seconds, count)
    asked = at_times(given, model.fps, frames)
    pictures = list(islice(at_rate(video, size, model.fps), first, first + frames))
    shown = {
        model.name: made(generator, pictures[0], given, frames),
        "the video itself": pictures,
        "held": [pictures[0]] * frames,
    }
    rows: list[Row] = []
    for what, those in shown.items():
        seen = follow([pictures[0], *those], given.xy[0], model.fps)
        found = Tracks(seen.xy[1:], seen.visible[1:], model.fps)
        for at in (seconds / 2, seconds):
            frame = min(round(at * model.fps), len(those)) - 1
            every, moving = (score(asked, found, frame, size[1] / size[0], each) for each in (False, True))
            rows.append((what, at, every, moving))
    return len(given.xy[0]), rows


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints; 2 where something was asked for that there is not."""
    parser = argparse.ArgumentParser(
        prog="flowbrush bench motion",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--video", type=Path, required=True, help="a file that FFmpeg reads")
    parser.add_argument("--model", default="pocket", help="a name of `flowbrush models` (default pocket)")
    parser.add_argument(
        "--reduced", action="store_true", help="a Wan student at a size for any machine, random weights"
    )
    parser.add_argument(
        "--points", type=int, default=20, help="that move, and as many that stay (default 20)"
    )
    parser.add_argument("--begin", type=float, default=0.0, help="second of the video (default 0)")
    parser.add_argument("--seconds", type=float, default=2.0, help="that are followed (default 2)")
    given = parser.parse_args(argv)
    check_numbers(parser, given)
    try:
        model = card(given.model)
        generator = Generator.load(reduced(model) if given.reduced else model, seats=1)
        facts, settings = machine(), {"model": generator.card.name, "video": given.video.name}
        settings |= {"begin": given.begin, "seconds": given.seconds}
        print_card("Motion transfer", facts, settings)
        points, rows = measure(generator, given.video, given.begin, given.seconds, given.points)
        print(f"{points} points\n")
    except (ValueError, OSError) as error:
        sys.stderr.write(f"flowbrush bench motion: {error}\n")
        return 2
    head = ("", "s", "points", "off, % of width", "followed", "to move", "off, % of width", "followed")
    print_table(
        head,
        [(what, s, *(cell for each in both for cell in _cells(each))) for what, s, *both in rows],
    )
    table = [{"what": what, "s": s, "all": vars(a), "moving": vars(m)} for what, s, a, m in rows]
    finish("motion", facts, settings, {"points": points, "rows": table})
    return 0


def _cells(each: Score) -> tuple[object, ...]:
    return each.points, f"{each.off:.2f}", f"{each.followed:.0%}"


if __name__ == "__main__":
    sys.exit(main())
