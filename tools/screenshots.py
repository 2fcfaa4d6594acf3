"""Makes the pictures of the page in docs/screenshots, with a real model and Chromium.

python tools/screenshots.py                # starts `flowbrush serve --model pocket` by itself
python tools/screenshots.py --url http://127.0.0.1:8000
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "web"))
from page_driver import PageDriver  # noqa: E402

SCREENSHOTS = ROOT / "docs" / "screenshots"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
READY_S = 180.0
RECORDING_FPS = 8
# Page coordinates in the frame that the hand goes along: an S over the middle of the picture.
HAND = [
    (0.5 + 0.28 * np.sin(2 * np.pi * t), 0.55 + 0.18 * np.sin(4 * np.pi * t)) for t in np.linspace(0, 1, 48)
]


@contextlib.contextmanager
def serving(url: str | None) -> Iterator[str]:
    """The address of a server: the one given, or one of our own for as long as it is needed."""
    if url:
        yield url
        return
    state = tempfile.mkdtemp()
    threads = str(max(1, (os.cpu_count() or 2) - 1))  # as `make demo`: the browser needs a core
    own = {"FLOWBRUSH_STATE_DIR": state, "FLOWBRUSH_PORT": "8471"}
    environment = {"FLOWBRUSH_THREADS": threads, **os.environ, **own}
    server = subprocess.Popen(
        [sys.executable, "-m", "server.cli", "serve", "--model", "pocket"], cwd=ROOT, env=environment
    )
    try:
        wait_ready("http://127.0.0.1:8471")
        yield "http://127.0.0.1:8471"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        shutil.rmtree(state, ignore_errors=True)


def chromium_path() -> str:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("no Chromium: install the package chromium, or set CHROMIUM to a browser")
    return path


def wait_ready(url: str) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=5).close()
        except (OSError, urllib.error.URLError):
            time.sleep(0.5)
        else:
            return
    raise SystemExit(f"the server at {url} was not ready within {READY_S:.0f} s")


def paint(driver: PageDriver, moves: list[tuple[float, float]], pause_ms: float = 60) -> None:
    """Presses at the first point and follows the others; the hand stays down."""
    driver.page.mouse.move(*driver.spot(*moves[0]))
    driver.page.mouse.down()
    for point in moves[1:]:
        driver.page.mouse.move(*driver.spot(*point))
        driver.page.wait_for_timeout(pause_ms)


def object_spot(driver: PageDriver) -> tuple[float, float]:
    """Where something stands out: the place with the most detail, away from the edges of the frame."""
    picture = driver.picture().astype(float).mean(2)
    height, width = picture.shape
    cell = 16
    rows, cols = height // cell, width // cell
    detail = picture[: rows * cell, : cols * cell].reshape(rows, cell, cols, cell).std((1, 3))
    inner = detail[1:-1, 1:-1]
    row, col = np.unravel_index(inner.argmax(), inner.shape)
    return (col + 1.5) / cols, (row + 1.5) / rows


def shoot(browser: Any, url: str) -> None:
    """Every still: empty page, painting in dark and light, tablet, phone."""
    stills = {
        "empty-dark": ({"width": 1440, "height": 900}, "dark", None),
        "painting-dark": ({"width": 1440, "height": 900}, "dark", "drag"),
        "painting-light": ({"width": 1440, "height": 900}, "light", "path"),
        "tablet": ({"width": 834, "height": 1112}, "light", "drag"),
        "phone": ({"width": 360, "height": 740}, "dark", "drag"),
    }
    for name, (viewport, scheme, tool) in stills.items():
        scale = 2 if viewport["width"] < 500 else 1
        context = browser.new_context(viewport=viewport, color_scheme=scheme, device_scale_factor=scale)
        driver = PageDriver(context.new_page())
        driver.page.goto(url)
        driver.page.locator("#preset-cards .preset").first.wait_for()
        if tool:
            driver.start()
            driver.until(lambda driver=driver: driver.seconds() > 4, "a few seconds of film")
            driver.tool(tool)
            x, y = object_spot(driver)
            paint(driver, [(x + (0.62 - x) * t, y - 0.18 * np.sin(np.pi * t)) for t in np.linspace(0, 1, 16)])
        driver.page.wait_for_timeout(300)
        driver.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        context.close()


def record(browser: Any, url: str) -> None:
    """A short film of painting, as an animated WebP that a README shows by itself."""
    context = browser.new_context(viewport={"width": 1120, "height": 720}, color_scheme="dark")
    driver = PageDriver(context.new_page())
    driver.page.goto(url)
    driver.start()
    driver.until(lambda: driver.seconds() > 3, "a few seconds of film")
    x, y = object_spot(driver)
    moves = [(x + px - HAND[0][0], y + py - HAND[0][1]) for px, py in HAND]
    frames = []
    driver.page.mouse.move(*driver.spot(*moves[0]))
    driver.page.mouse.down()
    for point in moves:
        driver.page.mouse.move(*driver.spot(*(min(0.95, max(0.05, value)) for value in point)))
        frames.append(
            Image.open(io.BytesIO(driver.page.screenshot(type="jpeg", quality=90))).resize((840, 540))
        )
        driver.page.wait_for_timeout(1000 / RECORDING_FPS / 2)
    driver.page.mouse.up()
    context.close()
    frames[0].save(
        SCREENSHOTS / "painting.webp",
        save_all=True,
        append_images=frames[1:],
        duration=1000 // RECORDING_FPS,
        loop=0,
        quality=72,
        method=6,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="a server that runs already")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with serving(options.url) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        shoot(browser, url)
        record(browser, url)
        browser.close()


if __name__ == "__main__":
    main()
