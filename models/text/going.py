"""Words for mere going and rising, in those for it that pocket was taught: a car that moves to the left walks there, on its wheels.

The student takes "walks" and "flies up" of all things; what it was never taught moves nothing, and most people say "moves".
"""

from __future__ import annotations

import re

from flowbrush.models.text.daytimes import daytimes
from flowbrush.models.text.livening import livening
from flowbrush.models.text.resting import resting

WALK = ("walk", "walks", "walking", "walked")
RUN = ("run", "runs", "running", "ran")
FLY = ("fly", "flies", "flying", "flew")
GOING = (
    ("move", "moves", "moving", "moved"),
    ("go", "goes", "going", "went"),
    ("come", "comes", "coming", "came"),
    ("travel", "travels", "traveling", "traveled"),
    ("travel", "travels", "travelling", "travelled"),
    ("return", "returns", "returning", "returned"),
    ("", "heads", "heading", "headed"),
)
"""Base, third person, progressive and past; a head is no deed."""
FOLLOWING = (
    ("follow", "follows", "following", "followed"),
    ("", "passes", "passing", "passed"),
)
"""What is followed goes, too, as what is chased does."""
APPROACHING = (
    ("approach", "approaches", "approaching", "approached"),
    ("reach", "reaches", "reaching", "reached"),
    ("join", "joins", "joining", "joined"),
    ("meet", "meets", "meeting", "met"),
)
HURRYING = (
    ("", "speeds", "speeding", "sped"),
    ("zoom", "zooms", "zooming", "zoomed"),
    ("hurry", "hurries", "hurrying", "hurried"),
)
RISING = (
    ("rise", "rises", "rising", ""),
    ("launch", "launches", "launching", "launched"),
    ("ascend", "ascends", "ascending", "ascended"),
    ("take off", "takes off", "taking off", "took off"),
    ("lift off", "lifts off", "lifting off", "lifted off"),
    ("blast off", "blasts off", "blasting off", "blasted off"),
)
"""A rose is no deed either."""
SETTLING = (
    ("descend", "descends", "descending", "descended"),
    ("", "lands", "landing", "landed"),
)
"""Nor is a land."""
UP, DOWN = "up|upwards?", "down|downwards?"
HIGH = r"(?:\w+\s+)?(?:sky|air|clouds?|heavens?)\b"  # what is gone up to, and not along
ACROSS = (
    "to|towards?|from|off|away|across|through|along|past|over|around|by|into|out|ahead|left|right|"
    "leftwards?|rightwards?|forwards?|backwards?|sideways"
)


def _forms(table: tuple[tuple[str, ...], ...], taught: tuple[str, ...]) -> dict[str, str]:
    return {said: instead for row in table for said, instead in zip(row, taught, strict=True) if said}


