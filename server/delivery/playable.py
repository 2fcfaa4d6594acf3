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
from flowbrush.server.store.storage import Storage

log = logging.getLogger(__name__)

NO_SPACE = 28
"""Exit code of `transcode` where the disk is full; the web process does not import it: it loads the codecs."""

TURN_S = 120.0
"""So long one waits for others' recordings."""


class NotPlayable(Exception):
    """It could not be made; the text says why."""


class Playable:
    """Makes one file at a time. The newest of each recording is kept next to it and used again."""

    def __init__(self, reading: Storage) -> None:
        self._reading = reading
        self._turn = asyncio.Lock()

    async def file(self, lane: str, recording: Path, size: int, part: Clip | None = None) -> Path:
        """The first `size` bytes of a recording, or a part of them, as an H.264 file; its files are looked at in `lane`.

        Raises NotPlayable and OSError.
        """
        name = f"{recording.stem}.h264-{size}"
        if part is not None:
            name += f"-{part.fragments[0].chunk}-{part.fragments[-1].chunk}"
        made = recording.with_name(f"{name}.mp4")
        if await self._reading.run(lane, made.is_file):
            return made
        try:
            async with asyncio.timeout(TURN_S):
                await self._turn.acquire()
        except TimeoutError:
            raise NotPlayable("others have recordings made into H.264: try again later") from None
        try:
            if not await self._reading.run(lane, made.is_file):
                await self._reading.run(lane, lambda: _forget(recording))
                await self._make(lane, recording, size, part, made)
        finally:
            self._turn.release()
        return made

    async def _make(self, lane: str, recording: Path, size: int, part: Clip | None, made: Path) -> None:
        if part is None:
            await _transcode(recording, size, made)
            return
        cut = made.with_suffix(".cut")
        try:
            await self._reading.run(lane, lambda: _write(part, cut), within_s=TURN_S)
            await _transcode(cut, part.size, made)
        finally:
            self._reading.submit(lane, lambda: cut.unlink(missing_ok=True), always=True)


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
