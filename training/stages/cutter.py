"""The stage `cutter`: which pixels belong to the thing that a hand touches."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from models.cutter import Cutter, square
from training.sheets import write_sheet
from training.stages.base import averaged
from training.stages.crowds import CrowdStage
from training.world.touches import touch

TOUCHES = 4  # of one picture
SHOWN = 12  # squares on a contact sheet


class CutterStage(CrowdStage):
    """Squares of pictures as the codec gives them back, and the opacities that the world knows."""

    name = "cutter"

    def make(self) -> Cutter:
        spec = self.context.recipe.card.cutter
        assert spec is not None
        self.edge = spec.edge
        return Cutter(spec)

    def update(self, step: int, progress: float) -> dict[str, float]:
        seen, wanted = self._batch(self.config.batch, step)
        logits = self.network(seen.to(self.context.dtype)).float()
        shown = seen[:, 4:]
        plain = F.binary_cross_entropy_with_logits(logits, wanted, weight=shown)
        made = logits.sigmoid() * shown
        both, either = (made * wanted).sum((1, 2, 3)), (made + wanted - made * wanted).sum((1, 2, 3))
        overlap = (both + 1) / (either + 1)
        loss = plain + 0.3 * (1 - overlap).mean()
        loss.backward()
        norm = self.apply(self.network, self.optimiser, progress)
        return {"loss": float(loss.detach()), "overlap": float(overlap.detach().mean()), "norm": norm}

    @torch.no_grad()
    def _batch(self, size: int, step: int) -> tuple[Tensor, Tensor]:
        """Squares [size, SEEN, edge, edge] and opacities [size, 1, edge, edge], 0 outside the picture."""
        rng, codec = self.rng(step), self.codec
        seen: list[Tensor] = []
        wanted: list[Tensor] = []
        while len(seen) < size:
            shown = self.crowd(rng)
            frame = codec.picture(codec.still(shown.picture[None].to(self.context.device) * 2 - 1))[0]
            for _ in range(TOUCHES):
                touched = touch(shown.opacities, rng)
                if touched is not None:
                    part, (left, top) = square(frame, touched.points.to(frame.device), self.edge)
                    seen.append(part)
                    wanted.append(_part(touched.opacity, left, top, self.edge).to(frame.device))
        return torch.stack(seen[:size]), torch.stack(wanted[:size])

    @torch.no_grad()
    def sheet(self, path: Path) -> None:
        """Squares, what is to be cut out of them, and what is."""
        seen, wanted = self._batch(SHOWN, 2**31)
        made = averaged(self.network, self.optimiser)(seen.to(self.context.dtype)).float().sigmoid()
        marked = torch.maximum(seen[:, :3], seen[:, 3:4] * 2 - 1)
        rows = [marked, *(seen[:, :3] * alpha + alpha - 1 for alpha in (wanted, made))]
        write_sheet(path, rows)


def _part(opacity: Tensor, left: int, top: int, edge: int) -> Tensor:
    """The square of `opacity` [1, H, W] at a corner that may lie outside."""
    height, width = opacity.shape[-2:]
    return F.pad(opacity, (-left, left + edge - width, -top, top + edge - height))
