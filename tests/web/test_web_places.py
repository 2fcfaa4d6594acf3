"""The page after a jump, a reload, in a branch, and for those who look on: its picture, its prompt, and what was said of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from real_server import NARROW, RealServer
from test_web_messages import ask_for
from test_web_session import sent

pytestmark = pytest.mark.browser

UNKNOWN = "a zyxgrop in the snow"


@pytest.fixture(scope="module")
def real(tmp_path_factory: Any, chromium: Any) -> Iterator[RealServer]:
    server = RealServer("pocket-random", tmp_path_factory.mktemp("state"), **NARROW)
    yield server
    server.stop()


def text(driver: Any, id: str) -> str:
    return driver.page.locator(f"#{id}").text_content()


def go_back(driver: Any, chunks: int) -> None:
    driver.page.locator("#scrub").focus()
    for _ in range(chunks):
        driver.page.keyboard.press("ArrowLeft")


def likeness(driver: Any, picture: Any) -> float:
    """Mean difference of the picture on stage to another one, of 255."""
    return float(np.abs(driver.picture().astype(int) - picture).mean())


def test_a_paused_stream_that_goes_back_shows_the_picture_there_and_its_prompt(
    driver: Any, served: Any
) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 0.5, "some film")
    driver.pause()
    picture, prompt = driver.picture().astype(int), text(driver, "effective")
    ask_for(driver, served, "a ball in the deep sea")
    driver.step()
    driver.until(lambda: text(driver, "effective") == "a ball in the deep sea", "the next prompt holds")
    driver.step()
    assert likeness(driver, picture) > 8, "another picture"
    go_back(driver, 2)
    driver.until(lambda: sent(served, "session.rewind"), "the keys rest")
    driver.until(lambda: text(driver, "effective") == prompt, "the prompt that held there")
    driver.until(
        lambda: likeness(driver, picture) < 2, "the whole picture, and not the one of the film strip"
    )


def test_a_paused_stream_that_starts_over_shows_its_first_picture(driver: Any, served: Any) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 0.5, "some film")
    driver.pause()
    ask_for(driver, served, "a ball in the deep sea")
    driver.step()
    driver.step()
    (stream,) = set(served.double.sessions.values())
    first = stream.history[0].newest().astype(int)
    driver.page.locator("#reset").click()
    driver.until(lambda: text(driver, "effective") == "a ball on stripes", "the prompt of the start")
    driver.until(lambda: driver.seconds() < 0.25 and likeness(driver, first) < 4, "its first picture")


def test_what_is_not_understood_is_known_after_a_reload_in_a_branch_and_to_those_who_look_on(
    real: RealServer, open_page: Any
) -> None:
    driver = open_page(real.url)
    driver.page.fill("#prompt", UNKNOWN)
    driver.page.keyboard.press("Enter")
    driver.wait_live()

    def said(page: Any) -> bool:
        return "zyxgrop" in text(page, "effective-doubt") and text(page, "effective") == UNKNOWN

    driver.until(lambda: said(driver), "it stands next to the prompt")
    viewer = open_page(f"{real.url}?watch={driver.ready['session']}")
    viewer.until(lambda: said(viewer), "who looks on reads it, too")
    driver.pause()
    driver.page.locator("#branch").click()
    film = driver.page.locator("#scrub").bounding_box()
    with driver.page.context.expect_page() as opened:
        driver.page.mouse.click(film["x"] + 2, film["y"] + 20)
    branch = type(driver)(opened.value)
    branch.wait_live()
    branch.until(lambda: said(branch), "a branch says it")
    assert branch.page.locator("#prompt").input_value() == UNKNOWN, "and has the prompt in its field"
    driver.page.reload()
    driver.page.locator("#status-text", has_text="Paused").wait_for()
    driver.until(lambda: said(driver), "so does the page that was loaded again")


def test_who_looks_on_is_told_of_a_later_prompt_without_a_message_in_the_way(
    real: RealServer, open_page: Any
) -> None:
    driver = open_page(real.url)
    driver.start()
    viewer = open_page(f"{real.url}?watch={driver.ready['session']}")
    viewer.page.locator("#viewer-mark").wait_for()
    driver.page.fill("#prompt", UNKNOWN)
    driver.page.keyboard.press("Enter")
    driver.page.locator(".toast", has_text="zyxgrop").wait_for()
    viewer.page.locator("#effective-doubt", has_text="zyxgrop").wait_for()
    assert viewer.page.locator(".toast").count() == 0
