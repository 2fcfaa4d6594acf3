"""Weights from the Hugging Face hub: what is to come, fetched, checked against the hub's own hashes, and written down.

Nothing is pinned here that nobody has seen: the revision is the hub's present one, and it is recorded next to the weights with
every file's hash. Free of torch.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from flowbrush.models.cards.card import ModelCard, Source
from flowbrush.models.loading.partial import BeingFetched, part_of, partial

MARKER = "flowbrush.json"  # written last: its presence says that the folder is whole
PARTS = ("student", "codec", "text_encoder", "tokenizer")
RESERVE = 2**28  # bytes left free in addition to what is fetched


class PullError(ValueError):
    """Weights could not be fetched; the text says why and what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """One file on the hub. `sha256` is given for large files, `blob` (git's SHA-1) for all."""

    name: str
    size: int
    sha256: str | None
    blob: str | None


@dataclass(frozen=True)
class Remote:
    """What one source holds at its present revision, cut down to what is wanted."""

    source: Source
    revision: str
    licence: str
    files: tuple[RemoteFile, ...]


class Hub(Protocol):
    """The two calls that are made of a hub; both raise PullError."""

    def look(self, source: Source) -> Remote: ...

    def fetch(self, remote: Remote, file: RemoteFile, path: Path) -> None:
        """Fetches a file to `path`, going on where an earlier attempt stopped, however it ended."""


def pull(
    card: ModelCard,
    folder: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
    hub: Hub | None = None,
) -> Path:
    """Fetches the weights of `card` into `folder` (or where the loader looks); returns the folder.

    `report` gets lines for people: licence and size first, then every file. Raises PullError; what was fetched so far stays
    and is gone on with by the next call, and the folder counts as whole only at the end.
    """
    target = folder or card.weights_path
    _check_published(card, target)
    hub = hub or HuggingFace()
    remotes = [hub.look(source) for source in card.sources]
    _announce(remotes, target, report)
    try:
        target.mkdir(parents=True, exist_ok=True)
        _check_space(target, remotes)
        (target / MARKER).unlink(missing_ok=True)
        for remote in remotes:
            for file in remote.files:
                path = target / remote.source.folder / file.name
                if not _is_whole(path, file):
                    hub.fetch(remote, file, path)
                    verify(path, file)
                report(f"{file.name}: {_size(file.size)}, checked")
        _write_marker(target, card, remotes)
    except BeingFetched as error:
        raise PullError(f"{error}: wait for that `flowbrush pull`, or end it, and pull again") from error
    except OSError as error:
        raise PullError(_reason(error, target)) from error
    return target


def _check_published(card: ModelCard, target: Path) -> None:
    """Raises PullError where there is nothing to fetch, or another folder stands where it would go."""
    if card.random or card.family == "pocket":
        raise PullError(f"the weights of {card.name} come with the project: there is nothing to fetch")
    if not card.sources:
        raise PullError(f"{card.name} has no published weights: {how_to_get(card)}")
    if target.is_symlink():
        own = target.readlink()
        raise PullError(
            f"{card.name} uses your folder {own}: remove the link {target} to fetch its own weights"
        )


def _announce(remotes: Sequence[Remote], target: Path, report: Callable[[str], None]) -> None:
    """Says what will be fetched, under which licences, and how much it is."""
    for remote in remotes:
        size = sum(file.size for file in remote.files)
        report(
            f"{remote.source.repository}: {_size(size)}, licence {remote.licence}, revision {remote.revision}"
        )
    total = sum(file.size for remote in remotes for file in remote.files)
    report(f"in all {_size(total)} into {target}")


def how_to_get(card: ModelCard) -> str:
    """What to do about weights that are not here."""
    if card.family == "pocket":
        return f"they come with the project and should be at {card.weights_path}: install it anew"
    if card.sources:
        return f"`flowbrush pull {card.name}` fetches them"
    return f"`flowbrush pull {card.name} --from FOLDER` takes a folder of your own (docs/models.md)"


def adopt(card: ModelCard, folder: Path) -> Path:
    """Makes a folder of one's own the weights of `card`, by a link where the loader looks. Raises PullError."""
    if card.random or card.family == "pocket":
        raise PullError(f"the weights of {card.name} come with the project: no folder can take their place")
    if not folder.is_dir():
        raise PullError(f"{folder} is no folder: expected one with {', '.join(PARTS)} (see docs/models.md)")
    missing = [part for part in PARTS if not any(folder.glob(f"{part}*"))]
    if missing:
        raise PullError(
            f"{folder} has no {', '.join(missing)}: expected {', '.join(PARTS)} (see docs/models.md)"
        )
    target = card.weights_path
    if target.is_symlink():
        target.unlink()
    if target.exists():
        raise PullError(f"{target} is there already: move it away first")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(folder.resolve(), target_is_directory=True)
    except OSError as error:
        raise PullError(f"{target} cannot be made a link to {folder} ({error.strerror or error})") from error
    return target


