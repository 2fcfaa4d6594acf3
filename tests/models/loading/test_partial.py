"""Files that come in parts: what is kept of them, and what takes whose place."""

from pathlib import Path

import pytest

from flowbrush.models.loading.partial import BeingFetched, part_of, partial


def test_what_came_before_an_error_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "new" / "weights.pt"
    with pytest.raises(ConnectionError), partial(path, "0" * 64) as part:
        part.write(b"first ")
        raise ConnectionError
    assert not path.exists() and part_of(path, "0" * 64).read_bytes() == b"first "
    with partial(path, "0" * 64) as part:
        assert part.tell() == 6
        part.write(b"second")
        assert not path.exists()
    assert path.read_bytes() == b"first second" and [*path.parent.iterdir()] == [path]


def test_what_came_of_other_contents_goes_and_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "a[b].pt"
    part_of(path, "1" * 64).write_bytes(b"of another revision")
    kept = [part_of(tmp_path / name, "1" * 64) for name in ("ab.pt", "a[b].pt.index")]
    for other in kept:
        other.touch()
    path.write_bytes(b"before")
    with partial(path, "2" * 64) as part:
        assert part.tell() == 0
    assert path.read_bytes() == b"" and {*tmp_path.iterdir()} == {path, *kept}


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with partial(tmp_path / "weights.pt", "0") as part:
        with (
            pytest.raises(BeingFetched, match=r"weights\.pt\.0\.part"),
            partial(tmp_path / "weights.pt", "0"),
        ):
            raise AssertionError("it is locked")
        part.write(b"whole")
    assert (tmp_path / "weights.pt").read_bytes() == b"whole"
