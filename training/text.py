"""Trains pocket's text encoder: every word's token must say which object, scene and size it names.

Words and synonyms that mean the same end up alike, before the student ever sees them.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.spec import PocketTextSpec
from models.text.pocket import PocketText, words
from training.world import lexicon
from training.world.clip import call, caption

Rng = np.random.Generator


def vocabulary() -> list[str]:
    """All words that captions use, sorted."""
    known = {"big", "small"}
    for noun in lexicon.CORE + lexicon.EXTRA:
        for name in (noun.name, *noun.synonyms):
            known.update(words(name))
    for names in lexicon.SCENES.values():
        for name in names:
            known.update(words(name))
    grammar = ("a", "an", "and", "at", "in", "of", "on", "the")
    return [*sorted(known - set(grammar)), *grammar]


def targets() -> list[str]:
    """What a caption can name: objects, then scenes, then sizes."""
    return [noun.name for noun in lexicon.CORE + lexicon.EXTRA] + list(lexicon.SCENES) + ["big", "small"]


def draw_caption(rng: Rng, index: dict[str, int]) -> tuple[str, torch.Tensor]:
    """A caption of one to three objects and a scene, and its multi-hot target."""
    nouns = lexicon.CORE + lexicon.EXTRA
    label = torch.zeros(len(index))
    parts = []
    for _ in range(int(rng.integers(0, 4))):
        noun = nouns[int(rng.integers(len(nouns)))]
        label[index[noun.name]] = 1
        size = str(rng.choice(["", "", "big ", "small "]))
        if size:
            label[index[size.strip()]] = 1
        parts.append(size + call(rng, noun.name, noun.synonyms))
    scene = str(rng.choice(list(lexicon.SCENES)))
    if rng.random() < 0.9 or not parts:
        label[index[scene]] = 1
        place = call(rng, scene, lexicon.SCENES[scene])
        return (caption(rng, parts, place) if parts else place), label
    return ", ".join(parts), label


def train_text(
    spec: PocketTextSpec, steps: int, batch: int, seed: int, report=lambda step, loss: None
) -> PocketText:  # type: ignore[no-untyped-def]
    """A text encoder whose tokens carry what they name; the probe that checks it is thrown away."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    index = {name: k for k, name in enumerate(targets())}
    encoder = PocketText(spec, vocabulary())
    probe = nn.Linear(spec.dim, len(index))
    nn.init.constant_(probe.bias, -4.0)  # most captions name few things
    parameters = [*encoder.parameters(), *probe.parameters()]
    optimiser = torch.optim.AdamW(parameters, 2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps, pct_start=0.1)
    for step in range(steps):
        captions, labels = zip(*(draw_caption(rng, index) for _ in range(batch)), strict=True)
        logits = probe(encoder(captions)).amax(1)  # the best token speaks for the caption
        loss = F.binary_cross_entropy_with_logits(logits, torch.stack(labels), reduction="none").sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        report(step, float(loss))
    return encoder
