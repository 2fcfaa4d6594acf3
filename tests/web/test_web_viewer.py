"""Who opens a viewer's link: what there is to see and to do, also after the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from real_server import NARROW, RealServer

pytestmark = pytest.mark.browser

PAINTING = ["#tools", "#model", "#panel-tool", "#panel-blend", "#panel-source", "#seed", "#load", "#stop"]


@pytest.fixture(scope="module")
def real(tmp_path_factory: Any, chromium: Any) -> Iterator[RealServer]:
    server = RealServer("pocket-random", tmp_path_factory.mktemp("state"), **NARROW)
    yield server
    server.stop()


def watched(real: RealServer, open_page: Any) -> tuple[Any, Any]:
    """Who paints, and who looks on."""
    driver = open_page(real.url)
    driver.start()
    viewer = open_page(f"{real.url}?watch={driver.ready['session']}")
    viewer.page.locator("#viewer-mark").wait_for()
    return driver, viewer


def test_who_looks_on_is_offered_nothing_to_paint_with(real: RealServer, open_page: Any) -> None:
    _, viewer = watched(real, open_page)
    assert [each for each in PAINTING if viewer.page.locator(each).is_visible()] == []
    stage, panels = (viewer.page.locator(each).bounding_box() for each in (".middle", ".panels"))
    assert stage["x"] == 0 and panels["x"] == pytest.approx(stage["width"]), "and its place is the picture's"
    viewer.page.locator("#viewer-mark a").click()
    viewer.page.locator("#photo-cards .preset").first.wait_for()
    assert viewer.page.url == real.url


def test_who_looked_on_to_the_end_can_paint_then(real: RealServer, open_page: Any) -> None:
    driver, viewer = watched(real, open_page)
    driver.end()
    viewer.page.locator("#photo-cards .preset").first.wait_for()
    assert viewer.page.locator("#model").input_value() == "pocket-random"
    viewer.start()
    viewer.stroke([(0.4, 0.5), (0.6, 0.5)])
    viewer.until(lambda: viewer.applied, "the picture shows what is painted")
    assert viewer.page.url == real.url, "and the page may be loaded again"


def test_a_viewers_link_that_is_too_late_leads_to_the_photos(real: RealServer, open_page: Any) -> None:
    viewer = open_page(f"{real.url}?watch=nobody", expect_errors=True)
    viewer.page.locator(".toast", has_text="does not exist").wait_for()
    viewer.page.locator("#photo-cards .preset").first.wait_for()
