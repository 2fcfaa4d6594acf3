"""The prompts of a session, and what was said of them, as those learn it who come later."""

from __future__ import annotations

import asyncio
import io
import json
import urllib.request
from typing import Any

import numpy as np
from PIL import Image
from raw_client import RawClient
from running_server import RunningServer
from server_generator import read

from flowbrush import limits
from flowbrush.protocol import Notice, Prompt, PromptSet
from flowbrush.server.sessions.asked import Asked


def given(text: str) -> PromptSet:
    return PromptSet(prompts=(Prompt(text=text),))


def texts(asked: Asked, chunk: int) -> list[str] | None:
    found = asked.before(chunk)
    return None if found is None else [prompt.text for prompt in found]


def test_each_chunk_has_the_prompts_that_it_was_made_from() -> None:
    asked = Asked([("a dog", 1.0)])
    asked.saw([given("a cat")], 3)
    asked.saw([given("a cow"), given("a pig")], 5)  # the later one holds
    found = [texts(asked, chunk) for chunk in range(8)]
    assert found == [["a dog"]] * 4 + [["a cat"]] * 2 + [["a pig"]] * 2


def test_what_was_asked_for_later_is_gone_after_a_cut() -> None:
    asked = Asked([("a dog", 1.0)])
    asked.saw([given("a cat")], 3)
    asked.cut(4)
    assert texts(asked, 9) == ["a cat"]
    asked.cut(3)
    assert texts(asked, 9) == ["a dog"]
    asked.cut(0)
    assert texts(asked, 0) == ["a dog"], "those of the start are never taken back"


def test_prompts_of_half_an_hour_are_known_and_those_of_long_ago_are_not_guessed() -> None:
    """Somebody says another one every ten seconds; the longest ones of many sessions still fit into memory."""
    asked = Asked([("a dog", 1.0)])
    for chunk in range(1, 1000):
        asked.saw([given(str(chunk))], chunk)
    known = [chunk for chunk in range(1, 1000) if texts(asked, chunk + 1) == [str(chunk)]]
    assert len(known) >= 180 and known == list(range(1000 - len(known), 1000))
    assert len(known) * limits.MAX_PROMPTS * limits.MAX_PROMPT_CHARS < 5 << 20
    assert texts(asked, known[0] - 1) is None


def test_notices_of_the_last_prompts_are_kept_once_each() -> None:
    """Four prompts of which six things are said; whoever comes is told all of it, at once."""
    asked = Asked([])
    for index in (*range(100), 97):
        asked.told(Notice(code="unknown_words", message="no word for it", id=4, prompt=str(index)))
    kept = [notice.prompt for notice in asked.notices]
    assert 4 * 6 <= len(kept) < 50
    assert kept == [str(index) for index in (*range(97), 98, 99, 97)][-len(kept) :]
    assert {notice.id for notice in asked.notices} == {None}


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return dict(json.load(answer))


def said(message: dict[str, Any]) -> list[str]:
    return [prompt["text"] for prompt in message["prompts"]]


async def test_who_goes_back_is_told_what_held_there(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        assert said(await client.start("old", paused=True)) == ["old"]
        await client.send(type="session.step", chunks=2)
        await client.message("session.paused", chunk=2)
        await client.send(type="prompt.set", id=1, prompts=[{"text": "new"}])
        await client.send(type="session.step", chunks=2)
        await client.message("session.paused", chunk=4)
        for chunk, held in ((2, ["new"]), (1, ["old"])):
            await client.send(type="session.rewind", chunk=chunk)
            assert said(await client.message("session.rewound", chunk=chunk)) == held
        await client.send(type="session.reset")
        assert said(await client.message("session.restarted")) == ["old"]


async def test_who_comes_later_is_told_the_prompt(server: RunningServer) -> None:
    async with RawClient(server.url) as client:
        ready = await client.start("old", paused=True)
        await client.send(type="session.step", chunks=2)
        await client.message("session.paused", chunk=2)
        await client.send(type="prompt.set", id=1, prompts=[{"text": "new"}])
        await client.send(type="session.step", chunks=1)
        await client.message("session.paused", chunk=3)
        path = f"/v1/sessions/{ready['session']}"
        async with RawClient(server.url, f"{path}/watch") as viewer:
            assert said(await viewer.message("session.ready")) == ["new"]
        for chunk, held in ((1, ["old"]), (2, ["new"])):
            branch = await asyncio.to_thread(post, f"{server.url}{path}/branch", {"chunk": chunk})
            async with RawClient(server.url) as other:
                fields = {"resume": branch["resume_token"], "last_frame": branch["last_frame"]}
                await other.send(type="session.start", **fields)
                assert said(await other.message("session.ready")) == held


async def test_the_newest_picture_after_a_rewind_is_that_of_the_moment_gone_back_to(
    server: RunningServer,
) -> None:
    """However soon it is asked for, and though the state has to be made again for it."""
    async with RawClient(server.url) as client:
        ready = await client.start("a test", paused=True, seed=2)
        await client.send(type="session.step", chunks=24)
        await client.message("session.paused", chunk=24)
        for chunk in (22, 1):
            await client.send(type="session.rewind", chunk=chunk)
            await client.message("session.rewound", chunk=chunk)
            jpeg = await asyncio.to_thread(server.get, f"/v1/sessions/{ready['session']}/frame.jpg")
            with Image.open(io.BytesIO(jpeg)) as picture:
                assert read(np.asarray(picture))[0] == 4 * chunk + 3
