"""Checkpoints of every layout that is about; and files that are broken, hostile or of another model."""

import os
import pickle

import pytest
import torch
from diffusers_names import to_diffusers
from safetensors.torch import save_file

from flowbrush.models.cards.registry import CARDS
from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.loading.checkpoint import BadWeights
from flowbrush.models.transformer import CausalTransformer
from flowbrush.models.wan.checkpoint import load_student, load_tensors

SPEC = StudentSpec(latent_channels=4, dim=16, ffn_dim=32, heads=2, layers=2, text_dim=8)


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(0)
    return {name: torch.randn(value.shape) for name, value in CausalTransformer(SPEC).state_dict().items()}


def wrapped(weights, before, inside=""):
    """Names as training code leaves them: wrappers before the whole and inside every block."""
    return {
        before + name.replace("blocks.0.", f"blocks.0.{inside}"): value for name, value in weights.items()
    }


LAYOUTS = {
    "bare": lambda w: w,
    "generator": lambda w: {"generator": wrapped(w, "model."), "critic": {"x": torch.zeros(1)}},
    "ema first": lambda w: {
        "generator": wrapped({n: 0 * v for n, v in w.items()}, "model."),
        "generator_ema": wrapped(w, "model."),
    },
    "fsdp": lambda w: {"generator_ema": wrapped(w, "model._fsdp_wrapped_module.", "_fsdp_wrapped_module.")},
    "checkpointed": lambda w: {"model": wrapped(w, "_orig_mod.model.", "_checkpoint_wrapped_module.")},
    "model prefix": lambda w: wrapped(w, "model."),
    "comfy prefix": lambda w: wrapped(w, "model.diffusion_model."),
    "state_dict": lambda w: {"state_dict": wrapped(w, "diffusion_model.")},
    "diffusers": lambda w: {to_diffusers(name): value for name, value in w.items()},
}


def check(path, weights, lora=None):
    student = CausalTransformer(SPEC)
    load_student(student, path, lora)
    for name, value in student.state_dict().items():
        assert torch.equal(value, weights[name]), name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path, weights, layout):
    torch.save(LAYOUTS[layout](weights), tmp_path / "model.pt")
    check(tmp_path / "model.pt", weights)


@pytest.mark.parametrize(
    ("container", "taken"), [("generator", 1.0), ("generator_ema", 2.0), ("critic", 2.0)]
)
def test_the_card_says_which_of_several_weights_are_taken(tmp_path, weights, container, taken):
    """An entry that the file does not have leaves the usual order."""
    entries = {
        name: wrapped({n: scale * v for n, v in weights.items()}, "model.")
        for name, scale in (("generator", 1.0), ("generator_ema", 2.0))
    }
    torch.save(entries, tmp_path / "model.pt")
    student = CausalTransformer(SPEC)
    load_student(student, tmp_path / "model.pt", container=container)
    name = "blocks.0.ffn.0.weight"
    assert torch.equal(student.state_dict()[name], taken * weights[name])


def test_cards_name_what_their_publishers_run():
    named = {
        name: source.container
        for name, card in CARDS.items()
        for source in card.sources
        if source.folder == "student"
    }
    assert named["longlive-1.3b"] == named["causvid-1.3b"] == "generator"
    assert named["self-forcing-1.3b"] == named["rolling-forcing-1.3b"] == "generator_ema"


def test_legacy_file(tmp_path, weights):
    torch.save(weights, tmp_path / "model.pth", _use_new_zipfile_serialization=False)
    check(tmp_path / "model.pth", weights)


def test_safetensors_and_shards(tmp_path, weights):
    save_file(wrapped(weights, "model."), tmp_path / "model.safetensors")
    check(tmp_path / "model.safetensors", weights)
    names = sorted(weights)
    folder = tmp_path / "transformer"
    folder.mkdir()
    for shard in range(2):
        part = {to_diffusers(name): weights[name] for name in names[shard::2]}
        save_file(part, folder / f"diffusion_pytorch_model-0000{shard + 1}-of-00002.safetensors")
    check(folder, weights)


