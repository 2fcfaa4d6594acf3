"""By which names the server may be called, and from which pages: against pages that reach it by a name of their own.

A page somewhere can make its own name point at this machine (DNS rebinding); its requests then carry that name as `Host`.
Without keys the server therefore answers to loopback's names, to addresses, and to those that a setting allows. What a
reverse proxy says of the name that it was called by counts only from proxies that a setting trusts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@dataclass(frozen=True)
class CalledBy:
    """How the client reached the server: its address, and the scheme, host and path prefix that it used."""

    address: str
    scheme: str
    host: str | None
    prefix: str = ""

    @property
    def origin(self) -> tuple[str, str, int] | None:
        """Scheme, name and port of the server's own pages."""
        return split_origin(f"{self.scheme}://{self.host}")


def split_origin(text: str) -> tuple[str, str, int] | None:
    """Scheme (http or https), name and port; None for what is no origin."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if (
        scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
        or parts.path.strip("/")
    ):
        return None
    return scheme, parts.hostname, port if port is not None else _PORTS[scheme]


def as_browsers_write(origin: str) -> str:
    """An origin as it stands in a request's `Origin`: without a slash, and without the port that its scheme has by itself; as it is
    where it is none.
    """
    parts = split_origin(origin)
    if parts is None:
        return origin
    scheme, name, port = parts
    name = f"[{name}]" if ":" in name else name
    return f"{scheme}://{name}" + ("" if port == _PORTS[scheme] else f":{port}")


def name_of(host: str) -> str | None:
    """The name in a `Host` header, in lower case and without its port; None for what is none."""
    found = split_origin(f"http://{host}")
    return found[1] if found is not None else None


class Proxies:
    """Whose `X-Forwarded-*` and `Forwarded` headers are believed."""

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        self._networks = tuple(networks)

    def trusts(self, address: str) -> bool:
        """Whether it is the address of one of them."""
        try:
            found = plain_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def called_by(self, peer: str, scheme: str, headers: dict[str, str]) -> CalledBy:
        """How the client reached the server: by the connection, or by what a trusted proxy says."""
        host = headers.get("host")
        if not self.trusts(peer):
            return CalledBy(peer, scheme, host)
        scheme = _last(headers.get("x-forwarded-proto")) or scheme
        host = _last(headers.get("x-forwarded-host")) or host
        port = _last(headers.get("x-forwarded-port"))
        if host is not None and port and port.isascii() and port.isdigit():
            host = f"{_without_port(host)}:{port}"
        prefix = (_last(headers.get("x-forwarded-prefix")) or "").rstrip("/")
        return CalledBy(self._client(peer, headers), scheme, host, prefix if prefix.startswith("/") else "")

    def _client(self, peer: str, headers: dict[str, str]) -> str:
        """The first address that is none of the proxies', from the near end of the chain."""
        chain = [part.strip() for part in headers.get("x-forwarded-for", "").split(",")]
        for address in reversed(chain):
            try:
                plain_address(address)
            except ValueError:
                break
            peer = address
            if not self.trusts(address):
                break
        return peer


class Names:
    """The allow list of names. `any_name`: whoever comes has to show a key anyway."""

    def __init__(self, allowed: Iterable[str], any_name: bool) -> None:
        self._allowed = {name.lower().rstrip(".") for name in allowed}
        self._any = any_name and not self._allowed

    def allows(self, host: str | None) -> bool:
        """Whether the server answers to this `Host`. Programs may send none; browsers always do."""
        if host is None or self._any:
            return True
        name = name_of(host)
        if name is None:
            return False
        name = name.rstrip(".")
        return (
            name in LOOPBACK_NAMES
            or name.endswith(".localhost")
            or _is_address(name)
            or name in self._allowed
        )


class Origins:
    """The allow list of pages, in addition to the server's own."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = {split_origin(text) for text in allowed} - {None}

    def allows(self, origin: str | None, called: CalledBy) -> bool:
        """Whether a page of `origin` may connect. Programs send no `Origin`; browsers cannot leave it out.

        The scheme is not compared with the server's own: behind a proxy that ends TLS it is not known.
        """
        if origin is None:
            return True
        page = split_origin(origin)
        if page is None:
            return False
        own = split_origin(f"{page[0]}://{called.host}")
        return page in self._allowed or page == own


def plain_address(text: str) -> IPv4Address | IPv6Address:
    """An IP address, IPv4 also where it came in IPv6's clothes; raises ValueError."""
    address = ip_address(text.strip().strip("[]").partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def account_address(peer: str) -> str:
    """What stands for one client in limits: its address, of IPv6 the network that one customer has."""
    try:
        address = plain_address(peer)
    except ValueError:
        return peer
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return f"{IPv6Network((int(address) >> 64 << 64, 64))}"
    return str(address)


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _last(header: str | None) -> str | None:
    """What the nearest proxy added to a header that each may add to."""
    return header.rpartition(",")[2].strip() or None if header is not None else None


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
