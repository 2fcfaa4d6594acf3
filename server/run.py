"""Runs the server until a signal: the socket, uvicorn, the goodbye to every session."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import sys
from types import FrameType

import uvicorn

from server import logs
from server.http.app import create_app
from server.sessions.service import Service
from server.settings import MIB, Settings

log = logging.getLogger(__name__)

MAX_UNSENT = 64 << 10
"""Bytes the kernel may hold back unsent: what lies there when a client stops reading is stale."""

MAX_WS_MESSAGE = 4 * MIB
"""Larger messages end the connection; those above the protocol's limit but below this get an `error`."""

PING_S = 20.0
GOODBYE_S = 3.0


def run(settings: Settings) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit code."""
    logs.configure(settings.log_level, settings.log_json)
    try:
        listening = listen(settings.host, settings.port)
    except OSError as error:
        sys.stderr.write(
            f"flowbrush: cannot listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            "another port can be given with --port\n"
        )
        return 2
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=MAX_WS_MESSAGE,
        ws_ping_interval=PING_S,
        ws_ping_timeout=settings.slow_reader_s + PING_S,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=round(GOODBYE_S),
    )
    server = Server(config, app.state.service, url_of(settings.host, listening))
    server.run(sockets=[listening])
    return server.exit_code


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket whose connections hold back little; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT)
    listening.bind((host, port))
    return listening


def url_of(host: str, listening: socket.socket) -> str:
    """The address to open in a browser."""
    name = {"0.0.0.0": "localhost", "::": "localhost", "127.0.0.1": "localhost"}.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{listening.getsockname()[1]}"


class Server(uvicorn.Server):
    """uvicorn, but sessions are told before connections are cut, and the URL is said when it works."""

    def __init__(self, config: uvicorn.Config, service: Service, url: str) -> None:
        super().__init__(config)
        self._service = service
        self._url = url
        self._ending: asyncio.Task[None] | None = None
        self._announcing: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.exit_code = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        gc.collect()
        gc.freeze()  # what is loaded now stays: the collector need not look at it while frames wait
        self._announcing = asyncio.create_task(self._announce())

    async def _announce(self) -> None:
        """Says the URL once the model is warm; ends the server when it cannot be loaded."""
        loaded = asyncio.ensure_future(self._service.dispatcher.loaded.wait())
        broken = asyncio.ensure_future(self._service.dispatcher.unusable.wait())
        await asyncio.wait((loaded, broken), return_when=asyncio.FIRST_COMPLETED)
        if loaded.done():
            sys.stdout.write(f"flowbrush serves {self._service.settings.model} at {self._url}\n")
        else:
            reason = self._service.dispatcher.broken
            sys.stderr.write(f"flowbrush: {self._service.settings.model} cannot be loaded: {reason}\n")
            self.exit_code = 1
            self.should_exit = True
        sys.stdout.flush()
        for waiting in (loaded, broken):
            waiting.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: say goodbye, then stop. Second: stop at once."""
        if self._loop is None or self._ending is not None:
            self.should_exit = self.force_exit = True
            return
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if self._ending is None:
            self._ending = asyncio.create_task(self._goodbye())

    async def _goodbye(self) -> None:
        log.info("stopping: telling %d sessions", len(self._service.lives))
        await self._service.say_goodbye(GOODBYE_S)
        self.should_exit = True
