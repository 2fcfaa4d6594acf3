"""Windows of every size: nothing lies over what one plays with, and everything can be reached."""

from __future__ import annotations

from typing import Any

import pytest
from stream_double import MODEL
from told import tell

pytestmark = pytest.mark.browser


PLAYED_WITH = ["#stage", "#prompt", "#prompt-go", "#play", "#step", "#reset", "#timeline", "#branch"]


@pytest.mark.parametrize("size", [(1280, 720), (1024, 768), (768, 1024), (390, 844)])
def test_a_message_covers_nothing_that_one_plays_with(
    served: Any, open_page: Any, size: tuple[int, int]
) -> None:
    driver = open_page(served.url, viewport=dict(zip(("width", "height"), size, strict=True)))
    driver.start()
    tell(served, {"type": "notice", "code": "busy", "message": "it is so"})
    message = driver.page.locator(".toast").bounding_box()
    for part in PLAYED_WITH:
        box = driver.page.locator(part).bounding_box()
        beside = message["x"] >= box["x"] + box["width"]
        above = message["y"] + message["height"] <= box["y"] + (30 if part == "#stage" else 0)
        assert beside or above, part


def test_no_finger_leaves_a_hover_behind(served: Any, open_page: Any) -> None:
    driver = open_page(served.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    ground = "(each) => getComputedStyle(each).backgroundColor"
    theme, untouched = driver.page.locator("#theme"), driver.page.locator("#help-open").evaluate(ground)
    theme.tap()
    theme.tap()
    assert theme.evaluate(ground) == untouched
    tools = driver.page.locator("#tools")
    assert tools.evaluate("(each) => each.scrollWidth <= each.clientWidth"), "and every tool is in the window"


def test_every_tool_is_in_a_low_window(served: Any, open_page: Any) -> None:
    driver = open_page(served.url, viewport={"width": 1100, "height": 600})
    last = driver.page.locator("#clear").bounding_box()
    assert last["y"] + last["height"] <= 600


# Names of what stands below the stage and is covered where it is scrolled to.
COVERED = """() => [...document.querySelectorAll('.transport button, #prompt, .panel h2, .panel button')].filter((each) => {
  each.scrollIntoView({ block: 'start' });
  const { left, top, width, height } = each.getBoundingClientRect();
  const seen = document.elementFromPoint(left + Math.min(width, 20) / 2, top + height / 2);
  return width > 0 && !each.contains(seen) && !seen?.contains(each);
}).map((each) => each.id || each.textContent)"""


@pytest.mark.parametrize("size", [(844, 390), (568, 320), (390, 844)])
def test_tools_cover_nothing_of_a_page_that_is_scrolled(
    served: Any, open_page: Any, size: tuple[int, int]
) -> None:
    viewport = dict(zip(("width", "height"), size, strict=True))
    driver = open_page(served.url, viewport=viewport, has_touch=True, is_mobile=True)
    driver.start()
    assert driver.page.evaluate(COVERED) == []


def test_the_lamp_has_its_word_on_a_small_phone(served: Any, open_page: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(MODEL, "title", "flowbrush pocket, the one with a long name")
    driver = open_page(served.url, viewport={"width": 320, "height": 568}, has_touch=True, is_mobile=True)
    fits = "(each) => each.scrollWidth <= each.clientWidth"
    assert driver.page.locator("#status", has_text="Ready").evaluate(fits)
    driver.start()
    assert driver.page.locator("#status").evaluate(fits)


OUT_OF_WIDTH = """() => [...document.querySelectorAll('.welcome *')].filter((each) => {
  const { left, right, width } = each.getBoundingClientRect();
  return width > 0 && (left < 0 || right > innerWidth);
}).map((each) => each.textContent.slice(0, 40))"""


@pytest.mark.parametrize("width", [320, 360, 390])
def test_nothing_that_the_page_begins_with_is_cut_off(served: Any, open_page: Any, width: int) -> None:
    driver = open_page(served.url, viewport={"width": width, "height": 568}, has_touch=True, is_mobile=True)
    driver.page.locator("#preset-cards .preset").first.wait_for()
    assert driver.page.evaluate(OUT_OF_WIDTH) == []


def test_the_end_of_a_stream_shows_the_empty_page_on_a_phone(served: Any, open_page: Any) -> None:
    driver = open_page(served.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    driver.start()
    driver.page.locator("#stop").scroll_into_view_if_needed()
    driver.page.locator("#stop").tap()
    driver.page.locator("#stop", has_text="Press again").wait_for()
    driver.page.wait_for_timeout(600)  # a double tap asks once
    driver.page.locator("#stop").tap()
    driver.until(lambda: driver.page.evaluate("scrollY") < 60, "its top is in the window")


OUT_OF_WINDOW = """() => [...document.querySelectorAll('.tool')].filter((tool) => {
  const { left, top, right, bottom } = tool.getBoundingClientRect();
  return left < 0 || top < 0 || right > innerWidth || bottom > innerHeight || tool.scrollWidth > tool.clientWidth;
}).map((tool) => tool.textContent)"""


@pytest.mark.parametrize(
    "size",
    [(320, 568), (360, 740), (844, 390), (667, 375), (911, 512), (1280, 585), (1100, 680), (768, 1024)],
)
def test_every_tool_is_in_the_window(served: Any, open_page: Any, size: tuple[int, int]) -> None:
    driver = open_page(
        served.url,
        viewport={"width": size[0], "height": size[1]},
        has_touch=size[0] < 1000,
        is_mobile=size[0] < 1000,
    )
    driver.start()
    assert driver.page.evaluate(OUT_OF_WINDOW) == []


def test_the_slider_of_a_film_goes_with_it(driver: Any, served: Any) -> None:
    driver.start()
    widths = [f"document.getElementById('{each}').clientWidth" for each in ("scrub", "timeline")]
    driver.until(lambda: driver.page.evaluate(f"{widths[0]} > 1 && {widths[0]} < {widths[1]}"), "it is short")
    driver.end()
    driver.until(lambda: driver.page.evaluate(f"{widths[0]} === {widths[1]}"), "it has its usual width")


def test_what_stands_in_a_panel_does_not_touch(
    served: Any, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    follows = {**MODEL["capabilities"], "source": True, "source_tracks": True}
    monkeypatch.setitem(MODEL, "capabilities", follows)
    driver = open_page(served.url)
    touching = """() => [...document.querySelectorAll('details.panel')].flatMap((panel) => {
      panel.open = true;
      const parts = [...panel.children].filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect());
      return parts.slice(1).map(({ top }, index) => top - parts[index].bottom).filter((gap) => gap < 6);
    })"""
    driver.page.locator("#preset-cards .preset").first.wait_for()
    assert driver.page.evaluate(touching) == []
    assert (
        driver.page.locator("#source-stop").is_visible() and driver.page.locator("#source-use").is_visible()
    )
