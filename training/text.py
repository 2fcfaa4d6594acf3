"""Trains pocket's text encoder: every word's token must say what it names, and what else is said of the same thing.

Words that mean the same end up alike, before the student ever sees them; and because a thing's token also knows what that thing
does, where to and how, whoever looks at a word finds all that belongs to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowbrush.models.cards.spec import PocketTextSpec
from flowbrush.models.text.pocket import PocketText
from flowbrush.training.captions import NOTHING, Sentence, concepts, vocabulary

TOGETHER = 0.5  # weight of the pull of tokens to what they mean


class Wanted(NamedTuple):
    """What the words of captions mean: the place of each word's concept [B, L], 0 for none and -1 behind the last word, and all
    that is said of the same thing [B, L, concepts], 0 or 1.
    """

    concept: Tensor
    said: Tensor


class TextTrainer(nn.Module):
    """A text encoder and what teaches it: `said` tells what else is said of a word's thing, `means` and `adds` are the token that a
    concept, and what is said along with it, should have. These three are thrown away.
    """

    def __init__(self, spec: PocketTextSpec) -> None:
        super().__init__()
        self.index = {name: place for place, name in enumerate(concepts())}
        self.encoder = PocketText(spec, vocabulary(), list(self.index))
        self.said = nn.Linear(spec.dim, len(self.index))
        nn.init.constant_(self.said.bias, -4.0)  # little is said of most things
        self.means = nn.Embedding(1 + len(self.index), spec.dim)
        self.adds = nn.Linear(len(self.index), spec.dim, bias=False)

    def wanted(self, sentences: Sequence[Sentence]) -> Wanted:
        length, count = self.encoder.spec.length, len(self.index)
        concept = torch.full((len(sentences), length), -1)
        said = torch.zeros(len(sentences), length, count)
        for row, sentence in enumerate(sentences):
            places = [self.index[name] if name else -1 for name in sentence.concepts]
            concept[row, : len(places)] = torch.tensor(places[:length]) + 1
            for column, clause in enumerate(sentence.clauses[:length]):
                if clause != NOTHING:
                    same = [p for p, c in zip(places, sentence.clauses, strict=True) if c == clause]
                    said[row, column, same] = 1
        return Wanted(concept, said)

    def forward(self, sentences: Sequence[Sentence]) -> tuple[Tensor, Tensor]:
        """The loss, and the share of captions all of whose words are read right."""
        device = self.adds.weight.device
        concept, said = (part.to(device) for part in self.wanted(sentences))
        tokens = self.encoder([sentence.text for sentence in sentences])
        there = concept >= 0
        assert self.encoder.reader is not None
        logits = self.encoder.reader(tokens)
        named = F.cross_entropy(logits[there], concept[there])
        attributes = F.binary_cross_entropy_with_logits(
            self.said(tokens[there]), said[there], reduction="none"
        )
        meant = self.means(concept.clamp_min(0)) + self.adds(said)
        apart = (tokens - meant)[there].square().mean()
        right = ((logits.argmax(-1) == concept) | ~there).all(1).float().mean()
        return named + attributes.sum(-1).mean() + TOGETHER * apart, right
