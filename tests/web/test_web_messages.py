"""What the page says: it is true of the stream on stage."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from test_web_pictures import picture
from told import sent, tell

pytestmark = pytest.mark.browser

UNKNOWN = "this model was not trained on 'asdf': it is left out, or a guess"

# What the page shows from the moment on at which a stream begins: [status, clock, whether a banner is shown].
WATCH_START = """() => {
  const text = (id) => document.getElementById(id).textContent;
  const seen = (window.seenAtStart = []);
  new MutationObserver(() => {
    if (text('status-text') !== 'Live') seen.push([text('clock'), document.getElementById('banner').hidden]);
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}"""


def ask_for(driver: Any, served: Any, text: str) -> int:
    """Writes a prompt; the id of its control."""
    driver.page.fill("#prompt", text)
    driver.page.keyboard.press("Enter")

    def heard() -> list[int]:
        return [each.id for each in sent(served, "prompt.set") if each.prompts[0].text == text]

    return int(driver.until(heard, "the server heard it")[0])


def load_session(driver: Any, chunks: int = 2, model: str = "toy") -> None:
    file = {"flowbrush": 1, "model": model, "start": {"prompt": "a ball", "seed": 5}, "chunks": chunks}
    content = json.dumps(file).encode()
    driver.page.set_input_files(
        "#session-file", files=[{"name": "s.json", "mimeType": "application/json", "buffer": content}]
    )


def test_what_of_a_prompt_is_not_understood_stands_next_to_it(driver: Any, served: Any) -> None:
    driver.start()
    doubt = driver.page.locator("#effective-doubt")
    told = {"type": "notice", "code": "unknown_words", "message": UNKNOWN, "prompt": "asdf"}
    tell(served, {**told, "id": ask_for(driver, served, "asdf")})
    driver.page.locator("#effective", has_text="asdf").wait_for()
    driver.until(lambda: doubt.text_content() == "This model was not trained on 'asdf'", "it is said there")
    ask_for(driver, served, "a ball at night")
    driver.until(lambda: doubt.text_content() == "", "and not of the next prompt")
    assert driver.page.locator("#effective").text_content() == "a ball at night"


def test_a_first_prompt_leaves_the_picture_where_it_is(driver: Any, served: Any) -> None:
    driver.page.locator("#photo-cards .preset").first.click()
    driver.wait_live()
    before = driver.page.locator("#stage").bounding_box()
    ask_for(driver, served, "a ball at night")
    driver.page.locator("#effective", has_text="at night").wait_for()
    assert driver.page.locator("#stage").bounding_box() == before


def test_the_invitation_of_a_card_goes_with_its_stream(driver: Any, served: Any) -> None:
    driver.page.locator("#photo-cards .preset").first.click()
    driver.page.locator("#hint").wait_for()
    load_session(driver)
    driver.page.locator(".toast", has_text="The session was replayed").wait_for()
    assert driver.page.locator("#hint").is_hidden()


def test_a_session_that_is_played_is_not_called_paused(driver: Any, served: Any) -> None:
    served.double.slow_s = 0.3
    load_session(driver, chunks=8)
    driver.page.locator("#status-text", has_text="Replaying").wait_for()
    assert driver.page.locator("#paused-mark").is_hidden() and driver.page.locator("#step").is_disabled()
    driver.page.locator("#status-text", has_text="Paused").wait_for()
    driver.page.locator("#paused-mark").wait_for()
    assert driver.page.locator("#step").is_enabled()
    assert driver.page.locator("#seed").get_attribute("placeholder") == "5 now"


def test_nothing_of_the_stream_before_is_told_while_the_next_one_is_waited_for(
    driver: Any, served: Any
) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 0.5, "it plays")
    served.double.queue = 2
    driver.page.evaluate(WATCH_START)
    driver.page.set_input_files("#image-file", files=[picture((600, 400))])
    driver.page.locator("#banner", has_text="number 2 of 3").wait_for()
    seen = driver.page.evaluate("seenAtStart")
    assert seen and [each for each in seen if each != ["0:00.0", False]] == []


def test_a_message_about_the_last_stream_goes_when_another_begins(driver: Any, served: Any) -> None:
    driver.start()
    driver.end()
    driver.page.locator(".toast", has_text="The session has ended").wait_for()
    served.double.reject = {"code": "busy", "message": "no seat", "retryable": True}
    driver.page.locator("#preset-cards .preset").first.click()
    driver.page.locator(".toast", has_text="All places are taken").wait_for()
    assert driver.page.locator(".toast").count() == 1
    served.double.reject = None
    driver.start()
    assert driver.page.locator(".toast").count() == 0, "nor is a stream offered again that nobody wants"


def test_a_picture_that_is_being_opened_is_waited_for_though_another_plays(driver: Any, served: Any) -> None:
    driver.start()
    held: list[Any] = []
    driver.page.route("**/v1/images", lambda route: held.append(route))
    driver.page.set_input_files("#image-file", files=[picture((600, 400))])
    driver.until(lambda: held, "it is under way")
    then = driver.seconds()
    driver.until(lambda: driver.seconds() > then + 0.6, "the stream plays on")
    assert driver.page.locator("#banner", has_text="Opening the picture").is_visible()
    held[0].continue_()
    driver.until(lambda: sent(served, "session.start")[1:], "the next one begins")
    driver.wait_live()


def test_keys_go_on_from_the_empty_page_when_a_stream_ends(driver: Any, served: Any) -> None:
    focused = "document.activeElement.id"
    driver.start()
    driver.page.locator("#stop").focus()
    driver.page.keyboard.press("Enter")
    driver.page.locator("#stop", has_text="Press again").wait_for()
    driver.page.keyboard.press("Enter")
    driver.page.locator("#welcome").wait_for()
    driver.until(lambda: driver.page.evaluate(focused) == "photo-choose", "they begin again there")
    driver.start()
    driver.page.locator("#prompt").focus()
    (socket,) = served.double.sockets
    asyncio.run_coroutine_threadsafe(socket.close(1000), served.loop).result(10)
    driver.page.locator("#welcome").wait_for()
    assert driver.page.evaluate(focused) == "prompt", "who writes goes on writing"


def test_who_waits_for_pictures_is_told(driver: Any, served: Any) -> None:
    driver.start()
    served.double.slow_s = 6.0
    driver.page.locator("#banner", has_text="No pictures are coming").wait_for()
    assert driver.page.locator("#status-text").text_content() == "Waiting…"
    served.double.slow_s = 0.0
    driver.wait_live()


def test_the_words_of_a_card_are_not_said_of_a_photo_of_ones_own(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.set_input_files("#image-file", files=[picture((600, 400))])
    driver.until(lambda: sent(served, "session.start")[1:], "it begins")
    assert not sent(served, "session.start")[1].prompt_list
    assert driver.page.locator("#prompt").input_value() == ""
    driver.wait_live()
    driver.page.fill("#prompt", "a wall")
    driver.page.set_input_files("#image-file", files=[picture((600, 400))])
    driver.until(lambda: sent(served, "session.start")[2:], "it begins")
    assert [each.text for each in sent(served, "session.start")[2].prompt_list] == ["a wall"]


def test_a_click_on_a_stream_that_is_gone_found_nothing_wrong(driver: Any, served: Any) -> None:
    driver.start()
    served.double.probe_s = 20.0
    driver.tool("select")
    driver.page.mouse.click(*driver.spot(0.5, 0.5))
    driver.until(lambda: served.double.probes, "it is asked")
    driver.end()
    driver.page.locator(".toast", has_text="The session has ended").wait_for()
    assert driver.page.locator(".toast").count() == 1


def test_the_clock_goes_back_with_a_paused_stream(driver: Any, served: Any) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 2, "it plays")
    driver.pause()
    driver.page.locator("#scrub").focus()
    before = driver.seconds()
    driver.page.keyboard.press("ArrowLeft")
    driver.page.keyboard.press("ArrowLeft")
    driver.until(lambda: sent(served, "session.rewind"), "the keys rest")
    driver.until(lambda: driver.seconds() == pytest.approx(before - 0.5), "two chunks earlier")


def test_the_film_strip_says_what_letting_go_does(driver: Any, served: Any) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 1, "it plays")
    driver.page.locator("#scrub").hover(position={"x": 4, "y": 20})
    driver.page.locator("#scrub-text", has_text="drag back to continue from here").wait_for()
    driver.page.locator("#branch").click()
    driver.page.locator("#scrub").hover(position={"x": 4, "y": 20})
    driver.page.locator("#scrub-text", has_text="drag back to open a new tab from here").wait_for()


def test_keys_pass_by_a_stage_that_shows_nothing(driver: Any) -> None:
    page = driver.page
    page.locator("#photo-cards .preset").first.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the skip link
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "photo-choose"
    driver.start()
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "stage"


def test_the_newest_choice_holds_however_long_an_older_one_takes(driver: Any, served: Any) -> None:
    held: list[Any] = []
    driver.page.route("**/v1/images", lambda route: held.append(route))
    driver.page.set_input_files("#image-file", files=[picture((600, 400))])
    driver.until(lambda: held, "the picture is under way")
    driver.start()
    with driver.page.expect_response("**/v1/images"):
        held[0].continue_()
    then = driver.seconds()
    driver.until(lambda: driver.seconds() > then + 0.5, "the scene plays on")
    assert len(sent(served, "session.start")) == 1
    assert driver.page.locator("#banner").is_hidden()


def test_a_key_that_is_not_taken_is_told(driver: Any, served: Any, open_page: Any) -> None:
    def answer(route: Any) -> None:
        if route.request.headers.get("authorization") == "Bearer right":
            route.continue_()
        else:
            route.fulfill(status=401, json={"error": {"code": "unauthorized", "message": "no key"}})

    visitor = open_page("about:blank", expect_errors=True)
    visitor.page.route("**/v1/models", answer)
    visitor.page.goto(served.url)
    wrong = visitor.page.locator("#key-wrong")
    visitor.page.locator("#key-dialog").wait_for()
    assert wrong.is_hidden()
    assert visitor.page.locator("#status-text").text_content() == "This server asks for a key"
    visitor.page.fill("#api-key", "left")
    visitor.page.keyboard.press("Enter")
    wrong.wait_for()
    visitor.page.keyboard.type("right")  # what was wrong is selected, to be written over
    visitor.page.keyboard.press("Enter")
    visitor.page.locator("#preset-cards .preset").first.wait_for()
    assert visitor.page.locator("#status-text").text_content() == "Ready"


def test_what_is_selected_is_let_go_when_the_camera_moves(driver: Any, served: Any) -> None:
    driver.start()
    driver.tool("select")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: driver.page.locator("#select-clear").is_enabled(), "the ball is selected")
    driver.tool("camera")
    driver.stroke([(0.5, 0.5), (0.7, 0.5)])
    driver.until(lambda: sent(served, "camera.set"), "the camera moves")
    assert driver.page.locator("#select-clear").is_disabled()


def test_a_session_of_a_model_that_is_not_here_leaves_the_stream_alone(driver: Any, served: Any) -> None:
    driver.start()
    load_session(driver, model="nobody")
    driver.page.locator(".toast", has_text="the model nobody, which this server does not have").wait_for()
    then = driver.seconds()
    driver.until(lambda: driver.seconds() > then + 0.3, "it plays on")
    assert len(sent(served, "session.start")) == 1 and driver.page.locator("#banner").is_hidden()


def test_what_there_is_nothing_of_yet_cannot_be_pressed(driver: Any, served: Any) -> None:
    kept = ["snapshot", "record", "download", "share", "save", "play", "reset", "branch"]

    def able() -> list[str]:
        return [each for each in kept if driver.page.locator(f"#{each}").is_enabled()]

    served.double.queue = 1
    driver.page.locator("#preset-cards .preset").first.click()
    driver.page.locator("#banner", has_text="number 1 of 3").wait_for()
    assert able() == [] and driver.page.locator("#stop").is_enabled()
    served.double.queue = 0
    driver.wait_live()
    assert able() == kept


def test_what_is_not_understood_is_seen_beside_a_long_prompt(driver: Any, served: Any) -> None:
    driver.start()
    text = "a ball " + "that rolls " * 30 + "asdf"
    told = {"type": "notice", "code": "unknown_words", "message": UNKNOWN, "prompt": text}
    tell(served, {**told, "id": ask_for(driver, served, text)})
    driver.page.locator("#effective-doubt", has_text="asdf").wait_for()
    line, doubt = (driver.page.locator(each).bounding_box() for each in (".effective", "#effective-doubt"))
    assert line["x"] < doubt["x"] and doubt["x"] + doubt["width"] <= line["x"] + line["width"] + 1
    assert doubt["width"] > 200


def test_escape_leads_from_the_prompt_back_to_the_stage(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.keyboard.press("/")
    driver.page.keyboard.type("a ball at night")
    driver.page.keyboard.press("Escape")
    assert driver.page.evaluate("document.activeElement.id") == "stage"
    assert driver.page.locator("#prompt").input_value() == "a ball at night"


DRAG_FILE = """() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(['x'], 'a.png', { type: 'image/png' }));
  document.body.dispatchEvent(new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true }));
}"""

# The element that is seen in the middle of another one.
SEEN_THERE = """(id) => {
  const { left, top, width, height } = document.getElementById(id).getBoundingClientRect();
  const [x, y] = [left + width / 2, top + height / 2];
  const inWindow = x >= 0 && x < innerWidth && y >= 0 && y < innerHeight;
  document.getElementById(id).style.pointerEvents = 'auto'; // to be found by its place
  return inWindow && document.elementFromPoint(x, y)?.closest('[id]')?.id.startsWith(id);
}"""


@pytest.mark.parametrize("phone", [False, True])
def test_the_empty_page_shows_that_a_picture_is_taken_and_opened(
    served: Any, open_page: Any, phone: bool
) -> None:
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    driver = open_page(served.url, **options) if phone else open_page(served.url)
    driver.page.locator("#preset-cards .preset").first.wait_for()
    driver.page.evaluate(DRAG_FILE)
    assert driver.page.evaluate(SEEN_THERE, "drop")
    driver.page.evaluate("document.dispatchEvent(new DragEvent('dragleave', { bubbles: true }))")
    held: list[Any] = []
    driver.page.route("**/v1/images", lambda route: held.append(route))
    driver.page.set_input_files("#image-file", files=[picture((600, 400))])
    driver.until(lambda: held, "it is under way")
    assert driver.page.evaluate(SEEN_THERE, "banner")
    held[0].continue_()
    driver.wait_live()


def test_a_picture_that_takes_long_to_read_is_waited_for_aloud(served: Any, open_page: Any) -> None:
    never = "window.createImageBitmap = () => new Promise(() => {});"
    driver = open_page(served.url, init=never)
    driver.page.locator("#preset-cards .preset").first.wait_for()
    driver.page.set_input_files("#image-file", files=[picture((600, 400))])
    driver.page.locator("#banner", has_text="Opening the picture").wait_for()
