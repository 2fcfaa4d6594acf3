"""The stage `segmenter`: which pixels belong to the thing under a hand, on pictures whose things are known exactly."""

from __future__ import annotations

from collections import defaultdict

import torch
import torch.nn.functional as F
from torch import Tensor

from flowbrush.models.segmentation.segmenter import Segmenter, around, look_at, put_back
from flowbrush.training.photos.composites import Composer, draw_size
from flowbrush.training.photos.draws import chance
from flowbrush.training.photos.materials import Materials
from flowbrush.training.photos.questions import Question, ask, corrected
from flowbrush.training.stages.base import SingleStage

EDGE_WEIGHT = 4.0  # pixels at the rim count so much more: they are few, and what a cut-out looks like
ENTROPY = 0.5  # weight of the cross-entropy, the overlap's being 1: alone it says "half" where it is not sure
SECOND_FROM = 100  # step from which on the second look is learned, on what the first one finds
CORRECTED = 0.4  # share of the second looks with a point where the first one was wrong
ASKED = 2  # touches on each composed picture: composing costs more than looking
Box = tuple[float, float, float, float]


class SegmenterStage(SingleStage):
    """A step asks about several pictures of one size: the whole picture first, then the part around what was found."""

    name = "segmenter"

    def make(self) -> Segmenter:
        return Segmenter(self.context.recipe.card.pocket_segmenter)

    def begin(self, step: int) -> None:
        self.composer = Composer(Materials.load(self.context.run.folder / "photos", self.context.recipe.seed))

    def update(self, step: int, progress: float) -> dict[str, float]:
        rng = torch.Generator().manual_seed(int(self.rng(step).integers(2**62)))
        size = draw_size(rng)
        questions = self._questions(rng, size)
        whole = (0.0, 0.0, float(size[0]), float(size[1]))
        seen, wanted = self._looks(questions, [whole] * len(questions), [one.region for one in questions])
        logits = self.network(seen).float()
        loss = look_loss(logits, wanted)
        numbers = {"first": float(loss.detach()), "iou": overlap(logits, wanted)}
        loss.backward()
        if step >= SECOND_FROM:
            priors = [put_back(found.sigmoid(), whole, (size[1], size[0])) for found in logits.detach().cpu()]
            again = [
                corrected(rng, *pair) if float(chance(rng, 1)) < CORRECTED else pair[0]
                for pair in zip(questions, priors, strict=True)
            ]
            numbers |= self._second(again, priors)
        return {**numbers, "norm": self.apply(self.network, self.optimiser, progress)}

    def _questions(self, rng: torch.Generator, size: tuple[int, int]) -> list[Question]:
        drawn = self.composer.draw(rng, max(1, self.config.batch // ASKED), size)
        asked = [ask(rng, drawn, one) for one in range(len(drawn.pictures)) for _ in range(ASKED)]
        found = [one for one in asked if one is not None]
        return found or self._questions(rng, size)

    def _second(self, questions: list[Question], priors: list[Tensor]) -> dict[str, float]:
        """Gradients of the looks around what was found; those of one shape are one batch."""
        shapes: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for question, prior in zip(questions, priors, strict=True):
            box = around(prior)
            if box is not None:
                seen, wanted = self._looks([question], [box], [prior])
                shapes[seen.shape].append((seen, wanted))
        count = sum(len(some) for some in shapes.values())
        overlaps = 0.0
        for some in shapes.values():
            seen, wanted = (torch.cat(part) for part in zip(*some, strict=True))
            logits = self.network(seen).float()
            (look_loss(logits, wanted) * len(some) / count).backward()
            overlaps += overlap(logits, wanted) * len(some) / count
        return {"second_iou": overlaps}

    def _looks(
        self, questions: list[Question], boxes: list[Box], priors: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """What the network sees [B, SEEN, h, w], and the right answers there [B, 1, h, w]."""
        edge = self.context.recipe.card.pocket_segmenter.edge
        seen, wanted = [], []
        for one, box, prior in zip(questions, boxes, priors, strict=True):
            both = torch.cat([prior, one.answer])
            look = look_at(one.picture, one.add, one.remove, both, box, edge)
            seen.append(look[:-1])
            wanted.append(look[-1:])
        place = self.context.device, self.context.dtype
        return torch.stack(seen).to(*place), torch.stack(wanted).clamp(0, 1).to(self.context.device)


def look_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy of opacities [B, 1, h, w], more at rims, and the overlap that is missing."""
    rim = F.max_pool2d(wanted, 5, 1, 2) + F.max_pool2d(-wanted, 5, 1, 2)
    weight = 1 + EDGE_WEIGHT * rim
    entropy = (F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * weight).mean()
    found = logits.sigmoid()
    both, all_ = (found * wanted).sum((1, 2, 3)), (found + wanted - found * wanted).sum((1, 2, 3))
    there = wanted.sum((1, 2, 3)) > 1
    missing = (1 - both / all_.clamp_min(1))[there].mean() if there.any() else logits.new_zeros(())
    return ENTROPY * entropy + missing


@torch.no_grad()
def overlap(logits: Tensor, wanted: Tensor) -> float:
    """Mean intersection over union of what is there."""
    found, true = logits > 0, wanted > 0.5
    both, all_ = (found & true).sum((1, 2, 3)).float(), (found | true).sum((1, 2, 3)).float()
    there = true.sum((1, 2, 3)) > 1
    return float((both / all_.clamp_min(1))[there].mean()) if there.any() else 0.0
