"""Every stage runs, resumes to what it would have been, and the end is a file that the pipeline loads."""

from __future__ import annotations

import json
import os
import shutil
import signal

import pytest
import torch
from PIL import Image
from tiny_training import RECIPE, Tiny, need_font, one_core, same

from flowbrush.models.device import Placement
from flowbrush.models.pocket import load_pocket
from flowbrush.models.transformer import CausalTransformer
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.training.distributed import join
from flowbrush.training.run import Run
from flowbrush.training.stages.base import Context
from flowbrush.training.stages.forcing import ForcingStage
from flowbrush.training.stages.rollout import RolloutStage

need_font()
REACHED = {
    "patch_embedding.weight",
    "text_embedding.0.weight",
    "time_embedding.0.weight",
    "blocks.0.self_attn.q.weight",
    "blocks.0.cross_attn.k.weight",
    "blocks.0.ffn.0.weight",
    "shell.stem.weight",
}
LEARNING = ("text", "keyframes", "segmenter", "inpainter", "forcing", "rollout", "teacher", "distill")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    """All stages, uninterrupted."""
    with pytest.MonkeyPatch.context() as patch:
        one_core(patch)
        base = tmp_path_factory.mktemp("training")
        (base / "tiny.toml").write_text(RECIPE)
        tiny = Tiny(base / "run", base / "tiny.toml")
        assert tiny("codec") == 0 and tiny("light") == 0
        tiny.fill_pool()
        for stage in LEARNING:
            assert tiny(stage) == 0
        yield tiny


def copy_of(tiny: Tiny, folder) -> Tiny:
    shutil.copytree(tiny.folder, folder)
    return Tiny(folder, tiny.config)


@pytest.mark.parametrize("stage", LEARNING)
def test_resuming_gives_what_an_uninterrupted_run_gives(
    trained: Tiny, tmp_path, stage: str, monkeypatch
) -> None:
    one_core(monkeypatch)
    again = copy_of(trained, tmp_path / "run")
    assert again(stage, "--fresh", "--steps", "1") == 0
    half = again.state(stage)
    assert half["step"] == 1 and not same(half, trained.state(stage))
    assert again(stage, "--steps", "2") == 0
    assert same(again.state(stage), trained.state(stage))


@pytest.mark.parametrize("stage", ["forcing", "rollout", "teacher", "distill"])
def test_a_stage_moves_its_weights(trained: Tiny, stage: str) -> None:
    state = trained.state(stage)["optimisers"]["teacher" if stage == "teacher" else "student"]
    assert state["steps"] == 2
    changed = {name for name, value in state["first"].items() if value.abs().max() > 0}
    assert (
        changed >= REACHED if stage != "forcing" else "shell.out.weight" in changed
    )  # its last layer begins at zero
    assert all(value.isfinite().all() for value in state["masters"].values())


@pytest.mark.parametrize(
    ("stage", "earlier"), [("rollout", "forcing"), ("teacher", "forcing"), ("distill", "rollout")]
)
def test_a_stage_starts_from_the_student_before(trained: Tiny, stage: str, earlier: str) -> None:
    part = "teacher" if stage == "teacher" else "student"
    before = trained.state(earlier)["optimisers"]["student"]["averages"]
    after = trained.state(stage)["optimisers"][part]["masters"]
    torch.manual_seed(0)
    other = CausalTransformer(trained.recipe.card.student).state_dict()

    def apart(a: dict, b: dict) -> float:
        return sum(float((a[n] - b[n]).abs().sum()) for n in a if a[n].shape == b[n].shape)

    assert apart(before, after) < 0.5 * apart(other, after)


def test_roll_outs_go_on_from_a_true_past(trained: Tiny) -> None:
    """Whose beginning is pulled to the one that came, whose phase it cannot know, begins no motion at all."""
    run, alone = Run(trained.folder, writes=False), join(torch.device("cpu"))
    stages = [
        kind(Context(trained.recipe, run, alone, torch.float32)) for kind in (RolloutStage, ForcingStage)
    ]
    rolled, forced = ([min(stage.draws(step)[0].starts) for step in range(12)] for stage in stages)
    assert min(rolled) > 0 and min(forced) == 0


def test_losses_and_contact_sheets_are_kept(trained: Tiny) -> None:
    lines = [json.loads(line) for line in (trained.folder / "losses.jsonl").read_text().splitlines()]
    assert {line["stage"] for line in lines} == set(LEARNING)
    assert all(line["step"] in (1, 2) for line in lines)
    for stage in ("keyframes", "forcing", "rollout", "distill"):
        with Image.open(trained.folder / "sheets" / f"{stage}_000002.png") as sheet:
            colours = sheet.convert("RGB").getcolors(1 << 24)
        assert colours is not None and len(colours) > 100


