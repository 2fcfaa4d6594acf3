"""What several hands do together and what is painted in a pause: taken back alone, made again in its order."""

from __future__ import annotations

from typing import Any

import pytest
from page_driver import drag, drawn_on, halfway, near
from told import sent

pytestmark = pytest.mark.browser


def enabled(driver: Any, button: str) -> bool:
    return bool(driver.page.locator(f"#{button}").is_enabled())


def begun(served: Any) -> list[str]:
    return [message.kind for message in sent(served, "track.begin")]


def test_what_two_fingers_did_is_taken_back_and_made_again_as_one(served: Any, open_page: Any) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    driver = open_page(served.url, **phone)
    driver.start()
    start = driver.ball()
    driver.touch("touchStart", [start])
    driver.until(lambda: begun(served) == ["drag"], "one finger holds")
    driver.until(driver.caught_up, "the picture shows it, so that the other one begins later")
    driver.touch("touchStart", [start, (0.8, 0.8)])
    for step in range(1, 7):
        driver.touch(
            "touchMove", [(start[0] + 0.05 * step, start[1] - 0.05 * step), (0.8, 0.8 - 0.05 * step)]
        )
        driver.page.wait_for_timeout(50)
    driver.until(lambda: near(driver.ball(), (start[0] + 0.3, start[1] - 0.3)), "the ball is pulled")
    driver.touch("touchEnd", [])
    driver.until(lambda: len(sent(served, "track.end")) == 2, "both let go")
    driver.page.locator("#undo").click()
    driver.until(lambda: near(driver.ball(), start, 0.08), "the ball is where it was")
    driver.until(lambda: enabled(driver, "redo") and not enabled(driver, "undo"), "nothing is left of it")
    driver.page.locator("#redo").click()
    driver.until(lambda: begun(served) == ["drag", "drag", "path", "path"], "both come again")
    *_, first, second = sent(served, "track.begin")
    rests = [point for point in second.points if near((point.x, point.y), (0.8, 0.8), 0.001)]
    assert rests[-1].t > 0.1, "the second one after the first, as before"
    assert first.points[0].t == second.points[0].t == 0
    driver.until(lambda: near(driver.ball(), (start[0] + 0.3, start[1] - 0.3)), "the ball is pulled again")
    assert enabled(driver, "undo") and not enabled(driver, "redo")


def test_what_is_painted_in_a_pause_is_taken_back_alone(driver: Any, served: Any) -> None:
    driver.start()
    driver.pause()
    ball = driver.ball()
    driver.tool("pin")
    driver.page.mouse.click(*driver.spot(0.1, 0.1))
    driver.until(lambda: begun(served) == ["pin"], "a pin is set")
    driver.tool("drag")
    driver.stroke([ball, (0.8, 0.2)])
    driver.page.mouse.move(*driver.spot(0.5, 0.9))
    driver.page.keyboard.press("z")
    again = driver.until(
        lambda: sent(served, "track.begin")[2:], "the pin stays, on a stream that went back"
    )[0]
    assert again.kind == "pin" and near((again.points[0].x, again.points[0].y), (0.1, 0.1))
    driver.until(lambda: enabled(driver, "redo"), "the drag is taken back")
    driver.step()
    assert near(driver.ball(), ball), "nothing pulls the ball"
    driver.page.keyboard.press("z")
    driver.until(lambda: sent(served, "track.end")[1:], "the pin is taken back by itself")
    assert not enabled(driver, "undo")


def test_a_prompt_of_the_same_pause_stays(driver: Any, served: Any) -> None:
    driver.start()
    driver.pause()
    driver.page.fill("#prompt", "a ball by night")
    driver.page.keyboard.press("Enter")
    driver.until(lambda: sent(served, "prompt.set"), "a prompt is given")
    driver.stroke([driver.ball(), (0.8, 0.2)])
    driver.until(lambda: enabled(driver, "undo"), "the ball is pulled")
    driver.page.locator("#stage").focus()
    driver.page.keyboard.press("z")
    driver.until(lambda: enabled(driver, "redo"), "the drag is taken back")
    driver.until(lambda: len(sent(served, "prompt.set")) == 2, "the prompt was not what was to be taken back")
    driver.step()
    driver.page.locator("#effective", has_text="a ball by night").wait_for()


