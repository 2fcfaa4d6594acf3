"""The page after a jump, a reload, in a branch, and for those who look on: its picture, its prompt, and what was said of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from real_server import NARROW, RealServer
from test_web_messages import ask_for
from told import sent

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
    driver.page.locator(".toast").get_by_role("button", name="Start over").click()
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


def pinned(driver: Any, served: Any) -> tuple[float, float]:
    """A pin on the ball that pixels show; where it is."""
    driver.tool("pin")
    spot = driver.ball()
    driver.page.mouse.click(*driver.spot(*spot))
    driver.until(lambda: driver.caught_up() and filled(driver, spot), "the pin is shown, and drawn so")
    return spot


def filled(driver: Any, spot: tuple[float, float]) -> bool:
    """Whether the pin there has its dot, and is not only asked for."""
    read = """([x, y]) => {
      const canvas = document.getElementById('overlay');
      const [r, g, b, a] = canvas.getContext('2d').getImageData(x * canvas.width, y * canvas.height, 1, 1).data;
      return a > 200 && r > 200 && g < 140 && b < 140;
    }"""
    return bool(driver.page.evaluate(read, list(spot)))


def test_a_pin_holds_in_a_paused_stream_that_went_back(driver: Any, served: Any) -> None:
    driver.start()
    spot = pinned(driver, served)
    driver.pause()
    driver.step()
    driver.step()
    go_back(driver, 2)
    driver.until(lambda: sent(served, "session.rewind"), "the keys rest")
    driver.until(lambda: filled(driver, spot), "it is drawn as one that is shown")


def test_a_pin_of_before_a_reload_outlives_a_step_back(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, expect_errors=True)
    driver.start()
    spot = pinned(driver, served)
    driver.until(lambda: driver.seconds() > 1, "some film after it")
    driver.page.reload()
    driver.wait_live()
    then = driver.seconds()
    driver.until(lambda: driver.seconds() > then + 0.8, "more film")
    driver.pause()
    go_back(driver, 2)
    driver.until(lambda: sent(served, "session.rewind"), "the keys rest")
    driver.until(lambda: filled(driver, spot), "the pin is still there")


def test_the_pins_of_a_session_file_can_be_taken_away(driver: Any, served: Any) -> None:
    point = {"t": 0.5, "x": 0.3, "y": 0.6}
    begin = {"chunk": 1, "type": "track.begin", "id": 7, "track": 3, "kind": "pin", "points": [point]}
    gone = {**begin, "track": 4, "id": 8}, {"chunk": 2, "type": "track.end", "id": 9, "track": 4}
    file = {"flowbrush": 1, "model": "toy", "start": {"prompt": "a ball"}, "chunks": 4}
    content = json.dumps({**file, "controls": [begin, *gone]}).encode()
    driver.page.set_input_files(
        "#session-file", files=[{"name": "s.json", "mimeType": "application/json", "buffer": content}]
    )
    driver.page.locator(".toast", has_text="The session was replayed").wait_for()
    driver.until(lambda: filled(driver, (0.3, 0.6)), "the page shows it")
    driver.tool("eraser")
    driver.page.mouse.click(*driver.spot(0.3, 0.6))
    driver.until(lambda: [each.track for each in sent(served, "track.end")] == [4, 3], "it is let go")


FILM_WITH_A_GAP = """async () => {
  const { Timeline } = await import('/web/ui/timeline.js');
  const timeline = new Timeline(() => {});
  timeline.start({ seconds: 0.25, span: 240, able: true });
  const picture = Object.assign(document.createElement('canvas'), { width: 112, height: 67 });
  const context = picture.getContext('2d');
  context.fillStyle = 'rgb(255, 0, 0)';
  context.fillRect(0, 0, 112, 67);
  timeline.picture(1, await createImageBitmap(picture));
  timeline.at(30);
  for (let frame = 0; frame < 6; frame += 1) await new Promise(requestAnimationFrame); // it fits itself into its place first
  const film = document.getElementById('film');
  return [...film.getContext('2d').getImageData(4, film.height / 2, 1, 1).data];
}"""


def test_the_film_has_no_gap_where_a_picture_came_too_late(driver: Any) -> None:
    assert driver.page.evaluate(FILM_WITH_A_GAP) == [255, 0, 0, 255]
