"""One Chromium for the tests of the page; one that hangs or died is replaced by the next."""

from __future__ import annotations

import os
import shutil
from typing import Any

import psutil
import pytest
from bounded import command_of

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Pages share a process that is there: starting one, and keeping a spare one ready, takes as long as most tests do.
    "--disable-features=SpareRendererForSitePerProcess",
    "--process-per-site",
    "--renderer-process-limit=1",
]

USUAL = {"viewport": {"width": 1100, "height": 680}, "reduced_motion": "reduce"}
"""The smallest window that has the page's panels next to the stage, and nothing that moves by itself: without a graphics card
pixels cost time.
"""


def find_chromium() -> str:
    """Its path; skips the test where there is none."""
    # Without windows of its own it needs a sixth less time.
    names = ("chromium-headless-shell", "chromium", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium: install the package chromium, or set CHROMIUM to a browser")
    return path


class Browser:
    """Opens contexts. `kill` may be called from any thread: it makes every call that waits for the browser fail."""

    def __init__(self, playwright: Any, path: str) -> None:
        self._playwright = playwright
        self._path = path
        self._browser: Any = None
        self._usual: Any = None

    def new_context(self, **options: Any) -> Any:
        """A context of the browser, which is started if it does not run."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(
                executable_path=self._path, args=FLAGS, timeout=60_000
            )
            self._usual = None
        return self._browser.new_context(**{**USUAL, **options})

    def usual_page(self, url: str) -> Any:
        """A new page of the context that tests share, which has the files of `url` already; nothing else of earlier pages. One that
        shows no more than a picture stays, and keeps the process of that site.
        """
        if self._usual is None or not self._browser.is_connected():
            self._usual = self.new_context()
            self._usual.new_page().goto(f"{url.rstrip('/')}/web/icon.svg")
        return self._usual.new_page()

    @staticmethod
    def kill() -> None:
        """Kills every process of the browser (they are the children of Playwright's driver)."""
        for driver in psutil.Process().children():
            if "playwright" in command_of(driver):
                for process in driver.children(recursive=True):
                    _kill(process)

    def close(self) -> None:
        """Closes the browser if it still runs."""
        if self._browser is not None and self._browser.is_connected():
            self._browser.close()


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.Error:
        pass
