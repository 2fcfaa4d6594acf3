"""Pictures for those who wait for one while no chunk is made: who joins then, and whose frames were dropped before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from flowbrush.protocol import Codec
from flowbrush.server.delivery.delivery import Outbox
from flowbrush.server.sessions.service import Service
from flowbrush.server.sessions.session_host import LatestJpeg, SessionHost

LOOK_S = 0.5
"""So often it is looked whether the stream has come to stand: it may do so before the key frame that was wanted."""

AGAIN_S = 5.0
"""After so long a worker that had no picture is asked again."""


async def show_stills(service: Service, live: SessionHost, outbox: Outbox) -> None:
    """For a connection that waits for a key frame. Runs until it is cancelled."""

    def show(frame: int, payload: bytes) -> None:
        outbox.show_once(live.still_packet(frame, payload))

    await _show(service, live, live.session.output.codec, lambda: outbox.waits_for_key, show)


async def show_jpegs(service: Service, live: SessionHost, viewer: LatestJpeg) -> None:
    """For one who has not had any picture. Runs until it is cancelled."""
    await _show(service, live, Codec.JPEG, lambda: viewer.empty, lambda frame, payload: viewer.put(payload))


async def _show(
    service: Service,
    live: SessionHost,
    codec: Codec,
    waits: Callable[[], bool],
    show: Callable[[int, bytes], None],
) -> None:
    """Shows the newest frame whenever somebody `waits` and none is about to be made, each frame once."""
    shown: tuple[int, int] | None = None
    while True:
        rest_s = LOOK_S
        newest = live.session.epoch, live.session.output.frame
        if waits() and live.stands and newest != shown:
            still = await service.dispatchers.of(live).still(live, codec)
            if still is None:
                rest_s = AGAIN_S
            elif waits():
                show(*still)
                shown = newest
        await asyncio.sleep(rest_s)
