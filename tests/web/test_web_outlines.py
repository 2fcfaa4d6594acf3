"""What a hand takes is outlined before and while it holds it, and can be corrected."""

from __future__ import annotations

from typing import Any

import pytest
from page_driver import drawn_on, near
from told import sent

pytestmark = pytest.mark.browser


def hover(driver: Any, x: float, y: float) -> None:
    driver.page.mouse.move(*driver.spot(x, y))


def over(driver: Any) -> str:
    return driver.page.locator("#stage").get_attribute("data-over")


def outlined(driver: Any) -> int:
    """How many pixels the overlay has drawn on."""
    return drawn_on(driver, 0, 0, 1, 1)


def test_what_would_be_taken_is_outlined_before_it_is_taken(driver: Any, served: Any) -> None:
    driver.start()
    hover(driver, *driver.ball())
    driver.until(lambda: sent(served, "probe"), "the server is asked")
    driver.until(lambda: outlined(driver) > 500, "the ball is outlined")
    hover(driver, 0.9, 0.1)
    driver.until(lambda: outlined(driver) == 0, "there is nothing to take here")
    served.double.probe_s = 0.2
    for step in range(12):
        hover(driver, 0.9 - 0.015 * step, 0.1)
    assert served.double.most_probes == 1, "one question at a time; the newest place comes next"
    assert not sent(served, "track.begin")


def test_what_is_held_keeps_its_outline(driver: Any, served: Any) -> None:
    driver.start()
    x, y = driver.ball()
    driver.stroke([(x, y), (0.6, 0.3)], release=False)
    driver.until(lambda: near(driver.ball(), (0.6, 0.3)), "the ball follows")
    driver.until(lambda: drawn_on(driver, 0.53, 0.18, 0.67, 0.42) > 800, "an outline where the ball is now")
    assert drawn_on(driver, x - 0.06, y - 0.1, x - 0.02, y + 0.1) == 0, "and none where it was"
    driver.page.mouse.up()
    driver.until(lambda: outlined(driver) == 0 or sent(served, "probe"), "and loses it when it is let go")


def test_a_hand_that_got_nothing_shows_no_outline(driver: Any, served: Any) -> None:
    """Where the server found something to take a moment ago, and the hand came too late."""
    driver.start()
    x, y = driver.ball()
    hover(driver, x, y)
    driver.until(lambda: outlined(driver) > 500, "the ball is outlined")
    served.double.grabs = False
    driver.page.mouse.down()
    driver.until(driver.caught_up, "the press is shown")
    driver.until(lambda: drawn_on(driver, x + 0.04, y - 0.09, x + 0.06, y + 0.09) == 0, "no outline")
    driver.page.mouse.up()


def test_a_second_click_adds_and_the_hand_takes_what_is_outlined(driver: Any, served: Any) -> None:
    driver.start()
    hover(driver, *driver.ball())
    driver.until(lambda: outlined(driver) > 500, "the ball is outlined")
    driver.page.keyboard.down("Shift")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: driver.page.locator("#select-clear").is_enabled(), "it is selected")
    driver.page.mouse.click(*driver.spot(0.8, 0.2))
    driver.page.keyboard.up("Shift")
    (probe,) = driver.until(lambda: [p for p in sent(served, "probe") if p.add], "a point is added")
    assert probe.add[0] == (pytest.approx(0.8, abs=0.01), pytest.approx(0.2, abs=0.01))
    driver.until(lambda: drawn_on(driver, 0.72, 0.12, 0.88, 0.28), "what was added is outlined with it")
    driver.stroke([(0.8, 0.2), (0.7, 0.4)])
    (begin,) = driver.until(lambda: sent(served, "track.begin"), "the hand comes down in what was added")
    assert len(begin.region) == 2, "ball and square are taken together"
    assert not driver.page.locator("#select-clear").is_enabled(), "what was selected is in the hand"


