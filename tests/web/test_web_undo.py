"""What was painted can be taken back and made again, in any order, and what was removed comes back where it stood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stream_double
from page_driver import drag, halfway, near
from real_server import NARROW, RealServer
from told import sent

pytestmark = pytest.mark.browser


def enabled(driver: Any, button: str) -> bool:
    return bool(driver.page.locator(f"#{button}").is_enabled())


def pin(driver: Any) -> None:
    driver.tool("pin")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: enabled(driver, "undo"), "the pin can be taken back")
    driver.until(driver.caught_up, "it is shown")


@pytest.mark.parametrize("key", ["y", "Control+y", "Control+Shift+Z", "Meta+Shift+Z", None])
def test_a_pin_that_was_taken_back_is_set_again(driver: Any, served: Any, key: str | None) -> None:
    driver.start()
    assert not enabled(driver, "redo")
    pin(driver)
    (first,) = sent(served, "track.begin")
    driver.page.keyboard.press("Control+z")
    driver.until(lambda: sent(served, "track.end"), "the pin was taken back")
    driver.until(lambda: enabled(driver, "redo"), "it can be set again")
    if key:
        driver.page.keyboard.press(key)
    else:
        driver.page.locator("#redo").click()
    again = driver.until(lambda: sent(served, "track.begin")[1:], "it is set again")[0]
    assert again.kind == "pin"
    assert (again.points[0].x, again.points[0].y) == (first.points[0].x, first.points[0].y)
    driver.until(
        lambda: enabled(driver, "undo") and not enabled(driver, "redo"), "and can be taken back again"
    )


def test_a_drag_that_was_taken_back_is_made_again(driver: Any, served: Any) -> None:
    driver.start()
    start = drag(driver, (0.8, 0.2))
    driver.page.keyboard.press("z")
    driver.until(lambda: near(driver.ball(), start, 0.08), "the ball is where it was")
    driver.until(lambda: enabled(driver, "redo"), "the drag can be made again")
    driver.page.keyboard.press("y")
    driver.until(lambda: near(driver.ball(), (0.8, 0.2)), "the ball is pulled there once more")
    begin, again = sent(served, "track.begin")
    moves = [point.t for message in sent(served, "track.move") for point in message.points]
    assert again.points[-1].t == pytest.approx(moves[-1] - begin.points[0].t, abs=0.05), (
        "at the pace of the hand"
    )
    driver.page.keyboard.press("z")
    driver.until(lambda: near(driver.ball(), start, 0.08), "and taken back as before")


def test_what_was_done_before_it_can_be_taken_back_as_well(driver: Any, served: Any) -> None:
    driver.start()
    start = drag(driver, (0.4, 0.3))
    moment = driver.seconds()
    driver.until(lambda: driver.seconds() > moment + 1.5, "what is drawn of the first drag has faded")
    drag(driver, (0.8, 0.2))
    driver.page.keyboard.press("z")
    driver.until(lambda: near(driver.ball(), (0.4, 0.3), 0.06), "before the second")
    driver.page.keyboard.press("z")
    driver.until(lambda: near(driver.ball(), start, 0.08), "before the first")
    assert not enabled(driver, "undo")


def test_clearing_is_taken_back(driver: Any, served: Any) -> None:
    driver.start()
    pin(driver)
    held = driver.ball()
    driver.page.keyboard.press("x")
    driver.until(lambda: sent(served, "tracks.clear"), "all tracks were removed")
    driver.until(driver.caught_up, "the ball drifts")
    driver.page.locator(".toast", has_text="was removed").get_by_role("button", name="Undo").click()
    begin = driver.until(lambda: sent(served, "track.begin")[1:], "the pin begins again")[0]
    assert begin.kind == "pin" and near((begin.points[0].x, begin.points[0].y), held)
    driver.page.locator(".toast", has_text="was removed").wait_for(state="hidden")
    driver.page.keyboard.press("y")
    driver.until(lambda: len(sent(served, "track.end")) == 1, "and it is gone again")
    driver.page.keyboard.press("z")
    driver.until(lambda: len(sent(served, "track.begin")) == 3, "and back")
    driver.page.keyboard.press("z")
    driver.until(lambda: len(sent(served, "track.end")) == 2, "the pin itself is taken back")


def test_clearing_again_leaves_a_drag_that_is_being_made_again(driver: Any, served: Any) -> None:
    driver.start()
    start = drag(driver, (0.8, 0.2))
    pin(driver)
    driver.page.keyboard.press("x")
    driver.until(lambda: sent(served, "tracks.clear"), "the pin is gone")
    for _ in range(3):
        driver.page.keyboard.press("z")
    driver.until(lambda: near(driver.ball(), start, 0.08), "all is taken back")
    for _ in range(3):
        driver.page.keyboard.press("y")
    driver.until(lambda: near(driver.ball(), (0.8, 0.2)), "the drag is made to its end")


def test_the_keyboard_stays_between_the_ways_back_and_there_again(driver: Any, served: Any) -> None:
    driver.start()
    pin(driver)
    focus = "document.activeElement.id"
    driver.page.locator("#undo").focus()
    driver.page.keyboard.press("Enter")
    driver.until(lambda: driver.page.evaluate(focus) == "redo", "what can be done is under the keyboard")
    driver.page.keyboard.press("Enter")
    driver.until(lambda: driver.page.evaluate(focus) == "undo", "and back")


def test_clearing_nothing_is_nothing_to_take_back(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.keyboard.press("x")
    driver.until(lambda: sent(served, "tracks.clear"), "the server hears of it")
    assert not enabled(driver, "undo")
    assert driver.page.locator(".toast").count() == 0


def test_a_path_that_was_cleared_goes_on_where_it_stood(driver: Any, served: Any) -> None:
    """The stream is paused and stepped, so that the ball stands still while a hand draws."""
    driver.start()
    driver.tool("path")
    driver.pause()
    start = driver.ball()
    driver.stroke([(start[0] + 0.1 * step, start[1]) for step in range(6)], seconds=2.0, steps=2)
    (whole,) = driver.until(lambda: sent(served, "track.begin"), "the path plays")
    seconds = whole.points[-1].t
    while driver.ball()[0] < start[0] + 0.15:
        driver.step()
    stood = driver.ball()
    driver.page.keyboard.press("x")
    driver.until(lambda: sent(served, "tracks.clear"), "the path is gone")
    driver.page.keyboard.press("z")
    rest = driver.until(lambda: sent(served, "track.begin")[1:], "it goes on")[0]
    assert rest.points[0].t == 0
    assert near((rest.points[0].x, rest.points[0].y), stood, 0.06), "from where the ball stood"
    assert 0 < rest.points[-1].t < 0.9 * seconds, "for what was left of it"
    driver.page.locator("#play").click()
    driver.until(lambda: near(driver.ball(), (start[0] + 0.5, start[1])), "to its end")


@pytest.mark.parametrize("over", [False, True])
def test_a_path_goes_on_when_a_drag_beside_it_is_taken_back(driver: Any, served: Any, over: bool) -> None:
    """Whether or not the path was over by then: it is not, where the stream goes back to."""
    end = halfway(driver, served)
    driver.tool("drag")
    driver.stroke([(0.1, 0.1), (0.1, 0.3)])
    driver.until(lambda: enabled(driver, "undo"), "something else is pulled")
    driver.step()
    while over and len(sent(served, "track.end")) < 2:
        driver.step()
    ended = len(sent(served, "track.end"))
    driver.page.keyboard.press("z")
    driver.until(lambda: enabled(driver, "redo"), "the drag is taken back")
    driver.until(lambda: driver.ball()[0] < end[0] - 0.1, "the path is where it was")
    while driver.ball()[0] < end[0] - 0.035:
        driver.step()
        assert len(sent(served, "track.end")) == ended, "nobody lets it go"
    while len(sent(served, "track.end")) == ended:
        driver.step()
    assert near(driver.ball(), end), "it is let go where it ends"


def test_a_path_that_was_cleared_and_came_back_goes_on_there(driver: Any, served: Any) -> None:
    """Not as it began again: as it was where the stream goes back to."""
    end = halfway(driver, served)
    driver.tool("drag")
    driver.stroke([(0.1, 0.1), (0.1, 0.3)])
    driver.step()
    driver.page.keyboard.press("x")
    driver.until(lambda: sent(served, "tracks.clear"), "the path is gone")
    driver.step()
    driver.page.keyboard.press("z")
    driver.until(lambda: len(sent(served, "track.begin")) == 3, "and there again")
    driver.page.keyboard.press("z")
    driver.until(lambda: sent(served, "session.rewind"), "the drag is taken back")
    driver.until(lambda: enabled(driver, "redo"), "that is done")
    while driver.ball()[0] < end[0] - 0.035:
        driver.step()
    assert len(sent(served, "track.begin")) == 3, "its first track goes on"


def go_back(driver: Any, served: Any, chunk: int) -> None:
    """To the end of a chunk, over the film strip."""
    before = len(sent(served, "session.rewind"))
    driver.scrub(chunk)
    driver.until(lambda: len(sent(served, "session.rewind")) > before, "the stream goes back")
    driver.until(lambda: driver.seconds() <= (chunk + 1) / 4, "the clock does, too")


def test_a_hand_that_let_go_holds_nothing_however_often_the_stream_goes_back(
    driver: Any, served: Any
) -> None:
    driver.start()
    driver.pause()
    world = served.double.sessions["toy-token"].world
    end = world.chunk + 2
    driver.stroke([driver.ball(), (0.3, 0.3)], release=False)
    for _ in range(2):
        driver.page.keyboard.press(".")
    driver.until(lambda: world.chunk == end, "a hand holds the ball for two chunks")
    driver.page.mouse.up()
    driver.until(lambda: sent(served, "track.end"), "it lets go")
    driver.step()
    driver.step()
    go_back(driver, served, end)
    assert len(sent(served, "track.end")) == 1, "it holds nothing there"
    go_back(driver, served, end - 1)
    driver.until(lambda: len(sent(served, "track.end")) == 2, "it holds the ball there, and lets go")
    go_back(driver, served, end - 2)
    driver.until(lambda: len(sent(served, "track.end")) == 3, "there, too")


def test_what_the_eraser_took_comes_back(driver: Any, served: Any) -> None:
    driver.start()
    pin(driver)
    driver.tool("eraser")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: sent(served, "track.end"), "the pin lets go")
    driver.page.keyboard.press("z")
    driver.until(lambda: len(sent(served, "track.begin")) == 2, "it is there again")
    driver.page.keyboard.press("y")
    driver.until(lambda: len(sent(served, "track.end")) == 2, "and gone")


def test_a_path_is_taken_back_with_what_it_moved(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("path")
    start = driver.ball()
    driver.stroke([start, (0.5, 0.2), (0.8, 0.3)])
    driver.until(lambda: near(driver.ball(), (0.8, 0.3)), "the ball is at the end of the path")
    driver.page.keyboard.press("z")
    driver.until(lambda: near(driver.ball(), start, 0.08), "the ball is where it was")
    driver.page.keyboard.press("y")
    driver.until(lambda: near(driver.ball(), (0.8, 0.3)), "and goes there again")


def test_a_path_that_waits_is_taken_back_and_drawn_again(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("path")
    driver.page.locator("#path-autoplay").uncheck()
    driver.stroke([driver.ball(), (0.5, 0.2), (0.8, 0.3)])
    driver.page.locator("#stage").focus()
    driver.page.keyboard.press("z")
    driver.until(lambda: enabled(driver, "redo"), "what was drawn is taken back")
    driver.page.locator("#path-play").click()
    driver.page.keyboard.press("y")
    driver.until(lambda: enabled(driver, "undo"), "it is there again")
    assert not sent(served, "track.begin"), "there was nothing to play"
    driver.page.locator("#path-play").click()
    driver.until(lambda: near(driver.ball(), (0.8, 0.3)), "now there is")


def test_paths_play_wait_and_play_again(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("path")
    driver.page.locator("#path-autoplay").uncheck()
    start = driver.ball()
    driver.stroke([start, (0.5, 0.2), (0.8, 0.3)])
    driver.page.locator("#path-play").click()
    driver.until(lambda: near(driver.ball(), (0.8, 0.3)), "it plays")
    driver.page.keyboard.press("z")
    driver.until(lambda: near(driver.ball(), start, 0.08), "the ball is where it was")
    driver.until(lambda: enabled(driver, "redo"), "that is taken back")
    driver.page.locator("#path-play").click()
    driver.until(lambda: near(driver.ball(), (0.8, 0.3)), "what was drawn was still there to play")
    assert not enabled(driver, "redo"), "who does something new cannot do again what was taken back"


def test_what_a_hand_is_at_is_taken_back_first(driver: Any, served: Any) -> None:
    driver.start()
    start = driver.ball()
    driver.stroke([start, (0.8, 0.2)], release=False)
    driver.until(lambda: near(driver.ball(), (0.8, 0.2), 0.06), "the ball is under the hand")
    driver.page.keyboard.press("z")
    driver.until(lambda: near(driver.ball(), start, 0.08), "it is where it was")
    driver.page.mouse.move(*driver.spot(0.6, 0.6), steps=3)
    driver.page.mouse.up()
    assert len(sent(served, "track.end")) == 1, "the hand holds nothing any more"


def test_a_way_back_that_fails_is_still_there(driver: Any, served: Any) -> None:
    driver.start()
    drag(driver, (0.8, 0.2))
    served.double.sessions["toy-token"].history.clear()  # nothing to go back to
    driver.page.keyboard.press("z")
    driver.page.locator(".toast[data-kind=error]").wait_for()
    assert enabled(driver, "undo") and not enabled(driver, "redo")


def test_a_model_that_cannot_go_back_offers_no_way_back_from_a_drag(
    served: Any, open_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = {**stream_double.MODEL["capabilities"], "rewind": False}
    monkeypatch.setitem(stream_double.MODEL, "capabilities", able)
    driver = open_page(served.url)
    driver.start()
    drag(driver, (0.8, 0.2))
    assert not enabled(driver, "undo")
    driver.tool("path")
    driver.stroke([driver.ball(), (0.5, 0.2)])
    driver.until(lambda: enabled(driver, "undo"), "a path can be ended")
    driver.page.keyboard.press("z")
    driver.until(lambda: len(sent(served, "track.end")) == 2, "and is")


@pytest.fixture(scope="module")
def real(tmp_path_factory: Any, chromium: Any) -> Iterator[RealServer]:
    server = RealServer("pocket-random", tmp_path_factory.mktemp("state"), **NARROW)
    yield server
    server.stop()


def test_the_server_takes_all_of_it(real: RealServer, open_page: Any) -> None:
    driver = open_page(real.url)
    driver.page.fill("#prompt", "a dog on the beach")
    driver.page.keyboard.press("Enter")
    driver.wait_live()
    driver.until(lambda: driver.seconds() > 1, "some film")
    driver.page.locator("#stage").focus()
    driver.stroke([(0.5, 0.6), (0.7, 0.5)], seconds=0.5)
    driver.tool("pin")
    driver.page.mouse.click(*driver.spot(0.3, 0.3))
    driver.until(driver.caught_up, "both are shown")
    for key, said in (
        ("x", "was removed"),
        ("z", "Brought back"),
        ("z", "Took back the pin"),
        ("z", "before the drag"),
        ("y", "made again"),
        ("y", "set again"),
        ("y", "away again"),
        ("z", "Brought back"),
    ):
        driver.page.keyboard.press(key)
        driver.page.locator(".toast, #said", has_text=said).first.wait_for()
    driver.until(driver.caught_up, "the picture shows the last of it")
    assert driver.page.locator(".toast[data-kind=error]").count() == 0
