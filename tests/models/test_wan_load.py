"""Which files of a folder become which part of a model."""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path

import pytest

from flowbrush.models.cards.registry import CARDS
from flowbrush.models.device import choose
from flowbrush.models.loading.checkpoint import BadWeights
from flowbrush.models.loading.hub import PullError, pull
from flowbrush.models.loading.load import load_model
from flowbrush.models.wan.load import find, find_adapter


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
