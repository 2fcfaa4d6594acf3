"""Losing the connection, the page or the server, and waiting for one: the page on the stream double."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from told import sent, tell

from flowbrush.packets import unpack

pytestmark = pytest.mark.browser


def came(driver: Any) -> list[int]:
    """The indexes of the frames that come to the page from now on, over all its connections."""
    frames: list[int] = []

    def hear(payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            frames.append(unpack(payload).frame)

    driver.page.on("websocket", lambda socket: socket.on("framereceived", hear))
    return frames


def test_a_lost_connection_is_resumed_without_a_lost_frame(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, expect_errors=True)
    frames = came(driver)
    driver.start()
    driver.tool("pin")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: sent(served, "track.begin"), "a pin")
    (stream,) = set(served.double.sessions.values())
    made = stream.world.chunk
    served.double.slow_s = 0.5
    driver.until(lambda: stream.world.chunk > made, "a chunk is on its way when the connection is lost")
    asyncio.run_coroutine_threadsafe(served.double.drop_connections(), served.loop).result(5)
    driver.until(lambda: len(sent(served, "session.start")) == 2, "the page came back by itself")
    again = sent(served, "session.start")[1]
    assert again.resume == "toy-token" and again.last_frame > 0
    served.double.slow_s = 0.0
    driver.wait_live()
    before = driver.seconds()
    driver.until(lambda: driver.seconds() > before + 0.3, "the picture moves again")
    assert frames == list(range(len(frames)))
    driver.page.keyboard.press("z")
    driver.until(lambda: sent(served, "track.end"), "what was painted before can still be taken back")


def test_a_network_that_is_there_again_is_not_waited_for(open_page: Any, served: Any) -> None:
    own = {"viewport": {"width": 1100, "height": 680}}  # a clock that stands, stands for a whole context
    driver = open_page(served.url, expect_errors=True, **own)
    driver.start()
    driver.until(lambda: driver.seconds() > 0.3, "some film")
    driver.page.clock.install()
    served.double.away = True
    asyncio.run_coroutine_threadsafe(served.double.drop_connections(), served.loop)
    driver.page.locator("#status-text", has_text="Reconnecting").wait_for()
    driver.page.clock.pause_at(driver.page.evaluate("Date.now()") / 1000 + 1)  # no timer ends from here on
    served.double.away = False

    def back() -> bool:
        driver.page.evaluate(
            "dispatchEvent(new Event('online'))"
        )  # again, while an attempt is still under way
        return len(sent(served, "session.start")) == 2

    driver.until(back, "the page is back at once")


def test_what_is_painted_while_the_connection_is_away_is_sent_later(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, expect_errors=True)
    driver.start()
    served.double.away = True
    asyncio.run_coroutine_threadsafe(served.double.drop_connections(), served.loop).result(5)
    driver.page.locator("#status-text", has_text="Reconnecting").wait_for()
    driver.tool("pin")
    driver.page.mouse.click(*driver.spot(0.5, 0.5))
    assert not sent(served, "track.begin")
    served.double.away = False
    driver.until(lambda: sent(served, "track.begin"), "the pin arrives when the connection is back")


def test_moves_that_could_not_be_sent_are_sent_later_and_none_is_lost(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, expect_errors=True)
    driver.start()
    start = driver.ball()
    driver.stroke([start, (0.5, 0.5)], release=False)
    driver.until(lambda: sent(served, "track.move"), "the hand moves")
    served.double.away = True
    asyncio.run_coroutine_threadsafe(served.double.drop_connections(), served.loop).result(5)
    driver.page.locator("#status-text", has_text="Reconnecting").wait_for()
    before = len([p for m in sent(served, "track.move") for p in m.points])
    corners = [(0.6, 0.2), (0.2, 0.2), (0.7, 0.7)]
    for corner in corners:
        driver.page.mouse.move(*driver.spot(*corner), steps=10)
        driver.page.wait_for_timeout(50)
    served.double.away = False
    driver.wait_live()
    driver.page.mouse.up()
    driver.until(lambda: sent(served, "track.end"), "the hand lets go")
    points = [p for m in sent(served, "track.move") for p in m.points][before:]
    for x, y in corners:
        assert any(abs(p.x - x) < 0.01 and abs(p.y - y) < 0.01 for p in points), f"({x}, {y}) was lost"
    assert [p.t for p in points] == sorted(p.t for p in points)


def test_a_page_that_is_loaded_again_goes_on(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, expect_errors=True)
    driver.start()
    driver.tool("pin")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: sent(served, "track.begin"), "a pin")
    driver.until(lambda: driver.seconds() > 1, "some film")
    driver.page.reload()
    driver.wait_live()
    again = sent(served, "session.start")[1]
    assert again.resume == "toy-token" and again.last_frame >= 15
    assert driver.seconds() > 0.8, "it is the same stream"
    assert driver.page.locator("#prompt").input_value() == "a ball on stripes"
    driver.tool("eraser")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: sent(served, "track.end"), "the pin of before can be taken away")


def test_a_page_that_comes_back_shows_whether_its_stream_is_paused(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, expect_errors=True)
    driver.start()
    driver.pause()
    driver.page.reload()
    driver.until(lambda: driver.status() == "Paused", "it is paused, as it was left")
    assert driver.page.locator("#paused-mark").is_visible() and driver.page.locator("#step").is_enabled()
    (stream,) = set(served.double.sessions.values())
    stream.paused = False  # somebody else saw to that, and the connection was lost before it was told
    asyncio.run_coroutine_threadsafe(served.double.drop_connections(), served.loop).result(5)
    driver.until(lambda: driver.status() == "Live", "it goes on")
    assert driver.page.locator("#paused-mark").is_hidden() and driver.page.locator("#step").is_disabled()


def test_a_page_whose_stream_was_ended_begins_anew_when_it_is_loaded_again(driver: Any, served: Any) -> None:
    driver.start()
    driver.end()
    driver.page.locator("#welcome").wait_for()
    driver.page.reload()
    driver.page.locator("#preset-cards .preset").first.wait_for()
    assert len(sent(served, "session.start")) == 1


def test_a_page_of_an_address_that_the_server_refuses_says_so(open_page: Any, served: Any) -> None:
    served.double.away = True
    driver = open_page(served.url, expect_errors=True)
    driver.page.locator("#preset-cards .preset").first.click()
    driver.page.locator(".toast", has_text="does not take this address").wait_for()


def test_the_page_works_below_a_prefix(open_page: Any, served: Any) -> None:
    driver = open_page(f"{served.url}flow/")
    driver.start()
    driver.page.locator("#share").click()
    driver.page.locator(".toast", has_text="/flow/?watch=toy-1").wait_for()


def test_the_queue_is_shown(driver: Any, served: Any) -> None:
    served.double.queue = 3
    driver.page.locator("#preset-cards .preset").first.click()
    driver.page.locator("#banner-text", has_text="number 3 of 3 in the queue").wait_for()
    served.double.queue = 1
    driver.page.locator("#banner-text", has_text="number 1 of 3 in the queue").wait_for()
    served.double.queue = 0
    driver.wait_live()


def test_who_waits_for_a_new_worker_is_not_told_that_places_are_taken(driver: Any, served: Any) -> None:
    driver.start()
    driver.pause()
    lost = {"type": "session.recovering", "reason": "worker_lost"}
    tell(served, lost, {"type": "queue", "position": 1, "size": 1})
    driver.page.locator("#banner", has_text="had to be restarted").wait_for()
    driver.page.locator("#status-text", has_text="Waiting, 1 of 1").wait_for()
    assert "taken" not in driver.page.locator("#banner").text_content()
    tell(served, {"type": "queue", "position": 2, "size": 3})
    driver.page.locator("#banner", has_text="number 2 of 3").wait_for()


def test_a_card_says_that_the_server_is_away(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, expect_errors=True)
    driver.page.locator("#photo-cards .preset").first.wait_for()
    driver.page.route("**/gallery/photo-*", lambda route: route.abort())
    driver.page.locator("#photo-cards .preset").first.click()
    driver.page.locator(".toast", has_text="The server cannot be reached").wait_for()


def test_what_a_jump_took_back_is_not_told_to_who_jumped(driver: Any, served: Any) -> None:
    driver.start()
    for code, message in (("control_discarded", "it is not shown"), ("idle", "it ends soon")):
        tell(served, {"type": "notice", "code": code, "message": message})
    driver.page.locator(".toast", has_text="It ends soon").wait_for()
    assert driver.page.locator(".toast").count() == 1


def test_a_refusal_is_told_in_words_with_a_way_on(driver: Any, served: Any) -> None:
    served.double.reject = {"code": "busy", "message": "no seat", "retryable": True}
    driver.page.locator("#preset-cards .preset").first.click()
    toast = driver.page.locator(".toast", has_text="All places are taken")
    toast.wait_for()
    served.double.reject = None
    toast.get_by_role("button", name="Start again").click()
    driver.wait_live()


def test_why_a_stream_cannot_go_on_is_told_once_and_in_words(driver: Any, served: Any) -> None:
    driver.start()
    asyncio.run_coroutine_threadsafe(served.double.fail_streams(), served.loop).result(5)
    again = driver.page.locator(".toast", has_text="The model could not go on").get_by_role(
        "button", name="Start again"
    )
    again.wait_for()
    assert driver.page.locator(".toast").count() == 1
    again.click()
    driver.wait_live()
