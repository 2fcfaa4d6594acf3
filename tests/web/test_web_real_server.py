"""The page on the real server with the embedded model: what a visitor does first, and what they take home.

The model is pocket with narrow networks of random weights, which is quick; test_web_trained.py has the trained one.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from real_server import NARROW, RealServer

from flowbrush.session_file import SessionFile

pytestmark = pytest.mark.browser

FIRST_LOAD_BYTES = {"code": 90_000, "pictures": 100_000}


@pytest.fixture(scope="module")
def real(tmp_path_factory: Any, chromium: Any) -> Iterator[RealServer]:
    server = RealServer("pocket-random", tmp_path_factory.mktemp("state"), **NARROW)
    yield server
    server.stop()


def status(driver: Any) -> str:
    return driver.page.locator("#status-text").text_content()


def chunk_shown(driver: Any) -> int:
    return int(driver.page.locator("#scrub").get_attribute("max"))


def video(download: Any) -> np.ndarray:
    """A downloaded file's pictures, RGB uint8 [F, H, W, 3]."""
    with av.open(str(download.path())) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


def test_from_one_click_to_a_painted_moving_picture(real: RealServer, open_page: Any) -> None:
    driver = open_page(real.url)
    driver.start()
    first = driver.picture().astype(int)
    driver.until(lambda: np.abs(driver.picture() - first).mean() > 0.5, "the picture moves")
    driver.stroke([(0.4, 0.5), (0.5, 0.4), (0.6, 0.5)])
    figure = driver.page.locator("#figure-latency")
    driver.until(lambda: figure.text_content() != "–", "the frames say which control they show")
    driver.page.fill("#prompt", "a penguin in the snow")
    driver.page.keyboard.press("Enter")
    driver.page.locator("#effective", has_text="penguin").wait_for()


def test_the_timeline_goes_back_to_the_same_picture(real: RealServer, open_page: Any) -> None:
    driver = open_page(real.url)
    driver.start()
    driver.until(lambda: driver.seconds() > 0.8, "some film")
    still = driver.pause()
    picture = driver.picture().astype(int)
    chunk = chunk_shown(driver)
    for more in range(1, 4):
        driver.step()
        assert chunk_shown(driver) == chunk + more, "a press makes one chunk"
    driver.page.locator("#scrub").focus()
    for _ in range(4):
        driver.page.keyboard.press("ArrowLeft")
    # Back to before the picture, then one chunk: the same frames are made again.
    driver.until(lambda: chunk_shown(driver) == chunk - 1, "it went back")
    assert driver.step() == still, "the same moment"
    assert np.abs(driver.picture() - picture).mean() < 4, "the same picture, but for the codec"
    driver.page.locator("#play").click()
    driver.until(lambda: driver.seconds() > still + 0.3, "it goes on")


def test_a_start_from_an_image_shows_it(real: RealServer, open_page: Any) -> None:
    file = io.BytesIO()
    image = np.zeros((192, 320, 3), np.uint8)
    image[:, :160] = (200, 60, 40)
    image[:, 160:] = (40, 70, 200)
    Image.fromarray(image).save(file, "PNG")
    driver = open_page(real.url)
    driver.page.fill("#prompt", "two walls")
    driver.page.set_input_files(
        "#image-file", files=[{"name": "walls.png", "mimeType": "image/png", "buffer": file.getvalue()}]
    )
    driver.wait_live()
    assert driver.page.locator(".toast[data-kind=error]").count() == 0


def test_the_recording_and_the_session_file_can_be_taken_home(real: RealServer, open_page: Any) -> None:
    driver = open_page(real.url)
    driver.start()
    driver.stroke([(0.4, 0.5), (0.6, 0.4)])
    ended = driver.seconds()
    driver.until(lambda: driver.seconds() > ended + 1, "a second of film behind the stroke")
    still = driver.pause()
    with driver.page.expect_download() as download:
        driver.page.locator("#download").click()
    frames = video(download.value)
    assert frames[0].shape == (192, 320, 3)
    assert len(frames) >= round(still * 16) - 8, "the film so far"
    with driver.page.expect_download() as download:
        driver.page.locator("#save").click()
    file = SessionFile.parse(open(download.value.path(), "rb").read()).message
    kinds = [control.type for control in file.controls]
    assert kinds[0] == "track.begin" and kinds[-1] == "track.end"


