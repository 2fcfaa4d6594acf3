"""Fixtures: a server that keeps to the protocol, in the event loop of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from server_double import Double


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Double]:
    """One that nobody has come to yet."""
    async with Double() as double:
        yield double
