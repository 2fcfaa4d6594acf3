"""Who has a key, and what each may use: from a TOML file, or from the settings where there is no file."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from flowbrush.limits import MAX_STEPS
from flowbrush.server import values
from flowbrush.server.settings import MOST, BadSettings, Settings
from flowbrush.wording import expected, path_of

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MIN_KEY_CHARS = 16
"""Shorter keys of a file are refused: they can be guessed."""

Limit = Annotated[int, Field(ge=0, le=MOST, strict=True)]


class Quota(BaseModel):
    """What one key may use; without keys, what one address may use. 0 is no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sessions: Limit
    """alive at once, those included whose client is away"""
    waiting: Limit
    """in the queue at once"""
    paused: Limit
    """paused at once"""
    branches: Limit
    """of the sessions alive, those that are branches"""
    uploads: Limit
    """start images kept at once"""
    upload_mib: Limit
    """their bytes"""
    sent_mib_day: Limit
    """media sent in a day (UTC)"""
    steps: Annotated[int, Field(ge=0, le=MAX_STEPS, strict=True)]
    """denoising steps that a session may ask for; 0: as many as the server's settings allow"""


@dataclass(frozen=True)
class Key:
    """One key. `digest` is the SHA-256 of its text; `name` stands in audit lines and in the sessions it begins."""

    name: str
    digest: bytes
    quota: Quota


@dataclass(frozen=True)
class Access:
    """All keys; without any the server is open and `quota` is for everybody."""

    keys: tuple[Key, ...]
    quota: Quota

    def quota_of(self, name: str) -> Quota:
        """The quota of a key by its name; everybody's where there is no such key."""
        return next((key.quota for key in self.keys if key.name == name), self.quota)


def load_access(settings: Settings) -> Access:
    """Keys and quotas as they are now: the file is read again. Raises BadSettings, which names what is wrong."""
    quota = Quota(**{name: getattr(settings, f"quota_{name}") for name in Quota.model_fields})
    keys = [Key(f"key-{_digest(text).hex()[:8]}", _digest(text), quota) for text in settings.api_keys]
    if settings.keys_file is not None:
        listed, quota = _read(settings.keys_file, quota)
        _check_once(settings.keys_file, keys, listed)
        keys += listed
    return Access(tuple(keys), quota)


def _check_once(path: Path, given: list[Key], listed: list[Key]) -> None:
    """Raises BadSettings where a key has two names: the quota of the second would never hold."""
    known = {key.digest: "FLOWBRUSH_API_KEYS" for key in given}
    for key in listed:
        other = known.setdefault(key.digest, f"keys.{key.name}")
        if other != f"keys.{key.name}":
            raise BadSettings(
                f"the keys file {path}: keys.{key.name} is the key of {other}, too: give each its own"
            )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


class _KeyEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=MIN_KEY_CHARS), AfterValidator(values.key)] | None = None
    sha256: Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")] | None = None
    quota: dict[str, Any] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    quota: dict[str, Any] = {}
    keys: Annotated[dict[str, _KeyEntry], Field(min_length=1)]


def _read(path: Path, fallback: Quota) -> tuple[list[Key], Quota]:
    try:
        parsed = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
        quota = _quota(parsed.quota, fallback, "quota")
        return [_key(name, entry, quota) for name, entry in parsed.keys.items()], quota
    except OSError as error:
        raise BadSettings(f"the keys file {path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BadSettings(f"the keys file {path} is not UTF-8 (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"the keys file {path} is not TOML: {error}") from None
    except ValidationError as error:
        # never the input itself: it may be a key
        first = error.errors(include_url=False)[0]
        raise BadSettings(f"the keys file {path}: {path_of(first)}: {expected(first)}") from None
    except ValueError as error:
        raise BadSettings(f"the keys file {path}: {error}") from None


def _quota(given: dict[str, Any], fallback: Quota, where: str) -> Quota:
    try:
        return Quota.model_validate({**fallback.model_dump(), **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{where}.{path_of(first)}: {expected(first)}") from None


def _key(name: str, entry: _KeyEntry, quota: Quota) -> Key:
    if not _NAME.fullmatch(name):
        raise ValueError(f"keys.{name!r}: names are of letters, digits, - and _, at most 64")
    if (entry.key is None) == (entry.sha256 is None):
        raise ValueError(f"keys.{name}: give either key or sha256")
    digest = _digest(entry.key) if entry.key is not None else bytes.fromhex(entry.sha256 or "")
    return Key(name, digest, _quota(entry.quota, quota, f"keys.{name}.quota"))
