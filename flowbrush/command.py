"""The `flowbrush` command where it may be the client alone that is installed."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Hands over to the server's command line; says what to install where the server's packages are missing."""
    before = signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # Ctrl-C ends it at once until there is somebody to hear it
    try:
        from flowbrush.server.cli import main as run
    except ModuleNotFoundError as error:
        sys.exit(
            f"flowbrush: {error.name} is not installed: the command needs the server's packages, "
            "which `pip install 'flowbrush[server]'` brings (the client alone is a library)"
        )
    signal.signal(signal.SIGINT, before)
    run()
