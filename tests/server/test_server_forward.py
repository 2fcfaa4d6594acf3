"""One request to another gateway, against a server that answers what it is told to: byte by byte, broken off, not at all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import h11
import pytest

from flowbrush.server.http import forward as forwarding
from flowbrush.server.http.forward import Answer, NoAnswer, forward

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: 6\r\n\r\n"


class Other:
    """The other gateway: `asked` is what it was sent, `left` is set when its caller has closed the connection."""

    def __init__(self, *answer: bytes, ends: bool = True) -> None:
        self._answer, self._ends = answer, ends
        self.asked, self.left = b"", asyncio.Event()

    @contextlib.asynccontextmanager
    async def url(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = await reader.readuntil(b"\r\n\r\n")
        for part in self._answer:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if self._ends:
            writer.close()
        with contextlib.suppress(ConnectionError):
            self.asked += await reader.read()
        self.left.set()
        writer.close()


async def whole(answer: Answer) -> bytes:
    return b"".join([block async for block in answer.body])


async def test_an_answer_comes_as_it_is_in_whatever_pieces() -> None:
    other = Other(*(bytes([byte]) for byte in HEAD + b"abcdef"))
    async with other.url() as url:
        answer = await forward(url, "GET", "/v1/sessions/a/log?x=1", [(b"accept", b"*/*")], b"")
        assert (answer.status, dict(answer.headers)[b"content-type"]) == (200, b"video/mp4")
        assert await whole(answer) == b"abcdef"
    line, *headers = other.asked.split(b"\r\n")
    assert line == b"GET /v1/sessions/a/log?x=1 HTTP/1.1"
    names = [header.split(b":")[0].lower() for header in headers if header]
    assert names == [b"host", b"connection", b"accept"], "a request without a body says nothing of one"


async def test_a_body_goes_with_its_length_and_a_provisional_answer_is_passed_over() -> None:
    other = Other(
        b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n", ends=False
    )
    async with other.url() as url:
        answer = await forward(url, "POST", "/v1/sessions/a/branch", [], b'{"chunk": 3}')
        assert answer.status == 201 and await whole(answer) == b""
        await other.left.wait()
    assert b"content-length: 12\r\n" in other.asked.lower() and other.asked.endswith(b'{"chunk": 3}')


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"],
    ids=["nothing", "half a line", "another protocol", "no more than a hint"],
)
async def test_what_is_no_answer_is_said_and_the_connection_closed(sent: bytes) -> None:
    other = Other(sent)
    async with other.url() as url:
        with pytest.raises(NoAnswer):
            await forward(url, "GET", "/", [], b"")
        await other.left.wait()


async def test_an_answer_that_breaks_off_is_not_taken_for_the_whole() -> None:
    async with Other(HEAD, b"abc").url() as url:
        answer = await forward(url, "GET", "/", [], b"")
        with pytest.raises(h11.RemoteProtocolError):
            await whole(answer)


async def test_who_reads_no_further_closes_the_connection() -> None:
    other = Other(HEAD, b"abc", ends=False)
    async with other.url() as url:
        answer = await forward(url, "GET", "/", [], b"")
        assert await anext(answer.body) == b"abc"
        assert not other.left.is_set()
        await answer.body.aclose()
        await other.left.wait()


async def test_a_gateway_that_is_not_there_or_says_nothing_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Other().url() as url:
        pass
    with pytest.raises(NoAnswer, match="Connect call failed"):
        await forward(url, "GET", "/", [], b"")
    monkeypatch.setattr(forwarding, "HEAD_S", 0.05)
    silent = Other(ends=False)
    async with silent.url() as url:
        with pytest.raises(NoAnswer, match=r"nothing within 0\.05 s"):
            await forward(url, "GET", "/", [], b"")
        await silent.left.wait()
