"""Makes the pictures in docs/screenshots, with the trained model and Chromium: true captures of the page.

python tools/screenshots.py                # starts `flowbrush serve --model pocket` by itself
python tools/screenshots.py --url http://127.0.0.1:8000 --only pull phone
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "web"))
from page_driver import PageDriver  # noqa: E402

SCREENSHOTS = ROOT / "docs" / "screenshots"
GALLERY = ROOT / "web" / "gallery"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
READY_S = 300.0
MOST_BYTES = 150_000
SEED = "7"
GAP = 12  # pixels between the pictures of a row
BEHIND_MS = 1500
"""A thing goes no faster than a picture may: it comes after a hand that is faster."""

Way = list[tuple[float, float]]


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
        [sys.executable, "-m", "flowbrush.server.cli", "serve", "--model", "pocket"],
        cwd=ROOT,
        env=environment,
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


def pull(driver: PageDriver, way: Way) -> None:
    """Hovers at the first point until the page outlines what is there, presses, and goes along the others; the hand stays down."""
    hover(driver, way[0])
    driver.page.mouse.down()
    for point in way[1:]:
        driver.page.mouse.move(*driver.spot(*point), steps=3)
        driver.page.wait_for_timeout(80)
    driver.until(driver.caught_up, "the picture follows")
    driver.page.wait_for_timeout(BEHIND_MS)


def hover(driver: PageDriver, place: tuple[float, float]) -> None:
    driver.page.mouse.move(*driver.spot(*place))
    driver.page.locator("#stage[data-over=thing]").wait_for()


def line(start: tuple[float, float], end: tuple[float, float], points: int = 8) -> Way:
    """A way of the hand that rises a little between two places of the frame."""
    shares = [index / points for index in range(points + 1)]
    (x, y), (to_x, to_y) = start, end
    return [(x + (to_x - x) * s, y + (to_y - y) * s - 0.25 * s * (1 - s)) for s in shares]


def photo(driver: PageDriver, name: str) -> tuple[float, float]:
    """Opens a photo of the gallery by its card; where its subject is."""
    credits = json.loads((GALLERY / "credits.json").read_text())
    (index,) = [at for at, each in enumerate(credits) if each["file"] == f"photo-{name}.webp"]
    driver.page.fill("#seed", SEED)
    driver.page.locator("#photo-cards .preset").nth(index).click()
    driver.wait_live()
    x, y = credits[index]["subject"]
    return x, y


def stage(driver: PageDriver) -> Image.Image:
    return Image.open(io.BytesIO(driver.page.locator("#stage").screenshot()))


def page(driver: PageDriver) -> Image.Image:
    return Image.open(io.BytesIO(driver.page.screenshot()))


def row(pictures: list[Image.Image], height: int) -> Image.Image:
    """Pictures side by side, on a transparent ground."""
    fitted = [
        each.convert("RGBA").resize((round(each.width * height / each.height), height)) for each in pictures
    ]
    whole = Image.new("RGBA", (sum(each.width + GAP for each in fitted) - GAP, height), (0, 0, 0, 0))
    x = 0
    for each in fitted:
        whole.paste(each, (x, 0))
        x += each.width + GAP
    return whole


def shoot_pull(driver: PageDriver) -> Image.Image:
    """A photo, a hand, before and after."""
    x, y = photo(driver, "panda")
    before = stage(driver)
    pull(driver, line((x, y), (x - 0.2, y - 0.06)))
    held = stage(driver)
    driver.page.mouse.up()
    driver.page.mouse.move(2, 2)
    driver.page.locator("#hint").wait_for(state="hidden")
    driver.until(driver.caught_up, "it is let go")
    driver.page.wait_for_timeout(1500)  # the stroke fades
    return row([before, held, stage(driver)], 300)


def shoot_welcome(driver: PageDriver) -> Image.Image:
    driver.page.wait_for_load_state("networkidle")
    return page(driver)


def shoot_photo(driver: PageDriver) -> Image.Image:
    x, y = photo(driver, "dogs")
    pull(driver, line((x, y), (x + 0.35, y + 0.02)))
    return page(driver)


SHOTS: dict[str, tuple[dict[str, Any], Callable[[PageDriver], Image.Image]]] = {
    "pull": ({"viewport": {"width": 1280, "height": 800}}, shoot_pull),
    "welcome": ({"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"}, shoot_welcome),
    "phone": ({"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}, shoot_photo),
}


def save(picture: Image.Image, path: Path) -> None:
    """As WebP, as good as its size allows."""
    for quality in range(90, 30, -6):
        picture.save(path, quality=quality, method=6)
        if path.stat().st_size <= MOST_BYTES:
            return
    raise SystemExit(f"{path.name} stays above {MOST_BYTES} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="a server that runs already")
    parser.add_argument("--only", nargs="+", choices=SHOTS, default=list(SHOTS))
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with serving(options.url) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        for name in options.only:
            settings, shoot = SHOTS[name]
            driver = PageDriver(browser.new_page(**settings))
            driver.page.set_default_timeout(READY_S * 1000)
            driver.page.goto(url)
            save(shoot(driver), SCREENSHOTS / f"{name}.webp")
            driver.page.close()
        browser.close()


if __name__ == "__main__":
    main()
