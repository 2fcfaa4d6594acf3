"""The compose file and the recipes of the images fit the repository. Parsed, not run: that needs Docker."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
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
    assert set(services) == {"demo", "gpu"}


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


@pytest.mark.parametrize("name", ["demo", "gpu"])
def test_the_settings_exist_and_the_defaults_are_accepted_by_the_server(name: str) -> None:
    values = {}
    for key, value in COMPOSE["services"][name]["environment"].items():
        field = key.removeprefix("FLOWBRUSH_").lower()
        assert field in Settings.model_fields, key
        default = re.fullmatch(r"\$\{\w+:-(.*)\}", value)
        values[field] = default.group(1) if default else value
    settings = Settings(_env_file=None, **values)
    assert settings.host == "0.0.0.0" and settings.port == 8000 and settings.allow_unauthenticated
    with pytest.raises(ValueError, match="FLOWBRUSH_API_KEYS"):
        Settings(_env_file=None, **(values | {"allow_unauthenticated": False}))


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
    user = text.rindex("\nUSER flowbrush")
    assert user < text.index("\nENTRYPOINT")
    assert "/healthz" in text.split("HEALTHCHECK", 1)[1]


def test_the_context_leaves_out_what_is_large_or_private() -> None:
    for path in (".git", ".venv", ".env", "runs", "pool", "recordings", "web/node_modules", "tests", "docs"):
        assert not in_context(path), path
    assert in_context("web/main.js") and in_context("models/weights/pocket.safetensors")
