"""What a person names as a file: refused before the work begins, read no further than it may go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowbrush import session_file
from flowbrush.errors import ProtocolError
from flowbrush.pipelines.media import picture, tracks_io
from flowbrush.pipelines.media.files import check_output, read_at_most, write_whole

ENDLESS = Path("/dev/zero")
endless = pytest.mark.skipif(not ENDLESS.exists(), reason="there is no /dev/zero")


def test_where_a_file_cannot_be_written_is_known_beforehand(tmp_path: Path) -> None:
    check_output(tmp_path / "new.json")
    check_output(Path("new.json"))
    (tmp_path / "file").write_text("")
    check_output(tmp_path / "file")
    with pytest.raises(ValueError, match="is a folder: name a file"):
        check_output(tmp_path)
    for folder in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(ValueError, match="does not exist: make it first"):
            check_output(folder / "new.json")
    with pytest.raises(ValueError, match="cannot be written: File name too long"):
        check_output(tmp_path / ("x" * 255))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder that takes no files")
def test_a_folder_that_takes_no_files_is_told_before_the_work() -> None:
    """Its permissions say that it does."""
    with pytest.raises(ValueError, match=r"/proc/out\.mp4 cannot be written: No such file or directory"):
        check_output(Path("/proc/out.mp4"))


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    """Whichever way its name is written."""
    given, link = tmp_path / "tracks.npy", tmp_path / "link.npy"
    given.write_bytes(b"a person's work")
    link.symlink_to(given)
    check_output(tmp_path / "other.npy", given, None)
    for out in (given, link):
        with pytest.raises(ValueError, match="is what is read: name another file"):
            check_output(out, None, given)


def test_a_file_is_read_as_far_as_it_may_go(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_at_most(path, 5) == b"12345"
    with pytest.raises(OSError, match="larger than"):
        read_at_most(path, 4)


@endless
def test_what_has_no_end_is_told_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_file, "MAX_FILE_BYTES", 1000)
    with pytest.raises(ProtocolError, match=r"/dev/zero: the file has more than 1000 bytes"):
        session_file.SessionFile.read(ENDLESS)
    monkeypatch.setattr(picture, "MAX_FILE_BYTES", 1000)
    with pytest.raises(OSError, match="larger than"):
        picture.read_picture(ENDLESS)
    monkeypatch.setattr(tracks_io, "LARGEST", 1000)
    (tmp_path / "tracks.json").symlink_to(ENDLESS)
    with pytest.raises(tracks_io.BadTracks, match="cannot be read: larger than"):
        tracks_io.read_tracks(tmp_path / "tracks.json")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there stays until then, behind a link, too."""
    out, link = tmp_path / "out.json", tmp_path / "link.json"
    out.write_text("before")
    link.symlink_to(out)
    replace = os.replace

    def full(part: Path, target: Path) -> None:
        assert Path(part).read_text() == "after" and out.read_text() == "before"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(link, "after")
    assert out.read_text() == "before" and sorted(tmp_path.iterdir()) == [link, out]
    monkeypatch.setattr(os, "replace", replace)
    write_whole(link, "after")
    assert out.read_text() == "after" and link.is_symlink() and sorted(tmp_path.iterdir()) == [link, out]


def test_a_pipe_is_written_into_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, "text")
    assert os.read(reader, 100) == b"text" and pipe.is_fifo()
    os.close(reader)
