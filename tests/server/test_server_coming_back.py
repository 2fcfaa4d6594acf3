"""Clients that come, go and say something: what is known of them, and what waits for them no longer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from session_harness import CAN, FPS, FRAMES, Harness, said

from flowbrush.protocol import Prompt, PromptSet
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.phases import Phase
from flowbrush.server.sessions.session import Terms


def test_who_comes_back_with_all_there_is_gets_more_before_it_says_what_it_shows(tmp_path: Path) -> None:
    """It may say so no sooner than another frame comes: two seconds ahead of what it said last is where it waits for ever."""
    it = Harness(tmp_path)
    it.open()
    it.tell(on.Reported(0.0))
    for _ in range(2 * FPS // FRAMES):
        it.chunk()
    due = it.session.due(9.0)
    assert due is not None and math.isinf(due)
    it.tell(on.Detached(), 9.0)
    it.tell(on.Attached(2 * FPS), 10.0)
    due = it.session.due(10.0)
    assert due is not None and due <= 10.0


def test_who_goes_while_a_rewind_waits_for_a_picture_has_it_carried_out(tmp_path: Path) -> None:
    """Nobody sees the picture that it waited for."""
    it = Harness(tmp_path)
    it.open()
    for _ in range(4):
        it.chunk()
    it.tell(on.RewindAsked(2))
    it.tell(on.Turn())
    assert it.tell(on.RewindAsked(1)) == []
    assert said(it.tell(on.Detached()), "session.rewound")


def test_a_stream_that_starts_over_keeps_its_seed_unless_another_is_given(tmp_path: Path) -> None:
    it = Harness(tmp_path)
    it.open()
    seed = it.session.settings.seed
    for given, then, saved in ((None, seed, False), (seed, seed, False), (seed + 1, seed + 1, True)):
        effects = it.tell(on.ResetAsked(seed=given))
        assert it.session.settings.seed == then and (do.SaveSettings() in effects) == saved


@pytest.mark.parametrize(
    "event",
    [
        on.Given(PromptSet(prompts=(Prompt(text="a fox"),)), CAN),
        on.PauseAsked(),
        on.StepAsked(1),
        on.RewindAsked(0),
        on.ResetAsked(),
        on.ProbeAsked((0.5, 0.5)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_who_asks_for_anything_is_not_idle(tmp_path: Path, event: Any) -> None:
    it = Harness(tmp_path, terms=Terms(idle_s=600))
    it.open()
    it.chunk()
    it.tell(on.PauseAsked())
    it.tell(event, 500.0)
    if it.session.pace.due(0.0, 500.0) is not None:  # a step
        it.chunk(now=500.0)
    it.tell(on.Tick(waiting=0), 1000.0)
    assert it.session.phase is not Phase.DONE
    it.tell(on.Tick(waiting=0), 1200.0)
    assert it.session.phase is Phase.DONE