def test_a_finished_stage_is_left_alone(trained: Tiny) -> None:
    written = (trained.folder / "forcing" / "checkpoint.pt").stat().st_mtime_ns
    assert trained("forcing") == 0
    assert (trained.folder / "forcing" / "checkpoint.pt").stat().st_mtime_ns == written


def test_the_exported_file_is_loaded_by_the_pipeline(trained: Tiny, tmp_path) -> None:
    out = tmp_path / "weights" / "pocket.safetensors"
    assert trained("export", "--out", str(out)) == 0
    place = Placement(torch.device("cpu"), torch.float32, "test")
    model = load_pocket(trained.recipe.card, place, path=out)
    averages = trained.state("distill")["optimisers"]["student"]["averages"]
    for name, value in model.student.named_parameters():
        assert torch.equal(value, averages[name].to(torch.bfloat16).float())
    assert "puppy" in model.text.vocabulary
    assert model.segmenter is not None and model.inpainter is not None
    card = (out.parent / "MODEL_CARD.md").read_text()
    assert "| distill | 2 |" in card and "after the stage `distill`" in card


def test_the_exported_file_plays(trained: Tiny, tmp_path) -> None:
    out = tmp_path / "pocket.safetensors"
    assert trained("export", "--out", str(out)) == 0
    card = trained.recipe.card
    generator = Generator.load(card, weights=out, device="cpu", dtype="fp32")
    state = generator.start(StreamSettings(card.name, (("a dog in the meadow", 1.0),), 192, 320, card.fps))
    assert generator.step([state], [()])[0].frames.shape == (4, 320, 192, 3)


def test_ctrl_c_saves_and_says_how_to_go_on(trained: Tiny, tmp_path, monkeypatch, capsys) -> None:
    tiny = copy_of(trained, tmp_path / "run")
    update = ForcingStage.update

    def interrupted(self, step: int, progress: float) -> dict[str, float]:
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return update(self, step, progress)

    monkeypatch.setattr(ForcingStage, "update", interrupted)
    before = signal.getsignal(signal.SIGINT)
    assert tiny("forcing", "--fresh", "--steps", "5") == 130
    assert "interrupted after step 2" in capsys.readouterr().err
    assert tiny.state("forcing")["step"] == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_a_stage_without_its_predecessor_says_what_to_run(tmp_path, capsys) -> None:
    (tmp_path / "tiny.toml").write_text(RECIPE)
    tiny = Tiny(tmp_path / "run", tmp_path / "tiny.toml")
    assert tiny("rollout") == 2
    assert "run the stage `forcing` first" in capsys.readouterr().err
    assert tiny("export") == 2


def test_a_broken_checkpoint_is_named(trained: Tiny, tmp_path, capsys) -> None:
    tiny = copy_of(trained, tmp_path / "run")
    (tiny.folder / "forcing" / "checkpoint.pt").write_bytes(b"half a file")
    assert tiny("rollout", "--fresh") == 2
    assert "--fresh" in capsys.readouterr().err


def test_another_codec_makes_the_pool_stale(trained: Tiny, tmp_path, capsys) -> None:
    tiny = copy_of(trained, tmp_path / "run")
    state = tiny.state("codec")
    state["components"]["basis"] += 0.01
    torch.save(state, tiny.folder / "codec" / "checkpoint.pt")
    assert tiny("forcing", "--fresh") == 2
    assert "another codec" in capsys.readouterr().err


@pytest.mark.slow
def test_all_runs_every_stage_with_processes_and_a_font_by_path(tmp_path, capsys) -> None:
    """The one command, with rendering processes, forked fitting and loaders as on a large machine."""
    from flowbrush.training.world.sprites import find_font

    (tmp_path / "tiny.toml").write_text(
        RECIPE.replace("seed = 3", "seed = 3\nloaders = 1").replace("workers = 1", "workers = 2")
    )
    tiny = Tiny(tmp_path / "run", tmp_path / "tiny.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FLOWBRUSH_EMOJI_FONT", raising=False)
        patch.setenv("FLOWBRUSH_EMOJI_FONT", str(find_font()))
        assert tiny("all", "--font", str(find_font())) == 0
    assert (tiny.folder / "pocket.safetensors").is_file()
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines()[1:]] == [
        "codec", "light", "text", "keyframes", "segmenter", "inpainter", "pool", "forcing", "rollout", "teacher",
        "distill", "export",
    ]  # fmt: skip
