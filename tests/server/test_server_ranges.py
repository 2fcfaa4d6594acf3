"""Parts of files that are asked for, as HTTP counts them: both ends are meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbrush.server.http.ranges import LARGEST, byte_range

WHOLE = (0, 99)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=4-11", (4, 11)),
        ("bytes=90-", (90, 99)),
        ("bytes=90-1000", (90, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-1000", WHOLE),
        (f"bytes=0-{'9' * 5000}", WHOLE),
        (f"bytes={'0' * 5000}4-11", (4, 11)),
    ],
)
def test_a_part_is_what_was_asked_for_as_far_as_there_is_any(wanted: str, found: tuple[int, int]) -> None:
    assert byte_range(wanted, 100) == found


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=11-4", "bytes=-0", f"bytes={'9' * 5000}-"])
def test_a_part_that_is_not_there_is_none(wanted: str) -> None:
    assert byte_range(wanted, 100) is None


@pytest.mark.parametrize(
    "wanted", [None, "", "bytes=-", "bytes=0-1,4-5", "lines=0-1", "bytes=a-b", "bytes=+1-2"]
)
def test_what_is_no_range_or_several_is_the_whole(wanted: str | None) -> None:
    assert byte_range(wanted, 100) == WHOLE


@given(st.integers(0, LARGEST), st.integers(0, LARGEST), st.integers(1, LARGEST))
def test_a_part_lies_within_the_file_and_within_what_was_asked_for(first: int, last: int, size: int) -> None:
    found = byte_range(f"bytes={first}-{last}", size)
    assert (found is None) == (first > last or first >= size)
    assert found is None or found == (first, min(last, size - 1))
