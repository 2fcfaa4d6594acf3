"""The frames of a source as a generator takes them. They are JPEGs that the server made itself."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from flowbrush.pipelines.requests import SourceClip
from flowbrush.server.engine.ipc import SourceChunk


def clip_of(given: SourceChunk | None) -> SourceClip | None:
    """Each picture is decoded once, however often it is shown."""
    if given is None:
        return None
    pictures = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in given.pictures]
    return SourceClip(np.stack([pictures[index] for index in given.order]), given.strength)
