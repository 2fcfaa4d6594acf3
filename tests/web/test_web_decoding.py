"""Pictures that cannot be decoded, and browsers that decode less: the page on the stream double."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from told import sent

from flowbrush.packets import Flag, Packet, pack
from flowbrush.protocol import Codec

pytestmark = pytest.mark.browser


JPEG_ONLY = "delete window.VideoDecoder;"


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


NO_STORAGE = """
for (const storage of ['localStorage', 'sessionStorage'])
  Object.defineProperty(window, storage, { get() { throw new DOMException('Access is denied', 'SecurityError'); } });
"""


@pytest.mark.parametrize(
    "init", [NO_STORAGE, f"delete window.OffscreenCanvas; delete window.ImageDecoder; {JPEG_ONLY}"]
)
def test_a_browser_that_lends_less_shows_the_stream(open_page: Any, served: Any, init: str) -> None:
    driver = open_page(
        served.url, init=f"delete HTMLCanvasElement.prototype.transferControlToOffscreen; {init}"
    )
    driver.start()
    driver.until(lambda: driver.seconds() > 0.5, "some film")
    assert driver.page.locator(".toast[data-kind=error]").count() == 0


def kept_for_drawing(page: Any) -> int:
    """Bytes that the browser keeps of pictures that were drawn, to draw them again."""
    session = page.context.browser.new_browser_cdp_session()
    events: list[Any] = []
    done: list[bool] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda _: done.append(True))
    config = {
        "includedCategories": ["disabled-by-default-memory-infra"],
        "memoryDumpConfig": {"triggers": []},
    }
    session.send("Tracing.start", {"traceConfig": config, "transferMode": "ReportEvents"})
    assert session.send("Tracing.requestMemoryDump", {"levelOfDetail": "detailed"})["success"]
    session.send("Tracing.end")
    while not done:
        page.wait_for_timeout(20)
    session.detach()
    dumps = [event["args"]["dumps"].get("allocators", {}) for event in events if event["ph"] == "v"]
    assert dumps
    # The browser's own process tells those of all.
    kept = [dump.get("discardable", {}).get("attrs", {}) for dump in dumps]
    return max(int(each["size"]["value"], 16) for each in kept if "size" in each)


@pytest.mark.parametrize("init", [None, JPEG_ONLY])
def test_pictures_that_were_shown_are_not_kept(open_page: Any, served: Any, init: str | None) -> None:
    driver = open_page(served.url, init=init)
    driver.start()
    driver.until(lambda: driver.seconds() > 1, "some film")
    before = kept_for_drawing(driver.page)
    driver.until(lambda: driver.seconds() > 4, "more of it")
    frames = 3 * driver.ready["fps"]
    picture = 4 * driver.ready["width"] * driver.ready["height"]
    assert kept_for_drawing(driver.page) - before < frames * picture / 3
