"""Every published student against its publisher's own inference code: the same latents, chunk by chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from golden_data import CLOSE, difference, opened, regenerated, text_rows
from torch import Tensor, nn

from flowbrush.controls import Prompt, PromptSet, Transition
from flowbrush.models.attention import backend
from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.registry import card
from flowbrush.models.cards.spec import Umt5Spec
from flowbrush.models.device import choose
from flowbrush.models.schedule import chunk_noise
from flowbrush.models.transformer import CausalTransformer
from flowbrush.models.wan.checkpoint import load_student
from flowbrush.models.wan.load import WanModel, anchored
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import StreamSettings

STUDENTS = ("self-forcing", "longlive", "reward-forcing", "rolling-forcing", "causvid", "krea")
CASES = [(name, case["name"]) for name in STUDENTS for case in opened(name)[0]["cases"]]


class Words(nn.Module):
    """Stands for the text encoder."""

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.length, self.width = length, width

    def left_out(self, text: str) -> list[str]:
        return []

    def remarks(self, text: str) -> list[str]:
        return []

    def unknown(self, text: str) -> dict[str, str]:
        return {}

    def forward(self, prompts: Sequence[str]) -> Tensor:
        return torch.stack([text_rows(prompt, self.length, self.width) for prompt in prompts])


class Repeated(nn.Module):
    """Stands for the autoencoder, without loss: a latent frame is shown four times, in all its channels."""

    def stream(self, latents: Tensor, states: Sequence[Any]) -> tuple[Tensor, list[Any]]:
        return latents.repeat_interleave(4, 2), [(latents[row, :1, :1, 0],) for row in range(len(latents))]

    def encode_still(self, pictures: Tensor) -> Tensor:
        return pictures


@pytest.fixture(scope="session")
def student_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoints, and the adapter, in the published layout."""
    files = {}
    for name in STUDENTS:
        about, _ = opened(name)
        folder = tmp_path_factory.mktemp(name)
        torch.save({about["weights"]["container"]: regenerated(about["weights"])}, folder / "student.pt")
        if about.get("lora"):
            torch.save({about["lora"]["container"]: regenerated(about["lora"])}, folder / "lora.pt")
        files[name] = folder
    return files


def golden_card(about: dict[str, Any], case: dict[str, Any]) -> ModelCard:
    """The project's card at the golden file's size, with the publisher's settings of one case."""
    real, size, changes = card(about["card"]), about["size"], case.get("card", {})
    shape = {key: size[key] for key in ("dim", "ffn_dim", "heads", "layers", "text_dim")}
    steps = changes.get("steps", real.steps)
    return replace(
        real,
        student=replace(real.student, **shape, **changes.get("student", {})),
        rollout=replace(real.rollout, **changes.get("rollout", {})),
        width=size["columns"] * real.codec.stride,
        height=size["rows"] * real.codec.stride,
        text=Umt5Spec(dim=size["text_dim"], length=size["text_length"]),
        steps=steps,
        start_steps=steps,
    )


def generator_of(model_card: ModelCard, folder: Path, lora: bool) -> Generator:
    place = choose("cpu", "fp32")
    with torch.device("meta"):
        student = CausalTransformer(model_card.student, backend("sdpa", place.device))
    load_student(student, folder / "student.pt", folder / "lora.pt" if lora else None)
    assert isinstance(model_card.text, Umt5Spec)
    words = Words(model_card.text.length, model_card.text.dim)
    codec = anchored(Repeated(), model_card)  # type: ignore[arg-type]
    return Generator(model_card, WanModel(student, codec, words).ready(), place, 1)  # type: ignore[arg-type]


def changed_prompts(case: dict[str, Any]) -> dict[int, PromptSet]:
    """Prompt changes by the chunk that they come into force in."""
    return {
        change["chunk"]: PromptSet(
            prompts=(Prompt(text=change["prompt"]),),
            transition=Transition(chunks=change["chunks"]) if "chunks" in change else None,
        )
        for change in case.get("changes") or ()
    }


@pytest.mark.parametrize(("name", "case_name"), CASES)
def test_latents_are_the_publishers(name: str, case_name: str, student_files: dict[str, Path]) -> None:
    about, golden = opened(name)
    case = next(each for each in about["cases"] if each["name"] == case_name)
    model_card = golden_card(about, case)
    generator = generator_of(model_card, student_files[name], case.get("lora", False))
    prompts = ((case["prompt"], 1.0),)
    state = generator.start(
        StreamSettings(
            model_card.name,
            prompts,
            model_card.width,
            model_card.height,
            model_card.fps,
            seed=about["noise"]["seed"],
        )
    )
    changes = changed_prompts(case)
    worst = []
    for chunk in range(case["chunks"]):
        generator.step([state], [[changes[chunk]] if chunk in changes else []])
        assert state.latents is not None
        worst.append(difference(golden[case_name][chunk], state.latents))
    assert max(worst) < CLOSE, f"first at chunk {next(i for i, value in enumerate(worst) if value >= CLOSE)}"


@pytest.mark.parametrize("name", STUDENTS)
def test_noise_is_that_of_the_golden_files(name: str) -> None:
    rule = opened(name)[0]["noise"]
    for chunk, draw in ((0, 0), (rule["chunks"] - 1, rule["draws"] - 1)):
        key = f"{rule['seed']}:{chunk}:{draw}"
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        generator = torch.Generator("cpu").manual_seed(int.from_bytes(digest, "little") >> 1)
        expected = torch.randn(tuple(rule["shape"]), generator=generator)
        assert torch.equal(chunk_noise(rule["seed"], chunk, draw, tuple(rule["shape"])), expected)
