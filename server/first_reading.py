"""The state folder's first reading, before there is an event loop: in a thread of its own, while this one hears signals.

A call that hangs in the main thread lets no handler of Python's run. Here it holds up nobody but itself, and its time is limited.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

from fastapi import FastAPI

from flowbrush.server.engine.engine import Engine
from flowbrush.server.http.app import create_app
from flowbrush.server.settings import Settings
from flowbrush.server.store.storage import StorageLate

log = logging.getLogger(__name__)

T = TypeVar("T")

READING_S = 120.0
"""A folder of many sessions takes a while; one that takes longer does not answer."""


class Stopped(BaseException):
    """A signal came that ends the server. Not for those who catch what goes wrong."""


class Unusable(Exception):
    """A folder cannot be used; the text says which, and why."""


@contextmanager
def heard_signals() -> Iterator[None]:
    """SIGINT and SIGTERM raise Stopped in here, unless somebody else handles them for a while. For the main thread."""

    def stop(number: int, frame: object) -> NoReturn:
        raise Stopped(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def opened(settings: Settings, engine: Engine) -> FastAPI:
    """The application, with its state folder taken and what is stored there taken up.

    Raises BadSettings and Unusable. For the main thread.
    """
    try:
        return _in_a_thread(lambda: _open(settings, engine), READING_S)
    except OSError as error:
        folder, why = error.filename or settings.state_dir, error.strerror or error
        raise Unusable(f"{folder} cannot be used: {why}") from error


def _open(settings: Settings, engine: Engine) -> FastAPI:
    _make_private(settings.state_dir)
    app = create_app(settings, engine)
    app.state.context.service.take_up()
    return app


def _in_a_thread(work: Callable[[], T], within_s: float) -> T:
    """What `work` returns or raises; its thread is a daemon, so that the process can end while it hangs. Raises StorageLate."""
    answer: Future[T] = Future()

    def do() -> None:
        try:
            answer.set_result(work())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=do, name="first-reading", daemon=True).start()
    try:
        return answer.result(within_s)
    except TimeoutError:
        if answer.done():  # it is the work's own
            raise
        raise StorageLate(f"it has not answered for {within_s:g} s") from None


def _make_private(folder: Path) -> None:
    """The state folder is for this user only: it holds what people made, and their keys' sessions. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        folder.chmod(0o700)
    except PermissionError:
        log.warning("the state folder %s belongs to another user: its mode stays as it is", folder)
