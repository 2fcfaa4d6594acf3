"""The page itself: labels, themes, help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

WEB = Path(__file__).parents[2] / "web"

UNNAMED = """() => [...document.querySelectorAll('button, input, select, [tabindex="0"]')]
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.getAttribute('aria-label') || each.labels?.length || each.textContent.trim()
    || each.getAttribute('aria-labelledby')))
  .map((each) => each.outerHTML.slice(0, 120))"""

LOW_CONTRAST = """() => {
  const numbers = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (rgb) => {
    const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((value) => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour) && colour !== 'transparent') return numbers(colour);
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('.panels *, .tools *, .bar *, .prompt-bar *')]
    .filter((each) => each.checkVisibility() && !each.closest(':disabled'))
    .filter((each) => [...each.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()))
    .map((each) => {
      const both = [light(numbers(getComputedStyle(each).color)), light(ground(each))];
      const [a, b] = both.sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), each.textContent.trim().slice(0, 40)];
    })
    .filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.browser
def test_every_control_has_a_name(driver: Any) -> None:
    assert driver.page.evaluate(UNNAMED) == []
    driver.start()
    assert driver.page.evaluate(UNNAMED) == []


@pytest.mark.browser
def test_text_can_be_read_in_dark_and_light(driver: Any) -> None:
    driver.page.locator("#preset-cards .preset").first.wait_for()
    for scheme in ("dark", "light"):
        driver.page.emulate_media(color_scheme=scheme)
        assert driver.page.evaluate(LOW_CONTRAST) == [], scheme


