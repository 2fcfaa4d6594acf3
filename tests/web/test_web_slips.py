"""No stream is lost by a slip: what ends one is asked for twice, what takes its place leaves a way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from real_server import NARROW, RealServer
from test_web_pictures import picture
from told import sent

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def real(tmp_path_factory: Any, chromium: Any) -> Iterator[RealServer]:
    server = RealServer("pocket-random", tmp_path_factory.mktemp("state"), **NARROW)
    yield server
    server.stop()


def press_r(driver: Any) -> None:
    driver.page.keyboard.press("r")


def press_reset(driver: Any) -> None:
    driver.page.locator("#reset").click()


@pytest.mark.parametrize("press", [press_r, press_reset])
def test_one_press_does_not_start_over(driver: Any, served: Any, press: Any) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 0.5, "some film")
    press(driver)
    driver.page.locator("#toasts[role=log][aria-live] .toast", has_text="Start over?").wait_for()
    then = driver.seconds()
    driver.until(lambda: driver.seconds() > then + 0.5, "it plays on")
    assert sent(served, "session.reset") == []
    press(driver)
    driver.until(lambda: sent(served, "session.reset"), "the second one does")
    driver.page.locator(".toast").wait_for(state="hidden")


def test_a_press_after_the_question_is_gone_is_a_first_one(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.clock.install()
    driver.page.keyboard.press("r")
    driver.page.locator(".toast", has_text="Start over?").wait_for()
    driver.page.clock.fast_forward(7000)
    driver.page.locator(".toast").wait_for(state="hidden")
    driver.page.keyboard.press("r")
    driver.page.locator(".toast", has_text="Start over?").wait_for()
    assert sent(served, "session.reset") == []


def test_one_press_does_not_end_the_session(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.locator("#stop").click()
    driver.page.locator("#stop", has_text="Press again to end it").wait_for()
    driver.page.locator("#said[role=status]", has_text="Press again to end it").wait_for()
    then = driver.seconds()
    driver.until(lambda: driver.seconds() > then + 0.3, "it plays on")
    assert sent(served, "session.stop") == []
    driver.page.locator("#stop").click()
    driver.page.locator("#welcome").wait_for()
    assert driver.page.locator("#stop").text_content() == "End this session"


@pytest.mark.parametrize("button", ["reset", "stop"])
def test_a_double_click_asks_once(driver: Any, served: Any, button: str) -> None:
    driver.start()
    driver.page.locator(f"#{button}").dblclick()
    driver.page.locator(".toast, #stop", has_text="ress again").first.wait_for()
    then = driver.seconds()
    driver.until(lambda: driver.seconds() > then + 0.3, "it plays on")
    driver.page.locator(f"#{button}").click()
    driver.until(lambda: sent(served, f"session.{button}"), "a third one means it")
    assert len(sent(served, f"session.{button}")) == 1


def test_what_is_being_saved_is_not_saved_once_more(driver: Any) -> None:
    asked: list[Any] = []
    driver.page.route("**/v1/sessions/toy-1/log", lambda route: asked.append(route))
    driver.start()
    save = driver.page.locator("#save")
    for _ in range(3):
        save.click()
    driver.until(lambda: asked, "the file is asked for")
    assert save.get_attribute("aria-busy") == "true"
    with driver.page.expect_download():
        asked[0].fulfill(json={})
    assert len(asked) == 1
    save.click()
    driver.until(lambda: len(asked) == 2, "it can be saved again")
    asked[1].fulfill(json={})


def drop_a_photo(driver: Any) -> None:
    driver.page.set_input_files("#image-file", files=[picture((600, 400))])


def load_a_session(driver: Any) -> None:
    file = {
        "flowbrush": 1,
        "model": "pocket-random",
        "start": {"prompt": "a ball", "seed": 5},
        "chunks": 2,
    }
    content = json.dumps(file).encode()
    driver.page.set_input_files(
        "#session-file", files=[{"name": "s.json", "mimeType": "application/json", "buffer": content}]
    )


@pytest.mark.parametrize("slip", [drop_a_photo, load_a_session])
def test_a_stream_whose_place_another_takes_can_be_gone_back_to(
    real: RealServer, open_page: Any, slip: Any
) -> None:
    driver = open_page(real.url)
    driver.page.fill("#prompt", "a dog on the beach")
    driver.page.keyboard.press("Enter")
    driver.wait_live()
    driver.until(lambda: driver.seconds() > 1, "some film")
    first = driver.ready["session"]
    slip(driver)
    back = driver.page.locator(".toast").get_by_role("button", name="Go back to it")
    back.wait_for()
    back.focus()  # the message stays as long as a hand is on it
    driver.until(lambda: driver.ready["session"] != first, "the other one begins")
    driver.until(lambda: driver.seconds() > 0, "and plays")
    back.click()
    driver.until(lambda: driver.ready["session"] == first, "it is the same session")
    driver.until(lambda: driver.seconds() > 1, "where it was left")
    then = driver.seconds()
    driver.until(lambda: driver.seconds() > then + 0.3, "and it goes on")
    assert driver.page.locator("#prompt").input_value() == "a dog on the beach"
    driver.page.locator(".toast").get_by_role("button", name="Go back to it").first.wait_for()
    assert driver.page.locator(".toast[data-kind=error]").count() == 0


def test_a_way_back_is_found_for_as_long_as_it_holds(driver: Any, served: Any) -> None:
    driver.page.clock.install()
    driver.start()
    driver.until(lambda: driver.seconds() > 0.3, "some film")
    drop_a_photo(driver)
    driver.page.locator(".toast", has_text="Another stream begins").wait_for()
    driver.page.clock.fast_forward(7_000)  # it lies over the picture of a phone
    driver.page.locator(".toast", has_text="Another stream begins").wait_for(state="hidden")
    back = driver.page.get_by_role("button", name="Go back to the stream before")
    back.wait_for()
    driver.page.clock.fast_forward(45_000)
    assert back.is_visible()
    driver.page.clock.fast_forward(10_000)
    back.wait_for(state="hidden")


def test_a_place_that_is_free_in_a_moment_is_not_said_to_be_taken(served: Any, open_page: Any) -> None:
    """As that of a stream which makes place for another one."""
    served.double.queue = 2
    driver = open_page(served.url, viewport={"width": 1100, "height": 680})  # of its own: time stands still
    driver.page.locator("#preset-cards .preset").first.wait_for()
    driver.page.clock.install(time=0)
    driver.page.clock.pause_at(1000)
    heard: list[Any] = []
    driver.page.on("websocket", lambda socket: socket.on("framereceived", lambda told: heard.append(told)))
    driver.page.locator("#preset-cards .preset").first.click()
    driver.until(lambda: any('"queue"' in str(each) for each in heard), "the server says that it waits")
    assert driver.page.locator("#banner-text").text_content() == "Starting…"
    driver.page.clock.run_for(1000)
    driver.page.locator("#banner", has_text="number 2 of 3").wait_for()


def test_a_stream_that_is_not_there_yet_is_ended_at_once(driver: Any, served: Any) -> None:
    served.double.queue = 2
    driver.page.locator("#preset-cards .preset").first.click()
    driver.page.locator("#banner", has_text="number 2 of 3").wait_for()
    driver.page.locator("#stop").click()
    driver.page.locator("#welcome").wait_for()


def test_a_server_that_loads_its_model_is_waited_for(driver: Any, served: Any) -> None:
    served.double.silent = True
    driver.page.clock.install()
    driver.page.locator("#preset-cards .preset").first.click()
    driver.until(lambda: sent(served, "session.start"), "it is asked")
    driver.page.clock.fast_forward(20_000)
    driver.page.clock.fast_forward(20_000)
    served.double.silent = False
    driver.wait_live()
    assert len(sent(served, "session.start")) == 1


def test_what_ended_can_be_saved_from_its_message(driver: Any) -> None:
    """Which may lie over the button that does it."""
    asked: list[Any] = []
    driver.page.route("**/v1/sessions/toy-1/recording.mp4", lambda route: asked.append(route))
    driver.start()
    driver.end()
    driver.page.locator(".toast").get_by_role("button", name="Save the video").click()
    with driver.page.expect_download() as download:
        driver.until(lambda: asked, "the video is asked for")[0].fulfill(body=b"film")
    assert download.value.suggested_filename.endswith(".mp4")
