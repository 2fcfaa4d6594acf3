"""Our transformer is Wan's: compared with diffusers' on small random weights, through key import in both
directions.
"""

import pytest
import torch
from diffusers import WanTransformer3DModel
from diffusers_names import to_diffusers

from flowbrush.models.cards.registry import CARDS
from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.loading.checkpoint import fill
from flowbrush.models.transformer import CausalTransformer
from flowbrush.models.wan.names import cleaned

SPEC = StudentSpec(latent_channels=16, dim=48, ffn_dim=96, heads=2, layers=2, text_dim=32, chunk=3)
FRAMES, ROWS, COLUMNS = 3, 8, 12


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    model = WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=24,
        in_channels=16,
        out_channels=16,
        text_dim=32,
        freq_dim=256,
        ffn_dim=96,
        num_layers=2,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        eps=1e-6,
    ).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # norms start at one: make every weight count
            if "norm" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def ours_from(theirs):
    student = CausalTransformer(SPEC).eval()
    fill(student, cleaned(theirs.state_dict()), "", "diffusers")
    return student


def inputs():
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(2, 16, FRAMES, ROWS, COLUMNS, generator=generator)
    text = torch.randn(2, 7, 32, generator=generator)
    return latents, text


@torch.no_grad()
def run_ours(student, latents, text, timestep):
    per_frame = torch.full((2, FRAMES), float(timestep))
    keys_values = student.text_keys_values(text)
    return student(latents, per_frame, keys_values, student.rope_table(FRAMES, ROWS, COLUMNS))


@pytest.mark.parametrize("timestep", [1000.0, 937.5, 625.0, 0.0])
@torch.no_grad()
def test_model_equals_diffusers(theirs, timestep):
    latents, text = inputs()
    expected = theirs(latents, torch.full((2,), timestep), text, return_dict=False)[0]
    torch.testing.assert_close(
        run_ours(ours_from(theirs), latents, text, timestep), expected, rtol=1e-4, atol=1e-4
    )


@torch.no_grad()
def test_block_equals_diffusers(theirs):
    student = ours_from(theirs)
    generator = torch.Generator().manual_seed(2)
    tokens = FRAMES * (ROWS // 2) * (COLUMNS // 2)
    x = torch.randn(1, tokens, 48, generator=generator)
    time = torch.randn(1, 6, 48, generator=generator)
    text = torch.randn(1, 5, 48, generator=generator)
    rotary = theirs.rope(torch.zeros(1, 16, FRAMES, ROWS, COLUMNS))
    expected = theirs.blocks[0](x, text, time, rotary)
    block = student.blocks[0]
    modulation = time[:, None].expand(1, FRAMES, 6, 48)
    rope = student.rope_table(FRAMES, ROWS, COLUMNS)
    out, _ = block(
        x.unflatten(1, (FRAMES, -1)),
        modulation,
        rope,
        None,
        0,
        tokens,
        block.cross_attn.keys_values(text),
        student.attend,
    )
    torch.testing.assert_close(out.flatten(1, 2), expected, rtol=1e-4, atol=1e-4)


def test_export_to_diffusers(theirs):
    torch.manual_seed(3)
    student = CausalTransformer(SPEC).eval()
    exported = {to_diffusers(name): value for name, value in student.state_dict().items()}
    missing, unexpected = theirs.load_state_dict(exported, strict=False)
    assert not missing and not unexpected
    latents, text = inputs()
    with torch.no_grad():
        expected = theirs(latents, torch.full((2,), 833.3333), text, return_dict=False)[0]
    torch.testing.assert_close(run_ours(student, latents, text, 833.3333), expected, rtol=1e-4, atol=1e-4)


def test_names_round_trip(theirs):
    names = theirs.state_dict().keys()
    assert {to_diffusers(name) for name in cleaned(dict.fromkeys(names))} == set(names)


@pytest.mark.parametrize(
    ("name", "tensors", "parameters"),
    [("wan-1.3b", 825, 1.419e9), ("krea-14b", 1095, 14.29e9), ("wan-5b", 825, 5.00e9)],
)
def test_published_shapes(name, tensors, parameters):
    """The layouts of the published models, built without memory."""
    with torch.device("meta"):
        student = CausalTransformer(CARDS[name].student)
    state = student.state_dict()
    assert len(state) == tensors
    assert sum(value.numel() for value in state.values()) == pytest.approx(parameters, rel=1e-3)
