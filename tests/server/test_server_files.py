"""What is on disk: the journal, the recording, uploads."""

from __future__ import annotations

import errno
import io
import json
import os
import tracemalloc
from pathlib import Path
from random import Random
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from raw_client import decode_file
from server_generator import draw, read

from flowbrush.protocol import Codec, Point, Prompt, PromptSet, TrackMove, TracksClear
from flowbrush.server.delivery.clips import clip
from flowbrush.server.delivery.mp4 import Sample
from flowbrush.server.delivery.recording import Recording
from flowbrush.server.engine.encoder import VideoEncoder
from flowbrush.server.engine.local import LocalEngine
from flowbrush.server.first_reading import Unusable, opened
from flowbrush.server.metrics import Metrics
from flowbrush.server.settings import Settings
from flowbrush.server.store.images import BadImage, ImageStore
from flowbrush.server.store.journal import BLOCK, Journal, lines_of
from flowbrush.server.store.log_text import log_text
from flowbrush.server.store.room import Room
from flowbrush.server.store.session_repository import SessionRepository
from flowbrush.server.store.store import Store
from flowbrush.session_file import FileStart, SessionFile, at_chunk

HUGE = 1 << 30
SESSION: dict[str, Any] = {
    "id": "one",
    "token_hash": "0" * 64,
    "model": "pocket",
    "start": {"model": "pocket", "prompt": "a cat"},
    "width": 320,
    "height": 192,
    "fps": 16.0,
    "chunk_frames": 4,
    "codec": "h264",
    "codec_string": "avc1.42c00c",
    "created": 1.0,
    "frames": 4,
    "ended": "stopped",
}


def prompt(text: str, id: int) -> PromptSet:
    return PromptSet(id=id, prompts=(Prompt(text=text),))


def test_a_journal_is_read_back_cut_and_goes_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.extend(len(journal), [(prompt("one", 1),)])
    journal.extend(len(journal), [()])
    journal.extend(len(journal), [(prompt("two", 2), TracksClear(id=3))])
    assert journal.controls(0) == (prompt("one", 1),) and journal.controls(1) == ()
    journal.truncate(2)
    journal.extend(len(journal), [(prompt("three", 4),)])
    journal.close()
    again = Journal(tmp_path / "j")
    assert len(again) == 3 and again.controls(2) == (prompt("three", 4),)
    with pytest.raises(IndexError):
        again.controls(3)
    again.copy_to(tmp_path / "branch", 1)
    assert len(Journal(tmp_path / "branch")) == 1


