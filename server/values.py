"""What single settings may hold: names, pages, networks, paths. Each check gives the value back, or raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any


def networks(given: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks."""
    for text in given:
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f"{text!r}: expected an address or a network, such as 10.0.0.0/8") from None
    return given


def names(given: tuple[str, ...]) -> tuple[str, ...]:
    """Names as they stand in `Host`, without its port: anything else would never be met."""
    for text in given:
        if re.search(r"[/*\s@]|:\d+$", text) and not _is_address(text):
            raise ValueError(
                f"{text!r}: expected a name alone, without scheme, port or *, such as studio.example"
            )
    return given


def origins(given: tuple[str, ...]) -> tuple[str, ...]:
    """Origins of pages as browsers send them: anything else would never be met."""
    for text in given:
        if not re.fullmatch(r"https?://[^/?#*\s@]+/?", text):
            raise ValueError(
                f"{text!r}: expected scheme and name of a page, and its port if it has one, such as https://studio.example"
            )
    return given


def key(text: str) -> str:
    """What can stand in a header: anything else would never be met. The key is in no message."""
    if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", text):
        raise ValueError("a key has characters that no header can carry: expected printable ASCII")
    return text


def keys(given: tuple[str, ...]) -> tuple[str, ...]:
    """The same of several."""
    return tuple(map(key, given))


def address(text: str) -> str:
    """An address, or a name that stands for one: what a socket is bound to."""
    if re.search(r"[/\s@\[\]]|^[^:]*:\d*$", text):
        raise ValueError(
            f"{text!r}: expected an address or a name alone, such as 127.0.0.1 or ::1; the port is said with --port"
        )
    return text


def published(text: str) -> str:
    """The same of what Compose publishes a port at, where an IPv6 address stands in brackets."""
    inside = re.fullmatch(r"\[([^\[\]]*:[^\[\]]*)\]", text)
    return address(inside[1] if inside else text)


def device(text: str) -> str:
    """What can be the name of a device; whether it is here the worker says."""
    if not re.fullmatch(r"auto|(cpu|cuda|mps)(:\d{1,3})?", text):
        raise ValueError(f"{text!r}: expected auto, cpu, cuda, cuda:1 … or mps")
    return text


def loader(text: str) -> str:
    """Where a function is, as an entry point is written."""
    if not re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", text):
        raise ValueError(
            f"{text!r}: expected module:callable, such as flowbrush.pipelines.generator:Generator.load"
        )
    return text


def at_home(path: Path) -> Path:
    """The whole path, with the home folder for its ~: a shell leaves that of `--state-dir=~/x` as it is, and nobody reads that of
    .env. The folder that the server is started in may be gone one day.
    """
    if not str(path).startswith("~"):
        return _whole(path)
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"{str(path)!r}: no home folder is known for that: give the whole path") from None


def _whole(path: Path) -> Path:
    try:
        return path.absolute()
    except FileNotFoundError:
        raise ValueError(
            f"{str(path)!r}: the folder that you are in is gone: go to another one, or give the whole path"
        ) from None


def no_bucket(given: Any) -> Any:
    """What can be the path of a folder."""
    text = str(given)
    if not text.strip():  # as of a variable that is not set: it would be the folder that one stands in
        raise ValueError(f"{text!r}: expected a folder; . is the one you are in")
    if re.match(r"\w{2,}:/", text):  # a Path has one slash where the address had two
        raise ValueError(f"{text!r}: expected a folder; a bucket of objects has no locks and cannot be one")
    return given


def not_text(named: Mapping[str, str]) -> str:
    """Which of these texts holds bytes that are no UTF-8: the system hands them on as half characters."""
    found = (f"{name} is {text!r}" for name, text in named.items() if re.search(r"[\ud800-\udfff]", text))
    return next(found, "a setting")


LEAST_S = 0.001
"""Time in which something can happen."""


def never_or_a_while(seconds: float) -> float:
    """A time after which something ends, or 0."""
    if 0 < seconds < LEAST_S:
        raise ValueError(f"{seconds!r}: expected at least {LEAST_S:g}, or 0 for never")
    return seconds


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True
