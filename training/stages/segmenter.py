"""The stage `segmenter`: which pixels belong to the thing under a hand, on pictures whose things are known exactly."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.segmenter import Segmenter, around, look_at, put_back
from training.cutouts import Cutouts, Question, ask, draw_size
from training.stages.base import SingleStage
from training.stages.pool import load_photos

EDGE_WEIGHT = 4.0  # pixels at the rim count so much more: they are few, and what a cut-out looks like
SECOND_FROM = 100  # step from which on the second look is learned, on what the first one finds


class SegmenterStage(SingleStage):
    """A step asks about several pictures of one size: the whole picture first, then the part around what was found."""

    name = "segmenter"

    def make(self) -> Segmenter:
        return Segmenter(self.context.recipe.card.pocket_segmenter)

    def begin(self, step: int) -> None:
        self.cutouts = Cutouts(load_photos(self.context.run.folder / "photos"))

    def update(self, step: int, progress: float) -> dict[str, float]:
        rng = self.rng(step)
        size = draw_size(rng)
        questions = [ask(rng, self.cutouts.draw(rng, size)) for _ in range(self.config.batch)]
        whole = (0.0, 0.0, float(size[0]), float(size[1]))
        seen, wanted = self._looks(
            questions, [whole] * len(questions), [torch.zeros(1, size[1], size[0])] * len(questions)
        )
        logits = self.network(seen).float()
        loss = look_loss(logits, wanted)
        numbers = {"first": float(loss.detach()), "iou": overlap(logits, wanted)}
        if step >= SECOND_FROM:
            with torch.no_grad():
                priors = [put_back(found.sigmoid(), whole, (size[1], size[0])) for found in logits.cpu()]
            boxes = [around(prior) for prior in priors]
            kept = [index for index, box in enumerate(boxes) if box is not None]
            for index in kept[: self.config.batch // 2]:  # parts differ in shape: one at a time
                seen, wanted = self._looks([questions[index]], [boxes[index]], [priors[index]])
                again = self.network(seen).float()
                more = look_loss(again, wanted) / max(1, len(kept[: self.config.batch // 2]))
                loss = loss + more
        loss.backward()
        return {
            **numbers,
            "loss": float(loss.detach()),
            "norm": self.apply(self.network, self.optimiser, progress),
        }

    def _looks(self, questions: list[Question], boxes: list, priors: list[Tensor]) -> tuple[Tensor, Tensor]:
        """What the network sees [B, SEEN, h, w], and the right answers there [B, 1, h, w]."""
        edge = self.context.recipe.card.pocket_segmenter.edge
        seen, wanted = [], []
        for question, box, prior in zip(questions, boxes, priors, strict=True):
            seen.append(look_at(question.picture, question.add, question.remove, prior, box, edge))
            answer = look_at(
                question.answer.expand(3, -1, -1), question.add, question.remove, prior, box, edge
            )
            wanted.append(answer[:1])
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
    return entropy + missing


@torch.no_grad()
def overlap(logits: Tensor, wanted: Tensor) -> float:
    """Mean intersection over union of what is there."""
    found, true = logits > 0, wanted > 0.5
    both, all_ = (found & true).sum((1, 2, 3)).float(), (found | true).sum((1, 2, 3)).float()
    there = true.sum((1, 2, 3)) > 1
    return float((both / all_.clamp_min(1))[there].mean()) if there.any() else 0.0
