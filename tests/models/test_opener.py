"""The opener: words in, a latent frame out."""

from __future__ import annotations

import torch

from models.opener import Opener
from models.spec import OpenerSpec

SPEC = OpenerSpec(dim=16, layers=1, text_layers=1, heads=2, patch=2, variants=3)


def made(words: int = 5, rows: int = 2) -> tuple[Opener, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return Opener(SPEC, 6, 8, (4, 8)), torch.randn(rows, words, 8), torch.tensor([0, 1][:rows])


def test_it_makes_a_latent_frame_of_the_grid() -> None:
    opener, text, variant = made()
    assert opener(text, variant).shape == (2, 6, 4, 8)


def test_words_variants_and_places_all_count() -> None:
    opener, text, variant = made()
    out = opener(text, variant)
    assert not torch.allclose(out, opener(text + 1, variant))
    assert not torch.allclose(out, opener(text, variant + 1))
    assert float(out.std(dim=(2, 3)).min()) > 0


def test_rows_do_not_see_each_other() -> None:
    opener, text, variant = made()
    alone = opener(text[:1], variant[:1])
    assert torch.allclose(opener(text, variant)[:1], alone, atol=1e-6)


def test_it_learns_a_picture_by_its_words() -> None:
    opener, text, variant = made()
    wanted = torch.randn(2, 6, 4, 8)
    adam = torch.optim.Adam(opener.parameters(), 0.01)
    before = float((opener(text, variant) - wanted).square().mean())
    for _ in range(60):
        adam.zero_grad()
        loss = (opener(text, variant) - wanted).square().mean()
        loss.backward()
        adam.step()
    assert float(loss.detach()) < 0.2 * before
