"""The door of a real server: names, pages, keys, roles, owners, and what is malformed."""

from __future__ import annotations

import json
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bounded import kill_group
from raw_client import RawClient
from realtime_client import RealtimeClient
from running_server import RunningServer, wait_for
from websockets.exceptions import ConnectionClosed, InvalidStatus

import flowbrush

ALICE, BOB = "alice-key-0123456789", "bob-key-0123456789ab"
AS_ALICE, AS_BOB = ({"Authorization": f"Bearer {key}"} for key in (ALICE, BOB))
KEYS = f'[keys.alice]\nkey = "{ALICE}"\n[keys.bob]\nkey = "{BOB}"\n[keys.bob.quota]\nsessions = 1\npaused = 1\nsteps = 5\n'
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with two keys, one of which may ask for more denoising steps than others."""
    folder = tmp_path_factory.mktemp("keyed")
    (folder / "keys.toml").write_text(KEYS)
    running = RunningServer(
        folder / "state",
        FLOWBRUSH_KEYS_FILE=str(folder / "keys.toml"),
        FLOWBRUSH_LOG_LEVEL="debug",
        FLOWBRUSH_MAX_STEPS="3",
    )
    yield running
    running.stop()
    kill_group(running.process)


def ask(
    server: RunningServer, path: str, method: str = "GET", data: bytes | None = None, **more: dict[str, str]
) -> tuple[int, Any]:
    """Status and body (parsed where it is JSON) of a request with the headers of `more`."""
    headers = {name: text for each in more.values() for name, text in each.items()}
    request = urllib.request.Request(server.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, kind, body = answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        status, kind, body = error.code, error.headers.get_content_type(), error.read()
    return status, json.loads(body) if kind == "application/json" and body else body


def raw(server: RunningServer, head: str, body: bytes = b"") -> bytes:
    """The answer to a request as it is written here, up to its end."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body)
        answer = b""
        while block := connection.recv(1 << 16):
            answer += block
    return answer


def token(server: RunningServer, headers: dict[str, str], **wanted: str) -> str:
    status, answer = ask(server, "/v1/tokens", "POST", json.dumps(wanted).encode(), a=headers, b=JSON)
    assert status == 200
    return answer["token"]


# ---- names and pages, without keys


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/models", "/metrics", "/openapi.json"])
def test_a_page_that_gave_this_machine_a_name_gets_nothing(server: RunningServer, path: str) -> None:
    answer = raw(server, f"GET {path} HTTP/1.1\nHost: rebind.evil.example:{server.port}\nConnection: close")
    assert answer.startswith(b"HTTP/1.1 403") and b"FLOWBRUSH_ALLOWED_HOSTS" in answer
    own = raw(server, f"GET {path} HTTP/1.1\nHost: localhost:{server.port}\nConnection: close")
    assert own.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("wanted", [{"Role": "viewer"}, {"role": "viewer", "sesion": "abc"}])
def test_a_slip_gives_no_token_that_may_do_more(server: RunningServer, wanted: dict[str, str]) -> None:
    status, answer = ask(server, "/v1/tokens", "POST", json.dumps(wanted).encode(), a=JSON)
    assert status == 422 and answer["error"]["field"] in ("Role", "sesion")


@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/images"])
def test_nor_may_it_post(server: RunningServer, path: str) -> None:
    name = f"rebind.evil.example:{server.port}"
    head = f"POST {path} HTTP/1.1\nHost: {name}\nOrigin: http://{name}\nContent-Length: 0\nConnection: close"
    assert raw(server, head).startswith(b"HTTP/1.1 403")


async def test_nor_open_a_stream(server: RunningServer) -> None:
    evil = f"rebind.evil.example:{server.port}"
    with pytest.raises(InvalidStatus) as refused:
        async with RawClient(f"http://{evil}", host="127.0.0.1", port=server.port, origin=f"http://{evil}"):
            pass
    assert refused.value.response.status_code == 403


