"""A camera that the browser does not give: why, and what to do."""

from __future__ import annotations

from typing import Any

import pytest
import stream_double

pytestmark = pytest.mark.browser


def test_why_there_is_no_camera_is_told(served: Any, open_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As browsers say it: by the name of an error, of which the page makes words."""
    follows = {**stream_double.MODEL["capabilities"], "source": True}
    monkeypatch.setitem(stream_double.MODEL, "capabilities", follows)
    told = {
        "NotAllowedError": "Allow it in the address bar",
        "NotFoundError": "There is no camera here",
        "NotReadableError": "Another program may be using it",
    }
    refuse = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', window.why));"
    driver = open_page(served.url, init=refuse)
    driver.start()
    driver.page.locator("#panel-source summary").click()
    driver.page.locator("#image-open").click()
    for dialog in (True, False):
        for name, words in told.items():
            driver.page.evaluate("(name) => (window.why = name)", name)
            driver.page.locator("#image-camera" if dialog else "#source-camera").click()
            message = driver.page.locator(".toast", has_text=words)
            message.get_by_label("Close this message").click()
        driver.page.keyboard.press("Escape")