def verify(path: Path, file: RemoteFile) -> None:
    """Compares a file with the hub's size and hash. One that differs is removed: PullError."""
    if not _is_whole(path, file):
        path.unlink()
        raise PullError(f"{file.name} arrived broken (its hash is not the hub's) and was removed: pull again")


def _is_whole(path: Path, file: RemoteFile) -> bool:
    """Whether a file is there, and what the hub says it is."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    if file.sha256:
        return _digest(path, hashlib.sha256()) == file.sha256
    if file.blob:
        return _digest(path, hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)) == file.blob
    return True


class HuggingFace:
    """The real hub, through huggingface_hub."""

    def __init__(self) -> None:
        if find_spec("huggingface_hub") is None:
            raise PullError("fetching needs more packages: pip install 'flowbrush[wan]'")

    def look(self, source: Source) -> Remote:
        from huggingface_hub import HfApi

        info = self._asked(source, lambda: HfApi().model_info(source.repository, files_metadata=True))
        files = [
            RemoteFile(s.rfilename, s.size or 0, s.lfs.sha256 if s.lfs else None, s.blob_id)
            for s in info.siblings or ()
            if any(fnmatch(s.rfilename, pattern) for pattern in source.files)
        ]
        for pattern in source.files:
            if not any(fnmatch(file.name, pattern) for file in files):
                raise PullError(f"{source.repository} no longer has {pattern}: its publisher has moved it")
        data = info.card_data.to_dict() if info.card_data else {}
        return Remote(source, info.sha or "unknown", str(data.get("license") or "not stated"), tuple(files))

    def fetch(self, remote: Remote, file: RemoteFile, path: Path) -> None:
        """By plain HTTP: `hf_hub_download` begins each file anew, from its first byte, when a process was ended."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # public, but not marked so

        url = hf_hub_url(remote.source.repository, file.name, revision=remote.revision)
        with partial(path, _content(remote, file)) as part:
            self._asked(
                remote.source,
                lambda: http_get(
                    url,
                    part,
                    resume_size=part.tell(),
                    headers=build_hf_headers(),
                    expected_size=file.size,
                    displayed_filename=file.name,
                ),
            )

    def _asked(self, source: Source, call: Callable[[], Any]) -> Any:
        import httpx2  # what huggingface_hub itself speaks
        from huggingface_hub import errors

        name = source.repository
        try:
            return call()
        except errors.GatedRepoError as error:
            raise PullError(
                f"{name} asks for consent: agree at https://huggingface.co/{name}, then `hf auth login`"
            ) from error
        except errors.RepositoryNotFoundError as error:
            raise PullError(
                f"there is no {name} on the hub, or it is private: `hf auth login` may help"
            ) from error
        except (
            errors.OfflineModeIsEnabled,
            errors.LocalEntryNotFoundError,
            httpx2.TransportError,
            ConnectionError,
        ) as error:
            raise PullError(
                f"the hub cannot be reached for {name}: check the network, or copy the files by hand (docs/models.md)"
            ) from error
        except errors.HfHubHTTPError as error:
            raise PullError(f"the hub refused {name}: {error}") from error


def _content(remote: Remote, file: RemoteFile) -> str:
    return file.sha256 or file.blob or remote.revision


def _check_space(target: Path, remotes: list[Remote]) -> None:
    needed = sum(
        file.size - _size_of(part_of(path, _content(remote, file)))
        for remote in remotes
        for file in remote.files
        if not (path := target / remote.source.folder / file.name).is_file()
    )
    free = shutil.disk_usage(target).free
    if needed + RESERVE > free:
        raise OSError(errno.ENOSPC, f"{_size(needed)} are needed and {_size(free)} are free")


def _write_marker(target: Path, card: ModelCard, remotes: list[Remote]) -> None:
    sources = [
        {
            "repository": remote.source.repository,
            "revision": remote.revision,
            "licence": remote.licence,
            "folder": remote.source.folder,
            "files": {
                file.name: {"size": file.size, "sha256": file.sha256, "blob": file.blob}
                for file in remote.files
            },
        }
        for remote in remotes
    ]
    temporary = target / f"{MARKER}.part"
    temporary.write_text(json.dumps({"model": card.name, "sources": sources}, indent=2) + "\n")
    os.replace(temporary, target / MARKER)


def _digest(path: Path, digest: Any) -> str:
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return str(digest.hexdigest())


def _reason(error: OSError, target: Path) -> str:
    why = error.strerror or error
    if error.errno == errno.ENOSPC:
        return f"no space left for the weights in {target} ({why}): free some, or set XDG_CACHE_HOME to another folder"
    return f"the weights cannot be written to {target} ({why}): set XDG_CACHE_HOME to another folder"


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e7 else f"{count / 1e6:.2f} MB"
