"""Words for stopping and staying where one is, in those for it that pocket was taught: who stops rests."""

from __future__ import annotations

import re

_NO_NAME = r"(?<!\ba )(?<!\ban )(?<!\bthe )"  # "the waiting room"
_WHAT = r"(?:\s+(?:still|\w{2,}ing)\b)?"  # "stops running", "stays still"
_STOPS = re.compile(rf"{_NO_NAME}\b(?:stop|halt|wait|stay|pause|freeze)s\b{_WHAT}")
_STOPPING = re.compile(rf"{_NO_NAME}\b(?:stopp|halt|wait|stay|paus)(?:ing|ed)\b{_WHAT}")
_STOP = re.compile(rf"(^\W*|\b(?:please|they|and|both|all)\s+)(?:stop|halt|wait|stay|pause|freeze)\b{_WHAT}")
_STILL = re.compile(
    r"\b(?:stand|sit|stay|keep|hold|lie|i|are|be)(s?)\s+(?:\w+ly\s+)?(?:still|motionless)\b(?!\s+\w+ing\b)"  # "is still running"
)
_NOT = re.compile(
    r"\b(?:(?:(?:do|does)(?:\s+not|n't)|never|no\s+longer)\s+(?!(?:add|remove|make|turn|put|show|have|has|want|need)\b)[a-z]{2,}"
    r"|(?:(?:is|are)\s+(?:not|no\s+longer)|isn't|aren't|not|no\s+longer|without)\s+(?!any)[a-z]{2,}ing)\b(?:\s+at\s+all\b)?"
)
"""Who does not run, or is not running, stays."""
_UP = re.compile(r"\b(wak|stand|sit|get|giv|grow|show|line|look)(e?s?|ing)\s+(?:up|(?<=looks )down)\b")
"""Who gets up or looks down stays where it is."""


def resting(text: str) -> str:
    """`text` in lower case with "rests" for what stops, waits, stands still or does not do something."""
    text = _UP.sub(r"\1\2", _NOT.sub("rests", text.lower()))
    text = _STILL.sub(lambda found: f"rest{found[1]}", text)
    text = _STOP.sub(lambda found: f"{found[1]}rest", _STOPS.sub("rests", text))
    return _STOPPING.sub("resting", text)
