"""Checkpoints of every layout that is about; and files that are broken, hostile or of another model."""

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from models.checkpoint import BadWeights
from models.registry import CARDS
from models.spec import StudentSpec
from models.transformer import CausalTransformer
from models.wan.checkpoint import load_student, load_tensors
from models.wan.names import to_diffusers

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


@pytest.mark.parametrize("style", ["peft", "kohya", "comfy", "diffusers"])
def test_lora(tmp_path, weights, style):
    torch.save({"generator": wrapped(weights, "model.")}, tmp_path / "base.pt")
    lora, merged = adapters(weights, style)
    torch.save({"generator_lora": lora, "step": 3} if style == "peft" else lora, tmp_path / "lora.pt")
    check(tmp_path / "base.pt", merged, tmp_path / "lora.pt")


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
