"""The page on the real server with the trained weights: what a hand takes is what it moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from likeness import cut_out, likeness
from real_server import ROOT, RealServer

from flowbrush.models.registry import card

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
