"""The parts of a source: which frames a chunk is made from, what is kept of them, and the process that decodes them."""

from __future__ import annotations

import asyncio
import io
import time
from contextlib import closing
from fractions import Fraction
from itertools import count

import av
import numpy as np
import pytest
from PIL import Image

from flowbrush.limits import MAX_SIDE
from flowbrush.packets import NO_FLAGS, Flag, Packet
from flowbrush.protocol import Codec, SourceFields
from flowbrush.server.engine.capacity import MOST_ON_GPU
from flowbrush.server.engine.ipc import SourceChunk
from flowbrush.server.engine.source_clip import clip_of
from flowbrush.server.settings import Settings
from flowbrush.server.source.clips import KEPT_BYTES, Clips
from flowbrush.server.source.reader import BadFrame, H264Frames, JpegFrames, Likeness, Motion, Pictures, serve
from flowbrush.server.source.source import WAITING, Source
from flowbrush.server.source.tracking import unpacked
from flowbrush.server.source.window import Window
from flowbrush.server.source.wire import RECORD, Answer

FRAME_US = 62_500


def window(source_fps: float = 16.0) -> Window:
    return Window(4, 16.0, 0.5, source_fps)


def fill(into: Window, first: int, last: int, step_us: float = FRAME_US) -> None:
    for index in range(first, last):
        into.put(round(index * step_us), b"%d" % index)


def shown(chunk: SourceChunk | None) -> list[int]:
    assert chunk is not None
    return [int(chunk.pictures[index]) for index in chunk.order]


def test_chunks_follow_each_other_through_the_source() -> None:
    source = window()
    fill(source, 0, 4)
    assert shown(source.take()) == [0, 1, 2, 3]
    fill(source, 4, 8)
    assert shown(source.take()) == [4, 5, 6, 7] and source.dropped == 0


def test_one_that_is_behind_skips_to_the_newest_and_says_how_many_it_passed() -> None:
    source = window()
    fill(source, 0, 4)
    source.take()
    fill(source, 4, 14)
    assert shown(source.take()) == [10, 11, 12, 13] and source.dropped == 6


def test_one_that_is_ahead_holds_the_newest_and_never_goes_back() -> None:
    source = window()
    fill(source, 0, 4)
    source.take()
    fill(source, 4, 6)
    assert shown(source.take()) == [4, 5, 5, 5]
    assert shown(source.take()) == [5, 5, 5, 5]
    fill(source, 6, 9)
    assert shown(source.take()) == [6, 7, 8, 8]


def test_a_faster_source_is_thinned_out_and_a_slower_one_repeated() -> None:
    fast, slow = window(48.0), window(8.0)
    fill(fast, 0, 12, FRAME_US / 3)
    assert shown(fast.take()) == [2, 5, 8, 11] and fast.dropped == 8
    fill(slow, 0, 3, 2 * FRAME_US)
    assert shown(slow.take()) == [0, 1, 1, 2]


def test_the_window_is_bounded_whatever_comes() -> None:
    source = window()
    fill(source, 0, 10_000)
    assert len(source._frames) <= 10 and source.dropped >= 9_990


def test_time_that_jumps_back_is_another_recording() -> None:
    source = window()
    fill(source, 100, 108)
    source.take()
    fill(source, 0, 4)
    assert shown(source.take()) == [0, 1, 2, 3]


def test_a_source_rests_once_what_stands_still_was_shown() -> None:
    source = window()
    assert not source.rests and source.take() is None
    fill(source, 0, 2)
    for index in range(2, 12):
        source.same(index * FRAME_US)
    assert not source.rests, "nothing has shown it yet"
    source.take()
    assert source.rests
    source.put(20 * FRAME_US, b"20")
    assert not source.rests


@pytest.mark.parametrize(("milliseconds", "rests"), [(499, False), (500, True)])
def test_it_stands_still_after_half_a_second_of_its_own_time(milliseconds: int, rests: bool) -> None:
    source = window()
    source.put(0, b"0")
    source.same(1000 * milliseconds)
    source.take()
    assert source.rests == rests


def test_a_chunk_made_again_gets_the_same_and_a_cut_forgets() -> None:
    clips, made = Clips(), iter(range(100))

    def take() -> SourceChunk:
        return SourceChunk((b"%d" % next(made),), (0, 0, 0, 0), 0.5)

    first = clips.of(3, True, take)
    assert clips.of(3, True, take) == first and clips.of(3, False, take) == first
    assert clips.of(2, False, take) is None, "it was made before there was a source"
    clips.cut(3)
    assert clips.of(3, True, take) != first


