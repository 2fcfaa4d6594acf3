"""Reads one picture from stdin and keeps it as a PNG: `python -m flowbrush.server.store.keep_image TARGET MAX_PIXELS`.

In a process of its own, because a decoder takes what memory a file makes it take, and may have flaws that a file was made for.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PIL import Image

from flowbrush.pipelines.media.picture import BadPicture, read_picture
from flowbrush.server.modest import limit_memory

BAD, NOT_KEPT = 3, 4
"""Exit codes: no picture that is taken (why is on stdout); it could not be written (why is on stderr)."""

POLITE = 10
COMPRESSION = 3
MEMORY = 1 << 30
BYTES_PER_PIXEL = 24
"""The address space that reading may take: this, and so much for each pixel that a picture may have."""


def main(arguments: list[str]) -> int:
    """The command."""
    target, max_pixels = Path(arguments[0]), float(arguments[1])
    if hasattr(os, "nice"):
        os.nice(POLITE)
    limit_memory(MEMORY + round(max_pixels * BYTES_PER_PIXEL))
    try:
        picture = Image.fromarray(read_picture(sys.stdin.buffer.read(), max_pixels))
    except BadPicture as error:
        sys.stdout.buffer.write(str(error).encode())
        return BAD
    try:
        picture.save(target, "PNG", compress_level=COMPRESSION)
    except OSError as error:
        sys.stderr.buffer.write((error.strerror or str(error)).encode())
        return NOT_KEPT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
