"""What is told to those who read the page by ear: what a hand did, under its name, and nothing that only ticks."""

from __future__ import annotations

from typing import Any

import pytest
from page_driver import hold_by_keys
from told import sent

pytestmark = pytest.mark.browser

CHANGES = """() => new Promise((resolve) => {
  const live = '[role=status], [role=log], [role=alert], [aria-live=polite], output:not([aria-live=off])';
  const told = [];
  const observer = new MutationObserver((changes) => {
    for (const { target } of changes) {
      const node = target.nodeType === 1 ? target : target.parentElement;
      if (node?.closest(live)) told.push(node.outerHTML.slice(0, 80));
    }
  });
  observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  setTimeout(() => (observer.disconnect(), resolve(told)), 1000);
})"""


def test_a_stream_that_plays_tells_nothing_by_itself(driver: Any) -> None:
    driver.start()
    then = driver.seconds()
    driver.until(lambda: driver.seconds() > then + 0.3, "the clock goes on")
    assert driver.page.evaluate(CHANGES) == []


def test_fields_have_the_name_that_stands_beside_them(driver: Any) -> None:
    page = driver.page
    page.locator("#preset-cards .preset").first.wait_for()
    assert page.get_by_role("spinbutton", name="Seed", exact=True).count() == 1
    page.locator("#panel-blend summary").click()
    blend = page.get_by_role("slider", name="Blend")
    blend.fill("30")
    assert blend.get_attribute("aria-valuetext") == "30%"
    assert page.locator("svg:not([aria-hidden])").count() == 0, "drawings say what their buttons say"


def test_what_the_eraser_did_is_told(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.locator("#stage").focus()
    driver.tool("pin")
    driver.page.locator("#stage").focus()
    driver.page.keyboard.press("ArrowRight")
    driver.page.keyboard.press("Enter")
    driver.page.keyboard.press("Enter")
    driver.until(lambda: sent(served, "track.begin"), "a pin is set at the crosshair")
    driver.page.keyboard.press("e")
    for _ in range(2):
        driver.page.keyboard.press("Enter")
    driver.page.locator("#said", has_text="Let go of the pin.").wait_for(state="attached")
    for _ in range(2):
        driver.page.keyboard.press("Enter")
    driver.page.locator(".toast", has_text="There is no pin or path here").wait_for()


def test_what_is_held_gets_its_name_when_that_comes_late(driver: Any, served: Any) -> None:
    driver.start()
    served.double.probe_s = 1.5  # the hand is answered sooner than what would be taken there
    hold_by_keys(driver)
