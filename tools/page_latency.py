"""From hand to picture in a real Chromium: what a visitor feels, with everything on this machine.

    python tools/page_latency.py                      # starts `flowbrush serve --model pocket` by itself
    python tools/page_latency.py --url http://127.0.0.1:8000 --strokes 20

A stroke takes the gallery's panda and pulls it evenly for about a second, to and fro, beginning at any moment of a chunk. Counted
is the time from each pointer event to the first frame drawn on the canvas that shows it; a test checks that figure against the
pixels. Prints a table of the strokes, then their medians as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from screenshots import FLAGS, chromium_path, serving

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "web"))
from page_driver import PageDriver  # noqa: E402

WARM_UP_S = 5
STEPS, STEP_MS = 30, 12  # of each half of a stroke; what a move itself takes comes on top
HERE, THERE = (115 / 320, 120 / 192), (175 / 320, 112 / 192)  # where the panda stands, and may stand


def pull(driver: PageDriver, way: list[tuple[float, float]]) -> None:
    """One stroke, at a mouse's pace."""
    mouse = driver.page.mouse
    mouse.move(*driver.spot(*way[0]))
    mouse.down()
    for (x0, y0), (x1, y1) in pairwise(way):
        for step in range(1, STEPS + 1):
            share = step / STEPS
            mouse.move(*driver.spot(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share))
            driver.page.wait_for_timeout(STEP_MS)
    mouse.up()


def strokes(driver: PageDriver, count: int) -> list[dict[str, Any]]:
    """Pulls `count` strokes and reads the page's figures after each."""
    rows = []
    for index in range(count):
        way = [HERE, ((HERE[0] + THERE[0]) / 2, HERE[1] - 0.1), THERE]
        pull(driver, way if index % 2 == 0 else way[::-1])
        driver.page.wait_for_timeout(1000 + random.Random(index).randrange(250))
        latency = driver.page.locator("#figure-latency")
        within = re.search(r"within (\d+) ms", latency.get_attribute("title") or "")
        rows.append(
            {
                "p50_ms": float(latency.text_content().removesuffix("ms")),
                "p95_ms": float(within[1]) if within else None,
                "fps": float(driver.page.locator("#figure-fps").text_content()),
                "buffer_ms": float(driver.page.locator("#figure-buffer").text_content().removesuffix("ms")),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="a server that runs already")
    parser.add_argument("--strokes", type=int, default=12)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with serving(options.url) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        driver = PageDriver(browser.new_page(viewport={"width": 1280, "height": 800}))
        driver.page.goto(url)
        driver.page.locator("#preset-cards .preset", has_text="panda").first.click()
        driver.wait_live()
        driver.until(lambda: driver.seconds() > WARM_UP_S, "a warm stream")
        rows = strokes(driver, options.strokes)
        browser.close()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("stroke  p50 ms  p95 ms  frames/s  buffer ms")
    for index, row in enumerate(rows):
        p95 = "–" if row["p95_ms"] is None else f"{row['p95_ms']:.0f}"
        print(f"{index:6d}  {row['p50_ms']:6.0f}  {p95:>6}  {row['fps']:8.1f}  {row['buffer_ms']:9.0f}")
    whole = {
        "p50_ms": median(row["p50_ms"] for row in rows),
        "p95_ms": median(row["p95_ms"] or 0.0 for row in rows),
    }
    print(json.dumps({"benchmark": "page_latency", "cores": os.cpu_count(), "strokes": len(rows), **whole}))


if __name__ == "__main__":
    main()
