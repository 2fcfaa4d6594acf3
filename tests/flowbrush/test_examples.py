"""The example scripts run against the server double, and do what they say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import av
import pytest
from server_double import Double

from flowbrush import protocol as p

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_save_mp4_writes_as_many_frames_as_asked_for(server: Double, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    assert await load("save_mp4").save(server.url, "a fox", 1.5, str(path)) == 24
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 24


async def test_drag_moves_around_a_circle(server: Double, capsys: pytest.CaptureFixture[str]) -> None:
    await load("drag").drag(server.url, "a fox", 0.4, 0.5)
    points = [m.points[0] for m in server.received if isinstance(m, p.TrackMove)]
    assert len(points) == 91
    assert (points[0].x, points[0].y) == pytest.approx((0.4, 0.5))
    assert points[45].x == pytest.approx(0.7)
    assert "shows it" in capsys.readouterr().out


async def test_live_motion_follows_the_disc(server: Double, capsys: pytest.CaptureFixture[str]) -> None:
    module = load("live_motion")
    await module.run(server.url, "a fox", None, 1.0, 0.5, 0.62)
    last = [m.points[-1] for m in server.received if isinstance(m, p.TrackMove)][-1]
    angle = (round(module.RATE) - 1) / module.RATE
    assert last.x == pytest.approx(0.5 + 0.25 * module.np.sin(angle * 2), abs=0.03)
    assert last.y == pytest.approx(0.5 + 0.125 * module.np.cos(angle * 3), abs=0.03)
    assert "the motion began" in capsys.readouterr().out
