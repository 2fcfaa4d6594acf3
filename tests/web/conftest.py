"""Chromium, and servers for the page. Browser tests are skipped where there is no Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from bounded import deadline
from browser import Browser, find_chromium
from page_driver import TIMEOUT_S, PageDriver
from stream_double import StreamDouble

HERE = Path(__file__).parent
START_S, STOP_S = 30.0, 10.0
TEST_S = 130.0
"""A page that is not done after so long hangs: its browser is killed, and only its test fails."""


open_browser = contextlib.ExitStack()
"""The browser of this process while tests of the page come one after the other."""
browsers: list[Browser] = []


@pytest.fixture(scope="module")
def chromium() -> Browser:
    """The browser, which is started if there is none."""
    if not browsers:
        path = find_chromium()
        from playwright.sync_api import sync_playwright

        browsers.append(Browser(open_browser.enter_context(sync_playwright()), path))
        open_browser.callback(browsers.clear)
        open_browser.callback(_close, browsers[0])
    return browsers[0]


def _close(browser: Browser) -> None:
    with deadline(60, browser.kill, "closing the browser"):
        browser.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """While Playwright runs, tests with an event loop of their own cannot."""
    yield
    if nextitem is None or nextitem.path.parent != HERE:
        open_browser.close()


class Served:
    """The stream double on a port of its own, in a thread."""

    def __init__(self) -> None:
        self.renew()
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
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
        end = time.monotonic() + START_S
        while not self.server.started:
            assert self.thread.is_alive() and time.monotonic() < end, "the stream double does not start"
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"

    def renew(self) -> None:
        """As a server that was just started, at the same address."""
        self.double = StreamDouble()

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        await self.double.app(scope, receive, send)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.server.serve())

    def stop(self) -> None:
        self.server.should_exit = True
        self.server.force_exit = True
        self.thread.join(STOP_S)
        assert not self.thread.is_alive(), "the stream double does not stop"


@pytest.fixture(scope="module")
def stream_server() -> Iterator[Served]:
    served = Served()
    yield served
    served.stop()


@pytest.fixture
def served(stream_server: Served) -> Iterator[Served]:
    """The stream double, before anybody came."""
    stream_server.renew()
    yield stream_server
    assert stream_server.double.refused == [], "the page sent messages that break the protocol"


def first_page(chromium: Browser, url: str) -> Any:
    """A page of the shared context, in which nothing is remembered of the pages before."""
    page = chromium.usual_page(url)
    storage = {"origin": url.rstrip("/"), "storageTypes": "local_storage"}
    page.context.new_cdp_session(page).send("Storage.clearDataForOrigin", storage)
    page.context.clear_permissions()
    return page


@pytest.fixture
def open_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., PageDriver]]:
    """Opens addresses; a second page, and one that needs a context of its own, as another visitor.

    At the end no page may have written an error to the console.
    """
    if "served" in request.fixturenames:
        request.getfixturevalue("served")  # first, so that it outlives the pages
    pages: list[Any] = []
    visitors: list[Any] = []
    errors: list[str] = []

    def new_page(url: str, init: str | None, options: dict[str, Any]) -> Any:
        if not (pages or init or options):
            return first_page(chromium, url)
        visitors.append(chromium.new_context(**options))
        if init:
            visitors[-1].add_init_script(init)
        return visitors[-1].new_page()

    def open_(
        url: str, *, init: str | None = None, expect_errors: bool = False, **options: Any
    ) -> PageDriver:
        pages.append(new_page(url, init, options))
        page = pages[-1]
        page.set_default_timeout(TIMEOUT_S * 1000)
        if not expect_errors:
            page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return PageDriver(page)

    with deadline(TEST_S, chromium.kill, request.node.name):
        yield open_
        for each in (*pages, *visitors):
            each.close()
    assert errors == [], "errors in the browser's console"


@pytest.fixture
def driver(served: Served, open_page: Callable[..., PageDriver]) -> PageDriver:
    """The page on the stream double, before anything was clicked."""
    return open_page(served.url)
