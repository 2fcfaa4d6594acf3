"""What a new session gets of what its client asked for: steps that keep real time, a size that fits. No I/O."""

from __future__ import annotations

import math
from typing import Any

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.protocol import Notice, SessionStart
from flowbrush.server.engine import ipc
from flowbrush.server.sessions.refused import Refused
from flowbrush.server.sessions.tracks import check_number
from flowbrush.server.source import tracking


def check_can(start: SessionStart, can: dict[str, Any]) -> None:
    """Raises Refused for what is not among the capabilities of model and server, and for tracks with its own numbers."""
    try:
        for index, track in enumerate(start.tracks):
            check_number(track, f"tracks[{index}].track")
        asked: dict[str, str] = {
            f"tracks[{index}].kind": track.kind for index, track in enumerate(start.tracks)
        }
        if start.image is not None:
            asked["image"] = "image"
        for field, ability in asked.items():
            if not can.get(ability):
                raise ProtocolError(ErrorCode.UNSUPPORTED, f"this model cannot do {ability}", field=field)
        if start.source is not None:
            tracking.check(start.source, can)
    except ProtocolError as error:
        raise Refused.of(error) from None


def check_fps(start: SessionStart, card: dict[str, Any]) -> None:
    """Raises Refused for a rate that the model does not make: here, and not when a seat was waited for."""
    if start.fps not in (None, card["fps"]):
        text = f"{card['name']} makes {card['fps']:g} frames a second, not {start.fps}: leave fps out"
        raise Refused(ErrorCode.INVALID_VALUE, text, CloseCode.BAD_START, field="fps")


def steps_in_real_time(facts: ipc.Loaded) -> int:
    """Denoising steps with which a chunk of one stream is made while the one before is shown; at least the model's own."""
    card = facts.card
    own: int = card.get("steps", 1)
    shown_s = card["chunk_frames"] / card["fps"]
    return max(own, int(own * shown_s / max(facts.chunk_s, 1e-6)))


def in_real_time(start: SessionStart, most: int) -> tuple[SessionStart, tuple[Notice, ...]]:
    """The start with no more than `most` denoising steps, and what its client should know of that."""
    if start.steps is None or start.steps <= most:
        return start, ()
    text = f"{start.steps} steps were asked for; {most} are made, so that pictures come in real time"
    return start.model_copy(update={"steps": most}), (Notice(code="steps_lowered", message=text),)


def in_its_size(start: SessionStart, card: dict[str, Any], image: tuple[int, int] | None) -> SessionStart:
    """The start with its width and height (pixels): what was asked for, else the model's size that fits the shape of the start
    image (width, height), else the model's own. Raises ValueError for a size that the model does not make.
    """
    sizes = [tuple(size) for size in card.get("sizes", ())] or [(card["width"], card["height"])]
    fitting = [size for size in sizes if start.width in (None, size[0]) and start.height in (None, size[1])]
    if not fitting:
        made = ", ".join(f"{width}x{height}" for width, height in sizes)
        asked = f"{start.width or 'any width'} x {start.height or 'any height'}"
        raise ValueError(f"{card['name']} makes pictures of {made}, not {asked}")
    width, height = fitting[0]
    if image is not None:
        shape = math.log(image[0] / image[1])
        width, height = min(fitting, key=lambda size: abs(math.log(size[0] / size[1]) - shape))
    return start.model_copy(update={"width": width, "height": height})