def test_what_is_recorded_is_what_was_shown_between_two_presses(real: RealServer, open_page: Any) -> None:
    driver = open_page(real.url)
    driver.start()
    driver.until(lambda: driver.seconds() > 0.5, "some film before")
    driver.page.locator("#record").click()
    driver.page.locator("#record-text", has_text=re.compile("Stop 0:0[1-9]")).wait_for()
    with driver.page.expect_download() as download:
        driver.page.locator("#record").click()
    clip = video(download.value)
    driver.page.locator("#record-text", has_text="Record").wait_for()
    ended = driver.seconds()
    driver.until(lambda: driver.seconds() > ended + 0.5, "some film after")
    driver.pause()
    with driver.page.expect_download() as download:
        driver.page.locator("#download").click()
    whole = video(download.value)
    (begins,) = [at for at in range(len(whole)) if np.array_equal(whole[at], clip[0])]
    assert begins >= 8 and begins % 4 == 0, "from a chunk after the first press"
    assert np.array_equal(whole[begins : begins + len(clip)], clip)
    assert 16 <= len(clip) < len(whole) - begins, "for as long as was said, and not to the end"


def test_a_second_viewer_sees_the_same(real: RealServer, open_page: Any) -> None:
    driver = open_page(real.url)
    driver.start()
    driver.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    driver.page.locator("#share").click()
    link = driver.until(lambda: driver.page.evaluate("navigator.clipboard.readText()"), "a link")
    viewer = open_page(link)
    viewer.page.locator("#viewer-mark").wait_for()
    viewer.until(lambda: viewer.seconds() > 0, "the viewer sees the film")
    still = driver.pause()
    last = driver.picture()
    viewer.until(lambda: np.array_equal(viewer.picture(), last), "the viewer sees the same picture")
    assert viewer.seconds() == still
    late = open_page(link)
    late.until(
        lambda: late.seconds() == still and np.abs(late.picture().astype(int) - last).mean() < 4,
        "who joins now sees the same, but for the codec",
    )
    assert status(late) == "Paused"
    marks = [late.page.locator(mark).is_visible() for mark in ("#viewer-mark", "#paused-mark")]
    assert marks == [True, False], "who looks on cannot paint"


def test_a_branch_begins_with_the_picture_that_it_goes_on_from(real: RealServer, open_page: Any) -> None:
    """Before the server has made one: what it sends is held back here."""
    driver = open_page(real.url, viewport={"width": 1100, "height": 680})
    driver.start()
    driver.until(lambda: driver.seconds() > 1, "some film")
    driver.pause()
    picture = driver.picture().astype(int)
    driver.page.context.route_web_socket("**/v1/stream", words_alone)
    driver.page.locator("#branch").click()
    film = driver.page.locator("#scrub").bounding_box()
    with driver.page.context.expect_page() as opened:
        driver.page.mouse.click(film["x"] + 20, film["y"] + 20)
    branch = type(driver)(opened.value)
    branch.page.locator("#banner", has_text="Going on with the stream").wait_for()
    branch.until(
        lambda: branch.picture().shape == picture.shape and np.abs(branch.picture() - picture).mean() < 12,
        "the picture is there, small as it is on the film strip",
    )


def words_alone(route: Any) -> None:
    """Lets messages through, and no pictures."""
    server = route.connect_to_server()
    route.on_message(server.send)
    server.on_message(lambda message: route.send(message) if isinstance(message, str) else None)