def test_what_is_kept_for_that_is_bounded() -> None:
    clips = Clips()
    for chunk in range(8):
        clips.of(chunk, True, lambda: SourceChunk((bytes(KEPT_BYTES // 4),), (0,), 0.5))
    assert clips._bytes <= KEPT_BYTES and clips.of(0, False, lambda: None) is None
    assert clips.of(7, False, lambda: None) is not None
    for chunk in range(8, 308):  # small ones, as of a source that is followed for more than a minute
        clips.of(chunk, True, lambda: SourceChunk((b"small",), (0,), 0.5))
    assert clips.of(51, False, lambda: None) is None
    assert all(clips.of(chunk, False, lambda: None) is not None for chunk in range(52, 308))


def test_a_camera_is_kept_as_far_back_as_snapshots_are_and_all_of_them_fit_into_memory() -> None:
    """Sixteen chunks of four JPEGs of 400 kB, as of a camera of 1080 lines; a GiB for as many streams as one GPU has."""
    chunks = 2 * Settings.model_fields["snapshot_chunks"].default
    assert chunks * 4 * 400_000 < KEPT_BYTES <= (1 << 30) / MOST_ON_GPU


# ---- the process that decodes


def jpeg(size: tuple[int, int], grey: int, noise: float = 0.0) -> bytes:
    out = io.BytesIO()
    grain = np.random.default_rng(grey).normal(0, noise, (size[1], size[0], 3))
    Image.fromarray((grey + grain).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=95)
    return out.getvalue()


def answers(
    frames: JpegFrames | H264Frames, wanted: tuple[int, int], *payloads: bytes, use: Motion | None = None
) -> list[tuple[Answer, bytes]]:
    source = io.BytesIO(b"".join(RECORD.pack(1, at, len(data)) + data for at, data in enumerate(payloads)))
    out = io.BytesIO()
    serve(frames, use or Pictures(wanted), source, out)
    out.seek(0)
    found = []
    while head := out.read(RECORD.size):
        what, _, length = RECORD.unpack(head)
        found.append((Answer(what), out.read(length)))
    return found


def test_pictures_come_back_in_the_size_that_is_wanted_and_a_camera_s_noise_is_no_change() -> None:
    size = (160, 120)
    given = answers(
        JpegFrames(size, (64, 32)), (64, 32), jpeg(size, 90, 2), jpeg(size, 90, 2.5), jpeg(size, 140, 2)
    )
    assert [what for what, _ in given] == [Answer.PICTURE, Answer.SAME, Answer.PICTURE]
    first = clip_of(SourceChunk((given[0][1], given[2][1]), (0, 0, 1, 1), 0.7))
    assert first is not None and first.frames.shape == (4, 32, 64, 3) and first.strength == 0.7
    assert abs(first.frames[0].mean() - 90) < 3 and abs(first.frames[3].mean() - 140) < 3


def test_a_small_thing_that_moves_is_a_change() -> None:
    still, moved = (Image.new("RGB", (160, 96), "grey") for _ in range(2))
    moved.paste("white", (20, 20, 32, 32))
    likeness = Likeness()
    assert [likeness.same(each) for each in (still, still, moved)] == [False, True, False]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (jpeg((64, 64), 90), "announced 160×120 and a frame has 64×64"),
        (jpeg((160, 120), 90, 20)[:-400], "no whole JPEG"),
        (b"\xff\xd8\xff nothing", "a frame of 11 bytes is no JPEG"),
        (b"", "a frame of 0 bytes is no JPEG"),
    ],
)
def test_what_is_wrong_with_a_frame_is_said_and_the_next_one_is_read(data: bytes, why: str) -> None:
    size = (160, 120)
    bad, good = answers(JpegFrames(size, (64, 32)), (64, 32), data, jpeg(size, 90))
    assert bad[0] is Answer.BAD and why in bad[1].decode() and good[0] is Answer.PICTURE


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_of_a_hundred_megapixels_is_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its header says so; the pixels need not be there."""
    small = bytearray(jpeg((64, 64), 90))
    at = small.index(b"\xff\xc0") + 5
    small[at : at + 4] = (10_000).to_bytes(2, "big") * 2
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(BadFrame, match="10000×10000"):
        JpegFrames((64, 64), (64, 64)).read(bytes(small), True)


def test_h264_waits_for_a_key_frame_and_tells_of_rubbish() -> None:
    frames = H264Frames((96, 64))
    assert frames.read(b"\0\0\0\1\x41rubbish", key=False) is None
    with pytest.raises(BadFrame, match=r"H\.264"):
        frames.read(b"\0\0\0\1\x65" + bytes(200), key=True)


def black(width: int, height: int) -> bytes:
    """A key frame as H.264."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.thread_count = Fraction(1, 16), 1
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))


def test_the_largest_source_is_decoded_and_a_frame_that_no_source_has_is_not() -> None:
    size = MAX_SIDE, MAX_SIDE
    seen = H264Frames(size).read(black(*size), key=True)
    assert seen is not None and seen.size == size
    with pytest.raises(BadFrame, match="does not decode"):
        H264Frames(size).read(black(MAX_SIDE, MAX_SIDE + 16), key=True)


