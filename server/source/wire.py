"""What goes between the server and the process that decodes a source's frames."""

from __future__ import annotations

import struct
from enum import IntEnum

RECORD = struct.Struct("<BQI")
"""What it is (down: 1 for a key frame; up: `Answer`), its pts in µs, and how many bytes follow."""


class Answer(IntEnum):
    """What has become of a frame. PICTURE is what it shows, or of a source for tracks where its points are."""

    PICTURE = 0
    SAME = 1
    BAD = 2
    NOTHING = 3