def test_a_branch_goes_on_by_itself(real: RealServer, open_page: Any) -> None:
    driver = open_page(real.url)
    driver.start()
    driver.until(lambda: driver.seconds() > 1, "some film")
    driver.pause()
    driver.page.locator("#branch").click()
    film = driver.page.locator("#scrub").bounding_box()
    with driver.page.context.expect_page() as opened:
        driver.page.mouse.click(film["x"] + film["width"] * 0.5, film["y"] + 20)
    branch = type(driver)(opened.value)
    branch.wait_live()
    branch.until(lambda: branch.seconds() > 0, "the branch plays")
    driver.page.locator("#play").click()
    before = driver.seconds()
    driver.until(lambda: driver.seconds() > before, "and the first stream goes on")


def test_a_killed_and_restarted_server_goes_on(real: RealServer, open_page: Any) -> None:
    driver = open_page(real.url, expect_errors=True)
    driver.start()
    driver.until(lambda: driver.seconds() > 0.8, "some film")
    before = driver.seconds()
    real.kill()
    driver.page.locator("#status-text", has_text="Reconnecting").wait_for()
    real.start()
    driver.page.locator("#status-text", has_text="Live").wait_for(timeout=60_000)
    driver.until(lambda: driver.seconds() > before + 0.5, "the same stream goes on")


def test_a_page_that_is_loaded_again_goes_on(real: RealServer, open_page: Any) -> None:
    driver = open_page(real.url, expect_errors=True)
    driver.start()
    driver.until(lambda: driver.seconds() > 1, "some film")
    driver.page.reload()
    driver.wait_live()
    assert driver.seconds() > 1, "it is the same stream"
    before = driver.seconds()
    driver.until(lambda: driver.seconds() > before + 0.3, "and it moves on")


def test_a_page_that_is_loaded_again_shows_where_its_stream_was_paused(
    real: RealServer, open_page: Any
) -> None:
    driver = open_page(real.url)
    driver.start()
    driver.until(lambda: driver.seconds() > 0.5, "some film")
    driver.pause()
    left = driver.picture().astype(int)
    driver.page.reload()
    driver.until(lambda: status(driver) == "Paused", "it is paused, as it was left")
    driver.page.locator("#banner").wait_for(state="hidden")
    driver.until(lambda: np.abs(driver.picture() - left).mean() < 6, "the same picture, but for the codec")


def test_a_phone(real: RealServer, open_page: Any) -> None:
    driver = open_page(real.url, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    driver.page.locator("#preset-cards .preset").first.tap()
    driver.wait_live()
    driver.touch("touchStart", [(0.4, 0.5)])
    for step in range(5):
        driver.touch("touchMove", [(0.4 + 0.04 * step, 0.5)])
    driver.touch("touchEnd", [])
    driver.until(lambda: driver.page.locator("#figure-latency").text_content() != "–", "the touch is shown")
    assert driver.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_first_load_is_light_and_asks_nobody_else(real: RealServer, open_page: Any) -> None:
    driver = open_page("about:blank")
    session = driver.page.context.new_cdp_session(driver.page)
    session.send("Network.enable")
    loaded = {"code": 0.0, "pictures": 0.0}
    kinds: dict[str, str] = {}

    def begun(event: dict[str, Any]) -> None:
        picture = (
            event["response"]["mimeType"].startswith("image/") and "svg" not in event["response"]["mimeType"]
        )
        kinds[event["requestId"]] = "pictures" if picture else "code"

    def done(event: dict[str, Any]) -> None:
        loaded[kinds.get(event["requestId"], "code")] += event["encodedDataLength"]

    session.on("Network.responseReceived", begun)
    session.on("Network.loadingFinished", done)
    urls: list[str] = []
    driver.page.on("request", lambda request: urls.append(request.url))
    driver.page.goto(real.url)
    driver.page.locator("#preset-cards .preset").first.wait_for()
    driver.page.wait_for_load_state("networkidle")
    assert len(urls) > 20
    assert all(url.startswith(real.url) for url in urls), "no external requests"
    scripts = {url.rpartition("/")[2] for url in urls if url.endswith(".js")}
    assert scripts <= {"main.js", "decode_worker.js"}, "on a slow line each answer is waited for"
    assert all(loaded[kind] < most for kind, most in FIRST_LOAD_BYTES.items()), (
        f"{loaded}: {json.dumps(urls)}"
    )
