"""What a process that reads what people send may take of the machine."""

from __future__ import annotations

import contextlib


def limit_memory(bytes: int) -> None:
    """Bounds the address space of this process, where the system can do that: a decoder takes what a file makes it take."""
    try:
        import resource
    except ImportError:  # not on this system
        return
    with contextlib.suppress(ValueError, OSError):  # macOS takes no such limit
        resource.setrlimit(resource.RLIMIT_AS, (bytes, bytes))
