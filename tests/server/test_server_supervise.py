"""Background tasks that fail go on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flowbrush.server.supervise import supervise


async def test_a_task_that_fails_begins_again_after_a_second_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[Exception | None] = [OSError("the disk"), ValueError("a defect"), None]
    waited: list[float] = []
    failures: list[bool] = []

    async def work() -> None:
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("flowbrush.server.supervise.asyncio", SimpleNamespace(sleep=sleep))
    await supervise("housekeeping", work, lambda: failures.append(True))
    assert waited == [1, 1] and len(failures) == 2 and not outcomes
    assert caplog.text.count("housekeeping failed and starts again") == 2
