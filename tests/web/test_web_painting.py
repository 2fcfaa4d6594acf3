"""Painting moves what is in the picture: measured from the canvas pixels, on the stream double."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from page_driver import drawn_on, hold_by_keys, near
from told import sent

pytestmark = pytest.mark.browser


def test_one_click_gives_moving_pictures(driver: Any) -> None:
    driver.start()
    first = driver.picture()
    driver.until(lambda: np.abs(driver.picture().astype(int) - first).mean() > 1, "the picture changes")
    assert driver.page.locator("#hint").is_visible(), "a hint says what to do first"


def test_a_drag_brings_the_ball_to_its_end(driver: Any, served: Any) -> None:
    driver.start()
    start = driver.ball()
    driver.stroke([start, (0.5, 0.5), (0.7, 0.3)], release=False)
    driver.until(lambda: near(driver.ball(), (0.7, 0.3)), "the ball is where the hand is")
    driver.page.mouse.up()
    driver.until(lambda: sent(served, "track.end"), "the ball was let go")
    assert not driver.page.locator("#hint").is_visible(), "who has painted needs no hint"


def test_samples_of_a_drag_keep_their_times(driver: Any, served: Any) -> None:
    driver.start()
    driver.stroke([driver.ball(), (0.5, 0.4), (0.6, 0.6), (0.7, 0.4)], seconds=0.8, steps=8)
    driver.until(lambda: sent(served, "track.end"), "the ball was let go")
    times = [point.t for message in sent(served, "track.move") for point in message.points]
    assert len(times) > 20, "pointer samples between two animation frames are kept"
    assert times == sorted(times) and times[-1] - times[0] > 0.5
    ids = [message.id for message in served.double.received if getattr(message, "id", None)]
    assert ids == sorted(set(ids)), "ids grow"


def test_a_pin_holds_and_the_eraser_lets_go(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("pin")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: sent(served, "track.begin"), "the pin arrived")
    driver.until(driver.caught_up, "it is shown")
    # The ball has drifted on since the press, and goes back to the pin within the chunk that shows it.
    there = (driver.applied_frame + driver.ready["chunk_frames"]) / driver.ready["fps"]
    driver.until(lambda: driver.playhead >= there, "it is where it was pressed")
    held = driver.ball()
    moment = driver.seconds()
    driver.until(lambda: driver.seconds() > moment + 0.75, "it would have drifted by 0.015")
    assert near(driver.ball(), held, 0.006), "a pinned ball stays"
    driver.tool("eraser")
    driver.page.mouse.click(*driver.spot(*held))
    driver.until(lambda: driver.ball()[0] > held[0] + 0.01, "the ball drifts again")


def test_undo_takes_a_pin_back(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("pin")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: driver.page.locator("#undo").is_enabled(), "the pin can be taken back")
    driver.page.keyboard.press("z")
    driver.until(lambda: sent(served, "track.end"), "the pin was taken back")
    assert driver.page.locator("#undo").is_disabled()


def test_undo_of_a_drag_goes_back_before_it(driver: Any, served: Any) -> None:
    driver.start()
    start = driver.ball()
    driver.stroke([start, (0.8, 0.2)], release=False)
    driver.until(lambda: near(driver.ball(), (0.8, 0.2), 0.06), "the ball was dragged")
    driver.page.mouse.up()
    driver.page.locator("#undo").click()
    driver.until(lambda: sent(served, "session.rewind"), "the stream went back")
    driver.until(lambda: near(driver.ball(), start, 0.08), "the ball is where it was")


def test_a_path_plays_when_it_is_drawn(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("path")
    driver.stroke([driver.ball(), (0.5, 0.2), (0.8, 0.3)])
    driver.until(lambda: near(driver.ball(), (0.8, 0.3)), "the ball is at the end of the path")
    (path,) = sent(served, "track.begin")
    assert path.kind == "path" and path.points[0].t == 0


NOTE_TIMES = """() => {
  window.times = [];
  const held = (event) => event.buttons || event.type === 'pointerup';
  for (const kind of ['pointerdown', 'pointermove', 'pointerup']) {
    document.getElementById('stage').addEventListener(kind, (event) => held(event) && times.push(event.timeStamp));
  }
}"""


def test_a_path_waits_for_enter_and_plays_at_its_speed(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("path")
    driver.page.locator("#path-autoplay").uncheck()
    driver.page.locator("#path-speed").fill("200")
    driver.page.evaluate(NOTE_TIMES)
    driver.stroke([driver.ball(), (0.5, 0.2), (0.8, 0.3)], seconds=0.6)
    drawn = driver.page.evaluate("times.at(-1) - times[0]") / 1000
    moment = driver.seconds()
    driver.until(lambda: driver.seconds() > moment + 0.3, "a chunk more")
    assert not sent(served, "track.begin"), "nothing plays before it is asked for"
    driver.page.locator("#stage").focus()
    driver.page.keyboard.press("Enter")
    driver.until(lambda: near(driver.ball(), (0.8, 0.3)), "the ball is at the end of the path")
    (path,) = sent(served, "track.begin")
    assert path.points[-1].t == pytest.approx(drawn / 2, rel=0.1), "twice as fast as it was drawn"


def test_a_path_loops(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("path")
    driver.page.locator("#path-loop").check()
    start = driver.ball()
    driver.stroke([start, (0.6, 0.4)])
    (path,) = driver.until(lambda: sent(served, "track.begin"), "the path plays")
    xs = np.array([point.x for point in path.points])
    turns = np.count_nonzero(np.diff(np.sign(np.diff(xs))[np.diff(xs) != 0]))
    assert path.points[-1].t > 10 and turns > 4, "back and forth for a long time"


def test_a_grid_moves_many_points(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("grid")
    driver.page.locator("#grid-rows").fill("4")
    driver.stroke([driver.ball(), (0.6, 0.5)])
    (begin,) = driver.until(lambda: sent(served, "track.begin"), "the grid arrived")
    assert begin.kind == "drag" and begin.grid.rows == 4 and begin.grid.cols == 3
    assert begin.grid.spacing == pytest.approx(0.06)


def test_the_camera_steers_and_stands_still_when_let_go(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("camera")
    driver.stroke([(0.5, 0.5), (0.8, 0.5)])
    driver.until(lambda: sent(served, "camera.set"), "the camera was steered")
    messages = driver.until(
        lambda: (m := sent(served, "camera.set")) and m[-1].pan == (0, 0) and m, "it stands"
    )
    assert max(message.pan[0] for message in messages) == pytest.approx(0.6, abs=0.05)
    driver.page.locator("#stage").focus()
    driver.page.keyboard.down("ArrowLeft")
    driver.until(lambda: sent(served, "camera.set")[-1].pan[0] < 0, "keys steer, too")
    driver.page.keyboard.up("ArrowLeft")
    driver.until(lambda: sent(served, "camera.set")[-1].pan[0] == 0, "and let go")


def test_clear_removes_every_track(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("pin")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.page.locator("#clear").click()
    driver.until(lambda: sent(served, "tracks.clear"), "all tracks were removed")


def test_the_keyboard_alone_starts_and_drags(driver: Any, served: Any) -> None:
    page = driver.page
    page.locator("#preset-cards .preset").first.focus()
    page.keyboard.press("Enter")
    driver.wait_live()
    page.locator("#stage").focus()
    page.keyboard.down("ArrowLeft")
    driver.until(lambda: drawn_on(driver, 0.3, 0.45, 0.43, 0.55), "the crosshair goes to the left")
    page.keyboard.up("ArrowLeft")
    page.keyboard.press("Enter")
    begin = driver.until(lambda: sent(served, "track.begin"), "Enter presses at the crosshair")[0]
    assert begin.points[0].x < 0.47 and begin.points[0].y == 0.5
    page.keyboard.down("ArrowRight")
    goal = begin.points[0].x + 0.1
    driver.until(
        lambda: any(m.points[-1].x > goal for m in sent(served, "track.move")), "it moves to the right"
    )
    page.keyboard.up("ArrowRight")
    page.keyboard.press("Enter")
    driver.until(lambda: sent(served, "track.end"), "Enter lets go")


def test_fingers_on_a_phone(served: Any, open_page: Any) -> None:
    driver = open_page(served.url, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    width = driver.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, "nothing sticks out of a narrow page"
    driver.page.locator("#preset-cards .preset").first.tap()
    driver.wait_live()
    start = driver.ball()
    driver.touch("touchStart", [start, (0.8, 0.8)])
    for step in range(1, 7):
        driver.touch("touchMove", [(start[0] + 0.05 * step, start[1] - 0.05 * step), (0.8, 0.8)])
    goal = (start[0] + 0.3, start[1] - 0.3)
    driver.until(lambda: near(driver.ball(), goal), "the ball follows the finger")
    driver.touch("touchEnd", [])
    driver.until(lambda: len(sent(served, "track.end")) == 2, "both fingers let go")
    assert len({message.track for message in sent(served, "track.begin")}) == 2, (
        "each finger has its own track"
    )
    assert driver.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_keys_and_hands_are_let_go_when_the_window_is_left(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.locator("#stage").focus()
    driver.page.keyboard.press("ArrowLeft")
    driver.page.keyboard.press("Enter")
    driver.until(lambda: sent(served, "track.begin"), "the crosshair holds something")
    driver.page.keyboard.down("ArrowRight")
    driver.until(lambda: sent(served, "track.move"), "and moves it")
    driver.page.evaluate("window.dispatchEvent(new Event('blur'))")
    driver.until(lambda: sent(served, "track.end"), "the hand lets go")
    moves = len(sent(served, "track.move"))
    driver.page.wait_for_timeout(200)
    assert len(sent(served, "track.move")) == moves, "the key moves nothing any more"


PRESS_CYRILLIC = """() => document.getElementById('stage').dispatchEvent(
  new KeyboardEvent('keydown', { key: 'з', code: 'KeyP', bubbles: true }))"""


def test_keys_work_on_layouts_of_other_letters(driver: Any) -> None:
    driver.start()
    driver.page.evaluate(PRESS_CYRILLIC)
    assert driver.page.locator("[data-tool=pin]").get_attribute("aria-checked") == "true"


PEN_AND_PALM = """([pen, palm]) => {
  const stage = document.getElementById('stage');
  stage.setPointerCapture = () => {};
  const send = (type, pointerType, pointerId, [clientX, clientY]) => stage.dispatchEvent(
    new PointerEvent(type, { pointerType, pointerId, clientX, clientY, button: 0, buttons: 1, bubbles: true, pressure: 0.5 }));
  send('pointerdown', 'touch', 20, palm);
  send('pointerdown', 'pen', 10, pen);
  send('pointerdown', 'touch', 21, palm);
  send('pointerup', 'pen', 10, pen);
  send('pointerdown', 'touch', 22, palm);
}"""


def test_the_palm_of_a_hand_with_a_pen_pulls_nothing(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.evaluate(PEN_AND_PALM, [driver.spot(*driver.ball()), driver.spot(0.8, 0.8)])
    driver.until(lambda: len(sent(served, "track.end")) == 2, "palm and pen are let go")
    driver.page.wait_for_timeout(100)
    begun = [message.points[0].y for message in sent(served, "track.begin")]
    assert len(begun) == 2 and begun[1] < 0.75, "the palm that came first, then the pen alone"


def test_what_the_keyboard_takes_is_said(driver: Any, served: Any) -> None:
    driver.start()
    driver.pause()
    said = driver.page.locator("#said[role=status]")
    driver.page.locator("#stage").focus()
    driver.page.keyboard.press("ArrowRight")  # the crosshair is in the middle
    driver.page.keyboard.press("Enter")
    driver.until(lambda: "nothing to take here" in said.text_content(), "there is nothing")
    driver.page.keyboard.press("Enter")
    driver.until(lambda: said.text_content() == "Let go.", "it is let go")
    hold_by_keys(driver)
    driver.tool("pin")
    driver.page.locator("#stage").focus()
    driver.page.keyboard.press("Enter")
    driver.until(lambda: said.text_content() == "Pinned: the ball.", "it is pinned")


def test_what_the_mouse_takes_is_not_said(driver: Any, served: Any) -> None:
    driver.start()
    driver.stroke([driver.ball(), (0.5, 0.5)])
    driver.until(driver.caught_up, "it was dragged")
    assert driver.page.locator("#said").text_content() == ""


def test_the_hint_tells_of_the_tool_in_hand(driver: Any, served: Any) -> None:
    driver.page.locator("#photo-cards .preset").first.click()
    driver.wait_live()
    hint = driver.page.locator("#hint")
    hint.wait_for()
    invitation = hint.inner_text()
    driver.tool("pin")
    assert "keep it where it is" in hint.inner_text()
    driver.tool("drag")
    assert hint.inner_text() == invitation
    driver.tool("eraser")
    driver.page.mouse.click(*driver.spot(0.1, 0.1))
    hint.wait_for(state="hidden")
    driver.tool("pin")
    assert hint.is_hidden(), "its panel is in sight"


def test_a_phone_is_told_what_a_tool_does_and_where_there_is_more(served: Any, open_page: Any) -> None:
    """There its panel lies below the window."""
    driver = open_page(served.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    driver.start()
    driver.touch("touchStart", [driver.ball()])
    driver.touch("touchEnd", [])
    hint = driver.page.locator("#hint")
    hint.wait_for(state="hidden")
    driver.page.locator("[data-tool=select]").tap()
    hint.wait_for()
    assert "draw a line around it" in hint.inner_text() and "More of it is below" in hint.inner_text()
    driver.touch("touchStart", [(0.5, 0.5)])
    hint.wait_for(state="hidden")
    driver.touch("touchEnd", [])
