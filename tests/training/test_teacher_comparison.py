"""The student compared with a teacher: who is who, and what is no teacher."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from flowbrush.models.pocket import PocketModel
from flowbrush.pipelines.generator import Generator
from flowbrush.training.evaluate import main
from flowbrush.training.evaluation import teacher_comparison
from flowbrush.training.evaluation.teacher_comparison import TeacherComparison, load_teacher
from flowbrush.training.world.sprites import MissingFont, find_font


@pytest.fixture(scope="module")
def model() -> PocketModel:
    loaded = Generator.load("pocket", seats=1).model
    assert isinstance(loaded, PocketModel)
    return loaded


@pytest.fixture(scope="module")
def checkpoint(model: PocketModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The student's weights as a teacher of stretches of two latent frames."""
    averages = {name: value.detach().clone() for name, value in model.student.named_parameters()}
    path = tmp_path_factory.mktemp("teacher") / "checkpoint.pt"
    torch.save({"optimisers": {"teacher": {"averages": averages}}, "latent_frames": 2, "step": 1}, path)
    return path


def test_a_checkpoint_is_read_with_its_stretch(model: PocketModel, checkpoint: Path, tmp_path: Path) -> None:
    teacher = load_teacher(checkpoint, model.student.spec)
    assert teacher.spec.chunk == 2
    own = dict(model.student.named_parameters())
    assert all(torch.equal(value, own[name]) for name, value in teacher.named_parameters())
    alone = tmp_path / "averages.pt"
    torch.save(torch.load(checkpoint, weights_only=True)["optimisers"]["teacher"], alone)
    assert load_teacher(alone, model.student.spec).spec.chunk == 6, "what a recipe has that says nothing"


def test_what_is_no_teacher_is_named(model: PocketModel, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        load_teacher(tmp_path / "none.pt", model.student.spec)
    text = tmp_path / "text.pt"
    text.write_text("not weights")
    with pytest.raises(ValueError, match="no checkpoint of a teacher") as refused:
        load_teacher(text, model.student.spec)
    assert "\n" not in str(refused.value) and "weights_only" not in str(refused.value)
    torch.save({"step": 3}, text)
    with pytest.raises(ValueError, match="no checkpoint of a teacher"):
        load_teacher(text, model.student.spec)
    torch.save({"averages": {"patch_embedding.weight": torch.zeros(2)}}, text)
    with pytest.raises(ValueError, match="no teacher of this model's size"):
        load_teacher(text, model.student.spec)


def test_a_teacher_is_judged_by_what_it_says(
    model: PocketModel, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that knows the truth is far ahead, on the very references that the student has."""
    try:
        find_font()
    except MissingFont as error:
        pytest.skip(str(error))
    from flowbrush.models.motion_latent import pack
    from flowbrush.training.pool import motion_of

    comparison = TeacherComparison(model, 2, (96, 64), load_teacher(checkpoint, model.student.spec))
    made = comparison.world.make
    clips = []
    monkeypatch.setattr(comparison.world, "make", lambda *given: clips.append(made(*given)) or clips[-1])
    monkeypatch.setattr(
        teacher_comparison,
        "sample",
        lambda network, batch, steps: pack(motion_of(clips[-1], model.light))[None],
    )
    for seed in range(3):
        comparison.clip(seed)
    assert all(len(clip.frames) == 8 for clip in clips), "as long as its stretch"
    found = comparison.report()
    assert set(found) == {"teacher", "student", "student_as_it_says", "bypassed"}
    assert found["teacher"]["live_psnr_db"] > found["student"]["live_psnr_db"] + 3
    assert found["bypassed"]["amplitude"] == 0
    assert found["student"]["amplitude"] > found["student_as_it_says"]["amplitude"]


def test_the_part_wants_a_checkpoint(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--parts", "teacher"])
    assert "give --teacher CHECKPOINT" in capsys.readouterr().err
    assert main(["--parts", "teacher", "--teacher", str(tmp_path / "none.pt")]) == 2
    assert "cannot be read" in capsys.readouterr().err