async def test_what_shows_the_latest_picture_can_go_elsewhere() -> None:
    def put(*keys: bool) -> list[int]:
        for key in keys:
            flags = Flag.KEY if key else NO_FLAGS
            source.put(Packet(0, next(times), 0, Codec.H264, b"x", flags))
        return [packet.frame for packet in source.recent]

    times = count()
    given = SourceFields(codec="h264", width=64, height=64, fps=16, strength=1.0)
    with closing(Source(given, window(), (64, 64), lambda _: None, lambda: None)) as source:
        await asyncio.sleep(0)
        assert put(False) == [], "no decoder begins with that"
        assert put(True, False, False) == [1, 2, 3]
        assert put(True) == [4]
        assert put(*[False] * WAITING) == [], "more than would wait there"
        assert put(False) == [] and put(True) == [14]
    assert source.recent == []


async def test_a_client_that_never_marks_a_key_frame_is_told_why_nothing_is_shown() -> None:
    said: list[str] = []
    given = SourceFields(codec="h264", width=64, height=64, fps=16, strength=1.0)
    with closing(
        Source(given, window(), (64, 64), lambda error: said.append(error.message), lambda: None)
    ) as source:
        for frame in range(3):
            source.put(Packet(0, frame, 0, Codec.H264, b"x", NO_FLAGS))
        assert len(said) == 1 and "key frame" in said[0] and "bit 0" in said[0]
    assert source.count_dropped() == 3


async def test_frames_before_the_next_key_frame_are_no_news_after_the_first() -> None:
    said: list[str] = []
    given = SourceFields(codec="h264", width=64, height=64, fps=16, strength=1.0)
    with closing(
        Source(given, window(), (64, 64), lambda error: said.append(error.message), lambda: None)
    ) as source:
        for frame in range(3 * WAITING):
            source.put(Packet(0, frame, 0, Codec.H264, b"x", NO_FLAGS if frame else Flag.KEY))
    assert said == []


@pytest.mark.parametrize("cells", [(24, 40), (64, 107)], ids=["coarse", "fine"])
def test_of_a_source_for_tracks_it_says_where_the_points_are(cells: tuple[int, int]) -> None:
    """A texture that slides to the right by three pixels a picture, cut from a wider picture."""
    rough = np.random.default_rng(0).integers(0, 255, (*cells, 3), np.uint8)
    large = Image.fromarray(rough).resize((320, 192), Image.Resampling.BICUBIC)
    size, payloads = (256, 192), []
    for index in range(12):
        out = io.BytesIO()
        large.crop((36 - 3 * index, 0, 292 - 3 * index, 192)).save(out, "JPEG", quality=90)
        payloads.append(out.getvalue())
    found = answers(JpegFrames(size, size), size, b"no", *payloads, use=Motion(size))
    assert found[0][0] is Answer.BAD and {what for what, _ in found[1:]} == {Answer.PICTURE}
    first, last = (np.array(unpacked(body)) for _, body in (found[1], found[-1]))
    held = last[:, 2] == 1
    assert first.shape == (40, 3) and held.sum() >= 30
    off = np.abs((last - first)[held, :2] * size - (33, 0))
    assert float(off.mean()) < 0.5 and float(off.max()) < 2


@pytest.mark.parametrize(("ahead", "expected"), [(1, [4, 5, 6, 7]), (2, [4, 5, 6, 7]), (3, [7, 8, 9, 10])])
def test_a_chunk_that_is_a_little_behind_stutters_not_and_one_far_behind_does_not_stay_there(
    ahead: int, expected: list[int]
) -> None:
    source = window()
    fill(source, 0, 4)
    source.take()
    fill(source, 4, 8 + ahead)
    assert shown(source.take()) == expected


@pytest.mark.parametrize("change", ["a nod", "a red thing as bright as what is behind it", "dusk"])
def test_what_moves_a_little_and_light_that_changes_slowly_are_news(change: str) -> None:
    before, after = (Image.new("RGB", (160, 96), (128, 128, 128)) for _ in range(2))
    if change == "a nod":
        after.paste((148, 148, 148), (20, 20, 32, 32))
    elif change != "dusk":
        after.paste((240, 84, 84), (20, 20, 44, 44))
    else:
        after = Image.new("RGB", (160, 96), (125, 125, 125))
    likeness = Likeness()
    assert [likeness.same(each) for each in (before, after)] == [False, False]


@pytest.mark.parametrize(("waited_s", "still"), [(4.0, True), (7.0, False)])
async def test_a_stream_that_begins_with_a_source_waits_some_seconds_for_it(
    monkeypatch: pytest.MonkeyPatch, waited_s: float, still: bool
) -> None:
    """A camera takes a moment to start; without one the stream begins all the same."""
    given = SourceFields(codec="jpeg", width=64, height=64, fps=16, strength=1.0)
    with closing(Source(given, window(), (64, 64), lambda _: None, lambda: None, first=True)) as source:
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + waited_s)
        assert source.awaited is still
        monkeypatch.undo()