def test_alt_takes_away(driver: Any, served: Any) -> None:
    driver.start()
    hover(driver, *driver.ball())
    driver.until(lambda: outlined(driver) > 500, "the ball is outlined")
    driver.page.keyboard.down("Shift")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: driver.page.locator("#select-clear").is_enabled(), "it is selected")
    driver.page.keyboard.up("Shift")
    driver.page.keyboard.down("Alt")
    x, y = driver.ball()
    driver.page.mouse.click(*driver.spot(x, y + 0.05))
    driver.page.keyboard.up("Alt")
    (probe,) = driver.until(lambda: [p for p in sent(served, "probe") if p.remove], "a point is taken away")
    assert probe.remove[0][1] == pytest.approx(y + 0.05, abs=0.01) and not sent(served, "track.begin")


def test_alt_where_something_was_added_takes_that_back(driver: Any, served: Any) -> None:
    """Both clicks together would mean nothing to anybody."""
    driver.start()
    driver.tool("select")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: driver.page.locator("#select-clear").is_enabled(), "the ball is selected")
    for key, spot in (("Shift", (0.8, 0.2)), ("Alt", (0.81, 0.2))):
        driver.page.keyboard.down(key)
        driver.page.mouse.click(*driver.spot(*spot))
        driver.page.keyboard.up(key)
        there = key == "Shift"
        driver.until(
            lambda there=there: (drawn_on(driver, 0.72, 0.12, 0.88, 0.28) > 0) == there, f"{key} is shown"
        )
    assert driver.page.locator("#select-clear").is_enabled(), "the ball stays selected"
    assert not [probe for probe in sent(served, "probe") if probe.remove]


def test_alt_with_nothing_selected_says_what_comes_first(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.keyboard.down("Alt")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.page.keyboard.up("Alt")
    driver.page.locator(".toast", has_text="Nothing is selected yet").wait_for()


@pytest.mark.parametrize("paint", [False, True])
def test_an_area_is_drawn_and_pulled(driver: Any, served: Any, paint: bool) -> None:
    driver.start()
    driver.page.keyboard.press("a")
    corners = [(0.2, 0.2), (0.6, 0.2), (0.6, 0.8), (0.2, 0.8), (0.2, 0.22)]
    if paint:
        driver.page.locator("#select-paint").check()
    driver.stroke(corners)
    driver.until(lambda: driver.page.locator("#select-clear").is_enabled(), "an area is selected")
    inside_ = (0.2, 0.5) if paint else (0.4, 0.5)
    driver.stroke([inside_, (0.7, 0.5)])
    (begin,) = driver.until(lambda: sent(served, "track.begin"), "the area is pulled")
    xs = [x for polygon in begin.region for x, _ in polygon]
    margin = 0.04 if paint else 0.0
    assert min(xs) == pytest.approx(0.2 - margin, abs=0.015)
    assert max(xs) == pytest.approx(0.6 + margin, abs=0.015)
    assert len(begin.region) == (2 if paint else 1), "a painted ring has a hole"


def test_escape_selects_nothing(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("select")
    driver.stroke([(0.2, 0.2), (0.6, 0.2), (0.6, 0.8), (0.2, 0.8)])
    driver.until(lambda: driver.page.locator("#select-clear").is_enabled(), "an area is selected")
    driver.page.keyboard.press("Escape")
    assert driver.page.locator("#select-clear").is_disabled()


def test_a_model_without_outlines_is_asked_once(driver: Any, served: Any) -> None:
    served.double.outlines = False
    driver.start()
    hover(driver, 0.2, 0.5)
    driver.until(lambda: sent(served, "probe"), "it is asked")
    for step in range(5):  # for longer than a hovering hand rests between two questions
        hover(driver, 0.3 + 0.05 * step, 0.5)
        driver.page.wait_for_timeout(80)
    assert len(sent(served, "probe")) == 1
    assert driver.page.locator(".toast").count() == 0, "nobody is told of it"
