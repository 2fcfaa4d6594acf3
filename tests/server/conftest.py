"""Fixtures: real servers in processes of their own."""

from running_server import make_server, server

__all__ = ["make_server", "server"]
