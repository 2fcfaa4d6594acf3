"""Loads the generator double, in a worker that a signal ($TEST_KILLED_BY, else SIGKILL) hits once, where $TEST_KILLED_AT says, as
soon as $TEST_ARMED is there; then $TEST_KILLED is.
"""

from __future__ import annotations

import builtins
import os
import signal
from pathlib import Path
from typing import Any

from server_generator import Generator

from flowbrush.server.engine import snapshots
from flowbrush.server.engine.encoder import VideoEncoder

CHUNK, THIRD = 4, 3
"""Of a chunk's frames it is the third that is encoded."""


def _killed(where: str) -> None:
    mark = Path(os.environ["TEST_KILLED"])
    armed = Path(os.environ["TEST_ARMED"]).exists()
    if os.environ["TEST_KILLED_AT"] == where and armed and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.Signals[os.environ.get("TEST_KILLED_BY", "SIGKILL")])
        signal.pause()


def _half(path: str, mode: str) -> Any:
    file = builtins.open(path, mode)
    write = file.write

    class Half:
        def __enter__(self) -> Half:
            return self

        def __exit__(self, *_: object) -> None:
            file.close()

        def write(self, blob: bytes) -> None:
            write(blob[: len(blob) // 2])
            file.flush()
            _killed("half a snapshot")
            write(blob[len(blob) // 2 :])

    return Half() if mode == "wb" else file


def load(*args: Any, **named: Any) -> Generator:
    dump, encode, restore, replace = Generator.snapshot, VideoEncoder.encode, Generator.restore, os.replace
    counts = dict[int, int]()

    def dumped(self: Generator, state: Any) -> bytes:
        _killed("the dump of a snapshot")
        return dump(self, state)

    def replaced(part: str, path: str) -> None:
        _killed("a snapshot without its name")
        replace(part, path)
        _killed("a snapshot that nobody heard of")

    def encoded(self: VideoEncoder, frame: Any, key: bool = False) -> tuple[bytes, bool]:
        counts[id(self)] = counts.get(id(self), 0) + 1
        done = encode(self, frame, key)
        if counts[id(self)] % CHUNK == THIRD:
            _killed("the encoding of a frame")
        return done

    def restored(self: Generator, blob: bytes, brief: bool = False) -> Any:
        _killed("the restoring of a stream")
        return restore(self, blob, brief)

    Generator.snapshot, Generator.restore = dumped, restored  # type: ignore[method-assign]
    VideoEncoder.encode = encoded  # type: ignore[method-assign]
    snapshots.open, snapshots.os.replace = _half, replaced  # type: ignore[attr-defined]
    return Generator.load(*args, **named)
