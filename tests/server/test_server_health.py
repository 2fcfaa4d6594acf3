"""When a server says that it should be restarted: it has had no worker for a minute, where it may have had one."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from flowbrush.server.engine.dispatchers import Dispatchers

LOAD_S = 900.0


def served(missing_s: float, loaded: bool) -> Any:
    """A model whose workers have been missing for so long, and whether it ever had one."""
    event = threading.Event()
    if loaded:
        event.set()
    return SimpleNamespace(loaded=event, workers=SimpleNamespace(missing_s=lambda: missing_s))


@pytest.mark.parametrize(
    ("missing_s", "loaded", "missed"),
    [
        (59.0, True, ""),
        (61.0, True, "no worker of second for 61 s"),
        (LOAD_S, False, ""),
        (LOAD_S + 61, False, "no worker of second for 961 s"),
    ],
)
def test_one_model_without_a_worker_for_a_minute_is_enough(
    missing_s: float, loaded: bool, missed: str
) -> None:
    models = {"first": served(0.0, True), "second": served(missing_s, loaded)}
    assert Dispatchers(models, {}, LOAD_S).missed == missed
