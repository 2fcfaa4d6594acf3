"""The stage `keyframes`: a closed form that is nearly there, an optimiser that goes on from it, a context that has it."""

from __future__ import annotations

import pytest
import torch
from tiny_training import RECIPE, Tiny, need_font, same

from flowbrush.models.cards.spec import KeyframesSpec
from flowbrush.models.keyframes import Keyframes
from flowbrush.training.distributed import join
from flowbrush.training.keyframe_data import catalogue, render
from flowbrush.training.keyframes import fit
from flowbrush.training.run import Run
from flowbrush.training.stages.base import Context
from flowbrush.training.world import lexicon

need_font()
SMALL = KeyframesSpec(
    edge=56,
    thing_channels=40,
    variants=1,
    sizes=((128, 80),),
    margin=(32, 24),
    scene_details=700,
    scene_fine=40,
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    base = tmp_path_factory.mktemp("keyframes")
    (base / "tiny.toml").write_text(RECIPE)
    made = Tiny(base / "run", base / "tiny.toml")
    assert made("keyframes") == 0
    return made


def test_the_catalogue_is_the_worlds() -> None:
    things = catalogue()
    homes = dict(zip(things.things, things.homes, strict=True))
    assert things.things == tuple(noun.name for noun in lexicon.CORE + lexicon.EXTRA)
    assert things.scenes == tuple(lexicon.SCENES)
    assert [homes[name] for name in ("dog", "butterfly", "fish", "sailboat", "fire")] == [
        "ground", "air", "water", "afloat", "ground"
    ]  # fmt: skip


def test_the_closed_form_shows_things_and_scenes() -> None:
    data, keyframes = render(SMALL), Keyframes(SMALL, catalogue())
    fit(keyframes, data)
    wanted = data.sprites[:20].float() / 255
    made = keyframes.sprites(catalogue().things[:20])
    assert -10 * (made - wanted).square().mean().log10() > 24
    solid, seen = wanted[:, 3] > 0.5, made[:, 3] > 0.5
    assert float((solid & seen).sum() / (solid | seen).sum()) > 0.97
    for number, name in enumerate(lexicon.SCENES):
        drop = keyframes.backdrop(name, 0, SMALL.sizes[0])
        assert -10 * (drop.picture - data.scenes[0][number].float() / 255).square().mean().log10() > 27
        assert 0 < drop.ground.level < 1.1


def state(tiny: Tiny) -> dict:
    """What was saved; what there is not in a scene is a number, and equal to itself."""
    saved = tiny.state("keyframes")
    return {**saved, "buffers": {name: value.nan_to_num(-9) for name, value in saved["buffers"].items()}}


def test_resuming_gives_what_an_uninterrupted_run_gives(tiny: Tiny, tmp_path) -> None:
    again = Tiny(tmp_path / "run", tiny.config)
    assert again("keyframes", "--steps", "1") == 0
    assert not same(state(again), state(tiny))
    assert again("keyframes", "--steps", "2") == 0
    assert same(state(again), state(tiny))


def test_what_the_stage_made_is_what_later_stages_get(tiny: Tiny) -> None:
    context = Context(tiny.recipe, Run(tiny.folder), join(torch.device("cpu")), torch.float32)
    keyframes = context.keyframes
    assert keyframes is not None
    averages = tiny.state("keyframes")["optimisers"]["keyframes"]["averages"]
    assert torch.equal(keyframes.thing_codes, averages["thing_codes"])
    assert keyframes.thing.basis.abs().sum() > 0 and keyframes.facts.isfinite().any()
    assert (tiny.folder / "sheets" / "keyframes_000002.png").is_file()
