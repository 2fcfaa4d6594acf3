"""Chromium, and servers for the page. Browser tests are skipped where there is no Chromium."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from page_driver import PageDriver
from stream_double import StreamDouble

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium: install the package chromium, or set CHROMIUM to a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Served:
    """The stream double on a port of its own, in a thread."""

    def __init__(self) -> None:
        self.double = StreamDouble()
        config = uvicorn.Config(
            self.double.app,
            host="127.0.0.1",
            port=0,
            log_level="warning",
            lifespan="off",
            ws_per_message_deflate=False,
        )
        self.server = uvicorn.Server(config)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.server.serve())

    def stop(self) -> None:
        self.server.should_exit = True
        self.server.force_exit = True
        self.thread.join(10)


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.stop()
    assert served.double.refused == [], "the page sent messages that break the protocol"


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., PageDriver]]:
    """Opens addresses in fresh contexts. At the end no page may have written an error to the console."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_(
        url: str, *, init: str | None = None, expect_errors: bool = False, **context: Any
    ) -> PageDriver:
        contexts.append(chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **context}))
        if init:
            contexts[-1].add_init_script(init)
        page = contexts[-1].new_page()
        if not expect_errors:
            page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return PageDriver(page)

    yield open_
    for context in contexts:
        context.close()
    assert errors == [], "errors in the browser's console"


@pytest.fixture
def driver(served: Served, open_page: Callable[..., PageDriver]) -> PageDriver:
    """The page on the stream double, before anything was clicked."""
    return open_page(served.url)
