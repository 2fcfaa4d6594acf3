"""Speed switches go from the settings to the loader, and compiled shapes are warmed up before anybody waits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flowbrush.server.engine import ipc
from flowbrush.server.engine.worker import Worker
from flowbrush.server.settings import Settings

ASKED: dict[str, Any] = {}


class Double:
    """A generator that writes down which batches it made."""

    def __init__(self, seats: int) -> None:
        shape, rollout = SimpleNamespace(sink=1, window=2), SimpleNamespace(recache=False)
        self.card = SimpleNamespace(
            name="pocket-random",
            width=64,
            height=64,
            fps=16.0,
            chunk_frames=4,
            student=shape,
            rollout=rollout,
            public=dict,
        )
        self.seats, self.batches = seats, []

    def start(self, settings: Any) -> object:
        return object()

    def step(self, states: list[Any], controls: list[Any]) -> None:
        self.batches.append(len(states))

    def snapshot(self, state: Any) -> bytes:
        raise AssertionError("a warm-up keeps nothing")

    def restored_in(self, chunk_s: float) -> float:
        return 0.0

    def release(self, state: Any) -> None:
        """Nothing is kept."""


def load(name: str, *, device: str, seats: int, **switches: Any) -> Double:
    """As `Generator.load`."""
    ASKED.clear()
    ASKED.update(switches, made=Double(seats))
    return ASKED["made"]


def loaded(**switches: Any) -> dict[str, Any]:
    """What the loader was asked for, and the batches of the warm-up."""
    sent: list[Any] = []
    config = ipc.WorkerConfig(f"{__name__}:load", "pocket-random", "cpu", 3, 0, "info", False, **switches)
    Worker(SimpleNamespace(send=sent.append)).load(config)  # type: ignore[arg-type]
    assert isinstance(sent[-1], ipc.Loaded)
    made = ASKED.pop("made")
    return {**ASKED, "batches": made.batches}


def test_without_switches_the_loader_is_asked_for_none() -> None:
    asked = loaded()
    assert set(asked) == {"batches"} and set(asked["batches"]) == {1, 3}


def test_switches_reach_the_loader() -> None:
    asked = loaded(attention="flex", fp8=True, drag="warp")
    del asked["batches"]
    assert asked == {"attention": "flex", "fp8": True, "drag": "warp"}


def test_every_compiled_shape_is_met_while_warming_up() -> None:
    batches = loaded(compile=True)["batches"]
    assert {size: batches.count(size) for size in (1, 2, 3)} == dict.fromkeys((1, 2, 3), 5)


def test_the_settings_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWBRUSH_COMPILE", "1")
    settings = Settings(_env_file=None, attention="xformers")
    assert settings.compile and not settings.fp8 and settings.attention == "xformers"
