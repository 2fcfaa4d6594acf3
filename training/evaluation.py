"""Figures of generated frames on worlds never trained on: continuations of clips, and drags without end.

*Continuation*: the first frame, the caption and the hands' tracks of a clip are given, and what follows is compared with what truly
followed. *Endless*: one object is dragged round and round for thousands of frames; the truth is known for each of them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from flowbrush.controls import Control, Point, TrackBegin, TrackEnd, TrackMove
from pipelines.generator import Generator
from pipelines.requests import StreamSettings
from training.measure import FOUND, SEARCH, locate, psnr, ssim
from training.world.clip import Clip, World, WorldObject

HELD_OUT = 900_000_000  # evaluation seeds live far from those of training
FIRST = 3  # frame of a clip that a continuation starts from; the first generated frame shows it, too
FRAMES = 24  # generated frames of a continuation
PERIOD = 96  # frames of one round of the endless drag


@dataclass
class Tally:
    """Sums of one set of frames."""

    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    error: list[float] = field(default_factory=list)  # pixels, of held objects; a lost one counts SEARCH
    floor: list[float] = field(default_factory=list)  # the same measured on true frames
    found: list[float] = field(default_factory=list)
    present: list[float] = field(default_factory=list)  # named objects seen where they should be

    def report(self, width: int) -> dict[str, float]:
        """Means; errors in % of the frame's width."""
        percent = 100 / width
        return {
            "psnr_db": _mean(self.psnr), "ssim": _mean(self.ssim), "epe_percent": _mean(self.error) * percent,
            "epe_median_percent": float(np.median(self.error)) * percent if self.error else float("nan"),
            "epe_floor_percent": _mean(self.floor) * percent, "held_found": _mean(self.found),
            "named_present": _mean(self.present), "frames": len(self.psnr),
        }  # fmt: skip


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


