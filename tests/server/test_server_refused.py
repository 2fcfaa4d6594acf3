"""What a client is told of a fault: why, and nothing of the machine that it happened on."""

from __future__ import annotations

from pathlib import Path

import pytest
from session_harness import Harness, drag, said

from flowbrush.protocol import TrackEnd
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.refused import failure, reason
from flowbrush.server.store.journal import JournalFull
from flowbrush.server.store.storage import StorageLate

FULL = OSError(28, "No space left on device", "/srv/private/sessions/abc/journal.jsonl")


@pytest.mark.parametrize(
    ("error", "says", "of_a_worker"),
    [
        (FULL, "No space left on device", "No space left on device"),
        (StorageLate("the disk does not answer"), "the disk does not answer", "the disk does not answer"),
        (JournalFull("it is full"), "it is full", "it is full"),
        (KeyError("a"), "'a'", "KeyError: 'a'"),
    ],
)
def test_the_reason_is_said_without_paths_and_numbers(error: Exception, says: str, of_a_worker: str) -> None:
    assert (reason(error), failure(error)) == (says, of_a_worker)


def test_what_a_session_says_of_its_files_has_no_path(tmp_path: Path) -> None:
    it = Harness(tmp_path)
    it.open()
    it.disk_hangs = True
    it.give(drag(None, 1, 0.0), TrackEnd(track=1))
    it.chunk()
    told = it.tell(on.Failed(it.writing[0], FULL))
    told += it.tell(on.Failed(do.Queue(), FULL))
    assert [each.message for each in said(told) if each.type in ("notice", "error")] == [
        "the session's log cannot be written for now and is kept in memory: No space left on device",
        "No space left on device",
    ]
