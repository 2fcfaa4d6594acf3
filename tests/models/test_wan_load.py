"""Which files of a folder become which part of a model."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from flowbrush.models.registry import CARDS
from flowbrush.models.wan.load import find_adapter


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
