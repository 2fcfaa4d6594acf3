"""Proxies that the environment names. None stands between this machine and itself."""

from __future__ import annotations

import os
import urllib.request
from ipaddress import ip_address
from urllib.parse import urlsplit

from flowbrush.errors import FlowbrushError

_ALLOWED = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_FOR_SECURE = ("wss", "socks", "https", "all")
_FOR_PLAIN = ("ws", "socks", "http", "all")


def proxy_for(url: str) -> str | None:
    """The proxy for a connection to `url` (ws, wss, http or https); None for a direct one.

    Raises FlowbrushError, naming the variable, for a proxy that is not an address.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    known = urllib.request.getproxies()
    for scheme in _FOR_SECURE if parts.scheme in ("wss", "https") else _FOR_PLAIN:
        if scheme in known:
            return _checked(known[scheme], scheme)
    return None


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own."""
    if host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def through(proxy: str | None) -> str:
    """For error messages: ` through the proxy …`, without its password; empty for a direct connection."""
    if proxy is None:
        return ""
    parts = urlsplit(proxy)
    return f" through the proxy {parts.scheme}://{parts.netloc.rpartition('@')[2]} of {variable_of(proxy)}"


def variable_of(value: str) -> str:
    """The environment variable that holds this proxy, or where else it comes from."""
    for name, held in os.environ.items():
        if name.lower().endswith("_proxy") and held and held in value:
            return name
    return "the system's settings"


def _checked(proxy: str, scheme: str) -> str:
    parts = urlsplit(proxy)
    if parts.scheme not in _ALLOWED or not parts.hostname:
        raise FlowbrushError(
            f"{variable_of(proxy)} is {proxy!r}, which is no address of a proxy: expected for example "
            "http://proxy.example:3128; or name this server in NO_PROXY"
        )
    if scheme == "socks" and parts.scheme == "http":  # how operating systems write it
        return "socks5h" + proxy.removeprefix("http")
    return proxy
