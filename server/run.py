"""Runs the server until a signal: the socket, uvicorn, the goodbye to every session."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from ipaddress import ip_network
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from flowbrush import limits
from flowbrush.parse import prepare
from flowbrush.server import logs, outputs
from flowbrush.server.allowance import FEWEST_THREADS, TooLittle, check_files, check_threads, file_descriptors
from flowbrush.server.engine.choice import engine_of
from flowbrush.server.first_reading import Stopped, Unusable, heard_signals, opened
from flowbrush.server.http.access import MIN_KEY_CHARS
from flowbrush.server.http.connections import ConnectionLimits, bounded_protocol
from flowbrush.server.http.context import Context
from flowbrush.server.http.frames import Frames
from flowbrush.server.http.hosts import Proxies
from flowbrush.server.settings import BadSettings, Settings, misspelt, service_links

log = logging.getLogger(__name__)

MAX_UNSENT = 64 << 10
"""Bytes the kernel may hold back unsent: what lies there when a client stops reading is stale."""

MAX_WS_MESSAGE = limits.MAX_FRAME_BYTES
"""Larger messages end the connection; those above the protocol's limit but below this get an `error`."""

BACKLOG = 64
"""Connections that the kernel takes before the server does, and the most that it takes at one go."""

PRIVATE = 0o077
"""What people made is for this user only, also in a state folder that somebody removed and the server makes again."""

ELSEWHERE = "192.0.2.1"
"""An address of another network, which nobody has (RFC 5737)."""

PING_S = 20.0
GOODBYE_S = 3.0


def run(settings: Settings) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit code."""
    outputs.never_wait()
    logs.configure(settings.log_level, settings.log_json)
    os.umask(PRIVATE)
    if any(len(key) < MIN_KEY_CHARS for key in settings.api_keys):
        log.warning("a key has fewer than %d characters and can be guessed", MIN_KEY_CHARS)
    for link in service_links():
        log.warning("%s is a Kubernetes service link, no setting: ignored", link)
    for name, meant in misspelt():
        log.warning("%s is no setting: is %s meant?", name, meant)
    try:
        check_files()
        check_threads(FEWEST_THREADS)
        with heard_signals():
            engine = engine_of(settings)
        with heard_signals():  # again, because Ray sets a handler of its own
            return _serve(settings, opened(settings, engine))
    except Stopped as stopped:
        log.info("stopped by %s before it served", stopped)
        return 0
    except (BadSettings, TooLittle) as error:
        return _fail(str(error))
    except Unusable as error:
        return _fail(f"{error}; other folders can be given with --state-dir and FLOWBRUSH_RUNTIME_DIR")


def _fail(text: str) -> int:
    """One line for the person, and the exit code."""
    sys.stderr.write(f"flowbrush: {text}\n")
    return 2


def _serve(settings: Settings, app: FastAPI) -> int:
    context: Context = app.state.context
    try:
        listening = listen(settings.host, settings.port)
    except OSError as error:
        return _fail(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            "others can be given with --host and --port"
        )
    if context.service.fleet is not None:
        context.service.fleet.url = settings.advertise or address_for_others(settings, listening)
    config = uvicorn.Config(
        app,
        loop="asyncio",  # the limits of connections are set on its transports, which uvloop's do not have
        http=bounded_protocol(connection_limits(settings, context)),
        backlog=BACKLOG,
        proxy_headers=False,  # the door does it, and checks more
        ws=Frames,
        ws_per_message_deflate=False,
        ws_max_size=MAX_WS_MESSAGE,
        ws_ping_interval=PING_S,
        ws_ping_timeout=settings.slow_reader_s + PING_S,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=round(GOODBYE_S),
    )
    server = Server(config, context, url_of(settings.host, listening))
    server.run(sockets=[listening])
    return server.exit_code


def connection_limits(settings: Settings, context: Context) -> ConnectionLimits:
    """The limits of this process: no more connections than half of its file descriptors, of which it first takes all it may; where
    these are fewer than the settings allow, those of an address are fewer in the same proportion.
    """
    proxies = Proxies(ip_network(text, strict=False) for text in settings.trusted_proxies)
    closed = context.service.metrics.connections_closed
    total = min(settings.connections, max(8, file_descriptors() // 2))
    return ConnectionLimits(
        total=total,
        per_address=max(1, settings.connections_per_address * total // settings.connections),
        header_s=settings.header_s,
        body_s=settings.body_s,
        write_s=settings.slow_reader_s,
        shared=lambda address: proxies.trusts(address) or context.passes.came_from(address),
        turned_away=lambda cause: closed.labels(cause).inc(),
    )


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


def address_for_others(settings: Settings, listening: socket.socket) -> str:
    """Where the other gateways reach this one: where it listens, or, if that is everywhere, by its address towards the cluster."""
    name, port = listening.getsockname()[:2]
    if name in ("0.0.0.0", "::"):
        head = settings.cluster.rpartition(":")[0] or ELSEWHERE
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.connect((head, 1))  # sends nothing
                name = asking.getsockname()[0]
        except OSError as error:
            log.warning("this machine's address is not known (%s): give it with --advertise", error)
            name = "127.0.0.1"
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


class Server(uvicorn.Server):
    """uvicorn, but sessions are told before connections are cut, the URL is said when it works, and SIGHUP reads keys again."""

    def __init__(self, config: uvicorn.Config, context: Context, url: str) -> None:
        super().__init__(config)
        self._context = context
        self._service = context.service
        self._url = url
        self._ending: asyncio.Task[None] | None = None
        self._announcing: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.exit_code = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        prepare()
        gc.collect()
        gc.freeze()  # what is loaded now stays: the collector need not look at it while frames wait
        self._announcing = asyncio.create_task(self._announce())
        if self._context.settings.keys_file is not None and hasattr(signal, "SIGHUP"):
            # without a file it ends the server, as when its terminal is closed
            self._loop.add_signal_handler(signal.SIGHUP, self._context.reload_keys)

    async def _announce(self) -> None:
        """Says the URL once every model is warm; ends the server when one cannot be loaded."""
        dispatchers = self._service.dispatchers
        loaded: asyncio.Future[Any] = asyncio.gather(*(each.loaded.wait() for each in dispatchers))
        broken: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(each.unusable.wait()) for each in dispatchers
        ]
        await asyncio.wait((loaded, *broken), return_when=asyncio.FIRST_COMPLETED)
        unusable = [each for each in dispatchers if each.unusable.is_set() and not each.loaded.is_set()]
        if unusable:
            sys.stderr.write(f"flowbrush: {unusable[0].model} cannot be loaded: {unusable[0].broken}\n")
            self.exit_code = 1
            self.should_exit = True
        else:
            sys.stdout.write(f"flowbrush serves {', '.join(dispatchers.names)} at {self._url}\n")
        sys.stdout.flush()
        for waiting in (loaded, *broken):
            waiting.cancel()
        await asyncio.gather(loaded, *broken, return_exceptions=True)  # asyncio logs what nobody hears of

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: say goodbye, then stop. Second: stop at once."""
        if self._loop is None or self._ending is not None:
            logging.getLogger("uvicorn.error").disabled = True  # what is cut off now is no error
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