async def test_a_refused_page_is_named_and_told_what_to_do(make_server: Any) -> None:
    """TLS on another port and a Host without it, as proxies are often set up."""
    server = make_server(FLOWBRUSH_TRUSTED_PROXIES="127.0.0.1", FLOWBRUSH_ALLOWED_HOSTS="flow.example")
    page = {"Host": "flow.example", "Origin": "https://flow.example:8443"}
    status, answer = ask(server, "/v1/models", a=page)
    assert status == 403 and answer["error"]["code"] == "origin_refused"
    for part in ("https://flow.example:8443", "'flow.example'", "FLOWBRUSH_TRUSTED_PROXIES"):
        assert part in answer["error"]["message"]
    forwarded = {"X-Forwarded-Port": "8443", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/flow"}
    assert ask(server, "/v1/models", a=page, b=forwarded)[0] == 200
    assert ask(server, "/flow/v1/models", a=page, b=forwarded)[0] == 200, "also where the prefix is left on"
    evil = {"Host": "evil.example", "X-Forwarded-Host": "flow.example"}
    assert ask(server, "/v1/models", a=evil)[0] == 403, "the name of the connection counts, too"
    assert ask(server, "/v1/models", a={"X-Forwarded-Host": "evil.example"})[0] == 403


# ---- what is malformed


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /web/%00 HTTP/1.1\nHost: localhost", 400),
        ("GET /v1/sessions/%00/log HTTP/1.1\nHost: localhost", 400),
        ("GET /v1/sessions/a%0d%0ab/log HTTP/1.1\nHost: localhost", 400),
        ("GET /web/" + "a" * 3000 + " HTTP/1.1\nHost: localhost", 404),
        ("GET /web/ui/" + "%C3%A4" * 300 + ".js HTTP/1.1\nHost: localhost", 404),
        ("GET /web/../server/auth.py HTTP/1.1\nHost: localhost", 404),
        ("GET /web/.env HTTP/1.1\nHost: localhost", 404),
        ("GET /v1/sessions/" + "a" * 3000 + "/recording.mp4 HTTP/1.1\nHost: localhost", 404),
        ("GET /v1/models HTTP/1.1\nHost: localhost\nOrigin: http://[", 403),
        ("GET /v1/models HTTP/1.1\nHost: [", 403),
        ("GET /v1/models/ HTTP/1.1\nHost: localhost", 404),
        ("PUT /v1/models HTTP/1.1\nHost: localhost\nContent-Length: 0", 405),
        ("POST /v1/images HTTP/1.1\nHost: localhost\nContent-Length: 999999999999999999", 413),
        ("POST /v1/images HTTP/1.1\nHost: localhost\nContent-Type: image/png\nContent-Length: 0", 422),
        ("POST /v1/images HTTP/1.1\nHost: localhost\nContent-Type: multipart/form-data\nContent-Length: 0", 400),
        ("POST /v1/tokens HTTP/1.1\nHost: localhost\nContent-Length: 0", 200),
        ("GET /v1/sessions/none/recording.mp4?first=1e400 HTTP/1.1\nHost: localhost", 422),
    ],
)  # fmt: skip
def test_malformed_requests_get_an_answer_of_their_own(server: RunningServer, head: str, status: int) -> None:
    answer = raw(server, head + "\nConnection: close")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]


BEHIND = "0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("path", ["GET /healthz", "GET /", "POST /v1/tokens", "POST /v1/images"])
@pytest.mark.parametrize("said", ["1.1\nContent-Length: 5\nTransfer-Encoding: chunked",
                                  "1.1\nTransfer-Encoding: chunked\nContent-Length: 60",
                                  "1.0\nTransfer-Encoding: chunked\nConnection: keep-alive"])  # fmt: skip
def test_a_request_whose_body_ends_in_two_places_is_refused_and_what_is_behind_it_not_heard(
    server: RunningServer, path: str, said: str
) -> None:
    """To a proxy that goes by the length the second request is the first one's body, and its answer that of somebody else."""
    answer = raw(
        server, f"{path} HTTP/{said}\nHost: localhost\nContent-Type: application/json", BEHIND.encode()
    )
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1 ") == 1, answer
    assert b"in two ways" in answer


@pytest.mark.parametrize("body", [b'{"role":"viewer","role":"controller"}', b'{"session":{"a":1,"a":1}}'])
def test_a_body_in_which_a_name_stands_twice_is_refused(server: RunningServer, body: bytes) -> None:
    status, answer = ask(server, "/v1/tokens", "POST", body, a=JSON)
    assert status == 422 and "stands twice in one object" in answer["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/sessions/none/branch", "/v1/sessions/none/mark"])
def test_a_body_in_json_is_small(server: RunningServer, path: str) -> None:
    """Ten MiB of it, which a picture may have, held everybody up for many seconds."""
    status, answer = ask(server, path, "POST", b" " * 8192 + b"{}", a=JSON)
    assert status == 413 and "at most 8192 bytes" in answer["error"]["message"]


