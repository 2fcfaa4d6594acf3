"""Faults that only a cluster knows: nodes that are drained, gateways that are lost, a cluster that is not there."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from raw_client import RawClient, decode
from ray_server import NODE, cluster, make_server
from running_server import RunningServer, wait_for
from server_generator import prompt_code, read
from test_faults_walls import limits_others

from flowbrush.packets import Packet
from flowbrush.server.engine.choice import engine_of
from flowbrush.server.settings import BadSettings, Settings

pytest.importorskip("ray", reason="Ray is not installed: pip install 'flowbrush[ray]'")

__all__ = ["cluster", "make_server"]


def test_a_cluster_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"the Ray cluster '127.0.0.1:1' cannot be joined: .*refused"):
        engine_of(Settings(state_dir=tmp_path, cluster="127.0.0.1:1"))
    with pytest.raises(ValueError, match="expected auto, or HOST:PORT"):
        Settings(state_dir=tmp_path, cluster="ray://head:10001")
    with pytest.raises(ValueError, match="in a cluster Ray chooses each worker's GPU"):
        Settings(state_dir=tmp_path, cluster="auto", device="cuda:1")
    with pytest.raises(ValueError, match="one worker more"):
        Settings(state_dir=tmp_path, cluster="auto", spares=1)


async def resumed(server: RunningServer, token: str, packets: list[Packet], more: int) -> None:
    """Comes back for the frames after `packets`, at a server, and adds what comes."""
    async with RawClient(server.url) as client:
        last = packets[-1].frame
        await client.send(type="session.start", model="pocket-random", resume=token, last_frame=last)
        await client.message("session.ready")
        await client.count(more)
    packets += client.packets


async def test_a_stream_goes_on_at_another_gateway(make_server: Any) -> None:
    """Its client comes to B while A has it, and is relayed; then A is killed, and B takes the session up."""
    a, b = make_server(), make_server()
    async with RawClient(a.url) as client:
        ready = await client.start("moved", seed=8)
        await client.count(12)
        packets, token = list(client.packets), ready["resume_token"]
    await resumed(b, token, packets, 12)
    assert b.metric("flowbrush_slots_used") == 0, "it is A's as before"
    state = await asyncio.to_thread(b.json, f"/v1/sessions/{ready['session']}")
    assert state["state"] != "elsewhere"
    a.process.kill()
    a.process.wait()
    await resumed(b, token, packets, 12)
    frames = [packet.frame for packet in packets]
    assert frames == list(range(len(frames))), "none lost, none twice"
    assert [read(picture)[:3] for picture in decode(packets)] == [
        (n, 8, prompt_code("moved")) for n in frames
    ]
    assert b.metric("flowbrush_slots_used") <= 1


async def test_of_two_models_one_loses_its_worker_and_the_other_does_not_notice(make_server: Any) -> None:
    server = make_server(FLOWBRUSH_MODEL="pocket-random,pocket", FLOWBRUSH_SEATS="1")
    assert server.json("/readyz")["seats"] == 2
    async with RawClient(server.url) as first, RawClient(server.url) as second:
        await first.start("first", seed=1)
        await second.send(type="session.start", model="pocket", prompt="second", seed=2)
        assert (await second.message("session.ready"))["model"] == "pocket"
        await second.count(8)
        (lost,) = re.findall(r" pocket-worker-0 runs as process (\d+) ", server.log.read_text())
        os.kill(int(lost), signal.SIGKILL)
        await second.message("session.recovering")
        await second.count(len(second.packets) + 8)
        await first.count(8)
    for client, seed, prompt in ((first, 1, "first"), (second, 2, "second")):
        shown = [read(picture)[:3] for picture in decode(client.packets)]
        assert shown == [(n, seed, prompt_code(prompt)) for n in range(len(client.packets))]
    assert not any(message["type"] == "session.recovering" for message in first.messages)
    assert server.metric("flowbrush_worker_restarts_total") == 1
    assert [name for name in re.findall(r"(\S+) runs as process", server.log.read_text())][2:] == [
        "pocket-worker-1"
    ]


async def test_a_node_that_is_drained_gives_its_streams_away_without_a_loss(
    make_server: Any, cluster: Any
) -> None:
    from ray._raylet import GcsClient
    from ray.core.generated.autoscaler_pb2 import DrainNodeReason

    server = make_server()
    (old,) = cluster.worker_nodes
    cluster.add_node(**NODE)
    preemption = DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    async with RawClient(server.url) as client:
        await client.start("drained", seed=9)
        await client.count(8)
        GcsClient(address=cluster.address).drain_node(old.node_id, preemption, "a test", 0)
        await client.message("session.recovering")
        await client.count(len(client.packets) + 8)
    frames = [packet.frame for packet in client.packets]
    assert frames == list(range(len(frames))), "none lost, none twice"
    shown = [read(picture)[:3] for picture in decode(client.packets)]
    assert shown == [(n, 9, prompt_code("drained")) for n in frames]
    await asyncio.to_thread(
        wait_for, lambda: "worker-0 ends: its node is being drained" in server.log.read_text()
    )
    assert server.metric("flowbrush_worker_restarts_total") == 0
    cluster.remove_node(old)


@limits_others
async def test_a_gateway_without_descriptors_has_a_worker_again_when_it_has_some(make_server: Any) -> None:
    """It can reach no new actor meanwhile."""
    server = make_server()
    web = psutil.Process(server.process.pid)
    async with RawClient(server.url) as client:
        await client.start("patient", seed=4)
        await client.count(4)
        (worker,) = server.workers()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        web.rlimit(psutil.RLIMIT_NOFILE, (3, limit[1]))
        os.kill(worker, signal.SIGKILL)
        await client.message("session.recovering")
        lost = "worker-1 is lost: its actor is lost: "
        await asyncio.to_thread(wait_for, lambda: lost in server.log.read_text(), 60)
        web.rlimit(psutil.RLIMIT_NOFILE, limit)
        await client.count(len(client.packets) + 8)
    frames = [packet.frame for packet in client.packets]
    assert [read(picture)[:3] for picture in decode(client.packets)] == [
        (n, 4, prompt_code("patient")) for n in range(len(frames))
    ]
    assert "Traceback" not in server.log.read_text()
