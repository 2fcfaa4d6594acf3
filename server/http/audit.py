"""Who did what: one JSON object per line, whatever form the other lines of the log have."""

from __future__ import annotations

import logging

from flowbrush.server.http.identity import Identity

log = logging.getLogger("flowbrush.audit")
"""`flowbrush.server.logs` writes its lines as JSON; none of them holds a key, a token, or what people asked for."""


def audit(event: str, identity: Identity, **facts: str | int | float | None) -> None:
    """Notes an act: `session.start`, `session.resume`, `session.watch`, `session.branch`, `session.mark`, `image.upload`,
    `token.issue`, `read.log`, `read.recording`.
    """
    who = {"key": identity.owner or None, "address": identity.address}
    if identity.by_token:
        who["by"] = f"{identity.role} token"
    note(event, **who, **facts)


def note(event: str, **facts: str | int | float | None) -> None:
    """Notes an event that is nobody's act, or whose actor is not known: `session.end`, `refused`, `keys.reload`."""
    log.info("%s", event, extra={"audit": {"event": event, **facts}})
