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
    r"\b(?:does\s+not|doesn't|do\s+not|don't|without|not)\s+(?:move|moving)\b(?:\s+at\s+all\b)?"
)
_UP = re.compile(r"\b(wak|stand|sit|get|giv|grow|show|line|look)(e?s?|ing)\s+(?:up|(?<=looks )down)\b")
"""Who gets up or looks down stays where it is."""


def resting(text: str) -> str:
    """`text` in lower case with "rests" for what stops, waits or stands still."""
    text = _UP.sub(r"\1\2", _NOT.sub("rests", text.lower()))
    text = _STILL.sub(lambda found: f"rest{found[1]}", text)
    text = _STOP.sub(lambda found: f"{found[1]}rest", _STOPS.sub("rests", text))
    return _STOPPING.sub("resting", text)
