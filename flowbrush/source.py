"""The client's own video, sent frame by frame: the picture follows it."""

from __future__ import annotations

import contextlib
import importlib
import io
import time
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field

from flowbrush.arguments import checks_arguments
from flowbrush.client_messages import SourceBegin, SourceEnd, SourceFields
from flowbrush.errors import FlowbrushError, SessionEnded
from flowbrush.limits import MAX_FRAME_BYTES, MAX_TIME_S
from flowbrush.messages import Codec
from flowbrush.packets import NO_FLAGS, Flag, Packet, pack
from flowbrush.wording import in_python

if TYPE_CHECKING:
    from flowbrush.session import Session

QUALITY = 85


@checks_arguments
class Source:
    """A source of a stream. Entering it with `async with`, or awaiting `begin`, begins it; leaving ends it.

    After a lost connection it is begun again by itself; frames of the time between are not sent.
    """

    def __init__(self, stream: Session, fields: SourceFields) -> None:
        self._stream, self.fields = stream, fields
        self._zero = time.monotonic()

    async def __aenter__(self) -> Self:
        await self.begin()
        return self

    async def __aexit__(self, *exc: object) -> None:
        with contextlib.suppress(SessionEnded):  # the source ended with its session
            await self.end()

    async def begin(self) -> None:
        """Announces it. What is wrong with it, or with a frame, comes as the stream's event `error`."""
        self._stream.source = self.fields
        await self._stream.send(SourceBegin(**dict(self.fields)))

    async def end(self) -> None:
        """The picture goes on without it."""
        if self._stream.source is self.fields:
            self._stream.source = None
            await self._stream.send(SourceEnd())

    async def send(
        self, frame: Any, *, pts: Annotated[float, Field(le=MAX_TIME_S)] | None = None, key: bool = True
    ) -> None:
        """The next frame: RGB uint8 [H, W, 3] of the size that was announced, or its bytes as the codec has them (of H.264 one
        access unit, Annex B). `pts` in seconds, by this machine's clock where it is left out; `key` is for H.264.
        """
        payload = frame if isinstance(frame, bytes) else self._encoded(frame)
        at = time.monotonic() - self._zero if pts is None else pts
        flags = Flag.KEY if key else NO_FLAGS
        message = pack(Packet(0, 0, max(0, round(at * 1e6)), Codec(self.fields.codec), payload, flags))
        if len(message) > MAX_FRAME_BYTES:
            text = f"frame has {len(payload)} bytes: at most {MAX_FRAME_BYTES >> 20} MiB are taken, so send a smaller picture"
            raise ValueError(text)
        await self._stream.send_bytes(message)

    def _encoded(self, frame: Any) -> bytes:
        if self.fields.codec != "jpeg":
            raise FlowbrushError(
                f"frames of {self.fields.codec} must come encoded: arrays are sent as JPEG alone"
            )
        try:
            image: Any = importlib.import_module("PIL.Image")
        except ImportError as error:
            raise FlowbrushError(
                "sending arrays needs Pillow: pip install pillow, or send JPEG bytes"
            ) from error
        expected = (self.fields.height, self.fields.width, 3)
        shape, dtype = tuple(getattr(frame, "shape", ())), str(getattr(frame, "dtype", ""))
        if shape != expected or dtype != "uint8":
            came = f"of shape {list(shape)} and {dtype}" if shape else in_python(frame)
            raise ValueError(f"frame is {came}: expected bytes, or uint8 {list(expected)}")
        out = io.BytesIO()
        image.fromarray(frame).save(out, "JPEG", quality=QUALITY)
        return out.getvalue()
