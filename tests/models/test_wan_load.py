"""Which files of a folder become which part of a model."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path

import pytest

from flowbrush.models.attention import Shape
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.device import choose
from flowbrush.models.loading.checkpoint import BadWeights
from flowbrush.models.loading.hub import PullError, pull
from flowbrush.models.loading.load import load_model
from flowbrush.models.wan.load import find, find_adapter, self_attention


def test_without_the_packages_of_wan_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("flowbrush.models.wan.load", "flowbrush.models.codecs.wan"):
        monkeypatch.delitem(sys.modules, module)
    for package in ("diffusers", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, package, None)
    install = re.escape("pip install 'flowbrush[wan]'")
    with pytest.raises(BadWeights, match=f"diffusers is missing.*{install}"):
        load_model(CARDS["causvid-1.3b"], choose("cpu"))
    with pytest.raises(PullError, match=install):
        pull(CARDS["causvid-1.3b"])


def test_a_missing_adapter_is_said_where_the_model_is_published_with_one(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="longlive-1.3b is published with an adapter"):
        assert find_adapter(CARDS["longlive-1.3b"], tmp_path) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_adapter(CARDS["causvid-1.3b"], tmp_path) is None
        (tmp_path / "lora").mkdir()
        file = tmp_path / "lora" / "lora.pt"
        file.touch()
        assert find_adapter(CARDS["longlive-1.3b"], tmp_path) == file


@pytest.mark.parametrize(
    ("name", "passed", "attended"),
    [
        ("self-forcing-1.3b", 1, 7),
        ("wan-1.3b", 1, 3),
        ("rolling-forcing-1.3b", 5, 7),
        ("krea-14b", 1, 2),
    ],
)
def test_attention_is_chosen_for_what_a_pass_attends_to(name: str, passed: int, attended: int) -> None:
    """In chunks of three latent frames of 30 by 52 tokens: the window before it, its sink, and itself."""
    shape, student = self_attention(CARDS[name]), CARDS[name].student
    chunk = 3 * 30 * 52
    assert shape == Shape(passed * chunk, attended * chunk, student.heads, 128)


def made(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["student.pt", "README.md"], "student.pt"),
        (["student.safetensors", "codec.safetensors"], "student.safetensors"),
        (["student/model.pth", "student/config.json", "student_old.pt"], "student/model.pth"),
        (["student/checkpoints/model.pt"], "student/checkpoints/model.pt"),
        (["student/a-1-of-2.safetensors", "student/a-2-of-2.safetensors"], "student"),
    ],
)
def test_a_part_is_one_file_or_a_folder_of_shards(tmp_path: Path, files: list[str], found: str) -> None:
    made(tmp_path, *files)
    assert find(tmp_path, "student") == tmp_path / found


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            ["student/a.pt", "student/b.pt"],
            "more than one file could be the student in .*: a.pt, b.pt; leave one",
        ),
        (["student/a.safetensors", "student/b.pt"], "more than one file could be the student"),
        (["student.pt", "student.safetensors"], "more than one file could be the student"),
        (["student_a.safetensors", "student_b.safetensors"], "more than one file could be the student"),
        (
            ["codec.pt", "student.txt"],
            r"no student in .*: expected one file in student/ or student\.safetensors",
        ),
    ],
)
def test_a_part_that_is_several_or_none_is_named(tmp_path: Path, files: list[str], said: str) -> None:
    made(tmp_path, *files)
    with pytest.raises(BadWeights, match=said):
        find(tmp_path, "student")
