"""Proxies of the environment, certificates of one's own, and what the server says when it lets nobody in."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from http import HTTPStatus
from pathlib import Path

import pytest
from server_double import Double
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

import flowbrush
from flowbrush.proxies import is_loopback, proxy_for
from flowbrush.rest import Server

DEAD = "http://user:secret@127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http", "https", "all", "no", "ws", "wss", "socks"):
        for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY"):
            monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("host", "own"),
    [("localhost", True), ("flow.localhost", True), ("127.3.2.1", True), ("::1", True), ("LOCALHOST.", True),
     ("flow.example", False), ("10.0.0.1", False), ("127.example", False)],
)  # fmt: skip
def test_loopback(host: str, own: bool) -> None:
    assert is_loopback(host) is own


async def test_this_machine_is_never_asked_for_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", DEAD)
    monkeypatch.setenv("ALL_PROXY", "nonsense")
    async with Double() as server:
        async with flowbrush.connect(server.url, prompt="a fox", frames="packets") as stream:
            assert (await anext(stream)).frame == 0


@pytest.mark.parametrize(
    ("variable", "value", "url", "expected"),
    [
        ("HTTP_PROXY", "http://p.example:3128", "ws://flow.example/x", "http://p.example:3128"),
        ("https_proxy", "http://p.example:3128", "wss://flow.example/x", "http://p.example:3128"),
        ("HTTPS_PROXY", "http://p.example:3128", "ws://flow.example/x", None),
        ("ALL_PROXY", "socks5://p.example:1080", "wss://flow.example/x", "socks5://p.example:1080"),
        ("HTTP_PROXY", "http://p.example:3128", "ws://[::1]:8000/x", None),
    ],
)
def test_the_environment_says_which(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, url: str, expected: str | None
) -> None:
    monkeypatch.setenv(variable, value)
    assert proxy_for(url) == expected
    monkeypatch.setenv("NO_PROXY", "flow.example")
    assert proxy_for(url) is None


@pytest.mark.parametrize("value", ["p.example:3128", "ftp://p.example", "http://"])
async def test_a_proxy_that_is_no_address_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", value)
    with pytest.raises(flowbrush.FlowbrushError, match=r"HTTP_PROXY is .*NO_PROXY"):
        async with flowbrush.connect("http://flow.example", prompt="a fox"):
            pass
    with pytest.raises(flowbrush.FlowbrushError, match="HTTP_PROXY is"):
        await Server("flow.example").upload(b"x")


async def test_a_proxy_that_does_not_answer_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", DEAD)
    for attempt in (flowbrush.connect("http://flow.example", prompt="a fox").__aenter__(),
                    Server("flow.example").upload(b"x")):  # fmt: skip
        with pytest.raises(
            flowbrush.FlowbrushError, match=r"through the proxy http://127\.0\.0\.1:9 of http_proxy"
        ) as caught:
            await attempt
        assert "secret" not in str(caught.value)


async def test_a_certificate_of_ones_own(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=flow",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]  # fmt: skip
    await asyncio.to_thread(subprocess.run, make, check=True, capture_output=True, timeout=60)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(cert, key)
    async with Double(ssl=own) as server:
        with pytest.raises(flowbrush.ConnectionLost, match="pass ssl="):
            async with flowbrush.connect(server.url, prompt="a fox"):
                pass
        trusting = ssl.create_default_context(cafile=str(cert))
        async with flowbrush.connect(server.url, prompt="a fox", frames="packets", ssl=trusting) as stream:
            assert (await anext(stream)).frame == 0
    with pytest.raises(ValueError, match="goes with an https address"):
        flowbrush.connect("http://localhost", prompt="a fox", ssl=trusting)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ('{"error": {"code": "quota", "message": "two sessions are all"}}', "quota", "two sessions are all"),
        ("<html>", "unauthorized", "check the API key"),
    ],
)
async def test_a_refused_upgrade_is_told_in_the_servers_words(body: str, code: str, said: str) -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus.FORBIDDEN, body)

    async def nobody(connection: ServerConnection) -> None: ...

    async with serve(nobody, "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(flowbrush.ServerError, match=said) as caught:
            async with flowbrush.connect(f"http://127.0.0.1:{port}", prompt="a fox"):
                pass
    assert caught.value.code == code
