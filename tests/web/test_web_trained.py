"""The page on the real server with the trained weights: what a hand takes is what it moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from likeness import cut_out, likeness
from real_server import ROOT, RealServer

from flowbrush.models.cards.registry import card

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: Any, chromium: Any) -> Iterator[RealServer]:
    if not card("pocket").weights_path.is_file():
        pytest.skip("random weights know no objects")
    server = RealServer("pocket", tmp_path_factory.mktemp("state"), FLOWBRUSH_SEATS="1")
    yield server
    server.stop()


def test_an_object_is_dragged_along_a_path(trained: RealServer, open_page: Any) -> None:
    """From the gallery's panda: what was under the hand is where the hand went, and no more where it was."""
    taken, end = (115 / 320, 120 / 192), (175 / 320, 112 / 192)
    driver = open_page(trained.url)
    driver.page.fill("#prompt", "a panda in the meadow")
    driver.page.set_input_files("#image-file", ROOT / "web" / "gallery" / "panda.webp")
    driver.wait_live()
    before = driver.picture()
    panda = cut_out(before, *taken)
    assert likeness(panda, before, *end) < 0.5, "there is no second one"
    way = [
        (taken[0] + (end[0] - taken[0]) * part / 8, taken[1] + (end[1] - taken[1]) * part / 8)
        for part in range(9)
    ]
    driver.stroke(way, seconds=1, release=False)
    driver.until(lambda: likeness(panda, driver.picture(), *end) > 0.7, "it is at the end of the path")
    assert likeness(panda, driver.picture(), *taken) < 0.6, "and has left its place"
    driver.page.mouse.up()


def test_a_hand_goes_on_through_another_prompt(trained: RealServer, open_page: Any) -> None:
    """Which does not name what it holds, and shows another scene."""
    taken, end = (115 / 320, 120 / 192), (175 / 320, 112 / 192)
    driver = open_page(trained.url)
    driver.page.fill("#prompt", "a panda in the meadow")
    driver.page.set_input_files("#image-file", ROOT / "web" / "gallery" / "panda.webp")
    driver.wait_live()
    panda = cut_out(driver.picture(), *taken)
    driver.stroke([taken, (taken[0] + 0.01, taken[1])], release=False)
    driver.until(lambda: driver.applied, "it is held")
    driver.page.keyboard.press("/")
    driver.page.keyboard.type("a ship on the sea")
    driver.page.keyboard.press("Enter")
    driver.page.locator("#effective", has_text="→").wait_for()
    driver.page.locator("#effective").get_by_text("a ship on the sea", exact=True).wait_for()
    driver.page.mouse.move(*driver.spot(*end), steps=8)
    driver.until(lambda: likeness(panda, driver.picture(), *end) > 0.7, "it goes with the hand")
    driver.page.mouse.up()


def test_a_paused_stream_that_went_back_shows_the_whole_picture(trained: RealServer, open_page: Any) -> None:
    driver = open_page(trained.url)
    driver.page.fill("#prompt", "a dog in the meadow")
    driver.page.keyboard.press("Enter")
    driver.wait_live()
    driver.until(lambda: driver.seconds() > 0.8, "some film")
    driver.pause()
    picture = driver.picture().astype(int)
    driver.page.fill("#prompt", "a ship on the sea")
    driver.page.keyboard.press("Enter")
    for _ in range(6):
        driver.step()

    def off() -> float:
        return float(np.abs(driver.picture() - picture).mean())

    assert off() > 12, "another scene"
    driver.page.locator("#scrub").focus()
    for _ in range(6):
        driver.page.keyboard.press("ArrowLeft")
    driver.page.locator("#effective").get_by_text("a dog in the meadow", exact=True).wait_for()
    driver.until(lambda: off() < 3, "the picture at its full size: that of the film strip is off by more")
