"""Background tasks that do not end by accident: a failure is logged and counted, and the task starts again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

AGAIN_S = 1.0
"""Between a failure and the next try: what fails at once, for ever, takes no core and does not fill the log."""


async def supervise(name: str, work: Callable[[], Awaitable[None]], failed: Callable[[], object]) -> None:
    """Runs `work` until it returns or the task is cancelled; `failed` is called each time it raises."""
    while True:
        try:
            await work()
            return
        except Exception:
            log.exception("%s failed and starts again", name)
            failed()
            await asyncio.sleep(AGAIN_S)
