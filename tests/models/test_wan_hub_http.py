"""Fetching over HTTP, from a hub on this machine that speaks as the real one: resume, hashes, refusals."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flowbrush.models.cards.card import Source
from flowbrush.models.cards.registry import CARDS
from flowbrush.models.loading.hub import HuggingFace, PullError, pull

REVISION = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = bytes(range(256)) * 4096 * 24  # 25 MB: more than what the client reads at once


class Hub(ThreadingHTTPServer):
    """One repository, `me/student`, with a large file and a small one. `cut` breaks the first transfer after so many bytes, `held`
    lets all that come wait there until `let_go`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.files = {"student.pt": WEIGHTS, "config.json": b"{}"}
        self.stated: dict[str, str] = {}
        self.cut: int | None = None
        self.held: int | None = None
        self.let_go = threading.Event()
        self.status = 200
        self.asked: list[tuple[str, str | None]] = []

    def sha256(self, name: str) -> str:
        return self.stated.get(name, hashlib.sha256(self.files[name]).hexdigest())

    def entry(self, name: str) -> dict[str, Any]:
        data = self.files[name]
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        entry: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
        if name.endswith(".pt"):
            entry["lfs"] = {"sha256": self.sha256(name), "size": len(data), "pointerSize": 130}
        return entry


class Talk(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub, path = self.server, self.path.partition("?")[0]
        if path.startswith("/api/models/"):
            card = {"license": "apache-2.0"}
            about: dict[str, Any] = {
                "id": "me/student",
                "modelId": "me/student",
                "sha": REVISION,
                "cardData": card,
            }
            about["siblings"] = [hub.entry(name) for name in hub.files]
            refusal = {"X-Error-Code": "RepoNotFound"} if hub.status == 404 else {}
            self._answer(hub.status, json.dumps(about).encode(), refusal)
            return
        name = path.rsplit("/", 1)[1]
        if self.command == "GET":
            hub.asked.append((name, self.headers.get("Range")))
        self._file(name)

    def _file(self, name: str) -> None:
        data, first = self.server.files[name], 0
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if found:
            first = int(found[1])
        body = data[first : int(found[2]) + 1 if found and found[2] else None]
        extra = {"ETag": f'"{self.server.sha256(name)}"', "X-Repo-Commit": REVISION, "Accept-Ranges": "bytes"}
        if found:
            extra["Content-Range"] = f"bytes {first}-{first + len(body) - 1}/{len(data)}"
        cut = self.server.cut if self.command == "GET" and name == "student.pt" else None
        if cut is not None:
            self.server.cut = None
        self._answer(206 if found else 200, body, extra, cut)

    def _answer(
        self, status: int, body: bytes, extra: dict[str, str] | None = None, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(extra or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: cut or self.server.held])
            if self.server.held is not None and len(body) > self.server.held:
                self.server.let_go.wait(60)
                self.close_connection = True
        if cut is not None:
            self.close_connection = True


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    import huggingface_hub

    running = Hub()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{running.server_port}"
    api = huggingface_hub.HfApi
    address = huggingface_hub.hf_hub_url
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api(endpoint=url))
    monkeypatch.setattr(huggingface_hub, "hf_hub_url", lambda *a, **k: address(*a, endpoint=url, **k))
    yield running
    running.let_go.set()
    running.shutdown()
    running.server_close()


CARD = replace(
    CARDS["self-forcing-1.3b"], sources=(Source("me/student", ("student.pt", "*.json"), "student"),)
)


def test_what_the_hub_states_is_shown_fetched_and_written_down(hub: Hub, tmp_path: Path) -> None:
    lines: list[str] = []
    pull(CARD, tmp_path / "w", lines.append, HuggingFace())
    assert lines[0] == f"me/student: 0.03 GB, licence apache-2.0, revision {REVISION}"
    assert (tmp_path / "w/student/student.pt").read_bytes() == WEIGHTS
    (source,) = json.loads((tmp_path / "w/flowbrush.json").read_text())["sources"]
    assert source["revision"] == REVISION
    assert source["files"]["student.pt"]["sha256"] == hashlib.sha256(WEIGHTS).hexdigest()


