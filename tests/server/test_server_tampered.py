"""Files of a session that somebody else removes, moves, cuts or writes to while it runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from session_harness import Harness, said
from test_server_files import HUGE, chunk_of, prompt

from flowbrush.errors import ProtocolError
from flowbrush.protocol import Codec, TracksClear
from flowbrush.server.delivery.recording import Recording
from flowbrush.server.engine.encoder import VideoEncoder
from flowbrush.server.sessions import events as on
from flowbrush.server.store.claims import Claims
from flowbrush.server.store.journal import RECENT_LINES, Journal, track_changes
from flowbrush.server.store.log_text import log_text
from flowbrush.session_file import FileStart, SessionFile

LINES = [(prompt(f"chunk {chunk}", chunk + 1),) for chunk in range(300)]


def journal_of(path: Path, chunks: int) -> Journal:
    journal = Journal(path)
    journal.extend(0, LINES[:chunks])
    return journal


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"[]\n")
    other.rename(path)


TAKEN_AWAY = {
    "file": lambda path: path.unlink(),
    "folder": lambda path: shutil.rmtree(path.parent),
    "moved": lambda path: path.parent.rename(path.parent.with_name("moved")),
    "replaced": replaced,
    "appended": lambda path: path.open("ab").write(b"[]\n"),
}


@pytest.mark.parametrize("how", TAKEN_AWAY)
@pytest.mark.parametrize("ends", [False, True], ids=["goes on", "ends"])
def test_a_journal_that_is_taken_away_is_there_again_whole(tmp_path: Path, how: str, ends: bool) -> None:
    path = tmp_path / "one" / "j"
    path.parent.mkdir()
    journal = journal_of(path, 100)
    TAKEN_AWAY[how](path)
    if not ends:
        journal.replace(100, LINES[100:102], 0)
    journal.close()
    again = Journal(path)
    assert [again.controls(chunk) for chunk in range(len(again))] == LINES[: 100 if ends else 102]
    assert again.whole is None and journal.take_lost() is None


@pytest.mark.parametrize("kept", [0, 10, 130, 280, 299])
def test_of_a_journal_that_is_cut_the_end_is_known(tmp_path: Path, kept: int) -> None:
    """What a lost worker's stream needs: the chunks since the latest snapshot, of which there is one every eight chunks."""
    journal = journal_of(tmp_path / "j", 299)
    whole = b"".join((tmp_path / "j").read_bytes().splitlines(keepends=True)[:kept])
    os.truncate(tmp_path / "j", len(whole) + (5 if kept else 0))  # in the middle of a line
    journal.replace(299, LINES[299:], 3)
    known = [chunk for chunk in range(300) if chunk < kept or chunk >= 300 - 33]
    for each in (journal, Journal(tmp_path / "j")):
        assert len(each) == 300
        assert [each.controls(chunk) for chunk in known] == [LINES[chunk] for chunk in known]
    lost = journal.take_lost()
    assert (lost is None) == (kept >= 280)
    if lost is not None:
        assert lost[0] == kept and 200 <= lost[1] < 299 - 32
        for chunk in lost:
            with pytest.raises(ValueError, match=f"line {chunk + 1} of the journal is lost"):
                journal.controls(chunk)
        with pytest.raises(OSError, match=f"chunk {kept} of the session's log is lost"):
            journal.copy_to(tmp_path / "branch", 300)
        with pytest.raises(ValueError, match=f"line {kept + 1} of the journal is lost"):
            list(track_changes(tmp_path / "j", 300))
        about = SessionFile(model="m", weights=None, start=FileStart(prompt="p"), chunks=0)
        assert SessionFile.parse("".join(log_text(about, tmp_path / "j", 300)))[0].chunks == kept
        journal.truncate(kept)
    journal.truncate(kept)
    journal.extend(kept, [(TracksClear(id=999),)])
    journal.copy_to(tmp_path / "branch", kept + 1)
    assert Journal(tmp_path / "branch").controls(kept) == (TracksClear(id=999),) and journal.whole is None


@pytest.mark.parametrize("chunk", [0, 40, 99])
def test_lines_that_somebody_else_has_overwritten_are_put_back_as_memory_has_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, chunk: int
) -> None:
    """With as many bytes as there were. Of lines that memory has no more it is not told: nothing remembers them."""
    path = tmp_path / "j"
    journal = journal_of(path, 100)
    before = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(before.index(f'"chunk {chunk}"'.encode()) + 1)
        file.write(b"CHUNK")
    os.utime(path, ns=(0, 0))
    journal.check()
    known = chunk >= 100 - RECENT_LINES
    assert (path.read_bytes() == before) == known and ("written into" in caplog.text) == known
    journal.replace(100, LINES[100:102], 0)
    assert len(Journal(path)) == len(journal) == 102 and journal.take_lost() is None
    caplog.clear()
    journal.check()
    assert not caplog.records


