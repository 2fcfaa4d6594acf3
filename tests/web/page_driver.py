"""A hand and an eye for the page: starts streams, paints with pointer events, reads the picture's pixels."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from told import sent

TIMEOUT_S = 60.0
LOOK_MS = 40
"""Between two looks at what is waited for: a picture stands for longer."""

# The canvas is drawn by a worker; drawing it on another one reads what is on screen.
READ = """
  const source = document.getElementById('picture');
  const { width, height } = source;
  const copy = Object.assign(document.createElement('canvas'), { width, height });
  const context = copy.getContext('2d', { willReadFrequently: true });
  context.drawImage(source, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
"""
READ_PICTURE = f"""() => {{{READ}
  let text = '';
  for (let at = 0; at < data.length; at += 32768) {{
    text += String.fromCharCode(...data.subarray(at, at + 32768));
  }}
  return {{ width, height, pixels: btoa(text) }};
}}"""

# There, where it is asked for again and again: the picture itself is a quarter of a megabyte each time.
READ_BALL = f"""() => {{{READ}
  let [count, right, down] = [0, 0, 0];
  for (let at = 0; at < data.length; at += 4) {{
    if (data[at] <= 170 || data[at + 1] <= 130 || data[at + 2] >= 110) continue;
    count += 1;
    right += (at / 4) % width;
    down += Math.floor(at / 4 / width);
  }}
  return count > 50 ? [(right / count + 0.5) / width, (down / count + 0.5) / height] : null;
}}"""

# As a hand that goes along the film strip without letting go of the slider.
SCRUB = """(chunks) => {
  const slider = document.getElementById('scrub');
  slider.dispatchEvent(new PointerEvent('pointerdown'));
  for (const chunk of chunks) {
    slider.value = String(chunk);
    slider.dispatchEvent(new Event('input'));
    slider.dispatchEvent(new Event('change'));
  }
}"""


class PageDriver:
    """Wraps a playwright page that shows the demo."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.ready: dict[str, Any] = {}
        self.paused_at = -1
        """The chunk that comes next, as the server told it when the stream was paused or stepped."""
        self._touch: Any = None
        self.playhead = 0.0
        """Where the page's film is, in seconds, as it told the server; the end of what came when all was shown."""
        self.queued = self.applied = self.applied_frame = 0
        page.on("websocket", self._listen)

    def _listen(self, socket: Any) -> None:
        socket.on("framereceived", self._hear)
        socket.on("framesent", self._hear)

    def _hear(self, payload: str | bytes) -> None:
        message = json.loads(payload) if isinstance(payload, str) else {"type": "packet"}
        if message["type"] == "session.ready":
            self.ready = message
        elif message["type"] == "session.paused":
            self.paused_at = message["chunk"]
        elif message["type"] == "playhead":
            self.playhead = message["pts"]
        elif message["type"] == "control.queued":
            self.queued = message["id"]
        elif message["type"] == "control.applied":
            self.applied, self.applied_frame = message["id"], message["frame"]

    def start(self, preset: int = 0) -> None:
        """One click on a preset, then waits for the first picture."""
        self.page.locator("#preset-cards .preset").nth(preset).click()
        self.wait_live()

    def end(self) -> None:
        """Ends the session, which is asked for twice."""
        self.page.locator("#stop").click()
        self.page.locator("#stop", has_text="Press again").wait_for()
        self.page.locator("#stop").click()

    def wait_live(self) -> None:
        """Waits until pictures are on the stage."""
        self.page.locator("#status-text", has_text="Live").wait_for(timeout=TIMEOUT_S * 1000)
        self.page.locator("#banner").wait_for(state="hidden", timeout=TIMEOUT_S * 1000)

    def picture(self) -> np.ndarray:
        """RGB uint8 [H, W, 3] of the canvas."""
        read = self.page.evaluate(READ_PICTURE)
        pixels = np.frombuffer(base64.b64decode(read["pixels"]), np.uint8)
        return pixels.reshape(read["height"], read["width"], 4)[..., :3]

    def ball(self) -> tuple[float, float]:
        """Centre of what is yellow, normalised to the frame; fails when nothing comes: the page is live before it has drawn."""
        return tuple(self.until(lambda: self.page.evaluate(READ_BALL), "a ball is in the picture"))  # type: ignore[return-value]

    def spot(self, x: float, y: float) -> tuple[float, float]:
        """Coordinates in the window of a point of the frame; fails where no hand reaches it without scrolling."""
        box = self.page.locator("#stage").bounding_box()
        spot = box["x"] + x * box["width"], box["y"] + y * box["height"]
        width, height = self.page.evaluate("[innerWidth, innerHeight]")
        assert 0 <= spot[0] < width and 0 <= spot[1] < height, f"({x}, {y}) of the frame is off the screen"
        return spot

    def stroke(
        self,
        points: list[tuple[float, float]],
        seconds: float = 0.2,
        *,
        steps: int = 4,
        release: bool = True,
    ) -> None:
        """Presses at the first point, moves along the others in `steps` each and `seconds` in all, lets go."""
        mouse = self.page.mouse
        mouse.move(*self.spot(*points[0]))
        mouse.down()
        for x, y in points[1:]:
            mouse.move(*self.spot(x, y), steps=steps)
            self.page.wait_for_timeout(1000 * seconds / len(points))
        if release:
            mouse.up()

    def tool(self, name: str) -> None:
        self.page.locator(f"[data-tool={name}]").click()

    def pause(self) -> float:
        """Pauses and waits until everything that was made is on screen; the time of the last frame."""
        self.paused_at = -1
        self.page.locator("#play").click()
        return self.until(self.stands, "the stream pauses, and what was made has played out")

    def step(self) -> float:
        """While paused: one press for one chunk more; the time of the last frame."""
        self.paused_at = -1
        self.page.locator("#step").click()
        return self.until(self.stands, "a chunk is made and has played out")

    def scrub(self, *chunks: int) -> None:
        """Chooses chunks on the film strip, one after the other, to go back to the end of."""
        self.page.evaluate(SCRUB, list(chunks))

    def stands(self) -> float | None:
        """The page's clock when it is paused and has shown all that was made."""
        paused = self.paused_at > 0 and self.page.locator("#status-text").text_content() == "Paused"
        end = self.paused_at * self.ready["chunk_frames"] / self.ready["fps"]
        return self.seconds() if paused and abs(self.playhead - end) < 1e-3 else None

    def caught_up(self) -> bool:
        """Whether the picture shows all that the hand has done."""
        return self.applied == self.queued > 0 and self.playhead >= self.applied_frame / self.ready["fps"]

    def status(self) -> str:
        """What stands next to the lamp."""
        return str(self.page.locator("#status-text").text_content())

    def seconds(self) -> float:
        """The page's clock."""
        minutes, seconds = self.page.locator("#clock").text_content().split(":")
        return int(minutes) * 60 + float(seconds)

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Polls until `condition` gives something true; fails with `what` when it never does."""
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            self.page.wait_for_timeout(LOOK_MS)
        raise AssertionError(f"never happened: {what}")

    def touch(self, kind: str, points: list[tuple[float, float]]) -> None:
        """Touches points of the frame, a finger each; `kind` is touchStart, touchMove or touchEnd."""
        self._touch = self._touch or self.page.context.new_cdp_session(self.page)
        spots = [self.spot(*point) for point in points]
        touches = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(spots)]
        self._touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def near(a: tuple[float, float], b: tuple[float, float], within: float = 0.035) -> bool:
    return abs(a[0] - b[0]) < within and abs(a[1] - b[1]) < within


def drawn_on(driver: Any, left: float, top: float, right: float, bottom: float) -> int:
    """How many of the overlay's pixels in a box of the frame are drawn on."""
    return driver.page.evaluate(
        """([left, top, right, bottom]) => {
          const overlay = document.getElementById('overlay');
          const [x, y] = [Math.floor(left * overlay.width), Math.floor(top * overlay.height)];
          const [width, height] = [Math.ceil(right * overlay.width) - x, Math.ceil(bottom * overlay.height) - y];
          const { data } = overlay.getContext('2d').getImageData(x, y, width, height);
          return data.reduce((sum, value, index) => sum + (index % 4 === 3 && value > 0 ? 1 : 0), 0);
        }""",
        [left, top, right, bottom],
    )


def drag(driver: PageDriver, to: tuple[float, float]) -> tuple[float, float]:
    """Pulls the ball; gives where it was before."""
    start = driver.ball()
    driver.stroke([start, to], release=False)
    driver.until(lambda: near(driver.ball(), to), "the ball was dragged")
    driver.page.mouse.up()
    return start


def hold_by_keys(driver: PageDriver) -> None:
    """Leads the keyboard's crosshair from the middle to the ball, takes it and lets it go, and hears both."""
    keyboard, said = driver.page.keyboard, driver.page.locator("#said[role=status]")
    driver.page.locator("#stage").focus()
    keyboard.down("ArrowLeft")
    driver.until(lambda: drawn_on(driver, 0.25, 0.45, 0.38, 0.55), "the crosshair goes to the ball")
    keyboard.up("ArrowLeft")
    keyboard.press("Enter")
    driver.until(lambda: said.text_content().startswith("You hold the ball."), "the ball has a name")
    keyboard.press("Enter")
    driver.until(lambda: said.text_content() == "Let go of the ball.", "it is let go")


def halfway(driver: PageDriver, served: Any) -> tuple[float, float]:
    """A path to the right that is half made on a stream that is paused; gives where it ends."""
    driver.start()
    driver.tool("path")
    driver.pause()
    start = driver.ball()
    driver.stroke([(start[0] + 0.1 * step, start[1]) for step in range(6)], seconds=2.0, steps=2)
    driver.until(lambda: sent(served, "track.begin"), "the path plays")
    while driver.ball()[0] < start[0] + 0.15:
        driver.step()
    return start[0] + 0.5, start[1]
