"""What is said of the sun and of the time of day, in words for the scenes that there are."""

from __future__ import annotations

import re

_SUN = r"(?:the\s+)?sun\s+(?:has\s+|is\s+|just\s+)*"
_SETS = re.compile(rf"\b{_SUN}(?:sets?|setting|(?:goes|going|gone|sinks|sinking)\s+down)\b")
_RISES = re.compile(rf"\b{_SUN}(?:rises|rising|risen|(?:comes|coming|goes|going|came)\s+(?:up|out))\b")
_GOLDEN = re.compile(r"\b(?:golden|magic)\s+hour\b")
_DARK = re.compile(
    r"\b(?:(?:get|gets|getting|grows|becomes|turns|turning)\s+dark(?:er)?|make\s+it\s+darker)\b"
)
_SNOWS = re.compile(r"\bit\s+(?:snows|snowed|(?:starts|begins)\s+(?:to\s+snow|snowing))\b")
_DAY = re.compile(
    r"\b(?:(?:make\s+it|it\s+is|it's|by|in(?:\s+the)?|at|during(?:\s+the)?)\s+(?:a\s+)?(?:bright\s+|sunny\s+|broad\s+|new\s+)?"
    r"(?:day|daytime|daylight|day\s+time|morning|noon|midday|afternoon)"
    r"|(?:a\s+)?(?:sunny|bright|new)\s+day|(?:the\s+)?sun\s+(?:is\s+)?(?:shin(?:es|ing)|out)"
    r"|(?:the\s+)?(?:day|morning)\s+(?:comes|breaks|dawns|begins|has\s+come)"
    r"|sunny|sunshine|sunlight|make\s+it\s+(?:brighter|bright|lighter|light)"
    r"|it\s+(?:gets|becomes|is\s+getting)\s+(?:brighter|bright|lighter|light)"
    r"|^\W*(?:day|daytime|daylight|morning|noon|midday|afternoon))\b(?!\s+(?:of|side|blue|red|green|yellow)\b)"
)


def daytimes(text: str) -> str:
    """`text` in lower case with "sunset" and "sunrise" for what the sun does, "sunset" for the golden hour, "night" for what gets
    dark, and "snowing" where it snows.
    """
    text = _SETS.sub("sunset", _RISES.sub("sunrise", text.lower()))
    text = _GOLDEN.sub("sunset", text)
    text = _SNOWS.sub("it is snowing", text)
    return _DARK.sub("at night", text)


def is_by_day(text: str) -> bool:
    """Whether `text` says that it is day."""
    return _DAY.search(" ".join(text.lower().split())) is not None


def day_words(text: str) -> set[str]:
    """The words of `text` that say that it is day."""
    plain = " ".join(text.lower().split())
    return {word for found in _DAY.finditer(plain) for word in re.findall(r"[a-z']+", found[0])}
