"""A start picture from a file, a drop or the clipboard: it keeps its shape, and what is none is answered in words."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image
from told import sent
from toy_stream import MODEL

pytestmark = pytest.mark.browser


def test_a_start_from_an_image(driver: Any, served: Any) -> None:
    image = io.BytesIO()
    Image.new("RGB", (640, 400), (30, 80, 140)).save(image, "PNG")
    driver.page.fill("#prompt", "a blue wall")
    driver.page.set_input_files(
        "#image-file", files=[{"name": "wall.png", "mimeType": "image/png", "buffer": image.getvalue()}]
    )
    driver.wait_live()
    (start,) = sent(served, "session.start")
    assert start.image == "image1" and start.prompt_list[0].text == "a blue wall"


def picture(size: tuple[int, int], mode: str = "RGB", colour: Any = (30, 80, 140)) -> dict[str, Any]:
    data = io.BytesIO()
    Image.new(mode, size, colour).save(data, "PNG")
    return {"name": "wall.png", "mimeType": "image/png", "buffer": data.getvalue()}


@pytest.mark.parametrize(("size", "made"), [((600, 1000), (192, 320)), ((500, 480), (256, 256))])
def test_a_photo_keeps_its_shape_and_needs_no_words(driver: Any, served: Any, size: Any, made: Any) -> None:
    driver.page.set_input_files("#image-file", files=[picture(size)])
    driver.wait_live()
    (start,) = sent(served, "session.start")
    assert start.prompt_list == () and start.image == "image1" and start.width is None
    assert served.double.images == [size], "the page cuts nothing off"
    box = driver.page.locator("#stage").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(made[0] / made[1], rel=0.02)
    assert box["y"] + box["height"] <= 800


@pytest.mark.parametrize("words", ["", "a blue wall"])
def test_what_is_offered_leaves_a_picture_where_it_is(
    driver: Any, served: Any, monkeypatch: Any, words: str
) -> None:
    """\"A ball at night\" is another scene: the picture would be gone. By night it is the same picture."""
    monkeypatch.setitem(MODEL["capabilities"], "edits", True)
    driver.page.fill("#prompt", words)
    driver.page.set_input_files("#image-file", files=[picture((640, 400))])
    driver.wait_live()
    chips = driver.page.locator("#chips button").all_text_contents()
    assert "make it night" in chips and "it jumps" in chips and "a ball at night" not in chips
    driver.page.reload()
    driver.wait_live()
    assert driver.page.locator("#chips button").all_text_contents() == chips, "it is the same stream"