class Evaluation:
    """Both sets on one generator."""

    def __init__(self, generator: Generator) -> None:
        self.generator, self.card = generator, generator.card
        self.world = World(self.card.width, self.card.height, core_share=1.0)

    def continuation(self, seed: int, tally: Tally) -> Tensor:
        """One clip. Returns generated above true frames, [2, F, 3, H, W] in 0..1."""
        rng = np.random.default_rng([HELD_OUT, seed])
        clip = self.world.make(rng, 4 + FRAMES)
        assert clip.frames is not None
        truth = clip.frames.float() / 255
        made = self._generate(clip, seed)
        for frame in range(1, FRAMES):
            self._measure(made[frame], truth[FIRST + frame], clip.objects, FIRST + frame, tally)
        return torch.stack([made, truth[FIRST : FIRST + FRAMES]])

    def _generate(self, clip: Clip, seed: int) -> Tensor:
        assert clip.frames is not None
        state = self._start(clip.frames[FIRST], clip.caption, seed)
        tracks = self._tracks(clip, FIRST)
        size = self.card.chunk_frames
        frames = []
        for chunk in range(FRAMES // size):
            now = range(chunk * size, (chunk + 1) * size)
            controls: list[Control] = [track for first, _, track in tracks if first in now]
            controls += [
                TrackEnd(track=track.track) for _, last, track in tracks if last in now and last < FRAMES - 1
            ]
            frames.append(self.generator.step([state], [controls])[0].frames)
        self.generator.release(state)
        return torch.from_numpy(np.concatenate(frames)).permute(0, 3, 1, 2).float() / 255

    def _start(self, first: Tensor, caption: str, seed: int):  # type: ignore[no-untyped-def]
        card = self.card
        settings = StreamSettings(card.name, ((caption, 1.0),), card.width, card.height, card.fps, seed,
                                  image=first.permute(1, 2, 0).numpy())  # fmt: skip
        return self.generator.start(settings)

    def _tracks(self, clip: Clip, first: int) -> list[tuple[int, int, TrackBegin]]:
        """One hand on every held object, at its centre; a grid of scene points while the camera moves. Each with the first and
        the last frame in which it is there. A hand comes down where the thing is seen, one frame before it moves.
        """
        begins = []
        for number, thing in enumerate(clip.objects):
            if not thing.held[first:].any():
                continue
            frames = np.flatnonzero(thing.held[first:])
            if frames[0] > 0:
                frames = np.insert(frames, 0, frames[0] - 1)
            track = self._begin(number, thing.centre[first:][frames], frames)
            begins.append((int(frames[0]), int(frames[-1]), track))
        camera = clip.camera[first:]
        if not np.allclose(camera, camera[:1]):
            for index, (x, y) in enumerate(
                (x, y) for y in (0.2, 0.5, 0.8) for x in (0.1, 0.3, 0.5, 0.7, 0.9)
            ):
                point = np.array([x * self.card.width, y * self.card.height])
                if any(np.linalg.norm(point - thing.centre[first]) < 60 for thing in clip.objects):
                    continue
                home = np.linalg.solve(camera[0, :, :2], point - camera[0, :, 2])
                seen = np.einsum("fij,j->fi", camera[:, :, :2], home) + camera[:, :, 2]
                begins.append((0, len(seen) - 1, self._begin(100 + index, seen, np.arange(len(seen)))))
        return begins

    def _begin(self, number: int, xy: np.ndarray, frames: np.ndarray) -> TrackBegin:
        size = np.array([self.card.width, self.card.height])
        points = tuple(
            Point(t=float(f) / self.card.fps, x=float(np.clip(x, -1, 2)), y=float(np.clip(y, -1, 2)))
            for f, (x, y) in zip(frames, xy / size, strict=True)
        )
        return TrackBegin(track=number, kind="drag", points=points)

    def _measure(
        self, made: Tensor, truth: Tensor, objects: list[WorldObject], frame: int, tally: Tally
    ) -> None:
        tally.psnr.append(psnr(made, truth))
        tally.ssim.append(ssim(made[None], truth[None]))
        for depth, thing in enumerate(objects):
            at = (float(thing.centre[frame, 0]), float(thing.centre[frame, 1]))
            if not self._in_view(thing, frame) or self._covered(objects[depth + 1 :], at, frame):
                continue
            size, angle = float(thing.size[frame]), float(thing.angle[frame])
            true_x, true_y, seen = locate(truth, self.world.book, thing.name, at, size, angle)
            if seen < FOUND:
                continue  # not to be measured even in the true frame
            x, y, explained = self._find(made, thing, at, frame)
            there = explained > FOUND
            tally.present.append(float(there))
            if thing.held[frame]:
                tally.found.append(float(there))
                tally.error.append(float(np.hypot(x - at[0], y - at[1])) if there else float(SEARCH))
                tally.floor.append(float(np.hypot(true_x - at[0], true_y - at[1])))

    def _find(
        self, made: Tensor, thing: WorldObject, at: tuple[float, float], frame: int
    ) -> tuple[float, float, float]:
        """Where the object is in a generated frame, as it is turned and as large as it truly is by now, or was at the start:
        one track says where a thing is to be, not how it turns or grows.
        """
        looks = {(float(thing.size[f]), float(thing.angle[f])) for f in (frame, FIRST)}
        found = [locate(made, self.world.book, thing.name, at, *look) for look in looks]
        return max(found, key=lambda result: result[2])

    def _in_view(self, thing: WorldObject, frame: int) -> bool:
        x, y = thing.centre[frame]
        margin = thing.size[frame] * 0.4
        return bool(margin < x < self.card.width - margin and margin < y < self.card.height - margin)

    def _covered(self, above: list[WorldObject], at: tuple[float, float], frame: int) -> bool:
        return any(np.linalg.norm(o.centre[frame] - at) < 0.5 * (o.size[frame] + 40) for o in above)

    def endless(self, seeds: list[int], marks: list[int], span: int = 32) -> dict[int, Tally]:
        """Figures of `span` frames from each of `marks` on, all seeds in one batch."""
        clips = [self._round(seed) for seed in seeds]
        states, tallies = [], {mark: Tally() for mark in marks}
        for seed, clip in zip(seeds, clips, strict=True):
            assert clip.frames is not None
            states.append(self._start(clip.frames[0], clip.caption, seed))
        frames_a_chunk = self.card.chunk_frames
        for chunk in range((max(marks) + span) // frames_a_chunk + 1):
            first = chunk * frames_a_chunk
            controls = [(self._lap(clip, first),) if first % PERIOD == 0 else () for clip in clips]
            results = self.generator.step(states, controls)
            for mark in marks:
                if not mark <= first < mark + span:
                    continue
                for clip, result in zip(clips, results, strict=True):
                    for k in range(frames_a_chunk):
                        self._measure_round(clip, result.frames[k], (first + k) % PERIOD, tallies[mark])
            progress(f"endless: frame {first + frames_a_chunk} of {max(marks) + span}")
        for state in states:
            self.generator.release(state)
        return tallies

    def _round(self, seed: int) -> Clip:
        """One object on a closed curve, nothing else moving; frame 0 is the start image."""
        rng = np.random.default_rng([HELD_OUT + 1, seed])
        clip = self.world.plan(rng, PERIOD)
        thing = clip.objects[0]
        turn = np.arange(PERIOD) * 2 * np.pi / PERIOD
        middle = np.array([self.card.width, self.card.height]) * [0.5, 0.52]
        radius = np.array(
            [self.card.width * rng.uniform(0.15, 0.3), self.card.height * rng.uniform(0.12, 0.22)]
        )
        thing.centre = middle + radius * np.stack([np.cos(turn), np.sin(turn)], 1)
        thing.size, thing.angle = np.full(PERIOD, float(thing.size[0])), np.zeros(PERIOD)
        thing.held = np.ones(PERIOD, bool)
        clip.objects, clip.camera = [thing], np.tile(np.eye(2, 3), (PERIOD, 1, 1))
        clip.caption = f"a {thing.name} in the {clip.scene}"
        clip.frames = self.world.render(clip, rng)
        return clip

    def _lap(self, clip: Clip, first: int) -> Control:
        """The next round of one drag that is never let go; frame `first` of the stream shows the first place of the curve."""
        lap = self._begin(0, clip.objects[0].centre, first + np.arange(PERIOD))
        return lap if first == 0 else TrackMove(track=lap.track, points=lap.points)

    def _measure_round(self, clip: Clip, made: np.ndarray, frame: int, tally: Tally) -> None:
        assert clip.frames is not None
        picture = torch.from_numpy(made).permute(2, 0, 1).float() / 255
        self._measure(picture, clip.frames[frame].float() / 255, clip.objects, frame, tally)


def progress(text: str) -> None:
    """One line on a terminal, which the next one takes the place of."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text}   ")
        sys.stderr.flush()
