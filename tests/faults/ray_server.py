"""Servers whose workers are actors of a Ray cluster on this machine."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Container, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest
from running_server import HERE, ROOT, RunningServer, kill_group

NODE = {"num_cpus": 4, "object_store_memory": 100 << 20}


class ServerOnRay(RunningServer):
    """A server whose workers are actors."""

    def __init__(self, state_dir: Path, port: int = 0, wait: bool = True, **environment: str) -> None:
        super().__init__(state_dir, port, wait, **environment)
        self._log = open(self.log)  # which a test may remove with the folder

    def workers(self) -> list[int]:
        """Process ids of the actors, which the server says when they run."""
        self._log.seek(0)
        said = re.findall(r"runs as process (\d+) on ", self._log.read())
        return [int(pid) for pid in said if psutil.pid_exists(int(pid))]

    def stop(self, sig: int = signal.SIGTERM) -> int:
        self._log.close()
        return super().stop(sig)


def told(environment: dict[str, str]) -> str:
    """What has Ray tell its actors what a test tells a worker: a process has that from its server, an actor has it from a node."""
    own = {name: value for name, value in environment.items() if name.startswith("TEST_")}
    return json.dumps({"runtime_env": {"env_vars": own}} if own else {})


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and a node for workers, which end with the module. Actors find what a server's processes find."""
    ray_cluster = pytest.importorskip(
        "ray.cluster_utils", reason="Ray is not installed: pip install 'flowbrush[ray]'"
    )
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

    def make(port: int = 0, **environment: str) -> RunningServer:
        joined = {"FLOWBRUSH_CLUSTER": cluster.address, "RAY_JOB_CONFIG_JSON_ENV_VAR": told(environment)}
        started.append(ServerOnRay(tmp_path / "state", port, **joined, **environment))
        return started[-1]

    yield make
    for server in started:
        server.stop()
        kill_group(server.process)


def the_same(module: str, without: Container[str] = (), only: str = "") -> dict[str, Any]:
    """The tests of a module, by name, for one whose `make_server` is the one above: those that are added there run here, too."""
    tests = {name: test for name, test in vars(import_module(module)).items() if name.startswith("test_")}
    return {name: test for name, test in tests.items() if name not in without and name.startswith(only)}
