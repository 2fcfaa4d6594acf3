"""A session that goes on from a chunk of another: its files, made from those of the other."""

from __future__ import annotations

import secrets
import time

from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.store import images
from flowbrush.server.store.session_repository import SessionRepository, new_id
from flowbrush.server.store.store import Store, hash_token


def branch(
    parent: SessionHost, chunk: int, store: Store, repository: SessionRepository
) -> tuple[SessionHost, str]:
    """The new session, and its resume token. It goes on from the end of `chunk`, which is made. Raises OSError."""
    token, new = secrets.token_urlsafe(24), new_id()
    frame = (chunk + 1) * parent.meta.chunk_frames
    meta = parent.meta.model_copy(
        update={"id": new, "token_hash": hash_token(token), "created": time.time(), "first_frame": frame}
    )
    try:
        store.owners.take(new)
        store.write(meta)
        parent.journal.copy_to(store.journal(new), chunk + 1)
        if store.image(parent.id).exists():
            images.share(store.image(parent.id), store.image(new))
        for saved, path in parent.session.history.snapshots.items():
            if saved <= chunk:
                store.link_snapshot(path, new, saved)
        return repository.revive(meta), token
    except OSError:
        store.remove(new)
        raise
