"""When the past is worked out again under a new prompt; what it then is, `test_wan_generator.py` looks at."""

from __future__ import annotations

from flowbrush.controls import Prompt, PromptSet, Transition
from flowbrush.pipelines.conditions.controls import ControlState, fold, initial_state
from flowbrush.pipelines.rollout.recache import is_due


def due(controls: dict[int, PromptSet], chunks: int = 6) -> list[int]:
    """The chunks before which it is."""
    state: ControlState = initial_state((("a fox", 1.0),), ())
    found = []
    for chunk in range(chunks):
        given = [controls[chunk]] if chunk in controls else []
        after, plan = fold(state, given, chunk * 12, 12, 16.0, 0.5)
        found += [chunk] if is_due(state, plan) else []
        state = after
    return found


def prompt(text: str, transition: Transition | None = None) -> PromptSet:
    return PromptSet(prompts=(Prompt(text=text),), transition=transition)


def test_it_is_due_with_a_new_prompt_and_not_with_the_same_one() -> None:
    assert due({}) == []
    assert due({2: prompt("a boat")}) == [2]
    assert due({2: prompt("a fox")}) == []


def test_of_a_transition_it_is_due_once_when_the_new_prompt_is_alone() -> None:
    assert due({1: prompt("a boat", Transition(chunks=3))}) == [3]
    both = {1: prompt("a boat", Transition(chunks=4)), 3: prompt("a car")}
    assert due(both) == [3], "another one that cuts the transition short"