def test_every_line_of_a_long_journal_is_found_and_cut(tmp_path: Path) -> None:
    """Also those longer than what is read in one go, and where the index begins anew."""
    random = Random(7)
    lines = [
        (prompt("x" * random.choice((1, 900)), n + 1),) if random.random() < 0.3 else () for n in range(500)
    ]
    lines[70] = tuple(prompt("y" * 2000, 501 + n) for n in range(3 * BLOCK // 2000))
    journal = Journal(tmp_path / "j")
    journal.extend(0, lines)
    for length in (500, 449, 448, 447, 129, 128, 71, 70, 64, 1, 0):
        journal.truncate(length)
        again = Journal(tmp_path / "j")
        for each in (journal, again):
            assert [each.controls(chunk) for chunk in range(len(each))] == lines[:length]
    journal.extend(0, lines)
    journal.copy_to(tmp_path / "branch", 333)
    branch = Journal(tmp_path / "branch")
    assert len(branch) == 333 and branch.controls(332) == lines[332]


def test_what_memory_keeps_of_a_long_stream_hardly_grows(tmp_path: Path) -> None:
    """A week has more than two million chunks."""
    journal = Journal(tmp_path / "j")
    tracemalloc.start()
    for first in range(0, 100_000, 1000):
        journal.extend(first, [()] * 1000)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 100_000


def test_a_line_that_the_disk_has_lost_is_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.extend(0, [()] * 200)
    os.truncate(tmp_path / "j", 6)
    with pytest.raises(ValueError, match="line 3 of the journal is lost"):
        journal.controls(2)


@pytest.mark.parametrize("broken", [None, 1])
def test_the_log_of_a_session_is_a_session_file_up_to_what_can_be_read(
    tmp_path: Path, broken: int | None
) -> None:
    journal = Journal(tmp_path / "j")
    points = tuple(Point(t=n / 100, x=0.5, y=0.25) for n in range(1000))
    lines = [(prompt("grüße", 1),), (), (TrackMove(track=1, points=points), TracksClear(id=3))]
    journal.extend(0, lines)
    if broken is not None:
        texts = (tmp_path / "j").read_bytes().splitlines(keepends=True)
        (tmp_path / "j").write_bytes(b"".join([*texts[:broken], b"[{broken]\n", *texts[broken + 1 :]]))
    about = SessionFile(model="m", weights="sha256:" + 64 * "0", start=FileStart(prompt="p"), chunks=0)
    read, ignored = SessionFile.parse("".join(log_text(about, tmp_path / "j", 3)))
    kept = 3 if broken is None else broken
    controls = tuple(at_chunk(each, chunk) for chunk in range(kept) for each in lines[chunk])
    assert read == about.model_copy(update={"controls": controls, "chunks": kept}) and ignored == ()
    assert lines_of(tmp_path / "j") == 3


def repository(tmp_path: Path, settings_of_a_session: dict[str, Any]) -> SessionRepository:
    """A state folder with one session, whose settings are as they are."""
    settings = Settings(_env_file=None, state_dir=tmp_path, runtime_dir=tmp_path / "run")
    store = Store(settings.state_dir, settings.snapshots_dir)
    (tmp_path / "sessions/one").mkdir()
    (tmp_path / "sessions/one/session.json").write_text(json.dumps(settings_of_a_session))
    (tmp_path / "sessions/one/journal.jsonl").write_text("[]\n")
    return SessionRepository(settings, store, Metrics())


def test_a_session_that_cannot_be_read_is_named_and_keeps_its_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    there = repository(tmp_path, {key: value for key, value in SESSION.items() if key != "codec"})
    assert there.stored() == []
    assert "sessions/one/session.json cannot be read, so its session is not taken up" in caplog.text
    assert (tmp_path / "sessions/one/journal.jsonl").exists()


def test_a_log_that_cannot_be_made_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, other = {**SESSION}, {**SESSION, "model": "of-another-version"}
    assert repository(tmp_path / "whole", whole).session_file("one", None) is not None
    assert repository(tmp_path / "other", other).session_file("one", None) is None
    assert "its log cannot be made: model is 'of-another-version', but start.model is 'pocket'" in caplog.text


def test_a_line_that_a_crash_cut_short_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    journal.extend(len(journal), [(prompt("whole", 1),)])
    journal.close()
    with open(path, "ab") as file:
        file.write(b'[{"type":"prompt.s')
    journal = Journal(path)
    assert len(journal) == 1
    journal.extend(len(journal), [()])
    assert Journal(path).controls(1) == ()


def test_a_line_is_in_the_journal_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes half a line, then nothing, then everything again."""
    journal = Journal(tmp_path / "j")
    journal.extend(0, [(prompt("one", 1),)])
    whole = (tmp_path / "j").read_bytes()
    write, room = os.write, [10, 0]

    def short(file: int, data: memoryview) -> int:
        if not room:
            return write(file, data)
        size = room.pop(0)
        if size == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[:size])

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space"):
        journal.extend(1, [(prompt("two", 2),), ()])
    assert len(journal) == 1 and (tmp_path / "j").read_bytes() == whole
    with pytest.raises(ValueError, match="cannot follow"):
        journal.extend(2, [()])
    journal.extend(1, [(prompt("two", 2),), ()])
    again = Journal(tmp_path / "j")
    assert len(again) == 3 and again.controls(1) == (prompt("two", 2),) and again.controls(2) == ()


def test_a_journal_has_a_largest_size(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", limit=100)
    with pytest.raises(OSError, match="largest size"):
        journal.extend(0, [(prompt("x" * 100, 1),)])
    journal.extend(0, [()])


def test_room_is_for_all_and_half_of_it_for_who_has_little(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("a", "b", "c"))
    room = Room(100)
    assert not room.lacks(first, 50) and room.lacks(first, 51), "half is anybody's"
    room.note(first, 50)
    assert not room.lacks(second, 25) and room.lacks(second, 26), "an equal share of the half"
    room.note(second, 25)
    assert room.lacks(first, 51) and not room.lacks(third, 16) and room.lacks(third, 17)
    room.leave(first)
    assert not room.lacks(third, 25)
    assert not any(Room().lacks(path, 1 << 40) for path in (first, second))


def test_all_files_together_never_take_more_than_there_is_room(tmp_path: Path) -> None:
    room, sizes = Room(1000), dict[int, int]()
    for new in range(60):
        sizes[new] = 0
        for _ in range(40):
            for each in sizes:
                if not room.lacks(tmp_path / str(each), sizes[each] + 5):
                    sizes[each] += 5
                    room.note(tmp_path / str(each), sizes[each])
    assert 900 < sum(sizes.values()) <= 1000


def test_where_all_journals_take_too_much_the_largest_grows_no_more_and_the_others_do(tmp_path: Path) -> None:
    line = [(prompt("x" * 100, 1),)]
    once = Journal(tmp_path / "once")
    once.extend(0, line)
    size = (tmp_path / "once").stat().st_size
    room = Room(9 * size)
    large, small = (Journal(tmp_path / name, room=room) for name in ("large", "small"))
    large.extend(0, line * 4)
    with pytest.raises(OSError, match="it has its share"):
        large.extend(4, line)
    small.extend(0, line * 2)
    with pytest.raises(OSError, match="it has its share"):
        small.extend(2, line)
    assert (len(large), len(small)) == (4, 2)
    large.close()
    small.extend(2, line)


def test_logs_and_recordings_of_running_sessions_take_the_disk_at_most(tmp_path: Path) -> None:
    stored = repository(tmp_path, SESSION)
    most = stored._settings.disk_mib * 1024 * 1024
    assert 0 < stored._logs.total + stored._recordings.total <= most


def chunk_of(encoder: VideoEncoder, chunk: int, key: bool = False) -> list[Sample]:
    pictures = [draw(chunk * 4 + n) for n in range(4)]
    return [Sample(*encoder.encode(picture, key and n == 0)) for n, picture in enumerate(pictures)]


def test_a_line_says_where_a_past_begins_and_nobody_else_hears_of_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.replace(0, [(prompt("one", 1),), ()], 0)
    journal.replace(2, [(prompt("two", 2),)], 1)
    journal.replace(1, [(), (prompt("three", 3),)], 2)
    journal.replace(3, [()], 5)
    again = Journal(tmp_path / "j")
    again.replace(4, [()], 6)
    assert list(again.epochs()) == [0, 2, 2, 2, 6]
    assert [again.controls(chunk) for chunk in range(5)] == [
        (prompt("one", 1),), (), (prompt("three", 3),), (), (),
    ]  # fmt: skip
    start = SessionFile(model="pocket", start=FileStart(prompt="a cat"), chunks=0)
    text = "".join(log_text(start, tmp_path / "j", 5))
    assert [control["id"] for control in json.loads(text)["controls"]] == [1, 3]
    again.copy_to(tmp_path / "branch", 2)
    assert list(Journal(tmp_path / "branch").epochs()) == [0, 2]


@pytest.mark.parametrize("codec", list(Codec))
def test_a_recording_can_be_cut_and_taken_up_again(
    tmp_path: Path, codec: Codec, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "r.mp4"
    recording = Recording(path, codec, 128, 96, 16, HUGE)
    encoder = VideoEncoder(codec, 128, 96, 16)
    for chunk in range(4):
        assert recording.put(chunk, chunk * 4, chunk_of(encoder, chunk))
    recording.cut(2)
    recording.close()
    with open(path, "ab") as file:
        file.write(b"\0\0\1\0moof half of a box")
    again = Recording(path, codec, 128, 96, 16, HUGE)
    assert again.chunks == 2
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: its last 22 bytes are no whole chunk, and are left out"
    ]
    encoder = VideoEncoder(codec, 128, 96, 16)
    for chunk in (2, 3, 4):
        assert again.put(chunk, chunk * 4, chunk_of(encoder, chunk))
    again.put(3, 12, chunk_of(encoder, 3, key=True))
    assert [read(picture)[0] for picture in decode_file(path.read_bytes())] == list(range(16))


def test_a_recording_stops_at_its_limit_and_stays_playable(tmp_path: Path) -> None:
    path = tmp_path / "r.mp4"
    recording = Recording(path, Codec.JPEG, 128, 96, 16, 60_000)
    encoder = VideoEncoder(Codec.JPEG, 128, 96, 16)
    kept = 0
    while recording.put(kept, kept * 4, chunk_of(encoder, kept)):
        kept += 1
    assert recording.full and kept > 0 and path.stat().st_size <= 60_000
    assert len(decode_file(path.read_bytes())) == kept * 4


def test_recordings_of_running_sessions_have_room_together(tmp_path: Path) -> None:
    """The largest stops, and can be played; a smaller one goes on."""
    room = Room(200_000)
    encoder = VideoEncoder(Codec.JPEG, 128, 96, 16)
    large, small = (Recording(tmp_path / f"{name}.mp4", Codec.JPEG, 128, 96, 16, HUGE, room) for name in "ab")
    kept = 0
    while large.put(kept, kept * 4, chunk_of(encoder, kept)):
        kept += 1
    assert large.full and 50_000 < large.bytes <= 100_000
    assert len(decode_file(large.path.read_bytes())) == kept * 4
    assert small.put(0, 0, chunk_of(encoder, 0)) and not small.full
    size = small.bytes
    large.close()
    assert (
        not room.lacks(small.path, 100_000) and small.put(1, 4, chunk_of(encoder, 1)) and small.bytes > size
    )


def image_bytes(width: int, height: int, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 60)).save(out, form)
    return out.getvalue()


def test_uploads_are_decoded_once_and_bounded(tmp_path: Path) -> None:
    store = ImageStore(tmp_path, 100_000, 1e6)
    path = store.path(store.add(image_bytes(64, 32, "JPEG")))
    assert path is not None
    with Image.open(path) as image:
        assert image.size == (64, 32) and abs(np.asarray(image).mean((0, 1)) - (200, 30, 60)).max() < 4
    for bad, reason in (
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "broken|not an image"),
        (b"hello", "not an image"),
        (image_bytes(1100, 1000), "megapixels"),
        (bytes(100_001), "at most"),
        (image_bytes(64, 64)[:60], "broken|not an image"),
    ):
        with pytest.raises(BadImage, match=reason):
            store.add(bad)
    for name in ("../secret", "nothing", "", "a/b"):
        assert store.path(name) is None


def test_a_clip_is_a_video_of_its_own_from_the_key_frame_before_it(tmp_path: Path) -> None:
    path = tmp_path / "r.mp4"
    recording = Recording(path, Codec.H264, 128, 96, 16, HUGE)
    encoder = VideoEncoder(Codec.H264, 128, 96, 16)
    for chunk in range(8):
        samples = [
            Sample(*encoder.encode(draw(chunk * 4 + index), key=chunk == 3 and index == 0))
            for index in range(4)
        ]
        recording.put(chunk, chunk * 4, samples)

    def frames_of(first: int, last: int) -> list[int]:
        found = clip(path, recording.bytes, first, last)
        assert found is not None
        data = b"".join(found.blocks())
        assert len(data) == found.size
        with av.open(io.BytesIO(data)) as file:
            pictures = list(file.decode(video=0))
        assert [round(float(picture.time) * 16) for picture in pictures] == list(range(len(pictures)))
        return [read(picture.to_ndarray(format="rgb24"))[0] for picture in pictures]

    assert frames_of(3, 5) == list(range(12, 24)), "it begins with a key frame"
    assert frames_of(4, 4) == list(range(12, 20)), "from the key frame before"
    assert frames_of(1, 1) == list(range(8)) and frames_of(6, 99) == list(range(12, 32))
    assert clip(path, recording.bytes, 8, 9) is None
    recording.cut(2)
    assert clip(path, recording.bytes, 2, 5) is None and frames_of(0, 5) == list(range(8))


@pytest.mark.parametrize("format", ["2", "1.5", "one"])
def test_a_folder_of_a_later_version_is_refused_and_left_alone(tmp_path: Path, format: str) -> None:
    """This version would cut its log at the first line that it does not know, and write its settings anew without what is new."""
    (tmp_path / "sessions/one").mkdir(parents=True)
    (tmp_path / "format").write_text(format + "\n")
    (tmp_path / "sessions/one/session.json").write_text(
        json.dumps({**SESSION, "ended": None, "new": "setting"})
    )
    (tmp_path / "sessions/one/journal.jsonl").write_text('[]\n[{"type":"new"}]\n')
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    settings = Settings(_env_file=None, state_dir=tmp_path, runtime_dir=tmp_path / "run")
    with pytest.raises(
        Unusable, match=r"is in format .*, and this version of flowbrush writes 1: nothing was changed"
    ):
        opened(settings, LocalEngine())
    assert {path: path.read_bytes() for path in before} == before
