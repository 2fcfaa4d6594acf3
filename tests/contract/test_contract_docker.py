"""The compose file and the recipes of the images fit the repository. Parsed, not run: that needs Docker."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowbrush.server.http.hosts import Names
from flowbrush.server.metrics import Metrics
from flowbrush.server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
HEALTHCHECK = ROOT / "docker/healthcheck.py"
IGNORE = [
    line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
]


def in_context(path: str) -> bool:
    """Whether .dockerignore lets the path into the build; the last matching line decides."""
    taken = True
    for line in IGNORE:
        pattern = line.lstrip("!").removeprefix("**/")
        first = path.split("/", 1)[0]
        if any(fnmatch.fnmatch(part, pattern) for part in (path, first, path.rsplit("/", 1)[-1])):
            taken = line.startswith("!")
    return taken


def test_the_demo_starts_by_default_and_the_gpu_only_by_its_profile() -> None:
    services = COMPOSE["services"]
    assert "profiles" not in services["demo"]
    assert services["gpu"]["profiles"] == ["gpu"]
    (device,) = services["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert {name: each.get("profiles") for name, each in services.items()} == {
        "demo": None,
        "gpu": ["gpu"],
        "prometheus": ["monitor"],
        "grafana": ["monitor"],
    }


@pytest.mark.parametrize("name", ["demo", "gpu"])
def test_services_publish_on_loopback_and_keep_their_data(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["ports"] == ["${FLOWBRUSH_PUBLISH:-127.0.0.1}:${FLOWBRUSH_PUBLISH_PORT:-8000}:8000"]
    mounts = dict(volume.split(":") for volume in service["volumes"])
    assert set(mounts) == set(COMPOSE["volumes"])
    dockerfile = ROOT / service["build"]["dockerfile"]
    assert dockerfile in DOCKERFILES
    for folder in mounts.values():
        assert f'"{folder}"' in dockerfile.read_text()


def values_of(service: str, **environment: str) -> dict[str, str]:
    """The settings that compose gives a service, where `environment` is what stands in .env."""
    values = {}
    for key, text in COMPOSE["services"][service]["environment"].items():
        field = key.removeprefix("FLOWBRUSH_").lower()
        assert field in Settings.model_fields, key
        default = re.fullmatch(r"\$\{(\w+):-(.*)\}", text)
        values[field] = (environment.get(default[1]) or default[2]) if default else text
    return values


@pytest.mark.parametrize("name", ["demo", "gpu"])
def test_it_is_closed_unless_it_is_opened_on_purpose(name: str) -> None:
    settings = Settings(_env_file=None, **values_of(name))
    assert settings.host == "0.0.0.0" and settings.port == 8000 and not settings.allow_unauthenticated
    with pytest.raises(ValueError, match="FLOWBRUSH_API_KEYS"):
        Settings(_env_file=None, **values_of(name, FLOWBRUSH_PUBLISH="0.0.0.0"))
    opened = values_of(name, FLOWBRUSH_PUBLISH="0.0.0.0", FLOWBRUSH_API_KEYS="a-key")
    assert Settings(_env_file=None, **opened).needs_keys


def test_what_monitors_is_published_on_this_machine_and_finds_its_files() -> None:
    services, configs = COMPOSE["services"], COMPOSE["configs"]
    assert "ports" not in services["prometheus"]
    assert services["grafana"]["ports"] == ["127.0.0.1:${FLOWBRUSH_GRAFANA_PORT:-3000}:3000"]
    files = [each.split(":")[0] for each in services["grafana"]["volumes"]] + [configs["prometheus"]["file"]]
    assert all((ROOT / each).exists() for each in files)
    scraped = yaml.safe_load((ROOT / configs["prometheus"]["file"]).read_text())["scrape_configs"][0]
    (found,) = scraped["dns_sd_configs"]
    assert found["type"] == "A" and set(found["names"]) <= set(services)
    for host in found["names"]:
        assert str(found["port"]) == services[host]["environment"]["FLOWBRUSH_PORT"]


@pytest.mark.parametrize("name", ["demo", "gpu"])
def test_with_keys_a_container_answers_to_every_name_and_without_to_addresses(name: str) -> None:
    """Prometheus asks by address; people come by whatever name the machine has."""
    closed = Settings(_env_file=None, **values_of(name))
    opened = Settings(_env_file=None, **values_of(name, FLOWBRUSH_API_KEYS="a-key"))
    names = [Names(each.allowed_hosts, any_name=each.needs_keys) for each in (closed, opened)]
    assert [each.allows("172.18.0.2:8000") for each in names] == [True, True]
    assert [each.allows("studio.example:8000") for each in names] == [False, True]


def test_the_dashboard_asks_for_figures_that_there_are() -> None:
    exported = set(re.findall(r"^# TYPE (\w+) ", Metrics().text().decode(), re.MULTILINE))
    there = exported | {f"{name}_bucket" for name in exported}
    boards = list((ROOT / "docker/monitor/grafana/dashboards").glob("*.json"))
    assert boards
    for board in boards:
        asked = [
            target["expr"] for panel in json.loads(board.read_text())["panels"] for target in panel["targets"]
        ]
        assert {name for expr in asked for name in re.findall(r"flowbrush_\w+", expr)} <= there


def test_the_nodes_of_the_cluster_share_their_state_and_are_closed() -> None:
    cluster = yaml.safe_load((ROOT / "compose.cluster.yaml").read_text(encoding="utf-8"))
    ports = set()
    for service in cluster["services"].values():
        assert "state:/data/state" in service["volumes"] and service["read_only"]
        environment = service["environment"]
        given = {name: text for name, text in environment.items() if name.startswith("FLOWBRUSH_")}
        fields = {name.removeprefix("FLOWBRUSH_").lower(): text for name, text in given.items()}
        assert set(fields) <= set(Settings.model_fields)
        fields["model"] = "pocket"
        assert Settings(_env_file=None, **fields).cluster == "head:6379"
        assert environment["RAY_AUTH_MODE"] == "token" and ":?" in environment["RAY_AUTH_TOKEN"]
        ports.update(service["ports"])
    assert ports == {"127.0.0.1:8000:8000", "127.0.0.1:8001:8000"}


def test_the_example_for_kubernetes_names_settings_that_there_are() -> None:
    cluster, service = yaml.safe_load_all((ROOT / "docker/kuberay.yaml").read_text(encoding="utf-8"))
    groups = {each["groupName"]: each for each in cluster["spec"]["workerGroupSpecs"]}
    (gateway,) = groups["gateways"]["template"]["spec"]["containers"]
    names = {each["name"].removeprefix("FLOWBRUSH_").lower() for each in gateway["env"]}
    assert names <= set(Settings.model_fields)
    labels = groups["gateways"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert {mount["name"] for mount in gateway["volumeMounts"]} == {"state"}
    rights = groups["gateways"]["template"]["spec"]["securityContext"]
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILES[0].read_text(encoding="utf-8"), re.MULTILINE)
    assert user and (rights["runAsUser"], rights["fsGroup"]) == (int(user[1]), int(user[2])), (
        "a fresh volume is root's"
    )


@pytest.mark.parametrize("name", ["demo", "gpu"])
def test_a_service_has_little_to_break_out_with(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] > 0 and service["mem_limit"].endswith("g}")
    assert service["user"] == "10001:10001" and any(part.startswith("/tmp:") for part in service["tmpfs"])


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_copy_what_exists_and_drop_root(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), f"{source} is copied and does not exist"
        assert in_context(source), f"{source} is copied and left out by .dockerignore"
    user = text.rindex("\nUSER 10001:10001\n")
    assert user < text.index("\nENTRYPOINT")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_check_their_health_by_the_script(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    command = json.loads(text.split("HEALTHCHECK", 1)[1].split("CMD ", 1)[1].split("\n")[0])
    assert command[0] == "python"
    assert f"COPY {HEALTHCHECK.relative_to(ROOT)} {command[1]}\n" in text


@pytest.fixture
def healthy(tmp_path: Path) -> Iterator[int]:
    """The port of a server that lives."""
    (tmp_path / "healthz").write_text("ok")
    answers = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_the_health_check_asks_this_server_and_no_proxy(healthy: int) -> None:
    proxied = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    for port, code in ((healthy, 0), (9, 1)):
        environment = {**os.environ, **proxied, "FLOWBRUSH_PORT": str(port)}
        done = subprocess.run([sys.executable, HEALTHCHECK], env=environment, capture_output=True, timeout=30)
        assert done.returncode == code, done.stderr.decode()


@pytest.mark.parametrize("how", ["--port\0{}", "--port={}", "--port\0009\0--model\0pocket\0--port\0{}"])
def test_the_health_check_asks_where_the_command_line_says(
    healthy: int, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that was run with --port looked unhealthy, and was ended by its orchestrator."""
    script = runpy.run_path(str(HEALTHCHECK))
    line = tmp_path / "cmdline"
    line.write_text(f"/sbin/docker-init\0--\0flowbrush\0serve\0{how.format(healthy)}\0")
    monkeypatch.setitem(script["main"].__globals__, "FIRST", line)
    monkeypatch.setenv("FLOWBRUSH_PORT", "9")
    assert script["main"]() == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "url"),
    [
        ([], {}, "http://127.0.0.1:8000"),
        (["--host", "::"], {"FLOWBRUSH_PORT": "80"}, "http://[::1]:80"),
        (["--host=fd00::2"], {"FLOWBRUSH_HOST": "0.0.0.0"}, "http://[fd00::2]:8000"),
        (["serve"], {"FLOWBRUSH_HOST": "172.18.0.2"}, "http://172.18.0.2:8000"),
        ([], {"FLOWBRUSH_PORT": "tcp://10.96.12.7:8000"}, "http://127.0.0.1:8000"),
    ],
)
def test_the_health_check_knows_addresses(
    arguments: list[str], environment: dict[str, str], url: str
) -> None:
    assert runpy.run_path(str(HEALTHCHECK))["address"](arguments, environment) == f"{url}/healthz"


def test_the_context_leaves_out_what_is_large_or_private() -> None:
    for path in (".git", ".venv", ".env", "runs", "pool", "recordings", "web/node_modules", "tests", "docs"):
        assert not in_context(path), path
    assert in_context("web/main.js") and in_context("models/weights/pocket.safetensors")