def _either(words: dict[str, str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_WALKS, _FLIES = _forms(GOING, WALK) | _forms(HURRYING, RUN), _forms(GOING, FLY)
_FOLLOWS = _forms(FOLLOWING, WALK) | _forms(APPROACHING, tuple(f"{form} to" for form in WALK))
_RISES, _SETTLES = _forms(RISING, FLY), _forms(SETTLING, FLY)
_HOW = r"\s+(?:\w+ly\s+)?"
_AT_WILL = r"(?!\s+(?:the|a|an)\b)"  # a car that goes up the hill does not fly
_GOES_ACROSS = re.compile(rf"\b(?:{_either(_WALKS)})\b(?={_HOW}(?:{ACROSS})\b)")
_GOES_UP = re.compile(rf"\b(?:{_either(_FLIES)})\b(?={_HOW}(?:{UP}|{DOWN})\b{_AT_WILL})")
_NO_NAME = r"(?<!\ba )(?<!\ban )(?<!\bthe )"  # "the rising sun"
_FOLLOWING = re.compile(rf"{_NO_NAME}\b(?:{_either(_FOLLOWS)})\b(?=\s+(?!by\b))")
_RISING = re.compile(rf"{_NO_NAME}\b({_either(_RISES)})\b(?:\s+(?:{UP})\b)?")
_SETTLING = re.compile(rf"{_NO_NAME}\b({_either(_SETTLES)})\b(?:\s+(?:{DOWN})\b)?")


ON_FOOT = (
    "walk walks walking walked run runs running ran hop hops hopping hopped jump jumps jumping jumped bounce bounces bouncing "
    "bounced leap leaps leaping leapt crawl crawls crawling crawled waddle waddles waddling waddled roll rolls rolling rolled "
    "drive drives driving drove climb climbs climbing climbed"
).split()
"""Deeds of what stands on the ground, which goes neither up nor down there."""
_IN_PLACE = re.compile(
    rf"\b((?:{'|'.join(ON_FOOT)})(?:\s+\w+ly)?)\s+(?:{UP}|{DOWN})\b(?!\s+and\s+(?:{UP}|{DOWN})\b){_AT_WILL}"
)
_ALONG = re.compile(rf"\b(?<!fall )(?<!falls )(?<!falling )(?:up|down)(?=\s+(?:the|an?)\s+(?!{HIGH})\w)")

# A sailing boat is a boat; a boat that is sailing sails.
_SAILING = re.compile(r"\b((?:sail)?boat|ship|yacht)(s?)\s+(?:(?:is|are)\s+)?(?:\w+ly\s+)?sailing\b")

_RIDES_ON = re.compile(r"\b(rid(?:es?|ing)|rode)\s+on\b")
_ON_TOP = re.compile(r"\bon\s+(?:the\s+)?top\s+of\b")
_MIDDLE = re.compile(
    r"\b(?:in\s+(?:the\s+)?middle\s+of(?=\s+(?:(?:the|these|those|my)\s+)?(?:two|2|both)\b)|in\s+(?:the\s+middle\s+)?between)\b"
)
OTHER_WAY = {"left": "to the right", "right": "to the left"}
_FROM = re.compile(r"\bfrom\s+(?:the\s+)?(left|right)\b(?!\s+to\b)")
_TO_AND_FRO = re.compile(
    r"\b(?:back\s+and\s+forth|to\s+and\s+fro|from\s+(?:one\s+)?side\s+to\s+(?:the\s+other\s+)?side)\b"
)
_TO_IT = r"(?=\s+(?:an?|the|his|her|its|some|another)\b)"
_PLAYS = re.compile(
    rf"\b(?:play(?:s|ing)?)\s+with{_TO_IT}|\bplay(?:s|ing)?\s+(?:together|with\s+(?:each\s+other|one\s+another))\b"
)
_AT_IT = re.compile(
    r"\b(?:eat(?:s|ing)?|ate|bit(?:es?|ing)|nibbl(?:es?|ing)|munch(?:es|ing)?|chew(?:s|ing)?|lick(?:s|ing)?|sniff(?:s|ing)?|"
    rf"kiss(?:es|ing)?|hug(?:s|ging)?|hold(?:s|ing)?|read(?:s|ing)?|guard(?:s|ing)?|talk(?:s|ing)?\s+(?:to|with)){_TO_IT}"
)
"""Deeds for which one has to be at the other thing; of none of them anything else is shown."""


def going(text: str) -> str:
    """`text` in lower case with "walks" for what goes somewhere, "flies up" or "flies down" for what rises or comes down, and with
    the side that something goes to for the one that it comes from. Who jumps up jumps, down the road is along it, on top of is on,
    in the middle of two between them; who eats something is next to it, and who plays with it hops there.
    """
    text = _ON_TOP.sub("on", _RIDES_ON.sub(r"\1", resting(livening(daytimes(text)))))
    text = _PLAYS.sub(_at_play, _AT_IT.sub("next to", _MIDDLE.sub("between", text)))
    text = _TO_AND_FRO.sub("left and right", text)
    text = _FROM.sub(lambda found: OTHER_WAY[found[1]], text)
    text = _SAILING.sub(lambda found: f"{found[1]}{found[2]} sail{'' if found[2] else 's'}", text)
    text = _IN_PLACE.sub(lambda found: found[1], _ALONG.sub("along", text))
    text = _GOES_UP.sub(lambda found: _FLIES[found[0]], text)
    text = _GOES_ACROSS.sub(lambda found: _WALKS[found[0]], text)
    text = _FOLLOWING.sub(lambda found: _FOLLOWS[found[0]], text)
    text = _RISING.sub(lambda found: f"{_RISES[found[1]]} up", text)
    return _SETTLING.sub(lambda found: f"{_SETTLES[found[1]]} down", text)


def _at_play(found: re.Match[str]) -> str:
    """ "hops up and down", and next to whom, where that is said."""
    hop = "hop" if found[0].startswith("play ") else "hops" if found[0].startswith("plays ") else "hopping"
    other = " next to" if found[0].endswith("with") else ""
    return f"{hop} up and down{other}"