UPGRADE = (
    "HTTP/1.1\nHost: localhost\nUpgrade: websocket\nConnection: Upgrade\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13"
)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"POST /v1/stream {UPGRADE}", 405),
        (f"POST /v1/stream {UPGRADE}\nContent-Length: 3", 400),
        (f"GET /v1/stream {UPGRADE}\nContent-Length: 3", 400),
        (f"GET /v1/stream {UPGRADE}\nTransfer-Encoding: chunked", 400),
        (f"GET /v1/stream {UPGRADE}" + "".join(f"\nX-{n}: y" for n in range(200)), 400),
        (f"GET /v1/stream {UPGRADE}\nX: {'y' * 9000}", 400),
        (f"GET /v1/stream?token={'y' * 9000} {UPGRADE}", 400),
    ],
    ids=lambda value: "" if isinstance(value, int) else value[:30] + value[-20:],
)
def test_what_begins_like_a_websocket_and_is_none_is_answered_and_closed(
    server: RunningServer, head: str, status: int
) -> None:
    """Nobody answered these, nor closed them: they counted as connections for ever."""
    answer = raw(server, head, b"abc")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]


def upgrade(server: RunningServer, target: str, host: str) -> bytes:
    """The first line that answers a WebSocket's handshake."""
    head = f"GET {target} {UPGRADE}\nSec-WebSocket-Protocol: flowbrush.v1".replace("localhost", host)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        return connection.makefile("rb").readline()


OWN, EVIL = "127.0.0.1:8000", "rebind.evil.example"


@pytest.mark.parametrize(
    ("called", "host", "taken"),
    [(f"http://{OWN}", OWN, True), (f"HTTP://{OWN}", EVIL, True), (f"http://{EVIL}", OWN, False),
     (f"http://{EVIL}@{OWN}", OWN, False), ("http://", OWN, False)],
)  # fmt: skip
def test_a_target_that_is_a_whole_address_is_a_path_and_the_host(
    server: RunningServer, called: str, host: str, taken: bool
) -> None:
    """What is named in it counts, and not the header: that is what a proxy was asked for."""
    head = f"HTTP/1.1\nHost: {host}\nConnection: close"
    for path in ("/healthz", "", "/v1/models?x=http://other"):
        answer = raw(server, f"GET {called}{path} {head}")
        assert answer.split()[1] == (b"200" if taken else b"403"), path
    assert upgrade(server, f"{called}/v1/stream?x=1", host).split()[1] == (b"101" if taken else b"403")


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[" * 8_000, b'{"chunk":-1}', b'{"chunk":1e400}', b'{"chunk":NaN}', b'{"chunk":9999999999999999999999}',
     b'{"chunk":true}', b'{"chunk":"\\ud800"}', b"\xff"],
)  # fmt: skip
async def test_bodies_that_do_not_fit_are_refused_by_their_field(server: RunningServer, body: bytes) -> None:
    status, answer = ask(server, "/v1/sessions/none/branch", "POST", body, a=JSON)
    assert status in (400, 422) and answer["error"]["message"]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain; charset=utf-8"])
@pytest.mark.parametrize("path", ["/v1/tokens", "/v1/sessions/none/branch"])
def test_json_that_is_sent_as_something_else_is_told_how_to_be_sent(
    server: RunningServer, kind: str, path: str
) -> None:
    """As curl does with -d alone; the answer was that an object is expected, which it is."""
    body = json.dumps({"role": "viewer"} if path.endswith("tokens") else {"chunk": 1}).encode()
    status, answer = ask(server, path, "POST", body, a={"Content-Type": kind})
    assert status == 422
    said = f"the body is {kind.partition(';')[0]}: send JSON, with the header Content-Type: application/json"
    assert answer["error"]["message"] == said
    assert ask(server, path, "POST", body, a=JSON)[0] in (200, 404)


def test_a_body_that_nobody_can_read_is_told_what_is_expected(server: RunningServer) -> None:
    for body in (b"\x1f\x8b\x08\x00", b'{"chunk": ' + b"9" * 5000 + b"}"):
        status, answer = ask(server, "/v1/sessions/none/branch", "POST", body, a=JSON)
        assert status == 400 and "expected one JSON object, in UTF-8" in answer["error"]["message"]


