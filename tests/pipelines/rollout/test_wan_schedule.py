"""The noise levels that published students were distilled at, to the last digit of fp32."""

import pytest
import torch

from flowbrush.models.cards.registry import CARDS
from flowbrush.models.cards.spec import RolloutSpec
from flowbrush.models.schedule import level_table, nearest_level, noise_steps, warped_timesteps


@pytest.mark.parametrize(
    ("shift", "steps", "expected"),
    [
        (5.0, [1000, 750, 500, 250], [1000, 937.5, 833.33331, 625]),
        (8.0, [1000, 750, 500, 250], [1000, 960, 888.88892, 727.27277]),
        (5.0, [1000, 800, 600, 400, 200], [1000, 952.38104, 882.35291, 769.23077, 555.55560]),
    ],
)
def test_warped_timesteps(shift, steps, expected):
    made = torch.tensor(warped_timesteps(steps, shift), dtype=torch.float32)
    assert torch.equal(made, torch.tensor(expected, dtype=torch.float32))


def test_table_ends_above_zero():
    assert float(level_table(5.0)[-1]) == pytest.approx(0.0049801, abs=1e-7)
    assert float(level_table(8.0)[-1]) == pytest.approx(0.0079444, abs=1e-7)
    assert len(level_table(5.0)) == 1000


def test_a_step_between_the_entries_takes_the_nearest():
    table = 1000 * level_table(8.0)
    for step in (1000, 757, 522):
        assert abs(1000 * nearest_level(step, 8.0) - step) == pytest.approx(
            float((table - step).abs().min()), abs=1e-4
        )


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.rollout.step_list])
def test_steps_of_the_cards(name):
    rollout = CARDS[name].rollout
    steps = noise_steps(rollout, CARDS[name].steps)
    assert len(steps) == len(rollout.step_list) and steps[0].level == 1
    for step, listed in zip(steps, rollout.step_list, strict=True):
        assert abs(step.timestep / 1000 - step.level) < 1e-3 or step.timestep == 0
        assert rollout.warp or step.timestep == listed


def test_another_number_of_steps():
    rollout = RolloutSpec((1000, 750, 500, 250), shift=5.0)
    assert [round(step.timestep, 1) for step in noise_steps(rollout, 3)] == [1000, 909.2, 714.0]
    with pytest.raises(ValueError, match="at least 1"):
        noise_steps(rollout, 0)


def test_a_list_that_ends_in_0_ends_at_the_lowest_level():
    rollout = RolloutSpec((1000, 750, 500, 250, 0), shift=5.0)
    five, four = noise_steps(rollout, 5), noise_steps(rollout, 4)
    assert [round(step.timestep, 2) for step in five] == [1000, 937.5, 833.33, 625, 0]
    assert [round(step.timestep, 2) for step in four] == [1000, 908.84, 713.98, 0]
    assert five[-1].level == four[-1].level == pytest.approx(0.0049801, abs=1e-7)
    assert [step.timestep for step in noise_steps(rollout, 1)] == [1000]


def test_pocket_has_even_levels():
    assert [step.level for step in noise_steps(RolloutSpec(), 4)] == [1.0, 0.75, 0.5, 0.25]
