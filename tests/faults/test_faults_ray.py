"""The faults of workers once more, where these are actors of a Ray cluster: one engine may not be worse than the other."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from raw_client import RawClient, decode
from running_server import HERE, ROOT, RunningServer, kill_group, wait_for
from server_generator import prompt_code, read
from test_faults_worker import (
    test_a_chunk_that_fails_three_times_ends_its_session_only as a_chunk_that_fails_ends_its_session_only,
)
from test_faults_worker import (
    test_a_hanging_worker_is_replaced,
    test_pictures_go_on_after_kill_9_and_join_by_content,
)

from flowbrush.packets import Packet
from flowbrush.server.engine.choice import engine_of
from flowbrush.server.settings import BadSettings, Settings

ray_cluster = pytest.importorskip(
    "ray.cluster_utils", reason="Ray is not installed: pip install 'flowbrush[ray]'"
)

__all__ = [
    "test_a_hanging_worker_is_replaced",
    "test_pictures_go_on_after_kill_9_and_join_by_content",
]


class ServerOnRay(RunningServer):
    """A server whose workers are actors."""

    def workers(self) -> list[int]:
        """Process ids of the actors, which the server says when they run."""
        said = re.findall(r"runs as process (\d+) on ", self.log.read_text())
        return [int(pid) for pid in said if psutil.pid_exists(int(pid))]


NODE = {"num_cpus": 4, "object_store_memory": 100 << 20}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and a node for workers, which end with the module. Actors find what a server's processes find."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(HERE)]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        head = {**NODE, "num_cpus": 0, "include_dashboard": False}
        made = ray_cluster.Cluster(initialize_head=True, head_node_args=head)
        made.add_node(**NODE)
        yield made
    made.shutdown()


@pytest.fixture
def make_server(cluster: Any, tmp_path: Path) -> Iterator[Any]:
    """Starts servers in the cluster; all are ended after the test."""
    started: list[RunningServer] = []

    def make(**environment: str) -> RunningServer:
        started.append(ServerOnRay(tmp_path / "state", FLOWBRUSH_CLUSTER=cluster.address, **environment))
        return started[-1]

    yield make
    for server in started:
        server.stop()
        kill_group(server.process)


async def test_a_chunk_that_ends_its_actor_three_times_ends_its_session_only(make_server: Any) -> None:
    await a_chunk_that_fails_ends_its_session_only(make_server, "CRASH", 3)


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