def test_two_checkpoints_in_a_folder_are_no_shards_of_one(tmp_path, weights):
    save_file(weights, tmp_path / "first.safetensors")
    save_file({name: 0 * value for name, value in weights.items()}, tmp_path / "second.safetensors")
    with pytest.raises(
        BadWeights, match=r"first\.safetensors and second\.safetensors in .* both hold .*: .* leave one"
    ):
        load_tensors(tmp_path)


def adapters(weights, style):
    """A random adapter in one of the published styles, and the weights that it makes."""
    generator, lora, merged = torch.Generator().manual_seed(1), {}, dict(weights)
    for name in weights:
        module = name.removesuffix(".weight")
        linear = module.split(".")[-1] in ("q", "k", "v", "o") or ".ffn." in module
        if not name.endswith(".weight") or not linear:
            continue
        rows, columns = weights[name].shape
        down, up = torch.randn(2, columns, generator=generator), torch.randn(rows, 2, generator=generator)
        scale = 1.0
        if style == "peft":
            keys = [f"base_model.model.{module}.lora_{part}.weight" for part in "AB"]
        elif style == "kohya":
            flat, scale = "lora_unet_" + module.replace(".", "_"), 0.5
            keys = [f"{flat}.lora_down.weight", f"{flat}.lora_up.weight"]
            lora[f"{flat}.alpha"] = torch.tensor(1.0)
        elif style == "comfy":
            keys = [f"diffusion_model.{module}.lora_down.weight", f"diffusion_model.{module}.lora_up.weight"]
        else:
            theirs = "transformer." + to_diffusers(name).removesuffix(".weight")
            keys = [f"{theirs}.lora_A.weight", f"{theirs}.lora_B.weight"]
        lora[keys[0]], lora[keys[1]] = down, up
        merged[name] = torch.add(weights[name], up @ down, alpha=scale)
    return lora, merged


def test_an_adapter_in_shards(tmp_path, weights):
    save_file(weights, tmp_path / "base.safetensors")
    lora, merged = adapters(weights, "comfy")
    folder, names = tmp_path / "lora", sorted(lora)
    folder.mkdir()
    for shard in range(2):
        save_file({name: lora[name] for name in names[shard::2]}, folder / f"{shard}.safetensors")
    check(tmp_path / "base.safetensors", merged, folder)


@pytest.mark.parametrize("style", ["peft", "kohya", "comfy", "diffusers"])
def test_lora(tmp_path, weights, style):
    torch.save({"generator": wrapped(weights, "model.")}, tmp_path / "base.pt")
    lora, merged = adapters(weights, style)
    torch.save({"generator_lora": lora, "step": 3} if style == "peft" else lora, tmp_path / "lora.pt")
    check(tmp_path / "base.pt", merged, tmp_path / "lora.pt")


@pytest.mark.parametrize("style", ["comfy", "kohya"])
def test_adapters_are_more_than_pairs(tmp_path, weights, style):
    """Differences of biases, norms, modulations and whole weights, along with pairs or alone."""
    generator = torch.Generator().manual_seed(2)
    whole, bias = "blocks.0.self_attn.q.weight", "blocks.1.ffn.0.bias"
    norm, modulation, last = "blocks.0.norm3.weight", "blocks.1.modulation", "head.modulation"
    keys = {
        whole: "blocks.0.self_attn.q.diff",
        bias: "blocks.1.ffn.0.diff_b",
        norm: "blocks.0.norm3.diff",
        modulation: "blocks.1.diff_m",
        last: "head.diff_m",
    }
    pair = {f"blocks.1.ffn.0.lora_{part}.weight" for part in ("down", "up")}
    change = {name: torch.randn(weights[name].shape, generator=generator) for name in keys}
    down, up = torch.randn(2, 16, generator=generator), torch.randn(32, 2, generator=generator)

    def spelled(key):
        module, _, part = key.partition(".lora_") if ".lora_" in key else (*key.rpartition(".")[:2], None)
        if style == "comfy":
            return "diffusion_model." + key
        if part is not None:
            return "lora_unet_" + module.replace(".", "_") + ".lora_" + part
        return "lora_unet_" + module.replace(".", "_") + "." + key.rpartition(".")[2]

    lora = {spelled(key): change[name] for name, key in keys.items()}
    lora |= {spelled(key): down if "down" in key else up for key in pair}
    merged = {name: weights[name] + change.get(name, 0) for name in weights}
    merged["blocks.1.ffn.0.weight"] = weights["blocks.1.ffn.0.weight"] + up @ down
    torch.save(weights, tmp_path / "base.pt")
    save_file(lora, tmp_path / "lora.safetensors")
    student = CausalTransformer(SPEC)
    load_student(student, tmp_path / "base.pt", tmp_path / "lora.safetensors")
    for name, value in student.state_dict().items():
        torch.testing.assert_close(value, merged[name], msg=name)


