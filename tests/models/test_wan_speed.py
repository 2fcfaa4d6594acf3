"""Speed switches keep what the student says; on a GPU nothing waits inside a chunk."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from flowbrush.models import speed
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.speed import Fp8Linear, compile_blocks, use_fp8
from flowbrush.models.transformer import CausalTransformer
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.conditions.controls import fold
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import StreamSettings

SPEC = StudentSpec(latent_channels=4, dim=64, ffn_dim=128, heads=2, layers=2, text_dim=16)


@pytest.fixture
def student():
    torch.manual_seed(0)
    return CausalTransformer(SPEC).to(torch.bfloat16).eval().requires_grad_(False)


@torch.no_grad()
def velocity(student):
    latents = torch.randn(1, 4, 3, 4, 6, generator=torch.Generator().manual_seed(1)).to(torch.bfloat16)
    text = torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(2)).to(torch.bfloat16)
    words = student.text_keys_values(text)
    return student(latents, torch.full((1, 3), 500.0), words, student.rope_table(3, 4, 6)).float()


def test_a_layer_in_8_bits_is_near_the_layer():
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 48).to(torch.bfloat16).requires_grad_(False)
    x = torch.randn(2, 5, 64, dtype=torch.bfloat16)
    expected, made = linear(x).float(), Fp8Linear(linear)(x).float()
    assert float((made - expected).norm() / expected.norm()) < 0.06


def test_layers_of_one_input_are_one_product():
    torch.manual_seed(0)
    linears = [torch.nn.Linear(64, 48).to(torch.bfloat16).requires_grad_(False) for _ in range(3)]
    x = torch.randn(2, 5, 64, dtype=torch.bfloat16)
    apart = torch.cat([Fp8Linear(linear)(x) for linear in linears], -1)
    assert torch.equal(Fp8Linear(*linears)(x), apart)


def test_the_input_of_attention_is_brought_into_8_bits_once(student, monkeypatch):
    use_fp8(student)
    calls, real = [], speed.to_fp8
    monkeypatch.setattr(speed, "to_fp8", lambda x: calls.append(tuple(x.shape)) or real(x))
    velocity(student)
    assert (
        len(calls) == SPEC.layers * 6
    )  # q, k and v together; o; q and o of the text; two in the feed-forward


def test_8_bits_hardly_turn_the_prediction(student):
    before = velocity(student)
    use_fp8(student)
    after = velocity(student)
    assert isinstance(student.blocks[0].ffn[0], Fp8Linear) and not torch.equal(before, after)
    assert float(torch.cosine_similarity(before.flatten(), after.flatten(), 0)) > 0.99


def test_compiled_blocks_say_the_same(student, monkeypatch):
    """As graphs, each without a break. What a compiler makes of a graph is PyTorch's, and takes half a minute."""
    before, real = velocity(student), torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module,
        "compile",
        lambda block, **said: real(block, backend="aot_eager", fullgraph=True, **said),
    )
    compile_blocks(student)
    torch.testing.assert_close(velocity(student), before, rtol=0.05, atol=0.05)
    assert all(block._compiled_call_impl is not None for block in student.blocks)


class Waits(TorchDispatchMode):
    """Counts operations that make the host wait for the device, or whose shape depends on values."""

    NAMES = ("_local_scalar_dense", "nonzero", "equal", "masked_select", "unique")

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if any(name in func.__name__ for name in self.NAMES):
            self.seen.append(func.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["wan-1.3b", "reward-forcing-1.3b", "rolling-forcing-1.3b"])
def test_nothing_waits_inside_a_chunk(name):
    generator = Generator.load(reduced(CARDS[name]), device="cpu", dtype="fp32", seats=1)
    card = generator.card
    state = generator.start(StreamSettings(card.name, (("a", 1.0),), card.width, card.height, card.fps))
    generator.step([state], [()])
    with Waits() as waits:
        generator.step([state], [()])
    assert waits.seen == []


@pytest.fixture
def begun():
    """A stream of a reduced student on the best device there is, some chunks old."""
    generator = Generator.load(reduced(CARDS["wan-1.3b"]), seats=1)
    card = generator.card
    state = generator.start(StreamSettings(card.name, (("a", 1.0),), card.width, card.height, card.fps))
    for _ in range(4):
        generator.step([state], [()])
    return generator, state


def work(generator, state):
    """What a chunk asks of the device before its pictures are fetched. Returns its latents."""
    frames, aspect = generator.card.chunk_frames, generator._lane(state).aspect
    folded = fold(state.controls, (), state.chunk * frames, frames, generator.card.fps, aspect)
    made, batches = generator.sampler.denoise([state], [generator._inputs(state, folded, None)])
    generator.sampler.remember(batches)
    return made[0][0]


def test_the_work_of_a_chunk_is_that_of_a_step(begun):
    """Holds on any device what the next test asks of a GPU."""
    generator, state = begun
    latents = work(generator, state).clone()
    generator.step([state], [()])
    torch.testing.assert_close(state.latents, latents)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode:UserWarning")
def test_nothing_waits_inside_a_chunk_on_a_gpu(begun):
    torch.cuda.set_sync_debug_mode("error")
    try:
        work(*begun)
    finally:
        torch.cuda.set_sync_debug_mode("default")
