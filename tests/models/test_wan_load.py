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
from flowbrush.models.wan.load import find_adapter


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
