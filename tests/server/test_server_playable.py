"""Recordings that browsers do not play are made into H.264: once for all who ask, and the newest of each is kept."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import av
import pytest
from raw_client import decode_file
from server_generator import draw, read

from flowbrush.protocol import Codec
from flowbrush.server.delivery import playable
from flowbrush.server.delivery.clips import clip
from flowbrush.server.delivery.mp4 import Sample
from flowbrush.server.delivery.playable import NotPlayable, Playable
from flowbrush.server.delivery.recording import Recording
from flowbrush.server.engine.encoder import VideoEncoder
from flowbrush.server.store.storage import Storage

CHUNKS, FRAMES = 3, 4


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Of JPEG, three chunks of four frames."""
    made = Recording(tmp_path / "recording.mp4", Codec.JPEG, 128, 96, 16, 1 << 30)
    encoder = VideoEncoder(Codec.JPEG, 128, 96, 16)
    for chunk in range(CHUNKS):
        pictures = [draw(chunk * FRAMES + n) for n in range(FRAMES)]
        assert made.put(chunk, chunk * FRAMES, [Sample(*encoder.encode(each, True)) for each in pictures])
    return made


def codec_of(path: Path) -> str:
    with av.open(str(path)) as file:
        return file.streams.video[0].codec_context.name


def files(recording: Recording) -> list[str]:
    return sorted(each.name for each in recording.path.parent.iterdir())


async def test_all_who_ask_get_one_file_with_the_same_pictures(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, works, transcode = Playable(Storage()), list[Path](), playable._transcode

    async def counted(source: Path, size: int, target: Path) -> None:
        works.append(target)
        await transcode(source, size, target)

    monkeypatch.setattr(playable, "_transcode", counted)
    asked = [made.file("lane", recording.path, recording.bytes) for _ in range(3)]
    (path, *others) = await asyncio.gather(*asked)
    assert others == [path] * 2 and codec_of(path) == "h264"
    assert [read(picture)[0] for picture in decode_file(path.read_bytes())] == list(range(CHUNKS * FRAMES))
    assert await made.file("lane", recording.path, recording.bytes) == path
    assert works == [path], "it was there already"


async def test_of_a_recording_that_grows_the_newest_is_kept_alone(recording: Recording) -> None:
    made = Playable(Storage())
    whole = clip(recording.path, recording.bytes, 0, CHUNKS)
    assert whole is not None
    two = whole.header + sum(each.size for each in whole.fragments[:2])
    first = await made.file("lane", recording.path, two)
    assert len(decode_file(first.read_bytes())) == 2 * FRAMES
    second = await made.file("lane", recording.path, recording.bytes)
    assert files(recording) == sorted(["recording.mp4", second.name])


async def test_a_part_is_made_of_its_chunks_alone_and_leaves_nothing_else(recording: Recording) -> None:
    part, storage = clip(recording.path, recording.bytes, 1, 1), Storage()
    path = await Playable(storage).file("lane", recording.path, recording.bytes, part)
    assert [read(picture)[0] for picture in decode_file(path.read_bytes())] == [4, 5, 6, 7]
    await storage.settled("lane")
    assert files(recording) == sorted(["recording.mp4", path.name])


async def test_what_cannot_be_read_says_why_and_the_next_one_is_made(recording: Recording) -> None:
    broken = recording.path.with_name("broken.mp4")
    broken.write_bytes(b"no video" * 100)
    made = Playable(Storage())
    with pytest.raises(NotPlayable, match=r"could not be made into H\.264: .+"):
        await made.file("lane", broken, 800)
    assert files(recording) == ["broken.mp4", "recording.mp4"]
    assert codec_of(await made.file("lane", recording.path, recording.bytes)) == "h264"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that takes nothing")
async def test_a_full_disk_is_told_as_one(recording: Recording) -> None:
    """Such a device stands where the file is being made."""
    target = recording.path.with_name("taken.mp4")
    part = target.with_name("taken.mp4.part")
    part.symlink_to("/dev/full")
    with pytest.raises(OSError) as failed:
        await playable._transcode(recording.path, recording.bytes, target)
    assert failed.value.errno == errno.ENOSPC
    assert files(recording) == ["recording.mp4"]


async def test_who_waits_too_long_for_others_is_told_to_come_later(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Playable(Storage())
    monkeypatch.setattr(playable, "TURN_S", 0.05)
    async with made._turn:
        with pytest.raises(NotPlayable, match="try again later"):
            await made.file("lane", recording.path, recording.bytes)


async def test_who_leaves_gives_the_turn_back(recording: Recording) -> None:
    made = Playable(Storage())
    leaving = asyncio.create_task(made.file("lane", recording.path, recording.bytes))
    while not made._turn.locked():  # noqa: ASYNC110
        await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert codec_of(await made.file("lane", recording.path, recording.bytes)) == "h264"
