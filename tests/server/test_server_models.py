"""One server with two models: each has workers, seats and a queue of its own."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_client import RawClient, decode
from running_server import RunningServer, kill_group, wait_for
from server_generator import prompt_code, read

from flowbrush.protocol import Codec, SessionStart
from flowbrush.server.engine import ipc
from flowbrush.server.engine.local import LocalEngine
from flowbrush.server.sessions.refused import Refused
from flowbrush.server.sessions.service import Service
from flowbrush.server.settings import BadSettings, Settings, load_settings
from flowbrush.server.store.session_repository import new_record

FIRST, SECOND = "pocket-random", "pocket"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {"FLOWBRUSH_MODEL": f"{FIRST}, {SECOND}", "FLOWBRUSH_SEATS": "1"}
    running = RunningServer(tmp_path_factory.mktemp("models"), **settings)  # type: ignore[arg-type]
    yield running
    running.stop()
    kill_group(running.process)


async def begin(client: RawClient, prompt: str, model: str | None = None) -> None:
    named = {"model": model} if model else {}
    await client.send(type="session.start", prompt=prompt, **named)


def used(server: RunningServer) -> dict[str, float]:
    found = re.findall(r'flowbrush_slots_used\{model="(.+)"\} (\S+)', server.get("/metrics").decode())
    return {name: float(value) for name, value in found}


def test_all_are_listed_the_default_first(server: RunningServer) -> None:
    models = server.json("/v1/models")["models"]
    assert [model["name"] for model in models[:2]] == [FIRST, SECOND]
    assert [model["name"] for model in models if model["loaded"]] == [FIRST, SECOND]
    ready = server.json("/readyz")
    assert (ready["ready"], ready["seats"], ready["free"]) == (True, 2, 2)
    assert len(server.workers()) == 2


async def test_a_client_chooses_and_waits_for_its_own_model_only(server: RunningServer) -> None:
    async with RawClient(server.url) as one, RawClient(server.url) as other, RawClient(server.url) as third:
        await begin(one, "default")
        assert (await one.message("session.ready"))["model"] == FIRST
        await begin(other, "chosen", SECOND)
        ready = await other.message("session.ready")
        assert ready["model"] == SECOND and used(server) == {FIRST: 1, SECOND: 1}
        await begin(third, "waits", SECOND)
        assert (await third.message("queue"))["size"] == 1
        await other.count(8)
        assert read(decode(other.packets)[-1])[2] == prompt_code("chosen")
        path = f"/v1/sessions/{ready['session']}"
        assert (await asyncio.to_thread(server.json, f"{path}/log"))["model"] == SECOND
        await one.send(type="session.stop")
        await one.message("session.done")
        assert not any(message["type"] == "session.ready" for message in third.messages)
        await other.send(type="session.stop")
        await third.message("session.ready")
        await third.send(type="session.stop")
        await third.message("session.done")


async def test_a_session_that_comes_back_and_its_branch_are_of_its_model(server: RunningServer) -> None:
    await asyncio.to_thread(wait_for, lambda: sum(used(server).values()) == 0)
    async with RawClient(server.url) as client:
        await begin(client, "back", SECOND)
        ready = await client.message("session.ready")
        await client.count(12)
    async with RawClient(server.url) as client:
        await client.send(type="session.start", resume=ready["resume_token"], last_frame=11)
        assert (await client.message("session.ready"))["model"] == SECOND
        await client.count(4)
        assert client.packets[0].frame == 12 and used(server)[SECOND] == 1
        branched = await asyncio.to_thread(branch, server, ready["session"])
        await client.send(type="session.stop")
        await client.message("session.done")
    async with RawClient(server.url) as client:
        token, last = branched["resume_token"], branched["last_frame"]
        await client.send(type="session.start", resume=token, last_frame=last)
        assert (await client.message("session.ready"))["model"] == SECOND
        await client.count(4)
        await client.send(type="session.stop")
        await client.message("session.done")


def branch(server: RunningServer, id: str) -> dict[str, object]:
    address = f"{server.url}/v1/sessions/{id}/branch"
    request = urllib.request.Request(address, b'{"chunk": 0}', {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


async def test_one_that_is_not_served_is_refused_with_those_that_are(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        await begin(client, "x", "other")
        error = await client.message("error", code="unknown_model")
        assert error["message"].endswith(f"this server has {FIRST}, {SECOND}")


async def test_a_stored_session_of_a_model_that_is_not_served_now_says_so(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, runtime_dir=tmp_path / "s", model=FIRST)
    service = Service(settings, LocalEngine())
    card = {"name": SECOND, "width": 64, "height": 64, "fps": 16.0, "chunk_frames": 4, "capabilities": {}}
    facts = ipc.Loaded(card, 1, {"h264": "x"}, 0.1)
    start = SessionStart(model=SECOND, prompt="p", seed=1)
    meta, token = new_record(start, Codec.H264, facts)
    service.store.write(meta)
    assert not service._repository.stored()
    with pytest.raises(Refused, match=f"model '{SECOND}' is not served here: this server has {FIRST}"):
        await service.resume(token, (Codec.H264,), lambda record: True)
    service.store.close()


@pytest.mark.parametrize("models", ["a,a", "a,", ",", "a,,b"])
def test_a_list_of_models_that_is_none_is_refused(models: str) -> None:
    with pytest.raises(BadSettings, match="expected names of different models, separated by commas"):
        load_settings(model=models)
