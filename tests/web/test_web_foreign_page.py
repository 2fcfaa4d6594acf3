"""A page of somebody else, on an origin of its own: it imports the client from the server and uses it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from real_server import NARROW, RealServer

pytestmark = pytest.mark.browser

KEY = "a-key-of-somebody-0123"

USE = """async ([server, key]) => {
  const { connect } = await import(`${server}web/flowbrush.js`);
  const ask = async (path, body) =>
    (await fetch(`${server}v1/${path}`, { method: 'POST', headers: { Authorization: `Bearer ${key}` }, body })).json();
  const form = new FormData();
  const canvas = new OffscreenCanvas(320, 192);
  canvas.getContext('2d').fillRect(0, 0, 99, 99);
  form.append('file', await canvas.convertToBlob(), 'a.png');
  const image = (await ask('images', form)).id;
  const address = `${server.replace('http', 'ws')}v1/stream`;
  const url = async () => `${address}?token=${(await ask('tokens')).token}`;
  const stream = await connect({ image }, { url });
  const shown = await stream.drag({ x: 0.5, y: 0.5 }).release().applied;
  stream.disconnect();
  return { codec: stream.ready.codec, frame: shown.frame };
}"""
REFUSED = """async (server) => {
  const { connect } = await import(`${server}web/flowbrush.js`);
  return connect({ prompt: 'a ball' }, { url: 'ws://127.0.0.1:9/v1/stream' }).catch((error) => [error.name, error.message]);
}"""


class Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href=data:,>")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the page is: a port of its own."""
    with HTTPServer(("127.0.0.1", 0), Blank) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


@pytest.fixture(scope="module")
def real(tmp_path_factory: Any, chromium: Any, origin: str) -> Iterator[RealServer]:
    settings = {"FLOWBRUSH_ALLOWED_ORIGINS": f"{origin}/", "FLOWBRUSH_API_KEYS": KEY}
    server = RealServer("pocket-random", tmp_path_factory.mktemp("state"), **NARROW, **settings)
    yield server
    server.stop()


def test_a_page_of_an_allowed_origin_has_all_that_the_servers_own_has(
    real: RealServer, origin: str, open_page: Any
) -> None:
    """The client, an upload, a token and a stream."""
    seen = open_page(origin).page.evaluate(USE, [real.url, KEY])
    assert seen["codec"] and seen["frame"] >= 0


def test_a_page_of_another_origin_reads_nothing(real: RealServer, origin: str, open_page: Any) -> None:
    driver = open_page(origin.replace("127.0.0.1", "localhost"), expect_errors=True)
    blocked = driver.page.evaluate("(url) => fetch(url).catch((error) => error.name)", f"{real.url}v1/models")
    assert blocked == "TypeError"


def test_a_client_that_cannot_connect_says_what_to_look_at(
    real: RealServer, origin: str, open_page: Any
) -> None:
    """Browsers do not tell a page why no WebSocket opens."""
    name, message = open_page(origin, expect_errors=True).page.evaluate(REFUSED, real.url)
    assert name == "StreamError"
    for part in ("127.0.0.1:9/v1/stream", "running", f"FLOWBRUSH_ALLOWED_ORIGINS have {origin}"):
        assert part in message
