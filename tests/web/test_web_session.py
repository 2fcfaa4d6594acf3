"""Playing, going back, losing the connection: the page on the stream double."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from stream_double import MODEL

from flowbrush.packets import Flag, Packet, pack
from flowbrush.protocol import Codec

pytestmark = pytest.mark.browser

JPEG_ONLY = "delete window.VideoDecoder;"


def sent(served: Any, kind: str) -> list[Any]:
    return [message for message in served.double.received if message.type == kind]


def status(driver: Any) -> str:
    return driver.page.locator("#status-text").text_content()


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
    driver.until(lambda: status(driver) == "Live" and driver.seconds() > still + 0.5, "it goes on")


def test_a_new_prompt_changes_the_picture_and_is_echoed(driver: Any, served: Any) -> None:
    driver.start()
    before = driver.picture()[10:40].mean((0, 1))
    driver.page.fill("#prompt", "a ball in the deep sea")
    driver.page.keyboard.press("Enter")
    driver.page.locator("#effective", has_text="a ball in the deep sea").wait_for()
    driver.until(lambda: np.abs(driver.picture()[10:40].mean((0, 1)) - before).max() > 4, "other colours")
    (prompt,) = sent(served, "prompt.set")
    assert prompt.transition.chunks == 4


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


def test_a_lost_connection_is_resumed_without_a_lost_frame(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, expect_errors=True)
    driver.start()
    driver.tool("pin")
    driver.page.mouse.click(*driver.spot(*driver.ball()))
    driver.until(lambda: sent(served, "track.begin"), "a pin")
    asyncio.run_coroutine_threadsafe(served.double.drop_connections(), served.loop).result(5)
    driver.until(lambda: len(sent(served, "session.start")) == 2, "the page came back by itself")
    again = sent(served, "session.start")[1]
    assert again.resume == "toy-token" and again.last_frame > 0
    driver.wait_live()
    before = driver.seconds()
    driver.until(lambda: driver.seconds() > before + 0.3, "the picture moves again")
    driver.page.keyboard.press("z")
    driver.until(lambda: sent(served, "track.end"), "what was painted before can still be taken back")


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


def test_a_payload_of_noise_is_survived(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, expect_errors=True)
    driver.start()
    driver.until(lambda: driver.seconds() > 0.5, "some film")
    served.double.noise = 10
    driver.until(lambda: sent(served, "keyframe"), "a key frame is asked for")
    before = driver.seconds()
    driver.until(lambda: driver.seconds() > before + 1, "the clock runs")
    start = driver.ball()
    driver.until(lambda: driver.ball()[0] > start[0] + 0.01, "and the picture moves")
    assert len(sent(served, "session.start")) == 1, "in the same stream"


LOSE_DECODER = """
const source = `const Real = self.VideoDecoder; let count = 0;
  self.VideoDecoder = class extends Real {
    constructor(init) { super(init); this.told = init.error; }
    decode(chunk) {
      if ((count += 1) === 20) { this.close(); this.told(new DOMException('Codec reclaimed', 'QuotaExceededError')); return; }
      super.decode(chunk);
    }
  };`;
const RealWorker = window.Worker;
window.Worker = function (url, options) {
  const text = `${source} await import(${JSON.stringify(String(url))}); self.postMessage({ type: 'loaded' });`;
  const wrapped = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  const worker = new RealWorker(wrapped, options);
  const early = [];
  const post = worker.postMessage.bind(worker);
  worker.postMessage = (...args) => early.push(args);
  worker.addEventListener('message', () => { early.forEach((args) => post(...args)); worker.postMessage = post; }, { once: true });
  return worker;
};
"""


def test_a_decoder_that_the_browser_takes_away_comes_back(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, init=LOSE_DECODER, expect_errors=True)
    driver.start()
    driver.until(lambda: sent(served, "keyframe"), "a key frame is asked for")
    before = driver.seconds()
    driver.until(lambda: driver.seconds() > before + 1, "the clock runs")


NO_H264 = """
const asked = VideoDecoder.isConfigSupported;
VideoDecoder.isConfigSupported = (config) =>
  config.codec.startsWith('avc1') ? Promise.resolve({ supported: false, config }) : asked.call(VideoDecoder, config);