@pytest.mark.browser
def test_the_theme_is_remembered(driver: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    before = driver.page.evaluate(ground)
    driver.page.locator("#theme").click()
    after = driver.page.evaluate(ground)
    assert after != before
    driver.page.reload()
    assert driver.page.evaluate(ground) == after


@pytest.mark.browser
def test_every_photo_names_its_source_and_its_terms(driver: Any) -> None:
    driver.page.locator("#photo-cards .preset").first.wait_for()
    links = driver.page.locator("#credit-list li").evaluate_all(
        "(all) => all.map((each) => each.querySelectorAll('a').length)"
    )
    assert links and set(links) == {2}


def test_a_card_has_a_small_picture_of_its_photo() -> None:
    """Photos themselves are loaded when they are opened; cards come from `tools/gallery_cards.py`."""
    for each in json.loads((WEB / "gallery" / "credits.json").read_text()):
        assert (WEB / "gallery" / each["small"]).stat().st_size < 10_000, each["small"]
        with (
            Image.open(WEB / "gallery" / each["small"]) as card,
            Image.open(WEB / "gallery" / each["file"]) as photo,
        ):
            assert card.width == 320 and card.height == round(photo.height * 320 / photo.width)
            apart = ImageChops.difference(card.convert("RGB"), photo.convert("RGB").resize(card.size))
        assert max(ImageStat.Stat(apart).mean) < 6, f"{each['small']} shows {each['title']}"


def loaded_without(driver: Any, address: str) -> Any:
    """Loads the page again while something that it asks for is on its way; gives the route that lets it come."""
    held: list[Any] = []
    driver.page.route(address, lambda route: held.append(route))
    driver.page.reload(wait_until="commit")
    return driver.until(lambda: held, f"{address} is asked for")[0]


@pytest.mark.browser
def test_photos_are_there_before_the_server_has_said_what_it_has(served: Any, open_page: Any) -> None:
    driver = open_page(served.url)
    models = loaded_without(driver, "**/v1/models")
    driver.page.locator("#photo-cards .preset").first.wait_for()
    models.continue_()
    driver.page.locator("#preset-cards .preset").first.wait_for()


@pytest.mark.browser
def test_a_photos_card_shows_what_there_is_to_pull(driver: Any) -> None:
    """A card is flatter than an upright photo, and shows a part of it."""
    driver.page.locator("#photo-cards .preset").first.wait_for()
    shown = driver.page.locator("#photo-cards img").evaluate_all(
        "(all) => all.map((each) => getComputedStyle(each).objectPosition.split(' ').map(parseFloat))"
    )
    photos = json.loads((WEB / "gallery" / "credits.json").read_text())
    assert shown == [pytest.approx([100 * share for share in each["subject"]]) for each in photos]


@pytest.mark.browser
def test_help_shows_the_keys(driver: Any) -> None:
    driver.page.keyboard.press("?")
    driver.page.locator("#help").get_by_text("pause or go on").wait_for()
    driver.page.keyboard.press("Escape")
    driver.page.locator("#help").wait_for(state="hidden")


@pytest.mark.browser
def test_tools_that_a_model_cannot_use_are_disabled(served: Any, open_page: Any, monkeypatch: Any) -> None:
    import stream_double

    able = {**stream_double.MODEL["capabilities"], "camera": False, "path": False}
    monkeypatch.setitem(stream_double.MODEL, "capabilities", able)
    driver = open_page(served.url)
    driver.page.locator("#preset-cards .preset").first.wait_for()
    assert driver.page.locator("[data-tool=camera]").is_disabled()
    assert driver.page.locator("[data-tool=path]").is_disabled()
    assert driver.page.locator("[data-tool=drag]").is_enabled()


@pytest.mark.browser
def test_people_choose_among_the_models_that_are_loaded(
    served: Any, open_page: Any, monkeypatch: Any
) -> None:
    import stream_double

    named = {"second": True, "absent": False}
    others = [{**stream_double.MODEL, "name": name, "loaded": loaded} for name, loaded in named.items()]
    monkeypatch.setattr(stream_double, "MODELS", [{**stream_double.MODEL, "loaded": True}, *others])
    driver = open_page(served.url)
    driver.page.locator("#preset-cards .preset").first.wait_for()
    select = driver.page.locator("#model")
    assert select.input_value() == "toy", "the first is the default"
    assert select.locator("option[value=absent]").is_disabled()
    select.select_option("second")
    driver.start()
    assert driver.ready["model"] == "second" and select.input_value() == "second"
    select.select_option("toy")  # is for the next stream: this one goes on
    driver.page.reload()
    driver.wait_live()
    driver.page.wait_for_function("document.getElementById('model').value === 'second'")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("can", "use", "offered"),
    [
        ({}, None, False),
        ({"source": True}, "picture", False),
        ({"source_tracks": True}, "tracks", False),
        ({"source": True, "source_tracks": True}, "picture", True),
    ],
)
def test_of_a_video_is_offered_what_can_be_followed(
    served: Any, open_page: Any, monkeypatch: Any, can: dict[str, bool], use: str | None, offered: bool
) -> None:
    import stream_double

    able = {**stream_double.MODEL["capabilities"], **can}
    monkeypatch.setitem(stream_double.MODEL, "capabilities", able)
    page = open_page(served.url).page
    page.locator("#preset-cards .preset").first.wait_for()
    assert page.locator("#panel-source").get_attribute("hidden") == (None if use else "")
    if use is not None:
        assert page.locator("#source-use").input_value() == use
        assert (page.locator("#source-use-row").get_attribute("hidden") is None) == offered
        assert (page.locator("#source-strength-row").get_attribute("hidden") is None) == (use == "picture")


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_sticks_out(served: Any, open_page: Any, width: int) -> None:
    driver = open_page(served.url, viewport={"width": width, "height": 800})
    driver.start()
    assert driver.page.evaluate("document.documentElement.scrollWidth") <= width
    box = driver.page.locator("#stage").bounding_box()
    shape = 192 / 320 if width < 640 else 320 / 192  # a phone that is held upright gets an upright picture
    assert box["width"] / box["height"] == pytest.approx(shape, rel=0.02), "the picture keeps its shape"
    assert box["x"] >= 0 and box["x"] + box["width"] <= width + 1


TOO_SMALL = """() => [...document.querySelectorAll('button, select, summary, .check, input[type=range]')]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 43.5)
  .map((each) => [each.id || each.textContent.trim(), each.getBoundingClientRect().height])"""


