"""By which names the server answers, to pages of which origins, and what proxies may say of it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from flowbrush.server.http.hosts import CalledBy, Names, Origins, Proxies, account_address, as_browsers_write

NEAR = Proxies([ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8")])


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1:8000",
        "[::1]:8000",
        "192.168.1.7",
        "demo.localhost:1",
        "flow.example",
        None,
    ],
)
def test_names_that_are_answered_to_without_keys(host: str | None) -> None:
    assert Names(["flow.example"], any_name=False).allows(host)


@pytest.mark.parametrize(
    "host",
    ["evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "", "[", "a b", "localhost@evil.example",
     "evil.example/localhost", "http://localhost", "evil.example:99999999"],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    assert not Names([], any_name=False).allows(host)


def test_with_keys_every_name_is_answered_to_unless_some_are_listed() -> None:
    assert Names([], any_name=True).allows("flow.example")
    listed = Names(["flow.example"], any_name=True)
    assert (
        listed.allows("flow.example:443") and not listed.allows("evil.example") and listed.allows("localhost")
    )


def called(host: str | None, scheme: str = "http") -> CalledBy:
    return CalledBy("192.0.2.1", scheme, host)


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "localhost:8000", True),
        ("http://localhost:8000", "localhost:8000", True),
        ("https://flow.example", "flow.example", True),  # TLS ends at a proxy that passes Host on
        ("https://flow.example", "flow.example:443", True),
        ("https://flow.example:8443", "flow.example", False),
        ("http://evil.example", "localhost:8000", False),
        ("https://friend.example", "localhost:8000", True),
        ("https://friend.example:444", "localhost:8000", False),
        ("http://127.0.0.1:8000.evil.example", "127.0.0.1:8000", False),
        ("http://user@127.0.0.1:8000", "127.0.0.1:8000", False),
        ("null", "localhost:8000", False),
        ("http://[", "localhost:8000", False),
        ("http://localhost:99999999999", "localhost:8000", False),
        ("", "localhost:8000", False),
        ("http://localhost", None, False),
    ],
)
def test_pages_that_may_connect(origin: str | None, host: str | None, allowed: bool) -> None:
    assert Origins(["https://friend.example/"]).allows(origin, called(host)) is allowed


def test_a_proxy_that_is_trusted_says_how_the_server_was_called() -> None:
    """TLS on another port, and a Host without it: as proxies are often set up."""
    headers = {
        "host": "flow.example",
        "x-forwarded-proto": "https",
        "x-forwarded-port": "8443",
        "x-forwarded-for": "198.51.100.9, 203.0.113.5, 10.1.2.3",
        "x-forwarded-prefix": "/flow/",
    }
    found = NEAR.called_by("127.0.0.1", "http", headers)
    assert found == CalledBy("203.0.113.5", "https", "flow.example:8443", "/flow")
    assert Origins([]).allows("https://flow.example:8443", found)
    assert NEAR.called_by("::ffff:127.0.0.1", "http", headers) == found


def test_of_others_nothing_is_believed() -> None:
    headers = {"host": "localhost", "x-forwarded-host": "evil.example", "x-forwarded-for": "127.0.0.1"}
    assert NEAR.called_by("192.0.2.7", "http", headers) == CalledBy("192.0.2.7", "http", "localhost")
    assert Proxies([]).called_by("127.0.0.1", "http", headers) == CalledBy("127.0.0.1", "http", "localhost")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-forwarded-for", "unknown"),
        ("x-forwarded-port", "80x"),
        ("x-forwarded-port", "²"),
        ("x-forwarded-prefix", "evil"),
    ],
)
def test_nonsense_of_a_proxy_is_passed_over(header: str, value: str) -> None:
    found = NEAR.called_by("10.0.0.1", "http", {"host": "localhost", header: value})
    assert found == CalledBy("10.0.0.1", "http", "localhost")


def test_limits_count_networks_of_customers_in_ipv6() -> None:
    assert account_address("2001:db8:1:2:3:4:5:6") == account_address("2001:db8:1:2::1")
    assert account_address("2001:db8:1:3::1") != account_address("2001:db8:1:2::1")
    assert account_address("::ffff:192.0.2.1") == account_address("192.0.2.1") == "192.0.2.1"
    assert (
        account_address("::1") == "::1"
        and account_address("fe80::1%eth0")
        and account_address("no address") == "no address"
    )


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://Friend.example/", "https://friend.example"),
        ("http://friend.example:80", "http://friend.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("null", "null"),
    ],
)
def test_origins_are_compared_as_browsers_write_them(written: str, sent: str) -> None:
    assert as_browsers_write(written) == sent
