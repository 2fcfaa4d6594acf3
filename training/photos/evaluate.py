"""python -m flowbrush.training.photos.evaluate: what pocket makes of photos that it never learned from.

Segmenter: agreement with the masks of subjects, and with pasted things of 40–200 pixels, after one click and after a second.
Inpainter: PSNR inside holes, and of plain spreading from the rim. Codec: PSNR, standing still and sliding. The whole: a thing
dragged for ten seconds, PSNR against the true composite in the second second and in the last one. Words: what "it walks to the
left" and "it jumps" make of photos that nobody has touched.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.registry import UnknownModel, card
from flowbrush.models.codecs.pocket import PocketCodec
from flowbrush.models.inpainting.inpainter import Inpainter, diffuse_fill
from flowbrush.models.loading.checkpoint import BadWeights, fill, read
from flowbrush.models.segmentation.segmenter import Segmenter
from flowbrush.pipelines.generator import Generator
from flowbrush.training.photos.clicks import Judged, judge, thickest
from flowbrush.training.photos.dragging import dragged
from flowbrush.training.photos.judges import NothingToJudge, Pasted, Size, grounds, hole_of, pasted, subjects
from flowbrush.training.photos.speaking import means, spoken
from flowbrush.training.sheets import write_sheet

Figures = dict[str, float]
GOOD = 0.8  # agreement from which on a cut-out looks right
SLIDE = 4  # pixels a frame
SHOWN, ROW = 16, 4  # pictures on a sheet, and in a row of it
TINT = (0.4, -0.6, 0.4)  # of what was not taken, on a sheet


def segmenter_figures(judged: list[Judged]) -> Figures:
    """Means over pictures."""
    one, two = [each.one for each in judged], [each.two for each in judged]
    return {
        "pictures": float(len(judged)),
        "iou_one_click": float(np.mean(one)),
        "median": float(np.median(one)),
        "above_0.8": float(np.mean([value >= GOOD for value in one])),
        "iou_two_clicks": float(np.mean(two)),
        "milliseconds": float(np.median([each.milliseconds for each in judged])),
    }


@torch.inference_mode()
def inpainter_figures(inpainter: Inpainter, cases: list[Pasted]) -> Figures:
    """PSNR inside the holes that pasted things leave, of the network and of `diffuse_fill`, in dB, and the share of the truth's
    differences between neighbours that is there: a smear has none.
    """
    rows = []
    for case in cases:
        hole = hole_of(case.opacity)
        plain = diffuse_fill(case.ground[None], hole[None])[0]
        filled = inpainter.fill(case.ground, hole)
        rows.append(
            (
                psnr(filled, case.ground, hole),
                psnr(plain, case.ground, hole),
                texture(filled, case.ground, hole),
            )
        )
    network, spread, share = (float(np.mean(column)) for column in zip(*rows, strict=True))
    return {"holes": float(len(rows)), "psnr": network, "psnr_plain": spread, "texture": share}


def drag_figures(generator: Generator, cases: list[Pasted]) -> Figures:
    """Means over pictures, in dB."""
    known = [pair for case in cases if (pair := dragged(generator, case)) is not None]
    early, late = zip(*known, strict=True)
    return {
        "pictures": float(len(known)),
        "psnr_second_2": float(np.mean(early)),
        "psnr_second_10": float(np.mean(late)),
    }


@torch.inference_mode()
def codec_figures(codec: PocketCodec, photos: list[Tensor]) -> Figures:
    """PSNR of photos there and back, in dB, standing still and sliding."""
    still, sliding = [], []
    for photo in photos:
        still.append(_coded(codec, photo[:, None].expand(-1, codec.spec.frames, -1, -1)))
        height, width = (side - side % codec.spec.stride - codec.spec.stride * 2 for side in photo.shape[-2:])
        steps = [photo[:, :height, SLIDE * t : SLIDE * t + width] for t in range(codec.spec.frames)]
        sliding.append(_coded(codec, torch.stack(steps, 1)))
    return {
        "photos": float(len(photos)),
        "psnr_still": float(np.mean(still)),
        "psnr_sliding": float(np.mean(sliding)),
    }


def _coded(codec: PocketCodec, frames: Tensor) -> float:
    """PSNR of frames [3, F, H, W] there and back."""
    shown = codec.decode_linear(codec.encode(frames[None]))[0]
    return psnr(shown, frames, torch.ones_like(frames[:1]))


def psnr(made: Tensor, true: Tensor, where: Tensor) -> float:
    """In dB, of pictures in -1..1, where `where` is 1."""
    error = ((made.clamp(-1, 1) - true).square() * where).sum() / (where.sum() * len(true)).clamp_min(1)
    return float(-10 * torch.log10((error / 4).clamp_min(1e-10)))


def texture(made: Tensor, true: Tensor, where: Tensor) -> float:
    """Differences between neighbours in a made picture [3, H, W] inside `where` [1, H, W], as a share of the true one's."""

    def energy(picture: Tensor) -> Tensor:
        across, down = (
            picture.diff(dim=-1).abs() * where[..., 1:],
            picture.diff(dim=-2).abs() * where[..., 1:, :],
        )
        return across.sum() + down.sum()

    return float(energy(made) / energy(true).clamp_min(1e-6))