@pytest.mark.browser
def test_a_finger_meets_every_control_and_is_told_of_no_key(served: Any, open_page: Any) -> None:
    driver = open_page(served.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    driver.page.locator("#preset-cards .preset").first.wait_for()
    assert driver.page.evaluate(TOO_SMALL) == []
    driver.start()
    for tool in ("select", "path", "grid", "camera", "drag"):
        driver.tool(tool)
        assert driver.page.evaluate(TOO_SMALL) == [], tool
        assert driver.page.locator(".panels .with-keys").filter(visible=True).count() == 0, tool
    assert driver.page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.browser
def test_panels_below_the_stage_leave_no_gap(served: Any, open_page: Any) -> None:
    driver = open_page(served.url, viewport={"width": 1024, "height": 700})
    driver.page.locator("#preset-cards .preset").first.wait_for()
    assert driver.page.locator("#panel-blend").bounding_box()["height"] < 80, "as high as its title"


@pytest.mark.browser
def test_keys_alone_lead_from_a_card_to_a_stroke(driver: Any, served: Any) -> None:
    """The card that was pressed is gone then; the stage has the focus."""
    driver.page.locator("#preset-cards .preset").first.focus()
    driver.page.keyboard.press("Enter")
    driver.wait_live()
    driver.page.keyboard.press("ArrowRight")
    driver.page.keyboard.press("Enter")
    driver.until(lambda: driver.queued, "the crosshair presses")


@pytest.mark.browser
@pytest.mark.parametrize("turned", [False, True])
def test_a_phone_held_across_shows_the_picture_whole_and_its_tools(
    served: Any, open_page: Any, turned: bool
) -> None:
    across, upright = {"width": 844, "height": 390}, {"width": 390, "height": 844}
    driver = open_page(served.url, viewport=upright if turned else across, has_touch=True, is_mobile=True)
    driver.start()
    driver.page.set_viewport_size(across)
    stage = driver.page.locator("#stage")
    driver.until(
        lambda: stage.bounding_box()["y"] + stage.bounding_box()["height"] <= 390, "it is seen whole"
    )
    for part in ("#stage", "[data-tool=drag]"):
        box = driver.page.locator(part).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 390, part
    assert driver.page.locator("#stage").bounding_box()["height"] > 300


@pytest.mark.browser
def test_a_message_can_be_read_and_closed_while_a_dialog_is_open(driver: Any) -> None:
    driver.page.locator("#image-open").click()
    driver.page.locator("#image-camera").click()
    message = driver.page.locator(".toast", has_text="There is no camera here")
    message.get_by_label("Close this message").click(timeout=10_000)
    message.wait_for(state="hidden")
    driver.page.locator("#image-camera").click()
    message.wait_for()
    driver.page.keyboard.press("Escape")
    driver.page.locator("#image-dialog").wait_for(state="hidden")
    message.wait_for()  # it outlives the dialog


@pytest.mark.browser
def test_the_tool_in_hand_can_be_told_where_grounds_are_not_drawn(served: Any, open_page: Any) -> None:
    page = open_page(served.url, forced_colors="active").page
    rim = "(tool) => getComputedStyle(tool).borderTopWidth"
    rims = [page.locator(f"[data-tool={tool}]").evaluate(rim) for tool in ("drag", "pin")]
    assert rims == ["2px", "1px"]


@pytest.mark.browser
def test_a_prompt_stands_in_its_own_direction(driver: Any) -> None:
    direction = "(field) => getComputedStyle(field).direction"
    for words, wanted in (("كلب على الشاطئ", "rtl"), ("a dog on the beach", "ltr")):
        for field in ("prompt", "prompt-b"):
            driver.page.locator(f"#{field}").evaluate("(field, words) => (field.value = words)", words)
            assert driver.page.locator(f"#{field}").evaluate(direction) == wanted


@pytest.mark.browser
def test_a_link_that_opens_here_alone_says_so(driver: Any, served: Any) -> None:
    driver.start()
    driver.page.locator("#share").click()
    driver.page.locator(".toast", has_text="?watch=toy-1 — it opens on this machine alone").wait_for()


@pytest.mark.browser
def test_a_page_that_is_still_loading_says_so(served: Any, open_page: Any) -> None:
    driver = open_page(served.url)
    module = loaded_without(driver, "**/web/brush.js")
    assert driver.page.locator("#status-text").text_content() == "Loading…"
    module.continue_()
    driver.page.locator("#status-text", has_text="Ready").wait_for()


@pytest.mark.browser
def test_a_page_without_scripts_says_what_it_needs(served: Any, open_page: Any) -> None:
    page = open_page(served.url, java_script_enabled=False).page
    page.locator("noscript p").wait_for()
    assert "switch it on" in page.locator("noscript p").text_content()
