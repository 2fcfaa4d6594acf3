"""A session file as text, piece by piece: a long session's log is large, and whoever asks for it must not hold others up."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from flowbrush.server.store.journal import is_mark
from flowbrush.session_file import SessionFile

log = logging.getLogger(__name__)

BLOCK = 1 << 16
END = '"controls":[],"chunks":0}'


def log_text(about: SessionFile, journal: Path, chunks: int) -> Iterator[str]:
    """`about`, which has no controls, with those of the first `chunks` chunks of the journal. What the server wrote itself is not
    checked again; it ends before a line that cannot be read. Raises OSError.
    """
    return _pieces(about.to_json().removesuffix(END) + '"controls":[', open(journal, "rb"), chunks)


def _pieces(text: str, journal: BinaryIO, chunks: int) -> Iterator[str]:
    first = True
    with journal as file:
        for chunk, line in zip(range(chunks), file, strict=False):
            try:
                bodies = json.loads(line)
            except ValueError:
                log.warning("line %d of %s cannot be read: the log ends before it", chunk + 1, file.name)
                chunks = chunk
                break
            for body in (each for each in bodies if not is_mark(each)):
                text += ("" if first else ",") + _compact({**body, "chunk": chunk})
                first = False
            if len(text) >= BLOCK:
                yield text
                text = ""
    yield f'{text}],"chunks":{chunks}}}'


def _compact(body: dict[str, object]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
