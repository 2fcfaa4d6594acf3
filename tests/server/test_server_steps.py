"""`session.step` is answered, whatever comes before its chunks are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from session_harness import Harness, said

from flowbrush.server.sessions import events as on


@pytest.mark.parametrize(
    "command",
    [on.PauseAsked(8), on.ResumeAsked(8), on.StepAsked(2, 8), on.RewindAsked(0, 8), on.ResetAsked(None, 8)],
    ids=lambda command: type(command).__name__,
)
def test_a_step_that_another_command_ends_is_answered_once_and_before_it(
    tmp_path: Path, command: Any
) -> None:
    it = Harness(tmp_path)
    it.open()
    it.chunk()
    it.tell(on.PauseAsked(6))
    assert not said(it.tell(on.StepAsked(3, 7)))
    told = said(it.tell(command))
    assert (told[0].type, told[0].id, told[0].chunk) == ("session.paused", 7, 1)
    assert [each.id for each in told].count(7) == 1
    assert not [each for each in said(it.tell(on.PauseAsked(9)), "session.paused") if each.id == 7]