"""


def test_a_codec_that_the_browser_lacks_is_not_asked_for(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, init=NO_H264)
    driver.start()
    codecs = sent(served, "session.start")[0].codecs
    assert "h264" not in codecs and codecs[-1] == "jpeg"


def test_a_codec_that_fails_leads_to_the_next_one(open_page: Any, served: Any) -> None:
    served.double.codec_string = "avc1.ffffff"  # no decoder takes this
    driver = open_page(served.url, expect_errors=True)
    driver.start()
    codecs = [start.codecs for start in sent(served, "session.start")]
    assert codecs[0][0] == "h264" and "h264" not in codecs[1]
    driver.until(lambda: driver.seconds() > 0.4, "the picture moves")


FLUSHED = """async (packets) => {
  const { Player } = await import(new URL('web/player.js', location.href));
  const player = new Player(document.createElement('canvas'));
  const shown = [];
  player.on('shown', ({ frame }) => shown.push(frame));
  const push = (frame) => player.push(Uint8Array.from(packets[frame]).buffer);
  const until = async (frame) => { while (!shown.includes(frame)) await new Promise((done) => setTimeout(done, 10)); };
  player.configure({ width: 32, height: 32, fps: 16, codec_string: '' });
  push(0);
  await until(0);
  player.flush();
  push(1);
  const since = performance.now();
  while (performance.now() - since < 300); // the worker shows it, and the page is too busy to hear of that
  player.flush();
  push(2);
  await until(2);
  return shown;
}"""


def test_what_was_shown_before_a_jump_is_not_told_after_it(driver: Any) -> None:
    """Else the slider stands where the stream was, and offers chunks that are gone."""
    picture = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 30, 30)).save(picture, "JPEG")
    payload = picture.getvalue()
    packets = [list(pack(Packet(0, frame, 0, Codec.JPEG, payload, Flag.KEY))) for frame in range(3)]
    assert driver.page.evaluate(FLUSHED, packets) == [0, 2]


SCRUBS = """(chunks) => {
  const slider = document.getElementById('scrub');
  slider.dispatchEvent(new PointerEvent('pointerdown'));
  for (const chunk of chunks) {
    slider.value = String(chunk);
    slider.dispatchEvent(new Event('input'));
    slider.dispatchEvent(new Event('change'));
  }
}"""


def test_back_and_forth_on_the_slider_is_no_error(driver: Any, served: Any) -> None:
    driver.start()
    driver.until(lambda: driver.seconds() > 2, "some film")
    driver.page.evaluate(SCRUBS, [1, 4])
    driver.until(lambda: len(sent(served, "session.rewind")) == 2, "it goes back twice")
    driver.until(lambda: driver.seconds() > 1, "it goes on")
    assert driver.page.locator(".toast[data-kind=error]").count() == 0


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
    driver.until(lambda: status(driver) == "Paused", "it is paused, as it was left")
    assert driver.page.locator("#paused-mark").is_visible() and driver.page.locator("#step").is_enabled()
    (stream,) = set(served.double.sessions.values())
    stream.paused = False  # somebody else saw to that, and the connection was lost before it was told
    asyncio.run_coroutine_threadsafe(served.double.drop_connections(), served.loop).result(5)
    driver.until(lambda: status(driver) == "Live", "it goes on")
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


def tell(served: Any, *messages: dict[str, Any]) -> None:
    """The server says something of its own accord."""
    (socket,) = served.double.sockets
    for message in messages:
        asyncio.run_coroutine_threadsafe(socket.send_json(message), served.loop).result(10)


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


def test_without_webcodecs_pictures_come_as_jpeg(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, init=JPEG_ONLY)
    driver.page.locator("#preset-cards .preset").first.click()
    driver.page.locator(".toast", has_text="JPEG").wait_for()  # it goes by itself after a while
    driver.wait_live()
    assert sent(served, "session.start")[0].codecs == ("jpeg",)
    start = driver.ball()
    driver.until(lambda: driver.ball()[0] > start[0] + 0.01, "the picture moves")


def test_without_canvases_in_workers_the_page_draws_itself(open_page: Any, served: Any) -> None:
    driver = open_page(served.url, init="delete HTMLCanvasElement.prototype.transferControlToOffscreen;")
    driver.start()
    start = driver.ball()
    driver.until(lambda: driver.ball()[0] > start[0] + 0.01, "the picture moves")


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
