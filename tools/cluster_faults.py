"""Three Ray nodes on this machine, two gateways, six streams; at random workers, nodes and gateways are killed and nodes drained.

    python tools/cluster_faults.py [--events 10] [--seed 1]

Every frame carries its number, seed and prompt as a bar code (the generator double of tests/server), so that content proves
that no frame is lost, shown twice or of another stream. The exit code is 1 when anything does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "server"
sys.path[:0] = [str(ROOT / "tests"), str(TESTS)]

from raw_client import RawClient, decode  # noqa: E402
from ray._raylet import GcsClient  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402
from ray.core.generated.autoscaler_pb2 import DrainNodeReason  # noqa: E402
from running_server import RunningServer  # noqa: E402
from server_generator import prompt_code, read  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402

from flowbrush.packets import Packet  # noqa: E402

STREAMS, WORKERS, SEATS = 6, 2, 8
WAIT_S, QUIET_S = 60.0, 3.0
PREEMPTION = DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
KINDS = ("worker", "node", "gateway", "drain")


class Stream:
    """One client, which comes back at the next gateway whenever its connection ends."""

    def __init__(self, number: int, gateways: list[RunningServer]) -> None:
        self.number, self.gateways = number, gateways
        self.prompt = f"stream {number}"
        self.packets: list[Packet] = []
        self.times: list[float] = []
        self.token = ""
        self.at = number % len(gateways)
        self.over = False

    async def play(self) -> None:
        """Until `over`."""
        while not self.over:
            try:
                async with RawClient(self.gateways[self.at].url) as client:
                    await self._begin(client)
                    await self._watch(client)
            except (OSError, ConnectionClosed, TimeoutError):
                self.at = (self.at + 1) % len(self.gateways)
                await asyncio.sleep(0.2)

    async def _begin(self, client: RawClient) -> None:
        if not self.token:
            self.token = (await client.start(self.prompt, seed=self.number))["resume_token"]
            return
        last = self.packets[-1].frame if self.packets else -1
        await client.send(type="session.start", model="pocket-random", resume=self.token, last_frame=last)

    async def _watch(self, client: RawClient) -> None:
        while not self.over:
            got = await client.receive()
            if isinstance(got, Packet):
                self.packets.append(got)
                self.times.append(time.monotonic())
            elif got["type"] == "session.done":
                raise SystemExit(f"stream {self.number} was ended: {client.messages[-3:]}")

    def gap(self, since: float) -> float:
        """The longest time without a frame, from the last one before `since` on (seconds)."""
        seen = [each for each in self.times if each >= since]
        before = max((each for each in self.times if each < since), default=since)
        return max(b - a for a, b in zip([before, *seen], [*seen, time.monotonic()], strict=True))

    def proved(self) -> str | None:
        """What is wrong with what was shown; None for nothing."""
        frames = [packet.frame for packet in self.packets]
        if frames != list(range(len(frames))):
            return "a frame is missing or came twice"
        shown = [read(picture)[:3] for picture in decode(self.packets)]
        if shown != [(n & 0xFFFF, self.number, prompt_code(self.prompt)) for n in frames]:
            return "a picture is not what it should be"
        return None


class World:
    """The cluster, its gateways and what is done to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 << 20},
        )
        self.nodes = [self._node() for _ in range(2)]
        self.gateways = [self._gateway(), self._gateway()]

    def _node(self) -> Any:
        return self.cluster.add_node(num_cpus=3, object_store_memory=100 << 20)

    def _gateway(self) -> RunningServer:
        return RunningServer(
            self.folder,
            FLOWBRUSH_CLUSTER=self.cluster.address,
            FLOWBRUSH_WORKERS=str(WORKERS),
            FLOWBRUSH_SEATS=str(SEATS),
            FLOWBRUSH_SNAPSHOT_CHUNKS="4",
        )

    def actors(self) -> list[int]:
        """Process ids of workers that live."""
        said = re.findall(r"runs as process (\d+) on ", self.log())
        return [int(pid) for pid in said if psutil.pid_exists(int(pid))]

    def _busy_node(self) -> Any:
        """A node that has workers, if there is one."""
        raylets = {psutil.Process(pid).ppid() for pid in self.actors()}
        busy = [node for node in self.nodes if _raylet(node) in raylets]
        return self.random.choice(busy or self.nodes)

    # ---- what is done

    def worker(self) -> None:
        """kill -9 of an actor."""
        os.kill(self.random.choice(self.actors()), signal.SIGKILL)

    def node(self) -> None:
        """A node is lost; another one comes in its place."""
        node = self._busy_node()
        self.nodes.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)
        self.nodes.append(self._node())

    def gateway(self) -> None:
        """kill -9 of a gateway; another one comes in its place."""
        place = self.random.randrange(len(self.gateways))
        self.gateways[place].process.kill()
        self.gateways[place].process.wait()
        self.gateways[place] = self._gateway()

    def drain(self) -> None:
        """A node is drained, and goes when its workers have moved; another one came first."""
        node = self._busy_node()
        self.nodes.remove(node)
        self.nodes.append(self._node())
        before = self.log().count(" ends: its node is being drained")
        hosts = sum(psutil.Process(pid).ppid() == _raylet(node) for pid in self.actors())
        GcsClient(address=self.cluster.address).drain_node(node.node_id, PREEMPTION, "drained", 0)
        until = time.monotonic() + WAIT_S
        while self.log().count(" ends: its node is being drained") < before + hosts:
            if time.monotonic() > until:
                raise SystemExit(f"the workers of a drained node do not move within {WAIT_S:g} s")
            time.sleep(0.1)
        self.cluster.remove_node(node)

    def log(self) -> str:
        """What the gateways said."""
        return (self.folder / "server.log").read_text()

    def close(self) -> None:
        """Ends everything."""
        for gateway in self.gateways:
            gateway.stop()
        self.cluster.shutdown()


