"""Moves of the camera are taken back and made again, and none goes on when hands let go or the stream goes back."""

from __future__ import annotations

from typing import Any

import pytest
from page_driver import PageDriver, drag, near
from told import sent

pytestmark = pytest.mark.browser


def enabled(driver: Any, button: str) -> bool:
    return bool(driver.page.locator(f"#{button}").is_enabled())


def pan(served: Any) -> tuple[float, float]:
    """What the server was told of the camera last."""
    return tuple(sent(served, "camera.set")[-1].pan)  # type: ignore[return-value]


def offset(served: Any) -> float:
    return float(served.double.sessions["toy-token"].world.offset)


def steer(driver: PageDriver, served: Any) -> None:
    """To the right, for a while, and lets go."""
    driver.tool("camera")
    driver.stroke([(0.5, 0.5), (0.7, 0.5)], release=False)
    driver.until(lambda: offset(served) > 0.2, "the camera moves")
    driver.page.mouse.up()
    driver.until(lambda: pan(served) == (0, 0), "it stands")
    driver.until(driver.caught_up, "the picture shows that")


def step(driver: PageDriver, count: int) -> None:
    """So many chunks, by the key: the hand may hold something."""
    for _ in range(count):
        driver.paused_at = -1
        driver.page.keyboard.press(".")
        driver.until(driver.stands, "a chunk is made and has played out")


def test_a_camera_move_is_taken_back_and_made_again(driver: Any, served: Any) -> None:
    driver.start()
    driver.pause()
    driver.tool("camera")
    driver.stroke([(0.5, 0.5), (0.7, 0.5)], release=False)
    driver.until(lambda: sent(served, "camera.set") and pan(served)[0] > 0.39, "a hand steers")
    step(driver, 3)
    driver.page.mouse.up()
    driver.until(lambda: pan(served) == (0, 0), "it stands")
    step(driver, 1)
    moved = offset(served)
    assert moved == pytest.approx(3 * 0.4 / 4)
    driver.page.keyboard.press("Control+z")
    driver.until(lambda: enabled(driver, "redo") and not enabled(driver, "undo"), "it is taken back")
    assert offset(served) == 0, "the camera is where it was"
    driver.page.keyboard.press("y")
    driver.until(lambda: pan(served)[0] > 0 and enabled(driver, "undo"), "it moves again")
    step(driver, 5)
    assert offset(served) == moved, "as far as before"
    assert not enabled(driver, "redo")


def test_a_drag_after_a_camera_move_is_made_again_after_it(driver: Any, served: Any) -> None:
    driver.start()
    steer(driver, served)
    driver.tool("drag")
    start = drag(driver, (0.8, 0.2))
    for _ in range(2):
        driver.page.keyboard.press("z")
    driver.until(lambda: not enabled(driver, "undo"), "both are taken back")
    driver.until(lambda: near(driver.ball(), start, 0.2), "the ball is where it was")
    assert offset(served) == 0
    for _ in range(2):
        driver.page.keyboard.press("y")
    driver.until(lambda: near(driver.ball(), (0.8, 0.2)), "both are made again")
    kinds = [
        message.type for message in served.double.received if message.type in ("camera.set", "track.begin")
    ]
    assert kinds[-2:] == ["camera.set", "track.begin"] and pan(served) == (0, 0), "the camera stands by then"
    assert offset(served) > 0.2


def test_what_the_camera_was_at_does_not_go_on_where_the_stream_goes_back_to(
    driver: Any, served: Any
) -> None:
    """Who goes back into the middle of a move is shown what was there, not the camera running away."""
    driver.start()
    steer(driver, served)
    world = served.double.sessions["toy-token"]
    middle = next(chunk for chunk, past in world.history.items() if past.pan[0] > 0)
    driver.pause()
    driver.scrub(middle)
    driver.until(lambda: sent(served, "session.rewind"), "the stream goes back")
    driver.until(lambda: pan(served) == (0, 0) and len(sent(served, "camera.set")) > 2, "it is told to stand")
    there = offset(served)
    for _ in range(3):
        driver.step()
    assert offset(served) == there


def test_a_hand_that_steers_lets_go_where_the_page_is_hidden(driver: Any, served: Any) -> None:
    """A page that is not seen gets no frames to wait for."""
    driver.start()
    driver.tool("camera")
    driver.page.locator("#stage").focus()
    driver.page.keyboard.down("ArrowRight")
    driver.until(lambda: sent(served, "camera.set"), "a key steers")
    driver.page.evaluate("window.requestAnimationFrame = () => 1; window.dispatchEvent(new Event('blur'))")
    driver.until(lambda: pan(served) == (0, 0), "it stands")
