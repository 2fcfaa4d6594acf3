"""Recordings as browsers play them: H.264 as it is, others made into H.264 when somebody asks for them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import sys
from pathlib import Path

from flowbrush.server.delivery.clips import Clip

log = logging.getLogger(__name__)

NO_SPACE = 28
"""Exit code of `transcode` where the disk is full; the web process does not import it: it loads the codecs."""


class NotPlayable(Exception):
    """It could not be made; the text says why."""


class Playable:
    """Makes one file at a time. The newest of each recording stays beside it and is used again."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def file(self, recording: Path, size: int, part: Clip | None = None) -> Path:
        """The first `size` bytes of a recording, or a part of them, as an H.264 file. Raises NotPlayable and OSError."""
        name = f"{recording.stem}.h264-{size}"
        if part is not None:
            name += f"-{part.fragments[0].chunk}-{part.fragments[-1].chunk}"
        made = recording.with_name(f"{name}.mp4")
        async with self._turn:
            if not await asyncio.to_thread(made.is_file):
                await asyncio.to_thread(_forget, recording)
                await self._make(recording, size, part, made)
        return made

    async def _make(self, recording: Path, size: int, part: Clip | None, made: Path) -> None:
        if part is None:
            await _transcode(recording, size, made)
            return
        cut = made.with_suffix(".cut")
        try:
            await asyncio.to_thread(_write, part, cut)
            await _transcode(cut, part.size, made)
        finally:
            await asyncio.to_thread(cut.unlink, True)


async def _transcode(source: Path, size: int, made: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"{__package__}.transcode", str(source), str(size), str(made),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, said = await process.communicate()
    finally:  # also when whoever asked is gone
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == NO_SPACE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if process.returncode != 0:
        reason = (
            said.decode(errors="replace").strip().rpartition("\n")[2] or f"exit code {process.returncode}"
        )
        log.warning("a recording was not made into H.264: %s", reason)
        raise NotPlayable(f"the recording could not be made into H.264: {reason}")


def _write(part: Clip, path: Path) -> None:
    with open(path, "wb") as file:
        file.writelines(part.blocks())


def _forget(recording: Path) -> None:
    for path in recording.parent.glob(f"{recording.stem}.h264-*"):
        path.unlink(missing_ok=True)