def _raylet(node: Any) -> int:
    return node.all_processes["raylet"][0].process.pid


def settled(streams: list[Stream], since: float) -> None:
    """Waits until every stream has got frames for a while after what was done."""
    until = time.monotonic() + WAIT_S
    marks = [len(stream.packets) for stream in streams]
    while any(len(s.packets) < mark + 24 for s, mark in zip(streams, marks, strict=True)):
        if time.monotonic() > until:
            stuck = [s.number for s, mark in zip(streams, marks, strict=True) if len(s.packets) < mark + 24]
            raise SystemExit(f"streams {stuck} do not go on within {WAIT_S:g} s")
        time.sleep(0.1)
    time.sleep(max(0.0, since + QUIET_S - time.monotonic()))


def whole(world: World) -> None:
    """Waits until all workers are warm again: each fault is measured by itself."""
    until = time.monotonic() + WAIT_S
    while any(each.metric("flowbrush_slots") < WORKERS * SEATS for each in world.gateways):
        if time.monotonic() > until:
            raise SystemExit(f"workers are not replaced within {WAIT_S:g} s")
        time.sleep(0.2)


def slots(world: World) -> tuple[float, float]:
    """(slots that sessions hold, sessions that wait) at all gateways."""
    used = sum(gateway.metric("flowbrush_slots_used") for gateway in world.gateways)
    return used, sum(gateway.metric("flowbrush_queue_depth") for gateway in world.gateways)


async def play(streams: list[Stream]) -> None:
    """All clients at once."""
    await asyncio.gather(*(stream.play() for stream in streams))


def run(world: World, kinds: list[str]) -> bool:
    """Does what `kinds` say while streams play; whether all held. Nodes are made in the main thread, so clients have another."""
    streams = [Stream(number, world.gateways) for number in range(STREAMS)]
    playing = threading.Thread(target=lambda: asyncio.run(play(streams)), daemon=True)
    playing.start()
    good = True
    settled(streams, time.monotonic())
    for number, kind in enumerate(kinds, 1):
        whole(world)
        since = time.monotonic()
        getattr(world, kind)()
        settled(streams, since)
        gap = max(stream.gap(since) for stream in streams)
        used, waiting = slots(world)
        good = good and (used, waiting) == (STREAMS, 0)
        line = f"{number:2} {kind:8} longest without a frame {gap:4.1f} s"
        print(f"{line}, slots {used:.0f}, waiting {waiting:.0f}", flush=True)
    for stream in streams:
        stream.over = True
    playing.join(WAIT_S)
    for stream in streams:
        wrong = stream.proved()
        good = good and wrong is None
        print(
            f"stream {stream.number}: {len(stream.packets)} frames, {wrong or 'each once, and as it should be'}"
        )
    return good


def main() -> int:
    """Runs and reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(TESTS)])
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    dice = random.Random(args.seed)
    kinds = [KINDS[n] if n < len(KINDS) else dice.choice(KINDS) for n in range(args.events)]
    dice.shuffle(kinds)
    with tempfile.TemporaryDirectory(prefix="flowbrush-cluster-") as folder:
        world = World(Path(folder) / "state", args.seed)
        try:
            return 0 if run(world, kinds) else 1
        finally:
            world.close()


if __name__ == "__main__":
    sys.exit(main())