def taken(segmenter: Segmenter, cases: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
    """Pictures in 0..1 with what is not taken dimmed, each next to what should be."""
    out = []
    for picture, truth in cases:
        found = segmenter.segment(picture, thickest(truth > 0.5)[None], torch.zeros(0, 2), None)[0]
        tint = torch.tensor(TINT).view(3, 1, 1)
        pair = [picture * alpha + (picture * 0.3 + tint * 0.7) * (1 - alpha) for alpha in (found, truth)]
        out.append(torch.cat(pair, -1) / 2 + 0.5)
    return out


@dataclass(frozen=True)
class Eyes:
    """What of pocket has to do with photos, in evaluation mode."""

    segmenter: Segmenter
    inpainter: Inpainter
    codec: PocketCodec

    @classmethod
    def load(cls, chosen: ModelCard, path: Path) -> Eyes:
        """Raises BadWeights where the file is missing or has other parts."""
        tensors, _ = read(path)
        eyes = cls(
            Segmenter(chosen.pocket_segmenter),
            Inpainter(chosen.pocket_inpainter),
            PocketCodec(chosen.pocket_codec),
        )
        for name, module in vars(eyes).items():
            fill(module, tensors, f"{name}.", path.name)
            module.float().eval().requires_grad_(False)
        return eyes


def evaluate(
    eyes: Eyes, folder: Path, sizes: tuple[Size, ...], count: int, sheet: Path | None
) -> dict[str, Figures]:
    """All figures, and a sheet of what one click takes of landscapes. Raises NothingToJudge."""
    known, cases = list(subjects(folder, sizes)), list(pasted(folder, sizes, count))
    if sheet:
        wide = [(picture, truth) for _, picture, truth in known if truth.shape[1] > truth.shape[0]][:SHOWN]
        rows = taken(eyes.segmenter, wide)
        write_sheet(sheet, [torch.stack(rows[at : at + ROW]) for at in range(0, len(rows), ROW)])
    return {
        "subjects": segmenter_figures([judge(eyes.segmenter, picture, truth) for _, picture, truth in known]),
        "pasted": segmenter_figures([judge(eyes.segmenter, one.picture, one.opacity) for one in cases]),
        "holes": inpainter_figures(eyes.inpainter, cases),
        "codec": codec_figures(eyes.codec, grounds(folder, sizes)),
    }


def streams(chosen: ModelCard, asked: argparse.Namespace) -> dict[str, Figures]:
    """Figures of whole streams. Raises NothingToJudge and BadWeights."""
    figures: dict[str, Figures] = {}
    if not (asked.dragged or asked.spoken):
        return figures
    generator = Generator.load(chosen, device="cpu", seats=1, weights=asked.weights)
    if asked.dragged:
        figures["dragged"] = drag_figures(generator, list(pasted(asked.photos, chosen.sizes, asked.dragged)))
    if asked.spoken:
        known = islice(subjects(asked.photos, chosen.sizes), asked.spoken)
        figures["spoken"] = means([spoken(generator, picture, truth) for _, picture, truth in known])
    return figures


def table(figures: dict[str, Figures]) -> str:
    """One line a part."""
    lines = []
    for part, numbers in figures.items():
        said = "  ".join(
            f"{name} {value:.3g}" if value < 1 else f"{name} {value:.4g}" for name, value in numbers.items()
        )
        lines.append(f"{part:9} {said}")
    return "\n".join(lines)


def main(given: list[str] | None = None) -> int:
    """Runs the command. Returns 0, or 2 for what the person can mend."""
    parser = argparse.ArgumentParser(prog="python -m flowbrush.training.photos.evaluate", description=__doc__)
    parser.add_argument(
        "photos", type=Path, help="the photos of a run, as `flowbrush train pool --photos` makes them"
    )
    parser.add_argument("--model", default="pocket", help="a model of pocket's family (default pocket)")
    parser.add_argument("--weights", type=Path, help="a weights file instead of the model's own")
    parser.add_argument("--pasted", type=int, default=64, help="pictures with a pasted thing (default 64)")
    parser.add_argument(
        "--dragged", type=int, default=6, help="pictures in which a thing is dragged (default 6)"
    )
    parser.add_argument(
        "--spoken", type=int, default=29, help="photos that something is said of (default 29)"
    )
    parser.add_argument("--json", type=Path, help="write the figures to a file, too")
    parser.add_argument(
        "--sheet", type=Path, help="write a PNG of what one click takes, next to what it should"
    )
    asked = parser.parse_args(given)
    try:
        chosen = card(asked.model)
        eyes = Eyes.load(chosen, asked.weights or chosen.weights_path)
        figures = evaluate(eyes, asked.photos, chosen.sizes, asked.pasted, asked.sheet)
        figures |= streams(chosen, asked)
    except (NothingToJudge, UnknownModel, BadWeights) as error:
        sys.stderr.write(f"evaluate: {error}\n")
        return 2
    sys.stdout.write(table(figures) + "\n")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