def test_a_prompt_is_taken_back_and_given_again(driver: Any, served: Any) -> None:
    driver.start()
    first = driver.page.locator("#effective").text_content()
    drag(driver, (0.7, 0.3))
    driver.page.fill("#prompt", "a ball by night")
    driver.page.keyboard.press("Enter")
    shown = driver.page.locator("#effective", has_text="a ball by night")
    shown.wait_for()
    driver.page.locator("#stage").focus()
    driver.page.keyboard.press("z")
    driver.page.locator("#said", has_text="Went back to before the prompt").wait_for(state="attached")
    driver.page.locator("#effective", has_text=first).wait_for()
    assert near(driver.ball(), (0.7, 0.3), 0.1), "what was done before it stays done"
    assert len(sent(served, "prompt.set")) == 1 and enabled(driver, "undo")
    driver.page.keyboard.press("y")
    shown.wait_for()
    driver.page.keyboard.press("z")
    driver.page.keyboard.press("z")
    driver.page.locator("#said", has_text="Went back to before the drag").wait_for(state="attached")
    driver.page.locator("#effective", has_text=first).wait_for()
    assert len(sent(served, "prompt.set")) == 2 and not enabled(driver, "undo")


def test_drags_of_a_pause_come_again_one_after_the_other(driver: Any, served: Any) -> None:
    driver.start()
    start = drag(driver, (0.7, 0.3))
    drag(driver, (0.3, 0.3))
    driver.pause()
    for _ in range(2):
        driver.page.keyboard.press("z")
    driver.until(lambda: not enabled(driver, "undo"), "both are taken back")
    for _ in range(2):
        driver.page.keyboard.press("y")
    driver.page.locator(".toast", has_text="It follows when what comes before it is done").wait_for()
    driver.until(lambda: begun(served)[2:], "the first comes again")
    assert begun(served) == ["drag", "drag", "path"], (
        "the second one would find nothing where the ball is not yet"
    )
    assert enabled(driver, "undo") and not enabled(driver, "redo")
    driver.page.locator("#play").click()
    driver.until(lambda: near(driver.ball(), (0.7, 0.3)), "the first drag is made")
    driver.until(lambda: begun(served)[3:] == ["path"], "then the second")
    driver.until(lambda: near(driver.ball(), (0.3, 0.3)), "from where the first has left it")
    assert start != (0.3, 0.3)


def test_a_drag_that_began_beside_a_path_begins_beside_it_again(driver: Any, served: Any) -> None:
    """However long the hand held on: the path was over when it let go."""
    end = halfway(driver, served)
    driver.tool("drag")
    driver.stroke([(0.1, 0.1), (0.1, 0.3)], release=False)
    driver.until(lambda: begun(served) == ["path", "drag"], "something else is pulled")
    while not sent(served, "track.end"):
        driver.paused_at = -1
        driver.page.keyboard.press(".")
        driver.until(driver.stands, "a chunk is made, and the hand holds on")
    driver.page.mouse.up()
    driver.page.keyboard.press("z")
    driver.until(lambda: enabled(driver, "redo"), "the drag is taken back, and the path goes on")
    driver.until(lambda: driver.ball()[0] < end[0] - 0.1, "the path is where it was")
    driver.page.keyboard.press("y")
    driver.until(lambda: begun(served) == ["path", "drag", "path"], "the drag is made again meanwhile")


def test_a_path_that_goes_on_shows_what_it_holds(driver: Any, served: Any) -> None:
    """A path that was over, where the stream goes back to before its end."""
    end = halfway(driver, served)
    x, y = driver.ball()
    held = sent(served, "playhead")[-1].pts
    driver.until(lambda: around(driver, (x, y)) > 100, "its outline is drawn")
    while not sent(served, "track.end"):
        driver.step()
    driver.until(lambda: around(driver, end) == 0, "what is over fades")
    driver.scrub(round(held * 4) - 1)
    driver.until(lambda: near(driver.ball(), (x, y)), "the ball is where it was")
    driver.until(lambda: around(driver, (x, y)) > 100, "with its outline")


def around(driver: Any, ball: tuple[float, float]) -> int:
    """How much is drawn above a ball: its outline, and not the path, which goes through its middle."""
    return int(drawn_on(driver, ball[0] - 0.05, ball[1] - 0.14, ball[0] + 0.05, ball[1] - 0.04))