def test_scenes_are_offered_in_a_scene(driver: Any, served: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(MODEL["capabilities"], "edits", True)
    driver.start()
    chips = driver.page.locator("#chips button").all_text_contents()
    assert "make it night" in chips and "a ball at night" in chips and "it jumps" not in chips


@pytest.mark.parametrize("frames", [1, 2])
def test_an_animation_is_taken_at_its_first_picture_and_that_is_said(
    driver: Any, served: Any, frames: int
) -> None:
    first, second = (Image.new("RGB", (64, 48), colour) for colour in ((200, 0, 0), (0, 0, 200)))
    data = io.BytesIO()
    first.save(data, "GIF", save_all=True, append_images=[second][: frames - 1], duration=100)
    file = {"name": "flicker.gif", "mimeType": "image/gif", "buffer": data.getvalue()}
    driver.page.set_input_files("#image-file", files=[file])
    driver.wait_live()
    said = driver.page.locator(".toast", has_text="Only the first picture of the animation is taken")
    assert said.count() == frames - 1
    assert served.double.corners[0][0] > 150, "red"


def test_what_is_transparent_is_white(driver: Any, served: Any) -> None:
    driver.page.set_input_files("#image-file", files=[picture((64, 48), "RGBA", (200, 0, 0, 0))])
    driver.wait_live()
    assert served.double.corners == [(255, 255, 255)]


def test_a_file_that_is_no_image_is_refused_in_words(driver: Any) -> None:
    driver.page.set_input_files(
        "#image-file", files=[{"name": "a.png", "mimeType": "image/png", "buffer": b"no image"}]
    )
    driver.page.locator(".toast", has_text="no picture that this browser can read").wait_for()


PASTE = """([type]) => {
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File(['no image'], 'a', { type }));
  document.dispatchEvent(new ClipboardEvent('paste', { clipboardData }));
}"""


def test_a_pasted_file_that_is_no_image_is_refused_in_words(driver: Any) -> None:
    driver.page.evaluate(PASTE, ["application/pdf"])
    driver.page.locator(".toast", has_text="no picture that this browser can read").wait_for()


DROP = """([things]) => {
  const dataTransfer = new DataTransfer();
  for (const { kind, text, name, type } of things) {
    if (kind === 'link') dataTransfer.setData('text/uri-list', text);
    else dataTransfer.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name, { type }));
  }
  const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
  document.body.dispatchEvent(drop);
  return drop.defaultPrevented;
}"""


def file(name: str, kind: str, content: bytes = b"no image") -> dict[str, str]:
    return {"kind": "file", "name": name, "type": kind, "text": base64.b64encode(content).decode()}


LINK = {"kind": "link", "text": "https://example.org/a.png"}


@pytest.mark.parametrize(
    ("dropped", "said"),
    [
        (LINK, "Only a file can be dropped here"),
        (file("a.mp4", "video/mp4"), "choose it under Follow a video"),
        (file("a.json", "application/json"), "That is no session file"),
        (file("IMG_0001.HEIC", "image/heic"), "save or share it as JPEG"),
        (file("IMG_0001.HEIC", ""), "save or share it as JPEG"),
        (file("a.svg", "image/svg+xml"), "save it as a PNG"),
        (file("holidays", "", b""), "It is a folder"),
        (file("a.jpg", "image/jpeg"), "The file is damaged"),
        (file("a.png", "image/png", b""), "The file is empty"),
        (file("a.pdf", "application/pdf"), "PNG, JPEG and WebP work."),
    ],
)
def test_what_is_dropped_and_is_no_picture_is_answered(driver: Any, dropped: Any, said: str) -> None:
    assert driver.page.evaluate(DROP, [[dropped]]), "the page is not led away by it"
    driver.page.locator(".toast", has_text=said).wait_for()


@pytest.mark.parametrize("models_s", [0.0, 1.0])
def test_a_saved_session_that_is_dropped_is_played(open_page: Any, served: Any, models_s: float) -> None:
    served.double.models_s = models_s  # it may be dropped before the page knows the server's models
    driver = open_page(served.url)
    saved = {"flowbrush": 1, "model": "toy", "start": {"prompt": "a ball", "seed": 5}, "chunks": 2}
    dropped = file("flowbrush-1.json", "application/json", json.dumps(saved).encode())
    driver.page.evaluate(DROP, [[dropped]])
    driver.page.locator(".toast", has_text="The session was replayed").wait_for()
    assert sent(served, "session.start")[0].seed == 5


def coloured(name: str, colour: tuple[int, int, int]) -> dict[str, str]:
    return file(name, "image/png", picture((64, 48), colour=colour)["buffer"])


def test_of_several_files_the_first_picture_is_taken(driver: Any, served: Any) -> None:
    words, red, blue = (
        file("a.txt", "text/plain"),
        coloured("red.png", (200, 0, 0)),
        coloured("blue.png", (0, 0, 200)),
    )
    driver.page.evaluate(DROP, [[words, red, blue]])
    driver.wait_live()
    ((r, _, b),) = served.double.corners
    assert r > 180 and b < 30
    driver.page.locator(".toast", has_text="This is red.png, the first of 2.").wait_for()


def test_one_picture_among_other_files_is_taken_without_a_word(driver: Any, served: Any) -> None:
    driver.page.evaluate(DROP, [[file("a.txt", "text/plain"), coloured("red.png", (200, 0, 0))]])
    driver.wait_live()
    assert driver.page.locator(".toast").count() == 0


PASTE_BOTH = """() => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', 'a dog');
  clipboardData.items.add(new File(['no image'], 'a.png', { type: 'image/png' }));
  document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
}"""


def test_words_that_are_pasted_into_a_field_stay_words(driver: Any) -> None:
    """Office programs put a picture of the words next to them."""
    driver.page.locator("#prompt").focus()
    driver.page.evaluate(PASTE_BOTH)
    driver.page.wait_for_timeout(300)
    assert driver.page.locator(".toast").count() == 0
    driver.page.locator("#photo-choose").focus()
    driver.page.evaluate(PASTE_BOTH)
    driver.page.locator(".toast", has_text="no picture that this browser can read").wait_for()


def test_a_panorama_is_cut_and_the_page_says_so(driver: Any, served: Any) -> None:
    said = driver.page.locator(".toast", has_text="Only the middle of the picture is shown")
    driver.page.set_input_files("#image-file", files=[picture((600, 400))])
    driver.wait_live()
    driver.page.locator("#image-open").click()
    assert said.count() == 0, "a photo that nearly fits is no matter"
    driver.page.set_input_files("#image-file", files=[picture((4000, 500))])
    said.wait_for()
