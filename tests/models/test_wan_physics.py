"""The arithmetic that the benchmark prints is that of the network, counted by PyTorch and by the published figures."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from flowbrush.benchmarks.physics import chunk_flops, forward_flops, text_flops
from flowbrush.benchmarks.wan import main
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.transformer import CausalTransformer
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import StreamSettings


def plain(q, k, v):
    """Attention by two products, which PyTorch's counter sees on any device."""
    scores = torch.einsum("blhd,bmhd->bhlm", q, k) / q.shape[-1] ** 0.5
    return torch.einsum("bhlm,bmhd->blhd", scores.softmax(-1), v)


SMALL = ("pixel frames", "clean pass too", "share of the bound", "hand to picture", '"benchmark": "wan"')


@pytest.mark.parametrize(("frames", "expected"), [(3, 16.2), (6, 20.2), (9, 24.3), (12, 28.3), (21, 40.4)])
def test_published_figures(frames, expected):
    """Tera-operations of a pass of the 1.3B model over a chunk at 832x480, by latent frames attended to."""
    made = forward_flops(CARDS["wan-1.3b"].student, 3 * 1560, frames * 1560, 512) / 1e12
    assert made == pytest.approx(expected, rel=0.005)


def test_a_pass_as_pytorch_counts_it():
    spec = StudentSpec(latent_channels=4, dim=48, ffn_dim=96, heads=2, layers=2, text_dim=8)
    student, tokens = CausalTransformer(spec, plain).eval(), 3 * 6
    words = student.text_keys_values(torch.randn(1, 5, 8))
    rope = student.rope_table(9, 4, 6)
    past = [(torch.randn(1, 3 * tokens, 2, 24), torch.randn(1, 3 * tokens, 2, 24)) for _ in range(2)]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        student(
            torch.randn(1, 4, 3, 4, 6), torch.full((1, 3), 500.0), words, rope, context=past, first_frame=6
        )
    time = (
        3 * 2 * (256 * 48 + 48 * 48 + 48 * 6 * 48)
    )  # the timestep's embedding, which the benchmark leaves out
    assert counter.get_total_flops() == pytest.approx(
        forward_flops(spec, tokens, 3 * tokens, 5) + time, rel=0.01
    )


@pytest.mark.parametrize("name", ["wan-1.3b", "rolling-forcing-1.3b", "krea-14b"])
def test_a_chunk_as_pytorch_counts_it(name):
    card = reduced(CARDS[name])
    generator = Generator.load(card, device="cpu", dtype="fp32", seats=1)
    state = generator.start(StreamSettings(card.name, (("a", 1.0),), card.width, card.height, card.fps))
    for _ in range(card.student.window + card.student.sink + 1):
        generator.step([state], [()])
    generator.model.student.attend = plain
    generator.model.codec.stream = lambda *_: (torch.zeros(1, 3, 12, card.height, card.width), [()])
    with FlopCounterMode(display=False) as counter:
        generator.step([state], [()])
    assert counter.get_total_flops() == pytest.approx(chunk_flops(card, card.steps), rel=0.08)
    assert text_flops(card.student, card.text.length) < chunk_flops(card, card.steps)


def test_the_command_at_a_reduced_size(capsys):
    assert (
        main(["--model", "wan-1.3b", "--reduced", "--device", "cpu", "--dtype", "fp32", "--chunks", "2"]) == 0
    )
    out = capsys.readouterr().out
    assert all(text in out for text in SMALL)


@pytest.mark.parametrize(
    ("model", "said"),
    [("pocket", "no Wan student"), ("self-forcing-1.3b", "flowbrush pull"), ("x", "unknown")],
)
def test_the_command_says_what_is_wrong(capsys, model, said, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["--model", model, "--device", "cpu"]) == 2
    assert said in capsys.readouterr().err
