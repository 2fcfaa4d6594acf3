"""Files of torch.save that somebody names: what is wrong with one is half a sentence, and nothing in it runs."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from flowbrush.models.loading.plain_pickle import NotPlain, load_plain
from flowbrush.training.run import MissingStage, Run


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.fixture(params=["text", "cut", "code", "code of another protocol"])
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "bad.pt"
    if request.param == "text":
        file.write_text("not weights")
    elif request.param == "cut":
        torch.save({"a": torch.zeros(100)}, file)
        file.write_bytes(file.read_bytes()[:300])
    else:
        protocol = 4 if "another" in request.param else 2
        file.write_bytes(pickle.dumps(Touch(tmp_path / "ran"), protocol=protocol))
    return file


def test_what_is_wrong_is_said_in_half_a_sentence_of_ours(bad: Path, tmp_path: Path) -> None:
    with pytest.raises(NotPlain) as refused:
        load_plain(bad)
    said = str(refused.value)
    assert "\n" not in said and "weights_only" not in said and len(said) < 100
    assert not (tmp_path / "ran").exists()


def test_a_stage_whose_file_is_broken_is_named_in_one_line(bad: Path, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.checkpoint("codec").parent.mkdir(parents=True)
    bad.rename(run.checkpoint("codec"))
    with pytest.raises(MissingStage, match="run `codec` again with --fresh") as refused:
        run.load("codec")
    assert "\n" not in str(refused.value) and "weights_only" not in str(refused.value)


def test_what_was_saved_is_there(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(3)}, tmp_path / "a.pt")
    assert load_plain(tmp_path / "a.pt")["a"].tolist() == [0, 1, 2]
    with pytest.raises(OSError):
        load_plain(tmp_path / "none.pt")
