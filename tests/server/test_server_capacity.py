"""How many streams a machine is given: by the same sum that `flowbrush models` says."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
import torch

from flowbrush.models import cpus
from flowbrush.models.cards.needs import needs
from flowbrush.models.cards.registry import card
from flowbrush.server.engine.capacity import seats_that_fit, streams_in

GIB = 2**30

# Measured, docs/scale.md: what a worker of pocket grows by with a stream, what two cores make together, and the web process's
# time for a frame that it sends to one reader.
GROWTH, TOGETHER_FPS, SENT_S = 130e6, 62.0, 0.0013


def test_the_streams_of_a_gpu_are_what_the_card_says_they_need() -> None:
    wan = card("self-forcing-1.3b")
    needed = needs(wan)
    streams = streams_in(wan, 80 * GIB, on_gpu=True)
    weights = needed.device - needed.stream + needed.text
    assert weights + streams * needed.stream <= 80 * GIB * 0.9 < weights + (streams + 1) * needed.stream
    assert streams_in(wan, 200 * GIB, on_gpu=True) > streams > streams_in(wan, 40 * GIB, on_gpu=True)


def test_in_single_precision_everything_is_twice_as_wide_and_random_weights_have_no_text() -> None:
    wan = replace(card("wan-1.3b"), random=True)
    assert streams_in(wan, 80 * GIB, on_gpu=False) < streams_in(wan, 80 * GIB, on_gpu=True)
    assert streams_in(replace(wan, random=False), 80 * GIB, on_gpu=False) < streams_in(
        wan, 80 * GIB, on_gpu=False
    )


def test_there_is_room_for_one_whatever_is_free() -> None:
    assert streams_in(card("krea-14b"), 1 * GIB, on_gpu=True) < 1
    assert seats_that_fit(card("krea-14b"), "cpu") == 1 <= seats_that_fit(card("pocket"), "cpu")


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of two cores and one large GPU, with more memory than anything takes."""
    monkeypatch.setattr(cpus, "processors", lambda: 2.0)
    monkeypatch.setattr(cpus, "memory_left", lambda: None)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=256 * GIB))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (140 * GIB, 141 * GIB))


@pytest.mark.parametrize("free", [1 * GIB, 2 * GIB, 16 * GIB])
def test_the_streams_of_a_small_machine_fill_its_memory_and_no_more(free: int) -> None:
    streams = streams_in(card("pocket"), free, on_gpu=False)
    assert 0.7 * free < streams * GROWTH < free


def test_a_machine_without_a_gpu_has_as_many_streams_as_it_makes_in_real_time(roomy: None) -> None:
    pocket = card("pocket")
    assert TOGETHER_FPS / pocket.fps == pytest.approx(seats_that_fit(pocket, "cpu"), rel=0.25)


def test_a_worker_with_a_gpu_has_no_more_streams_than_its_web_process_sends(roomy: None) -> None:
    pocket = card("pocket")
    busy = seats_that_fit(pocket, "cuda") * pocket.fps * SENT_S
    assert 0.5 < busy < 0.9, "share of a core; the rest is for controls and for those who come and go"
