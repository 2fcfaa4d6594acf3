"""Sessions that come to be: what they are given, and that one which cannot be leaves nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.protocol import Codec, SessionStart
from flowbrush.server.engine import ipc
from flowbrush.server.engine.local import LocalEngine
from flowbrush.server.sessions.newcomers import Newcomers
from flowbrush.server.sessions.refused import Refused
from flowbrush.server.sessions.service import Service
from flowbrush.server.settings import Settings

MODEL = "pocket-random"
CARD = {
    "name": MODEL,
    "width": 64,
    "height": 64,
    "sizes": [[64, 64], [32, 96]],
    "fps": 16.0,
    "chunk_frames": 4,
    "steps": 2,
    "capabilities": {"image": True},
}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A server whose model is loaded, without a worker."""
    settings = Settings(state_dir=tmp_path, runtime_dir=tmp_path / "s", model=MODEL, queue_size=2)
    service = Service(settings, LocalEngine())
    dispatcher = service.dispatchers.by_model[MODEL]
    dispatcher.facts = ipc.Loaded(CARD, 1, {"h264": "x"}, 0.05)
    dispatcher.loaded.set()
    yield service
    await service.storage.drained(5.0)
    service.store.close()


def start(**fields: Any) -> SessionStart:
    return SessionStart(prompt="p", codecs=("av1", "h264"), **fields)


def folders(service: Service) -> list[str]:
    return sorted(path.name for path in (service.settings.state_dir / "sessions").iterdir())


async def test_one_lives_with_its_files_the_codec_it_can_play_and_the_size_that_it_asked_for(
    service: Service,
) -> None:
    newcomers: Newcomers = service.newcomers
    live = await newcomers.begin(start(width=32, steps=64), asked=1.0, owner="ada", steps=8)
    assert service.lives == {live.id: live} and folders(service) == [live.id]
    assert (live.meta.codec, live.meta.width, live.meta.height) == (Codec.H264, 32, 96)
    assert (live.meta.owner, live.start_asked, live.meta.start.steps) == ("ada", 1.0, 8)
    assert live.token and live.token not in live.meta.model_dump_json()


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({"model": "other"}, ErrorCode.UNKNOWN_MODEL, "model"),
        ({"codecs": ("av1",)}, ErrorCode.NO_CODEC, "codecs"),
        ({"image": "f" * 32}, ErrorCode.UNKNOWN_IMAGE, "image"),
        ({"height": 65}, ErrorCode.INVALID_VALUE, "height"),
        ({"fps": 24}, ErrorCode.INVALID_VALUE, "fps"),
        (
            {"tracks": [{"track": 1, "kind": "drag", "points": [{"t": 0, "x": 0.1, "y": 0.1}]}]},
            ErrorCode.UNSUPPORTED,
            "tracks[0].kind",
        ),
    ],
)
async def test_what_cannot_be_had_is_refused_with_its_field_and_makes_no_files(
    service: Service, asked: dict[str, Any], code: ErrorCode, field: str
) -> None:
    wanted = SessionStart(**{"prompt": "p", "codecs": ("h264",), **asked})
    with pytest.raises(Refused) as refused:
        await service.newcomers.begin(wanted, asked=0.0)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not service.lives and not folders(service)


async def test_one_whose_files_cannot_be_written_is_to_try_later(service: Service) -> None:
    sessions = service.settings.state_dir / "sessions"
    sessions.rmdir()
    sessions.touch()
    with pytest.raises(Refused) as refused:
        await service.newcomers.begin(start(), asked=0.0)
    assert refused.value.code is ErrorCode.BUSY and refused.value.retryable
    assert refused.value.close is CloseCode.TRY_LATER and not service.lives


async def test_a_branch_is_of_a_session_that_runs_and_of_a_chunk_that_is_made(service: Service) -> None:
    with pytest.raises(ProtocolError, match="no running session 'nobody'"):
        await service.newcomers.branch("nobody", 0)
    live = await service.newcomers.begin(start(), asked=0.0)
    with pytest.raises(ProtocolError, match="chunk 0 is not made yet"):
        await service.newcomers.branch(live.id, 0)
    assert folders(service) == [live.id]
