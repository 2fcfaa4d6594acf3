"""Playing, pausing, going back: the page on the stream double."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from stream_double import MODEL
from told import sent

pytestmark = pytest.mark.browser


def test_pause_step_and_go_on(driver: Any, served: Any) -> None:
    driver.start()
    still = driver.pause()
    driver.page.wait_for_timeout(300)
    assert driver.seconds() == still, "nothing moves while paused"
    driver.page.keyboard.press(".")
    driver.until(lambda: driver.seconds() == pytest.approx(still + 0.25, abs=0.11), "one chunk was made")
    driver.page.wait_for_timeout(300)
    assert driver.seconds() == pytest.approx(still + 0.25, abs=0.11), "and no more than one"
    driver.page.keyboard.press(" ")
    driver.until(lambda: driver.status() == "Live" and driver.seconds() > still + 0.5, "it goes on")


def test_a_start_from_no_words_is_answered(driver: Any, served: Any) -> None:
    driver.page.locator("#prompt-go").click()
    driver.page.locator(".toast", has_text="There are no words yet").wait_for()
    assert driver.page.evaluate("document.activeElement.id") == "prompt"
    assert not sent(served, "session.start")


def test_a_new_prompt_changes_the_picture_and_is_echoed(driver: Any, served: Any) -> None:
    driver.start()
    before = driver.picture()[10:40].mean((0, 1))
    driver.page.fill("#prompt", "a ball in the deep sea")
    driver.page.keyboard.press("Enter")
    driver.page.locator("#effective", has_text="a ball in the deep sea").wait_for()
    driver.until(lambda: np.abs(driver.picture()[10:40].mean((0, 1)) - before).max() > 4, "other colours")
    (prompt,) = sent(served, "prompt.set")
    assert prompt.transition.chunks == 4


@pytest.mark.parametrize("able", [True, False])
def test_prompts_that_change_something_are_offered_where_they_are_heard(
    driver: Any, served: Any, monkeypatch: Any, able: bool
) -> None:
    monkeypatch.setitem(MODEL["capabilities"], "edits", able)
    driver.start()
    first = driver.page.locator("#chips button").first
    first.click()
    said = "add a dog" if able else "a ball on stripes"
    driver.until(
        lambda: [p.prompts[0].text for p in sent(served, "prompt.set")] == [said], "what is on it is said"
    )


def test_a_prompt_for_a_paused_stream_is_answered(driver: Any, served: Any) -> None:
    driver.start()
    driver.pause()
    driver.page.fill("#prompt", "a ball in the deep sea")
    driver.page.keyboard.press("Enter")
    driver.page.locator(".toast", has_text="follows it when the stream goes on").wait_for()


def test_two_prompts_are_blended(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.locator("#panel-blend summary").click()
    driver.page.fill("#prompt-b", "a ball of snow")
    driver.page.locator("#blend").fill("25")
    driver.page.locator("#blend").dispatch_event("change")
    (prompt,) = driver.until(
        lambda: [p for p in sent(served, "prompt.set") if len(p.prompts) == 2], "a blend"
    )[-1:]
    assert [(p.text, p.weight) for p in prompt.prompts] == [
        ("a ball on stripes", 0.75),
        ("a ball of snow", 0.25),
    ]


def test_the_timeline_goes_back(driver: Any, served: Any) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 1.5, "some film")
    film = driver.page.locator("#scrub").bounding_box()
    mouse = driver.page.mouse
    mouse.move(film["x"] + film["width"] - 3, film["y"] + 20)
    mouse.down()
    mouse.move(film["x"] + film["width"] * 0.3, film["y"] + 20, steps=6)
    assert driver.page.locator("#scrub-bubble").is_visible(), "the moment is shown before it is chosen"
    mouse.up()
    (rewind,) = driver.until(lambda: sent(served, "session.rewind"), "the stream goes back")
    assert 1 <= rewind.chunk <= 4
    driver.until(lambda: driver.seconds() < (rewind.chunk + 3) / 4, "the clock went back")
    back = driver.seconds()
    driver.until(lambda: driver.seconds() > back + 0.3, "and the stream goes on from there")


def test_keys_on_the_timeline_go_back_when_they_rest(driver: Any, served: Any) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 1.3, "some film")
    driver.page.locator("#scrub").focus()
    for _ in range(4):
        driver.page.keyboard.press("ArrowLeft")
    driver.until(lambda: sent(served, "session.rewind"), "the stream goes back")
    assert len(sent(served, "session.rewind")) == 1, "once for all presses"


def test_reset_starts_over(driver: Any, served: Any) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 1, "some film")
    driver.page.keyboard.press("r")
    driver.page.locator(".toast", has_text="Start over?").wait_for()
    driver.page.keyboard.press("r")
    driver.until(lambda: driver.seconds() < 0.8, "the clock is at the beginning")
    back = driver.seconds()
    driver.until(lambda: driver.seconds() > back, "and runs")


def test_a_phone_held_upright_gets_an_upright_picture(served: Any, open_page: Any) -> None:
    driver = open_page(served.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    driver.start()
    (start,) = sent(served, "session.start")
    assert (start.width, start.height) == (192, 320)
    box = driver.page.locator("#stage").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(192 / 320, rel=0.02)
    assert box["height"] > 500, "it has most of the screen"


def test_a_scene_is_made_from_its_words(driver: Any, served: Any) -> None:
    driver.start(2)
    (start,) = sent(served, "session.start")
    assert start.image is None and start.prompt_list[0].text == "a beach ball"


def test_a_video_that_cannot_be_played_is_told_once(served: Any, open_page: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(MODEL["capabilities"], "source", True)
    driver = open_page(served.url)
    driver.start()
    video = {"name": "a.mp4", "mimeType": "video/mp4", "buffer": b"no video"}
    driver.page.set_input_files("#source-file", files=[video])
    driver.page.locator(".toast", has_text="no video that this browser can play").wait_for()
    driver.page.wait_for_timeout(300)
    assert driver.page.locator(".toast").count() == 1


STOP_IN_BETWEEN = """async () => {
  const { VideoSource } = await import('./web/source.js');
  const video = Object.assign(document.createElement('canvas'), { videoWidth: 64, videoHeight: 48, readyState: 4 });
  const told = [];
  const stream = { on: () => () => {}, ready: { width: 64, height: 48 } };
  for (const name of ['beginSource', 'sourceFrame', 'endSource']) stream[name] = () => told.push(name);
  const { toBlob } = HTMLCanvasElement.prototype;
  const encoding = new Promise((resolve) => {
    HTMLCanvasElement.prototype.toBlob = function (done, ...how) {
      toBlob.call(this, (blob) => resolve(() => done(blob)), ...how);
    };
  });
  const source = new VideoSource(video, stream, 0.5);
  const encoded = await encoding;
  source.stop();
  encoded();
  await new Promise((resolve) => setTimeout(resolve, 100));
  return told;
}"""


def test_a_frame_that_is_being_encoded_does_not_follow_the_end_of_its_source(driver: Any) -> None:
    assert driver.page.evaluate(STOP_IN_BETWEEN) == ["beginSource", "endSource"]


@pytest.mark.parametrize("content", [b"null", b"[]", b"{}", b"no json"])
def test_a_file_that_is_no_session_is_refused_in_words(driver: Any, content: bytes) -> None:
    session = {"name": "a.json", "mimeType": "application/json", "buffer": content}
    driver.page.set_input_files("#session-file", files=[session])
    driver.page.locator(".toast", has_text="session file").wait_for()


def test_a_session_file_is_replayed_chunk_by_chunk(driver: Any, served: Any) -> None:
    point = {"t": 0.5, "x": 0.3, "y": 0.6}
    controls = [
        {"chunk": 2, "type": "track.begin", "id": 7, "track": 3, "kind": "drag", "points": [point]},
        {"chunk": 3, "type": "track.move", "id": 8, "track": 3, "points": [{"t": 1.0, "x": 0.7, "y": 0.3}]},
        {"chunk": 9, "type": "track.end", "id": 9, "track": 3},
    ]
    file = {
        "flowbrush": 1,
        "model": "toy",
        "start": {"prompt": "a ball", "seed": 5},
        "controls": controls,
        "chunks": 12,
    }
    driver.page.set_input_files(
        "#session-file",
        files=[{"name": "s.json", "mimeType": "application/json", "buffer": json.dumps(file).encode()}],
    )
    driver.page.locator(".toast", has_text="The session was replayed").wait_for()
    (start,) = sent(served, "session.start")
    assert start.seed == 5 and start.paused
    assert [m.type for m in served.double.received if getattr(m, "track", None) is not None] == [
        "track.begin", "track.move", "track.end",
    ]  # fmt: skip
    assert sum(message.chunks for message in sent(served, "session.step")) == 12
    driver.until(lambda: abs(driver.ball()[0] - 0.7) < 0.06, "the ball was dragged as in the file")


def test_back_and_forth_on_the_slider_is_no_error(driver: Any, served: Any) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 2, "some film")
    driver.scrub(1, 4)
    driver.until(lambda: len(sent(served, "session.rewind")) == 2, "it goes back twice")
    driver.until(lambda: driver.seconds() > 1, "it goes on")
    assert driver.page.locator(".toast[data-kind=error]").count() == 0


def test_hand_to_picture_is_measured_and_shown(driver: Any, served: Any) -> None:
    driver.start()
    driver.stroke([driver.ball(), (0.5, 0.4), (0.7, 0.5)])
    text = driver.until(
        lambda: (t := driver.page.locator("#figure-latency").text_content()) != "–" and t, "a figure"
    )
    assert float(text.removesuffix("ms")) > 0


def test_a_picture_can_be_saved(driver: Any) -> None:
    driver.start()
    with driver.page.expect_download() as download:
        driver.page.locator("#snapshot").click()
    with Image.open(download.value.path()) as image:
        assert image.format == "PNG" and image.size == (320, 192)


def test_ending_a_session_leads_back_to_the_empty_page(driver: Any, served: Any) -> None:
    driver.start()
    driver.end()
    driver.page.locator("#welcome").wait_for()
    driver.until(lambda: sent(served, "session.stop"), "the server was told")
    assert driver.seconds() == 0
    driver.start(1)


USE_CLIENT = """async () => {
  const { connect } = await import('/web/flowbrush.js');
  const stream = await connect({ model: 'toy', prompt: 'a ball' });
  const packets = [];
  stream.on('packet', ({ frame, chunk, control }) => packets.push({ frame, chunk, control }));
  const queued = await stream.setPrompt('a ball at night').queued;
  const drag = stream.drag({ x: 0.3, y: 0.6 });
  drag.move([{ x: 0.4, y: 0.6 }, { x: 0.5, y: 0.6 }]);
  const shown = await drag.ack.applied;
  await drag.release().applied;
  const { chunk } = await stream.pause();
  await stream.rewind(0);
  const last = [stream.lastFrame];
  await stream.reset();
  last.push(stream.lastFrame);
  const refused = await stream.control({ type: 'track.end', track: -5 }).queued.catch((error) => error.code);
  stream.disconnect();
  const late = await stream.setPrompt('too late').applied.catch((error) => error.name);
  return { session: stream.ready.session, queued, shown, chunk, packets, last, refused, late };
}"""


def test_the_client_can_be_imported_by_others(open_page: Any, served: Any) -> None:
    driver = open_page(served.url)
    seen = driver.page.evaluate(USE_CLIENT)
    assert seen["session"] == "toy-1" and seen["shown"]["frame"] == seen["shown"]["chunk"] * 4
    frames = [packet["frame"] for packet in seen["packets"]]
    assert frames == list(range(frames[0], frames[0] + len(frames))), "frames in order, none missing"
    assert seen["last"] == [3, -1], "where it would go on after a lost connection"
    assert seen["refused"] == "out_of_range" and seen["late"] == "StreamError"
    assert len(served.double.refused) == 1
    served.double.refused.clear()


WATCH_BALL = """() => {
  const source = document.getElementById('picture');
  const copy = Object.assign(document.createElement('canvas'), { width: 320, height: 192 });
  const context = copy.getContext('2d', { willReadFrequently: true });
  let pressed = null;
  window.handToPixel = null;
  addEventListener('pointerdown', (event) => (pressed = event.timeStamp), { capture: true });
  const start = { x: null };
  const look = () => {
    context.drawImage(source, 0, 0);
    const { data } = context.getImageData(0, 0, 320, 192);
    let [sum, count] = [0, 0];
    for (let at = 0; at < data.length; at += 4) {
      const yellow = data[at] > 170 && data[at + 1] > 130 && data[at + 2] < 110;
      if (yellow) [sum, count] = [sum + ((at / 4) % 320), count + 1];
    }
    const x = sum / count;
    if (pressed === null) start.x = x;
    else if (x > start.x + 12) window.handToPixel = performance.now() - pressed;
    if (window.handToPixel === null) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def test_the_figure_is_what_the_pixels_say(driver: Any, served: Any) -> None:
    """One press off the ball's centre makes it jump: the time until pixels show it is the figure's."""
    driver.start()
    driver.page.evaluate(WATCH_BALL)
    x, y = driver.ball()
    driver.page.mouse.move(*driver.spot(x + 0.1, y))
    driver.page.mouse.down()
    measured = driver.until(lambda: driver.page.evaluate("window.handToPixel"), "the ball jumped")
    driver.page.mouse.up()
    text = driver.page.locator("#figure-latency").text_content
    shown = driver.until(lambda: text() != "–" and float(text().removesuffix("ms")), "a figure")
    assert abs(shown - measured) < max(3 * 1000 / 16, 0.3 * measured), (
        f"shown {shown:.0f} ms, measured {measured:.0f} ms"
    )