async def test_ranges_of_any_length_are_read(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        path = f"/v1/sessions/{(await client.start())['session']}/recording.mp4"
        await client.count(12)
        wanted = {
            "0" * 6000 + "0-3": 206,
            "-" + "9" * 5000: 206,
            "9" * 5000 + "-": 416,
            "0-" + "9" * 5000: 206,
            "5-2": 416,
        }
        for part, status in wanted.items():
            assert ask(server, path, a={"Range": f"bytes={part}"})[0] == status, part[:10]
        for passed_over in ("bytes=", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5"):
            assert ask(server, path, a={"Range": passed_over})[0] == 200


async def test_head_is_get_without_a_body(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        base = f"/v1/sessions/{(await client.start())['session']}"
        await client.count(12)
        for path in ("/", "/healthz", "/readyz", "/metrics", "/v1/models", "/docs", "/web/main.js", base,
                     f"{base}/recording.mp4", f"{base}/frame.jpg", f"{base}/log", f"{base}/watch.mjpeg"):  # fmt: skip
            answer = raw(server, f"HEAD {path} HTTP/1.1\nHost: localhost\nConnection: close")
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200") and body == b"", (path, answer[:100])
        assert ask(server, "/v1/sessions/none", "HEAD")[0] == 404
    assert "Traceback" not in server.log.read_text()


# ---- keys, roles, owners


def test_the_key_is_checked_before_the_body_is_read(keyed: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", keyed.port), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/images HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 10000000\r\n\r\n--x\r\n"
        )
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 401")


async def test_viewers_look_and_controllers_steer(keyed: RunningServer) -> None:
    async with RawClient(keyed.url, additional_headers=AS_ALICE) as client:
        id = (await client.start())["session"]
        await client.count(8)
        viewer = token(keyed, AS_ALICE, role="viewer", session=id)
        assert ask(keyed, f"/v1/sessions/{id}/frame.jpg?token={viewer}")[0] == 200
        status, answer = ask(keyed, f"/v1/sessions/{id}/mark?token={viewer}", "POST")
        assert status == 401 and "a token is for WebSockets and for links" in answer["error"]["message"]
        assert ask(keyed, "/v1/tokens", "POST", a={"Authorization": f"Bearer {viewer}"})[0] == 401
        async with RawClient(keyed.url, f"/v1/sessions/{id}/watch?token={viewer}") as watching:
            await watching.message("session.ready")
        with pytest.raises(InvalidStatus) as refused:
            async with RawClient(keyed.url, f"/v1/stream?token={viewer}"):
                pass
        assert refused.value.response.status_code == 403
        other = token(keyed, AS_ALICE, role="viewer", session="another")
        assert ask(keyed, f"/v1/sessions/{id}/frame.jpg?token={other}")[0] == 404


async def test_a_token_of_one_session_begins_no_other(keyed: RunningServer) -> None:
    bound = token(keyed, AS_ALICE, session="abc")
    async with RawClient(keyed.url, f"/v1/stream?token={bound}") as client:
        await client.send(type="session.start", model="pocket-random", prompt="x")
        assert (await client.message("error"))["code"] == "unauthorized"
        with pytest.raises(ConnectionClosed) as closed:
            await client.receive()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008


@pytest.mark.parametrize(("key", "most"), [(AS_ALICE, 3), (AS_BOB, 5)], ids=["the server's", "the key's own"])
async def test_a_session_is_made_with_as_many_steps_as_its_key_may_ask_for(
    keyed: RunningServer, key: dict[str, str], most: int
) -> None:
    async with RawClient(keyed.url, additional_headers=key) as client:
        ready = await client.start(steps=64)
        notice = await client.message("notice", code="steps_lowered")
        status, log = ask(keyed, f"/v1/sessions/{ready['session']}/log", a=key)
        await client.send(type="session.stop")
        await client.message("session.done")
    assert notice["message"].startswith(f"64 steps were asked for; {most} are made")
    assert status == 200 and log["start"]["steps"] == most


async def test_streams_for_others_clients_have_the_same_door_and_quotas(keyed: RunningServer) -> None:
    viewer, bound = token(keyed, AS_ALICE, role="viewer"), token(keyed, AS_ALICE, session="abc")
    for query, status in (("", 401), ("?token=wrong", 401), (f"?token={viewer}", 403)):
        with pytest.raises(InvalidStatus) as refused:
            async with RealtimeClient(keyed, query):
                pass
        assert refused.value.response.status_code == status, query
    async with RealtimeClient(keyed, f"?token={bound}") as other:
        await other.send("session.start", prompt="x")
        assert (await other.text("error"))["code"] == "unauthorized"
        assert await other.close_code() == 1008
    async with RealtimeClient(keyed, additional_headers=AS_BOB) as client:
        session = (await client.start())["request_id"]
        assert ask(keyed, f"/v1/sessions/{session}", a=AS_BOB)[0] == 200
        assert ask(keyed, f"/v1/sessions/{session}", a=AS_ALICE)[0] == 404
        async with RealtimeClient(keyed, additional_headers=AS_BOB) as second:
            await second.send("session.start", prompt="x")
            refusal = await second.text("error")
            assert refusal["code"] == "quota" and refusal["retry_after_s"] > 0
            assert await second.close_code() == 1013


async def test_for_other_keys_a_session_does_not_exist(keyed: RunningServer) -> None:
    async with RawClient(keyed.url, additional_headers=AS_ALICE) as client:
        ready = await client.start()
        id = ready["session"]
        await client.count(12)
        for path in ("", "/log", "/recording.mp4", "/frame.jpg", "/watch.mjpeg"):
            assert ask(keyed, f"/v1/sessions/{id}{path}", a=AS_BOB)[0] == 404, path
        for path in ("/branch", "/mark"):
            assert ask(keyed, f"/v1/sessions/{id}{path}", "POST", b'{"chunk":0}', a=AS_BOB, b=JSON)[0] == 404
        async with RawClient(keyed.url, f"/v1/sessions/{id}/watch", additional_headers=AS_BOB) as bob:
            assert (await bob.message("error"))["code"] == "unknown_session"
        async with RawClient(keyed.url, additional_headers=AS_BOB) as bob:
            await bob.send(type="session.start", resume=ready["resume_token"], last_frame=0)
            assert (await bob.message("error"))["code"] == "resume_expired"
        assert ask(keyed, f"/v1/sessions/{id}", a=AS_ALICE)[0] == 200
        status, branch = ask(keyed, f"/v1/sessions/{id}/branch", "POST", b'{"chunk":0}', a=AS_ALICE, b=JSON)
        assert status == 201 and ask(keyed, f"/v1/sessions/{branch['session']}", a=AS_BOB)[0] == 404
    assert ask(keyed, f"/v1/sessions/{id}/log", a=AS_BOB)[0] == 404
    assert ask(keyed, f"/v1/sessions/{id}/log", a=AS_ALICE)[0] == 200


async def test_quotas_are_of_one_key(keyed: RunningServer) -> None:
    """Bob may have one session; one that he has left makes room."""
    async with RawClient(keyed.url, additional_headers=AS_BOB) as first:
        left = (await first.start(paused=True))["session"]
        async with RawClient(keyed.url, additional_headers=AS_BOB) as second:
            await second.send(type="session.start", model="pocket-random", prompt="x")
            error = await second.message("error")
            assert error["code"] == "quota" and error["retryable"] and error["retry_after_s"] > 0
        status, _ = ask(keyed, f"/v1/sessions/{left}/branch", "POST", b'{"chunk":0}', a=AS_BOB, b=JSON)
        assert status in (409, 429)
        async with RawClient(keyed.url, additional_headers=AS_ALICE) as alice:
            await alice.start(paused=True)
    wait_for(lambda: not ask(keyed, f"/v1/sessions/{left}", a=AS_BOB)[1].get("connected", False))
    for wrong in ({"image": "no-such-upload"}, {"width": 33}, {"codecs": ["none"]}, {"fps": 16.0000001}):
        async with RawClient(keyed.url, additional_headers=AS_BOB) as refused:
            await refused.send(type="session.start", prompt="x", **wrong)
            assert (await refused.message("error"))["field"] in wrong
    assert ask(keyed, f"/v1/sessions/{left}", a=AS_BOB)[1]["state"] == "paused", "nothing new began"
    async with RawClient(keyed.url, additional_headers=AS_BOB) as third:
        await third.start()
        await third.send(type="session.pause", id=1)
        await third.message("session.paused")
        await third.send(type="session.pause", id=2)
        assert (await third.message("error", id=2))["code"] == "quota"
    assert ask(keyed, f"/v1/sessions/{left}", a=AS_BOB)[1]["reason"] == "displaced"


async def test_the_log_tells_who_did_what_and_no_secret(keyed: RunningServer) -> None:
    bound = token(keyed, AS_ALICE)
    async with RawClient(keyed.url, f"/v1/stream?token={bound}") as client:
        ready = await client.start("a secret wish", **{"a\n00:00:00 ERROR   [-] server: FORGED": 1})
        await client.count(4)
        ask(keyed, f"/v1/sessions/{ready['session']}/log?token={bound}")
    ask(keyed, f"/v1/models?token={ALICE}")
    log = keyed.log.read_text()
    for secret in (bound, ALICE, BOB, ready["resume_token"], "a secret wish"):
        assert secret not in log
    assert not [line for line in log.splitlines() if line.startswith("00:00:00")]
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"audit"')]
    mine = [line["event"] for line in lines if line.get("session") == ready["session"]]
    assert mine == ["session.start", "read.log"]
    assert {"key": "alice", "by": "controller token"}.items() <= lines[-2].items() | lines[-3].items()
    assert any(line["event"] == "refused" and line["code"] == "unauthorized" for line in lines)


async def test_the_end_of_a_session_is_told_with_whose_it_was_and_a_mark_with_who_made_it(
    keyed: RunningServer,
) -> None:
    async with RawClient(keyed.url, additional_headers=AS_ALICE) as client:
        session = (await client.start())["session"]
        await client.count(4)
        status, marked = ask(keyed, f"/v1/sessions/{session}/mark", "POST", b"", a=AS_ALICE)
        await client.send(type="session.stop")
        done = await client.message("session.done")
    lines = [json.loads(line) for line in keyed.log.read_text().splitlines() if line.startswith('{"audit"')]
    mine = [{**line, "audit": ""} for line in lines if line.get("session") == session]
    act = {"audit": "", "key": "alice", "session": session}
    assert status == 200 and mine[1:] == [
        {**act, "event": "session.mark", "address": "127.0.0.1", "chunk": marked["chunk"]},
        {**act, "event": "session.end", "reason": done["reason"], "frames": done["frames"]},
    ]


async def test_keys_are_read_again_on_a_signal(make_server: Any, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(KEYS)
    server = make_server(FLOWBRUSH_KEYS_FILE=str(keys))
    async with RawClient(server.url, additional_headers=AS_BOB) as bob:
        await bob.start(paused=True)
        keys.write_text("[keys")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the keys stay as they were" in server.log.read_text())
        assert ask(server, "/v1/models", a=AS_BOB)[0] == 200
        keys.write_text(f'[keys.alice]\nkey = "{ALICE}"\n')
        server.process.send_signal(signal.SIGHUP)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await bob.receive()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
    assert ask(server, "/v1/models", a=AS_BOB)[0] == 401
    assert ask(server, "/v1/models", a=AS_ALICE)[0] == 200


async def test_the_python_client_comes_in_with_a_token(keyed: RunningServer) -> None:
    begun = flowbrush.connect(keyed.url, prompt="a", token=token(keyed, AS_ALICE), frames="none")
    async with begun as stream:  # its frames are taken, so that it goes on
        viewer = token(keyed, AS_ALICE, role="viewer", session=stream.session)
        async with flowbrush.watch(keyed.url, stream.session, token=viewer, frames="packets") as watched:
            assert (await anext(watched)).key
        with pytest.raises(flowbrush.ServerError, match=r"this token is a viewer's.*403"):
            async with flowbrush.connect(keyed.url, prompt="a", token=viewer):
                pass
    with pytest.raises(flowbrush.ServerError, match="not valid, or not any more"):
        async with flowbrush.watch(keyed.url, stream.session, token="made up"):
            pass
    with pytest.raises(flowbrush.ServerError, match="a token opens streams alone: upload with api_key="):
        async with flowbrush.connect(keyed.url, image=b"\x89PNG", token=lambda: token(keyed, AS_ALICE)):
            pass


async def test_guesses_of_resume_tokens_are_slowed_down(make_server: Any) -> None:
    server = make_server()
    codes = []
    for _ in range(22):
        async with RawClient(server.url) as client:
            await client.send(type="session.start", resume="A" * 32, last_frame=0)
            codes.append(await client.message("error"))
    assert [error["code"] for error in codes] == ["resume_expired"] * 19 + ["rate_limited"] * 3
    assert codes[-1]["retryable"] and codes[-1]["retry_after_s"] > 0
    async with RawClient(server.url) as client:
        await client.start(paused=True)


def test_the_state_folder_is_for_its_user_alone(server: RunningServer) -> None:
    assert server.state_dir.stat().st_mode & 0o777 == 0o700
