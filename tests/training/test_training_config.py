"""Recipes: the ones that come along are sound, and mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbrush.models.cards.registry import card
from flowbrush.models.motion_channels import LIGHT, condition_channels
from flowbrush.training.__main__ import main
from flowbrush.training.config import parse_recipe, read_recipe
from flowbrush.training.tables import BadConfig
from flowbrush.training.world.sprites import FONT_VARIABLE

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
WHOLE = {
    stage: {"steps": 1}
    for stage in (
        "text",
        "keyframes",
        "segmenter",
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
    assert recipe.card == served
    assert recipe.rollout.levels == served.steps


def test_the_student_has_the_channels_of_its_codecs() -> None:
    table = {"codec": {"channels": 12}, "light": {"channels": 6}}
    student = parse_recipe({**WHOLE, "model": table}, "r").card.student
    assert student.latent_channels == LIGHT + 6
    assert student.condition_channels == condition_channels(12, LIGHT + 6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"forcing": {}}, "`steps` or `minutes`"),
        ({"forcing": {"steps": 1, "batchs": 3}}, "unknown setting forcing.batchs"),
        ({"forcing": {"steps": "many"}}, "forcing.steps is 'many': expected int"),
        ({"forcing": {"steps": True}}, "expected int"),
        ({"forcing": {"steps": 1, "latent_frames": 1}}, "8 or more"),
        ({"forcing": {"steps": 1, "latent_frames": 16}}, "clips have 48"),
        ({"pool": {"frames": 10}}, "a multiple of 4"),
        ({"rollout": {"steps": 1, "crop": [8]}}, "[rows, columns]"),
        ({"rollout": {"steps": 1, "crop": 16}}, "expected a list"),
        ({"codec": {"clips": 0}}, "expected 1 or more"),
        ({"distill": {"steps": 1, "objective": "hope"}}, "'matching' or 'consistency'"),
        ({"text": {"steps": 1, "rate": 2.0}}, "rate is 2.0"),
        ({"model": {"width": 100}}, "unknown setting model.width"),
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
    monkeypatch.setenv(FONT_VARIABLE, "")  # so that what --font sets goes with this test
    assert main(["forcing", "--config", "nothing.toml"]) == 2
    assert "nothing.toml cannot be read" in capsys.readouterr().err
    (tmp_path / "broken.toml").write_text("[forcing\n")
    assert main(["forcing", "--config", "broken.toml"]) == 2
    assert "is not TOML" in capsys.readouterr().err
    (tmp_path / "good.toml").write_text("".join(f"[{stage}]\nsteps = 1\n" for stage in WHOLE))
    (tmp_path / "file").write_text("no folder, and no font")
    for wrong in (
        ["all", "--steps", "3"],
        ["forcing", "--steps", "0"],
        ["forcing", "--minutes", "nan"],
        ["forcing", "--minutes", "inf"],
        ["codec", "--out", "x"],
        ["codec", "--run", "file"],
        ["codec", "--run", "file/in"],
        ["codec", "--run", "run", "--font", "file"],
    ):
        assert main([wrong[0], "--config", "good.toml", *wrong[1:]]) == 2
        assert capsys.readouterr().err.startswith("flowbrush train: ")
    assert not (tmp_path / "runs").exists()
