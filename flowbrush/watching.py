"""Watching somebody else's session, read-only."""

from __future__ import annotations

from ssl import SSLContext
from typing import Annotated

from pydantic import Field

from flowbrush.arguments import checked
from flowbrush.rest import Server, TokenLike
from flowbrush.viewer import FrameKind, Viewer


class WatchedSession(Viewer):
    """Frames and events of a session, from the next key frame on. Made by `watch`."""

    def __init__(self, server: Server, session: str, *, frames: FrameKind, realtime: bool) -> None:
        super().__init__(server, frames=frames, realtime=realtime)
        self._session = session

    def _url(self) -> str:
        return self._server.watch_url(self._session)

    def _hello(self) -> None:
        return None

    async def _reconnected(self) -> None:
        self._decoder = None  # frames are missing: decode from the next key frame on


@checked
def watch(
    url: str,
    session: Annotated[str, Field(min_length=1)],
    *,
    api_key: str | None = None,
    token: TokenLike | None = None,
    ssl: SSLContext | None = None,
    frames: FrameKind = "numpy",
    realtime: bool = True,
) -> WatchedSession:
    """A view of the session with this id, to be opened with `async with`; parameters as with `connect`."""
    return WatchedSession(
        Server.from_url(url, api_key, ssl, token), session, frames=frames, realtime=realtime
    )
