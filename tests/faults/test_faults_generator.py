"""The real generator in the worker: a session file replays to the very frames that were sent, whatever happened."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
from raw_client import RawClient, decode, decode_file

from flowbrush.server.engine.encoder import jpeg
from flowbrush.session_file import SessionFile


async def test_frames_are_those_of_the_session_file_through_rewind_and_crash(make_server) -> None:
    """Sent as JPEG, so that a frame's picture depends on nothing but the frame."""
    server = make_server(FLOWBRUSH_LOADER="server_tiny_pocket:load", FLOWBRUSH_SNAPSHOT_CHUNKS="3")
    async with RawClient(server.url) as client:
        ready = await client.start("a panda", seed=3, paused=True, codecs=["jpeg"])
        await step(client, 2)
        points = [{"t": 0.4 + 0.05 * n, "x": 0.5 + 0.02 * n, "y": 0.5} for n in range(5)]
        await client.send(type="track.begin", id=1, track=1, kind="drag", points=points[:1])
        await client.send(type="track.move", id=2, track=1, points=points[1:])
        await client.send(type="camera.set", id=3, mode="velocity", pan=[0.1, 0])
        await step(client, 6)
        await client.send(type="session.rewind", chunk=4)
        await client.message("session.rewound")
        rewound = len(client.packets)
        change = {"chunks": 2, "method": "linear"}
        await client.send(type="prompt.set", id=4, prompts=[{"text": "a fox"}], transition=change)
        await step(client, 2)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        await client.message("session.recovering")
        await step(client, 2)
        await client.send(type="session.stop")
        done = await client.message("session.done")
    file = SessionFile.parse(server.get(done["log"])).message
    kept_at = server.state_dir / "sessions" / ready["session"] / "recording.mp4"
    recorded = decode_file(kept_at.read_bytes())  # as it is kept: JPEG is encoded again for who loads it
    replayed = await asyncio.to_thread(replay, file)
    assert len(recorded) == len(replayed) == 9 * 4
    sent = decode([*client.packets[: 5 * 4], *client.packets[rewound:]])
    for number, (made, kept, came) in enumerate(zip(replayed, recorded, sent, strict=True)):
        expected = decode_file(jpeg(made))[0]
        assert np.array_equal(expected, kept), f"frame {number} of the recording"
        assert np.array_equal(expected, came), f"frame {number} as it was sent"
    assert np.abs(replayed[0].astype(int) - replayed[-1]).mean() > 2, "the picture must have changed"


async def step(client: RawClient, chunks: int) -> None:
    await client.send(type="session.step", chunks=chunks)
    await client.message("session.paused")


def replay(file: SessionFile) -> list[np.ndarray]:
    from server_tiny_pocket import load

    from flowbrush.pipelines.play.session import play, settings_of

    generator = load(file.model, seats=1)
    settings = settings_of(file, generator.card, Path("/"))
    return [frame for result in play(generator, settings, file, file.chunks) for frame in result.frames]
