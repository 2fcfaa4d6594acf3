"""Recipes: the ones that come along are sound, and mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.registry import card
from training.__main__ import main
from training.config import parse_recipe, read_recipe, teacher_spec
from training.tables import BadConfig

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
WHOLE = {
    stage: {"steps": 1}
    for stage in (
        "codec",
        "text",
        "keyframes",
        "opener",
        "cutter",
        "inpainter",
        "forcing",
        "rollout",
        "teacher",
        "distill",
    )
}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_recipes_that_come_along_train_the_served_model(path: Path) -> None:
    recipe = read_recipe(path)
    served = card("pocket")
    assert recipe.name == path.stem
    assert (recipe.card.student, recipe.card.codec, recipe.card.text) == (
        served.student,
        served.codec,
        served.text,
    )
    assert (recipe.card.width, recipe.card.height) == (served.width, served.height)
    assert recipe.rollout.levels == served.steps


def test_the_teacher_is_the_student_with_one_chunk() -> None:
    recipe = parse_recipe({**WHOLE, "teacher": {"steps": 1, "frames": 32, "network": {"layers": 8}}}, "r")
    spec = teacher_spec(recipe)
    assert (spec.chunk, spec.layers) == (8, 8)
    assert spec.dim == recipe.card.student.dim


def test_a_smaller_picture_has_a_smaller_grid() -> None:
    recipe = parse_recipe({**WHOLE, "model": {"width": 192, "height": 128}}, "r")
    assert recipe.card.student.position_grid == (4, 6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"forcing": {}}, "`steps` or `minutes`"),
        ({"forcing": {"steps": 1, "batchs": 3}}, "unknown setting forcing.batchs"),
        ({"forcing": {"steps": "many"}}, "forcing.steps is 'many': expected int"),
        ({"forcing": {"steps": True}}, "expected int"),
        ({"forcing": {"steps": 1, "frames": 7}}, "multiple of 4"),
        ({"forcing": {"steps": 1, "frames": 64}}, "clips have 48"),
        ({"rollout": {"steps": 1, "frames": []}}, "expected multiples of 4"),
        ({"rollout": {"steps": 1, "frames": 16}}, "expected a list"),
        ({"codec": {"steps": 1, "crop": [96]}}, "[height, width]"),
        ({"distill": {"steps": 1, "text_weight": 0.0, "motion_weight": 0.0}}, "nor both 0"),
        ({"text": {"steps": 1, "rate": 2.0}}, "rate is 2.0"),
        ({"model": {"width": 100}}, "multiple of 32"),
        ({"model": {"student": {"dim": 30}}}, "dim 30 is not a multiple of heads 4"),
        ({"stages": ["codec", "bake"]}, "bake unknown"),
        ({"colour": "red"}, "unknown setting colour"),
        ({"pool": 3}, "expected a table [pool]"),
    ],
)
def test_mistakes_are_named(change: dict, said: str) -> None:
    with pytest.raises(BadConfig) as caught:
        parse_recipe({**WHOLE, **change}, "r")
    assert said in str(caught.value)


def test_the_command_says_what_is_wrong_and_makes_no_folder(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["forcing", "--config", "nothing.toml"]) == 2
    assert "nothing.toml cannot be read" in capsys.readouterr().err
    (tmp_path / "broken.toml").write_text("[forcing\n")
    assert main(["forcing", "--config", "broken.toml"]) == 2
    assert "is not TOML" in capsys.readouterr().err
    (tmp_path / "good.toml").write_text("".join(f"[{stage}]\nsteps = 1\n" for stage in WHOLE))
    for wrong in (["all", "--steps", "3"], ["forcing", "--steps", "0"], ["codec", "--out", "x"]):
        assert main([wrong[0], "--config", "good.toml", *wrong[1:]]) == 2
    assert not (tmp_path / "runs").exists()