def test_what_has_no_place_is_left_out_with_a_warning(tmp_path, weights):
    """An adapter made for the image-to-video model, which has more layers of the same names."""
    lora, merged = adapters(weights, "comfy")
    lora |= {
        "diffusion_model.blocks.0.cross_attn.k_img.lora_down.weight": torch.ones(2, 16),
        "diffusion_model.blocks.0.cross_attn.k_img.lora_up.weight": torch.ones(16, 2),
        "diffusion_model.blocks.0.cross_attn.norm_k_img.diff": torch.ones(16),
        "diffusion_model.blocks.0.cross_attn.k_img.diff_b": torch.ones(16),
    }
    torch.save(weights, tmp_path / "base.pt")
    torch.save(lora, tmp_path / "lora.pt")
    with pytest.warns(UserWarning, match=r"k_img\.bias, .*k_img\.weight, .*norm_k_img\.weight.*left out"):
        check(tmp_path / "base.pt", merged, tmp_path / "lora.pt")


@pytest.mark.parametrize(
    ("key", "shape", "said"),
    [
        ("single_blocks.0.linear1.lora_A.weight", (2, 16), "for another model"),
        ("blocks.0.ffn.0.lora_A.weight", (2, 16), "half there"),
        ("blocks.0.ffn.0.diff_b", (7,), "expected \\(32,\\)"),
        ("blocks.0.ffn.0.hada_w1_a", (2, 16), "no part of an adapter"),
        ("blocks.0.ffn.0.alpha", (), "nothing that it scales"),
    ],
)
def test_an_adapter_that_cannot_be_merged_is_named(tmp_path, weights, key, shape, said):
    torch.save(weights, tmp_path / "base.pt")
    torch.save({key: torch.ones(shape)}, tmp_path / "lora.pt")
    with pytest.raises(BadWeights, match=said):
        load_student(CausalTransformer(SPEC), tmp_path / "base.pt", tmp_path / "lora.pt")


@pytest.mark.parametrize("part", ["lora_A.weight", "lora_B.weight", "alpha", "diff_b"])
def test_an_adapter_that_is_not_finite_is_refused_by_name(tmp_path, weights, part):
    lora, _ = adapters(weights, "comfy")
    key = f"blocks.0.ffn.0.{part}"
    torch.save(weights, tmp_path / "base.pt")
    torch.save(lora | {key: torch.full((), float("nan"))}, tmp_path / "lora.pt")
    with pytest.raises(BadWeights, match=rf"lora\.pt: {key} has numbers that are not finite"):
        load_student(CausalTransformer(SPEC), tmp_path / "base.pt", tmp_path / "lora.pt")


def test_lora_of_another_size(tmp_path, weights):
    torch.save(weights, tmp_path / "base.pt")
    lora = {f"blocks.0.ffn.0.lora_{part}.weight": torch.zeros(4, 4) for part in "AB"}
    torch.save(lora, tmp_path / "lora.pt")
    with pytest.raises(BadWeights, match=r"blocks\.0\.ffn\.0"):
        load_student(CausalTransformer(SPEC), tmp_path / "base.pt", tmp_path / "lora.pt")


