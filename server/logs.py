"""Logging: one line per event, with the session in every line that belongs to one; text or JSON.

No line holds a key or a token, whoever writes it, and none can be made to look like two.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from contextvars import ContextVar

from flowbrush.printable import on_one_line
from flowbrush.server import outputs

session_id: ContextVar[str] = ContextVar("session_id", default="-")

HIDDEN = "***"
FLOOD_S, FLOOD_LINES, FLOOD_KINDS = 10.0, 100, 1000
"""So many lines of one kind in so many seconds. So many kinds are counted at once, those last heard: other
packages put into their texts what ours leave to `%s`, and each such line is a kind of its own."""

_SECRETS = re.compile(
    r"""([?&;]token=)[^&;\s"'\\#]+            # in an address
    |   (\bbearer\s+)[^\s"',;\\]+             # in a header
    |   (["']?\b(?:resume_token|resume|token|api_keys?|authorization)["']?\s*[:=]\s*["'])[^"']+   # in a message
    """,
    re.IGNORECASE | re.VERBOSE,
)


def without_secrets(text: str) -> str:
    """The text with whatever stands where keys and tokens stand taken out."""
    return _SECRETS.sub(lambda match: (match[1] or match[2] or match[3]) + HIDDEN, text)


class _SessionFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.setdefault("session", session_id.get())
        return True


class _FloodFilter(logging.Filter):
    """Leaves out lines that are alike when clients make too many of them; the first line afterwards says how many they were.

    Of audit lines only refusals are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}
        """kind of line → (when its time began, how many since); the one heard last stands last"""

    def filter(self, record: logging.LogRecord) -> bool:
        facts = getattr(record, "audit", None)
        if facts is not None and facts["event"] != "refused":
            return True
        kind = (record.name, str(record.msg))
        began, count = self._seen.pop(kind, (record.created, 0))
        left_out = 0
        if not 0 <= record.created - began <= FLOOD_S:  # also where the clock was put back
            began, count, left_out = record.created, 0, max(0, count - FLOOD_LINES)
        self._seen[kind] = (began, count + 1)
        if len(self._seen) > FLOOD_KINDS:
            del self._seen[next(iter(self._seen))]
        if left_out:
            _say_left_out(record, left_out)
        return count < FLOOD_LINES


def _say_left_out(record: logging.LogRecord, count: int) -> None:
    if hasattr(record, "audit"):
        record.audit = {**record.audit, "left_out": count}
    else:
        record.msg, record.args = f"{record.getMessage()} ({count} lines like this were left out)", ()


class _TextFormatter(logging.Formatter):
    """One line; a traceback follows, indented, so that none of its lines looks like a line of the log."""

    def format(self, record: logging.LogRecord) -> str:
        session = getattr(record, "session", "-")
        head = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname:<7} [{session}] {record.name}: "
        lines = [on_one_line(without_secrets(head + record.getMessage()))]
        if record.exc_info:
            traceback = without_secrets(self.formatException(record.exc_info))
            lines += ["  | " + on_one_line(line) for line in traceback.split("\n")]
        return "\n".join(lines)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "session": getattr(record, "session", "-"),
            "message": without_secrets(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class _AuditFormatter(logging.Formatter):
    """Audit lines are JSON in both forms of the log, with the time in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {name: fact for name, fact in getattr(record, "audit", {}).items() if fact is not None}
        clean = {
            name: without_secrets(fact) if isinstance(fact, str) else fact for name, fact in facts.items()
        }
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        return json.dumps({"audit": when, **clean})


def _missing(lost: int) -> logging.LogRecord:
    """A line of the log, of those that it lacks."""
    said = "%d lines could not be written"
    return logging.LogRecord(outputs.__name__, logging.WARNING, __file__, 0, said, (lost,), None)


def configure(level: str, as_json: bool) -> None:
    """Sends all logging of this process to stderr in one form; audit lines go there, too, whatever the level."""
    # What cannot be written is not printed in another way, with its arguments.
    logging.raiseExceptions = False
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_FloodFilter())
    handler.addFilter(_SessionFilter())
    formatter = _JsonFormatter() if as_json else _TextFormatter()
    handler.setFormatter(formatter)
    outputs.tell_as(lambda lost: formatter.format(_missing(lost)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("uvicorn.access", "websockets", "multipart", "python_multipart"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(
        max(root.level, logging.INFO)
    )  # below, it writes whole messages
    audit_lines = logging.StreamHandler(sys.stderr)
    audit_lines.addFilter(_FloodFilter())
    audit_lines.setFormatter(_AuditFormatter())
    audit = logging.getLogger("flowbrush.audit")
    audit.handlers[:] = [audit_lines]
    audit.propagate = False
    audit.setLevel(logging.INFO)
