"""How many streams a machine is given: by the same sum that `flowbrush models` says."""

from __future__ import annotations

from dataclasses import replace

from flowbrush.models.needs import needs
from flowbrush.models.registry import card
from flowbrush.server.engine.capacity import seats_that_fit, streams_in

GIB = 2**30


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
