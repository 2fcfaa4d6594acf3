"""Log lines: no secrets, no forged lines, audit as JSON."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from flowbrush.server import logs
from flowbrush.server.http.audit import audit, note
from flowbrush.server.http.identity import Identity

SECRET = "s3cr3t-t0ken_value"
LINES = 100
"""Of one kind in ten seconds; what the log of a server under attack can be read with."""


@pytest.fixture(params=[False, True], ids=["text", "json"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What goes to stderr, in both forms; logging is as before afterwards."""
    root, audit_log = logging.getLogger(), logging.getLogger("flowbrush.audit")
    before = root.handlers[:], root.level, audit_log.handlers[:], audit_log.propagate
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    # A server that a test ran in this process has given these loggers handlers of their own.
    for name in ("uvicorn", "uvicorn.error"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    logs.configure("info", request.param)
    yield out
    root.handlers[:], root.level, audit_log.handlers[:], audit_log.propagate = before


@pytest.mark.parametrize(
    "text",
    [
        f'127.0.0.1:5 - "WebSocket /v1/stream?token={SECRET}" [accepted]',
        f"GET /v1/sessions/a/log?first=1&token={SECRET}#x",
        f"header Authorization: Bearer {SECRET}",
        f"{{'authorization': 'Bearer {SECRET}', 'a': 1}}",
        f'{{"type":"session.start","resume":"{SECRET}","last_frame":0}}',
        f"{{'resume_token': '{SECRET}'}}",
    ],
)
def test_no_key_and_no_token_stands_in_a_line(written: io.StringIO, text: str) -> None:
    logging.getLogger("uvicorn.error").info("%s", text)
    try:
        raise ValueError(text)
    except ValueError:
        logging.getLogger("someone").exception("it failed: %s", text)
    err = written.getvalue()
    assert SECRET not in err and logs.HIDDEN in err


def test_what_a_client_sends_begins_no_line(written: io.StringIO) -> None:
    forged = "a\n00:00:00 ERROR   [-] server: FORGED\r\x1b[2K\u2028b"
    logging.getLogger("server").warning("unknown fields: %s", forged)
    try:
        raise ValueError(forged)
    except ValueError:
        logging.getLogger("server").exception("failed")
    lines = written.getvalue().splitlines()
    assert not [line for line in lines if line.startswith("00:00:00")]
    assert "\x1b" not in "".join(lines) and any("FORGED" in line for line in lines)


def test_audit_lines_are_json_in_both_forms(written: io.StringIO) -> None:
    who = Identity("alice", "192.0.2.1", "viewer", "abc", by_token=True)
    audit("session.watch", who, session="abc", code=None)
    line = json.loads(written.getvalue())
    assert line.pop("audit").endswith("Z")
    assert line == {
        "event": "session.watch",
        "key": "alice",
        "address": "192.0.2.1",
        "by": "viewer token",
        "session": "abc",
    }


def test_lines_that_clients_make_by_the_thousand_are_left_out_and_counted(written: io.StringIO) -> None:
    """By kind, so that what matters is not lost among them."""
    root = logging.getLogger("uvicorn.error")
    who = Identity("alice", "192.0.2.1")
    for number in range(1000):
        root.warning("Invalid request of %s", number)
        note("refused", code="host_refused")
    root.warning("another")
    audit("session.start", who)
    lines = written.getvalue().splitlines()
    assert len([line for line in lines if "Invalid request" in line]) == LINES
    assert len([line for line in lines if '"refused"' in line]) == LINES
    assert any("another" in line for line in lines) and any('"session.start"' in line for line in lines)


def test_a_flood_is_one_beside_hundreds_of_other_kinds(written: io.StringIO) -> None:
    """As many as a library makes that writes into its texts what others leave to arguments."""
    noisy, library = logging.getLogger("noisy"), logging.getLogger("library")
    for number in range(LINES + 1):
        noisy.warning("again %s", number)
    for number in range(990):
        library.warning(f"about {number}")
    noisy.warning("again %s", "then")
    assert "again then" not in written.getvalue()
    for number in range(1010):
        library.warning(f"about another {number}")
    noisy.warning("again %s", "later")
    assert "again later" in written.getvalue(), "no more than these are kept in mind"


def test_the_next_line_says_how_many_were_left_out(written: io.StringIO) -> None:
    handler = logging.getLogger().handlers[0]

    def write(number: int, after_s: float) -> None:
        fields = {"name": "a", "msg": "line %s", "args": (number,), "created": 1e9 + after_s}
        handler.handle(logging.makeLogRecord(fields))

    for number in range(LINES + 49):
        write(number, 0)
    write(LINES + 49, 9.9)
    assert f"line {LINES - 1}" in written.getvalue().splitlines()[-1]
    write(LINES + 50, 10.1)
    last = written.getvalue().splitlines()[-1]
    assert f"line {LINES + 50} (50 lines like this were left out)" in last


def test_a_clock_that_is_put_back_leaves_no_lines_out(written: io.StringIO) -> None:
    """Until it had caught up, hours later, there would have been none of a kind of which there were many before."""
    handler = logging.getLogger().handlers[0]
    for number in range(LINES + 1):
        fields = {
            "name": "a",
            "msg": "line %s",
            "args": (number,),
            "created": 1e9 - (number == LINES) * 3600.0,
        }
        handler.handle(logging.makeLogRecord(fields))
    assert f"line {LINES}" in written.getvalue().splitlines()[-1]