def test_all_825_tensors_are_taken(tmp_path):
    """A file with the names and shapes of the published 1.3B checkpoint, without their 5 GB."""
    with torch.device("meta"):
        student = CausalTransformer(CARDS["wan-1.3b"].student).to(torch.bfloat16)
    file = {
        f"model.{name}": torch.empty_like(value, dtype=torch.float32)
        for name, value in student.state_dict().items()
    }
    assert len(file) == 825
    torch.save({"generator_ema": file}, tmp_path / "student.pt")
    load_student(student, tmp_path / "student.pt")
    assert {value.dtype for value in student.state_dict().values()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda w: w.pop("blocks.1.ffn.2.bias"), r"missing blocks\.1\.ffn\.2\.bias"),
        (
            lambda w: w.update({"blocks.9.norm3.weight": torch.zeros(16)}),
            r"unexpected blocks\.9\.norm3\.weight",
        ),
        (
            lambda w: w.update({"head.head.weight": torch.zeros(3, 16)}),
            r"head\.head\.weight has shape \(3, 16\), expected",
        ),
        (lambda w: w.update({"model.head.head.bias": torch.zeros(16)}), r"head\.head\.bias"),
    ],
)
def test_a_key_that_does_not_fit_is_named(tmp_path, weights, change, named):
    changed = dict(weights)
    change(changed)
    torch.save(changed, tmp_path / "model.pt")
    student = CausalTransformer(SPEC)
    before = {name: value.clone() for name, value in student.state_dict().items()}
    with pytest.raises(BadWeights, match=named):
        load_student(student, tmp_path / "model.pt")
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())


def test_another_size(tmp_path):
    other = CausalTransformer(
        StudentSpec(latent_channels=4, dim=32, ffn_dim=64, heads=2, layers=2, text_dim=8)
    )
    torch.save(other.state_dict(), tmp_path / "model.pt")
    with pytest.raises(BadWeights, match=r"has shape .* expected"):
        load_student(CausalTransformer(SPEC), tmp_path / "model.pt")


class Hostile:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("content", [b"hello", b"", b"<html>not found</html>", b"version https://git-lfs"])
def test_something_else_under_the_name_of_a_checkpoint(tmp_path, content):
    (tmp_path / "student.pt").write_bytes(content)
    with pytest.raises(BadWeights, match=r"not a whole checkpoint|refused"):
        load_tensors(tmp_path / "student.pt")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")  # torch, before it refuses
@pytest.mark.parametrize("wrap", [pickle.dumps, None])
def test_a_pickle_with_code_runs_nothing(tmp_path, wrap):
    path, trace = tmp_path / "model.pt", tmp_path / "it-ran"
    if wrap:
        path.write_bytes(wrap({"generator": Hostile(trace)}))
    else:
        torch.save({"generator": Hostile(trace)}, path)
    with pytest.raises(BadWeights, match="refused"):
        load_student(CausalTransformer(SPEC), path)
    assert not trace.exists()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("kept", [0.0, 0.4, 0.98])
def test_truncated(tmp_path, weights, suffix, kept):
    path = tmp_path / f"model{suffix}"
    (torch.save if suffix == ".pt" else save_file)(weights, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(BadWeights, match=r"model\."):
        load_student(CausalTransformer(SPEC), path)


def test_wrong_places(tmp_path):
    for path in (tmp_path, tmp_path / "none.pt", tmp_path / "notes.txt"):
        with pytest.raises(BadWeights, match="expected"):
            load_student(CausalTransformer(SPEC), path)
    torch.save({"epoch": 3, "lr": 0.1}, tmp_path / "other.pt")
    with pytest.raises(BadWeights, match="found epoch, lr"):
        load_student(CausalTransformer(SPEC), tmp_path / "other.pt")
