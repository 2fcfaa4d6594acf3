"""Words for how a picture is filmed, lit and drawn: pocket has one look and one camera, and hears none of them.

Prompts that were written for other models are full of them, and the "field" of "depth of field" is no meadow.
"""

from __future__ import annotations

import re


def _any(*phrases: str) -> str:
    """One of the phrases, which stand between commas; a space in them may be several, or a hyphen."""
    each = [phrase.strip() for line in phrases for phrase in line.split(",")]
    return "(?:" + "|".join(phrase.replace(" ", r"[\s-]+") for phrase in each) + ")"


_OF = r"(?:\s+of(?=\s))?"
_KIND = _any(
    "cinematic, dramatic, epic, wide, wide angle, establishing, aerial, tracking, medium, long, full, macro, static, handheld",
    "drone, extreme, low angle, high angle, overhead, beautiful, stunning, professional, action, dolly, close, close up",
)
_FILM = _any("shots?, footage, video, clip, film, movie")
_VIEW = _any(
    "(?:extreme )?close ups?, bird'?s eye(?: view)?, top down(?: view)?, wide angle, low angle, high angle, point of view, pov",
    "side view, front view, aerial view, seen from above",
)
_LENS = _any(
    r"(?:(?:very )?(?:shallow|deep|soft) )?depth of field, bokeh, soft focus, sharp focus, lens flares?, film grain, motion blur",
    r"\d{2}mm(?: lens| film)?, anamorphic(?: lens)?, imax, dslr, hdr, [248]k, [36]0\s?fps, 1080p, 720p, u?hd, high definition",
)
_QUALITY = _any(
    r"(?:(?:ultra|hyper|photo)[\s-]?)?realistic, (?:ultra|hyper|photo)[\s-]?realism, photographic",
    "(?:highly |very |extremely )?detailed",
    "(?:best|high|top) quality, masterpiece, award winning, unreal engine, octane render, cinematic",
    "3d(?: render(?:ed|ing)?| animation)?",
    "(?:soft|volumetric|studio|natural|cinematic|dramatic|warm|rim) light(?:ing)?, lighting",
)
_STYLE = _any(
    "watercolou?rs?, aquarelle, oil paintings?, paintings?, pencil (?:drawings?|sketch(?:es)?), sketch(?:es)?, anime",
    "impressionis(?:m|t), manga, cartoons?, comics?, pixel art, line art, claymation, stop motion, lego",
    "origami, low poly, cyberpunk, steampunk, vaporwave, pixar, disney, (?:studio )?ghibli, van gogh, picasso, monet",
)
_LOOK = re.compile(
    r"(?<![\w'-])(?:"
    rf"(?:an?\s+)?(?:{_KIND}[\s,]+)+{_FILM}{_OF}|(?:an?\s+)?shots?\s+of(?=\s)|(?:an?\s+)?{_VIEW}{_OF}|{_LENS}|{_QUALITY}"
    rf"|(?:(?:in|as|like)\s+)?(?:the\s+style\s+of\s+|an?\s+)?{_STYLE}(?:\s+(?:style|painting|movie|film|drawing)\b)?{_OF}"
    r"|in\s+(?:the\s+|an?\s+)?[a-z]+\s+style|in\s+the\s+style\s+of\s+[a-z]+"
    r")(?![\w'-])",
    re.IGNORECASE,
)


def looks(text: str) -> list[str]:
    """The phrases of `text` that say how it is to be filmed, lit or drawn, in their order."""
    return [" ".join(found[0].split()).removesuffix(" of") for found in _LOOK.finditer(text)]


def without_looks(text: str) -> str:
    """`text` without those phrases."""
    return _LOOK.sub(" ", text)