def test_a_journal_that_is_cut_again_and_again_has_the_lines_of_its_index(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "j", 200)
    for _ in range(3):
        os.truncate(tmp_path / "j", 0)
        journal.extend(len(journal), [LINES[len(journal)]])
    again = Journal(tmp_path / "j")
    assert len(again) == 203 and again.controls(202) == journal.controls(202) == LINES[202]
    assert journal.take_lost() is not None and journal.take_lost() is None


def test_a_journal_that_cannot_be_put_back_is_written_on_where_it_is(tmp_path: Path) -> None:
    folder, moved = tmp_path / "one", tmp_path / "moved"
    folder.mkdir()
    journal = journal_of(folder / "j", 5)
    folder.rename(moved)
    folder.touch()
    journal.extend(5, [LINES[5]])
    folder.unlink()
    moved.rename(folder)
    journal.extend(6, [LINES[6]])
    assert [Journal(folder / "j").controls(chunk) for chunk in range(7)] == LINES[:7]


@pytest.mark.parametrize("how", ["file", "folder", "moved"])
def test_a_recording_that_is_taken_away_is_there_again_whole(tmp_path: Path, how: str) -> None:
    files = []
    for name in ("left", "taken"):
        path = tmp_path / name / "r.mp4"
        path.parent.mkdir()
        recording, encoder = (
            Recording(path, Codec.JPEG, 128, 96, 16, HUGE),
            VideoEncoder(Codec.JPEG, 128, 96, 16),
        )
        for chunk in range(4):
            assert recording.put(chunk, chunk * 4, chunk_of(encoder, chunk))
            if name == "taken" and chunk == 2:
                TAKEN_AWAY[how](path)
        recording.close()
        files.append(path.read_bytes())
    assert files[0] == files[1]


def test_a_recording_that_cannot_be_put_back_is_written_on_where_it_is(tmp_path: Path) -> None:
    folder, moved = tmp_path / "one", tmp_path / "moved"
    folder.mkdir()
    recording, encoder = (
        Recording(folder / "r.mp4", Codec.JPEG, 128, 96, 16, HUGE),
        VideoEncoder(Codec.JPEG, 128, 96, 16),
    )
    for chunk in range(4):
        if chunk == 1:
            folder.rename(moved)
            folder.touch()
        if chunk == 3:
            folder.unlink()
            moved.rename(folder)
        assert recording.put(chunk, chunk * 4, chunk_of(encoder, chunk))
    assert Recording(folder / "r.mp4", Codec.JPEG, 128, 96, 16, HUGE).chunks == 4


def test_a_recording_that_is_cut_takes_no_more_and_stays_playable(tmp_path: Path) -> None:
    path, encoder = tmp_path / "r.mp4", VideoEncoder(Codec.JPEG, 128, 96, 16)
    recording, sizes = Recording(path, Codec.JPEG, 128, 96, 16, HUGE), []
    for chunk in range(3):
        recording.put(chunk, chunk * 4, chunk_of(encoder, chunk))
        sizes.append(recording.bytes)
    os.truncate(path, sizes[1] + 10)
    with pytest.raises(OSError, match="somebody else has cut its file"):
        recording.put(3, 12, chunk_of(encoder, 3))
    assert recording.bytes == path.stat().st_size == sizes[1] and recording.chunks == 2


def test_a_rewind_into_what_the_log_has_lost_is_refused_and_elsewhere_done(tmp_path: Path) -> None:
    it = Harness(tmp_path)
    it.open()
    for _ in range(12):
        it.chunk()
    (told,) = said(it.tell(on.Written(len(it.journal), (2, 5))), "notice")
    assert told.code == "log_lost" and "chunks 2 to 5" in told.message
    for chunk in (2, 5, 9):
        with pytest.raises(ProtocolError, match="chunks 2 to 5 of the session's log are lost"):
            it.tell(on.RewindAsked(chunk))
    it.session.history.saved(6, "snapshot")
    assert said(it.tell(on.RewindAsked(9)), "session.rewound")
    assert said(it.tell(on.RewindAsked(1), 9.0), "session.rewound") and it.session.history.lost is None


def test_the_lock_of_a_session_whose_folder_is_removed_is_taken_again(tmp_path: Path) -> None:
    mine, other = Claims(tmp_path), Claims(tmp_path)
    assert mine.take("one")
    shutil.rmtree(tmp_path / "sessions")
    assert mine.take("one") and not other.take("one")
    mine.drop("one")
    assert other.take("one")
    for each in (mine, other):
        each.close()
