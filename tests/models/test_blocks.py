"""Pictures made of blocks: linear synthesis, convolutions, and codes for the blocks that need them."""

from __future__ import annotations

import pytest
import torch

from flowbrush.models.blocks import BlockBook, CodeDecoder, synthesis


def test_synthesis_puts_every_block_in_its_place() -> None:
    basis, mean = torch.randn(3, 2, 4, 4), torch.randn(2, 4, 4)
    codes = torch.randn(1, 3, 2, 5)
    picture = synthesis(codes, basis, mean)
    assert picture.shape == (1, 2, 8, 20)
    block = torch.einsum("c,coyx->oyx", codes[0, :, 1, 3], basis) + mean
    assert torch.allclose(picture[0, :, 4:8, 12:16], block, atol=1e-5)


def test_a_new_decoder_is_its_linear_synthesis() -> None:
    decoder = CodeDecoder(5, 4, 8, (8, 8, 8))
    codes = torch.randn(2, 5, 3, 4)
    made = decoder(codes)
    assert made.shape == (2, 4, 24, 32)
    assert torch.allclose(made, synthesis(codes, decoder.basis, decoder.mean), atol=1e-5)


def test_a_decoder_learns_what_blocks_cannot_show() -> None:
    torch.manual_seed(0)
    decoder, codes, wanted = CodeDecoder(2, 1, 4, (8, 8)), torch.randn(1, 2, 3, 3), torch.rand(1, 1, 12, 12)
    adam = torch.optim.Adam(decoder.parameters(), 0.01)
    before = float((decoder(codes) - wanted).square().mean().detach())
    for _ in range(80):
        loss = (decoder(codes) - wanted).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert float(loss.detach()) < 0.2 * before


def test_levels_that_do_not_fit_the_stride_are_refused() -> None:
    with pytest.raises(ValueError, match="stride 6"):
        CodeDecoder(2, 3, 6, (8, 8, 8))


def test_fine_codes_are_those_of_their_blocks_alone() -> None:
    """Two pictures of 2 x 3 and of 1 x 2 blocks: number 9 of all is the fourth of the second large one; 13 the second of the first
    small one.
    """
    book = BlockBook(2, [(2, 3), (1, 2)], stride=4, plain=1, fine=2, details=2).requires_grad_(False)
    plain = [book(size, number) for size in (0, 1) for number in (0, 1)]
    assert [tuple(picture.shape) for picture in plain] == [(3, 8, 12)] * 2 + [(3, 4, 8)] * 2
    book.where.copy_(torch.tensor([9, 13]))
    book.fine.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    fine = [book(size, number) for size in (0, 1) for number in (0, 1)]
    added = [picture - before for picture, before in zip(fine, plain, strict=True)]
    assert not added[0].any() and not added[3].any()
    wanted = torch.einsum("c,coyx->oyx", book.fine[0], book.fine_basis)
    assert torch.allclose(added[1][:, 4:, :4], wanted, atol=1e-5)
    assert added[1].count_nonzero() == wanted.count_nonzero()
    wanted = torch.einsum("c,coyx->oyx", book.fine[1], book.fine_basis)
    assert torch.allclose(added[2][:, :, 4:], wanted, atol=1e-5) and not added[2][:, :, :4].any()