def test_a_transfer_that_broke_is_gone_on_with(hub: Hub, tmp_path: Path) -> None:
    hub.cut = 20 << 20
    try:
        pull(CARD, tmp_path, hub=HuggingFace())
    except PullError:
        assert not (tmp_path / "flowbrush.json").exists()
        pull(CARD, tmp_path, hub=HuggingFace())
    assert (tmp_path / "student/student.pt").read_bytes() == WEIGHTS
    assert starts(hub) == [0, 20 << 20]


PULLING = """
import sys
from dataclasses import replace
from pathlib import Path
from flowbrush.models.cards.card import Source
from flowbrush.models.loading.hub import pull
from flowbrush.models.cards.registry import CARDS
sources = (Source("me/student", ("student.pt", "*.json"), "student"),)
pull(replace(CARDS["self-forcing-1.3b"], sources=sources), Path(sys.argv[1]))
"""


def starts(hub: Hub) -> list[int]:
    """The first byte of each transfer of the large file that was asked for."""
    spans = [span for name, span in hub.asked if name == "student.pt"]
    return [int(re.findall(r"\d+", span)[0]) if span else 0 for span in spans]


@pytest.fixture
def killed_in_between(hub: Hub, tmp_path: Path) -> Path:
    """The folder into which a process was fetching when it was killed, with 20 MiB of the large file there."""
    hub.held = 20 << 20
    environment = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}"}
    with subprocess.Popen([sys.executable, "-c", PULLING, tmp_path], env=environment) as process:
        end = time.monotonic() + 60
        while sum(part.stat().st_size for part in tmp_path.rglob("student.pt*")) < hub.held:
            assert process.poll() is None and time.monotonic() < end, "nothing is fetched"
            time.sleep(0.05)
        with pytest.raises(PullError, match=r"another process: wait for that `flowbrush pull`"):
            pull(CARD, tmp_path, hub=HuggingFace())
        process.kill()
    hub.held = None
    return tmp_path


def test_what_a_killed_process_had_fetched_is_gone_on_with(hub: Hub, killed_in_between: Path) -> None:
    folder = pull(CARD, killed_in_between, hub=HuggingFace()) / "student"
    assert starts(hub) == [0, 20 << 20]
    assert (folder / "student.pt").read_bytes() == WEIGHTS
    assert {path.name for path in folder.iterdir()} == {"student.pt", "config.json"}
    pull(CARD, killed_in_between, hub=HuggingFace())
    assert len(starts(hub)) == 2, "what is here is not fetched again"


def test_what_was_fetched_of_another_revision_is_no_part_of_this_one(
    hub: Hub, killed_in_between: Path
) -> None:
    hub.files["student.pt"] = WEIGHTS[::-1]
    folder = pull(CARD, killed_in_between, hub=HuggingFace()) / "student"
    assert starts(hub) == [0, 0]
    assert (folder / "student.pt").read_bytes() == WEIGHTS[::-1]
    assert {path.name for path in folder.iterdir()} == {"student.pt", "config.json"}
    hub.files["student.pt"] = WEIGHTS
    pull(CARD, killed_in_between, hub=HuggingFace())
    assert (folder / "student.pt").read_bytes() == WEIGHTS, "the hub has another one of the same size"


def test_a_file_that_is_not_what_the_hub_states_is_removed(hub: Hub, tmp_path: Path) -> None:
    hub.stated["student.pt"] = "0" * 64
    with pytest.raises(PullError, match=r"student\.pt arrived broken"):
        pull(CARD, tmp_path, hub=HuggingFace())
    assert not (tmp_path / "student/student.pt").exists() and not (tmp_path / "flowbrush.json").exists()


def test_a_file_that_the_publisher_has_moved_is_named(hub: Hub, tmp_path: Path) -> None:
    del hub.files["student.pt"]
    with pytest.raises(PullError, match=r"no longer has student\.pt"):
        pull(CARD, tmp_path / "w", hub=HuggingFace())
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(("status", "said"), [(404, "hf auth login"), (503, "refused|cannot be reached")])
def test_a_refusal_is_told(hub: Hub, tmp_path: Path, status: int, said: str) -> None:
    hub.status = status
    with pytest.raises(PullError, match=said):
        pull(CARD, tmp_path / "w", hub=HuggingFace())
    assert not (tmp_path / "w").exists()
