"""A stream as bytes: it goes on bit-exactly, in another generator too."""

from __future__ import annotations

import json

import numpy as np
import pytest
from stream_helpers import fingerprint, run, same, settings_for

from flowbrush.controls import Point, TrackBegin
from flowbrush.models.device import choose
from flowbrush.models.pocket import load_pocket
from flowbrush.pipelines.generator import Generator, NoSeat
from flowbrush.pipelines.rollout.snapshot import VERSION

PICTURE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
TRACK = TrackBegin(track=7, kind="path", points=(Point(t=0, x=0.2, y=0.2), Point(t=1, x=0.8, y=0.8)))


@pytest.mark.parametrize("age", [0, 1, 4, 6, 13])
@pytest.mark.parametrize("image", [None, PICTURE], ids=["text", "image"])
def test_a_restored_stream_goes_on_bit_exactly(tiny: Generator, age: int, image: np.ndarray | None) -> None:
    state = tiny.start(settings_for(tiny, seed=6, image=image, tracks=(TRACK,)))
    run(tiny, state, age)
    before = fingerprint(tiny, state)
    blob = tiny.snapshot(state)
    expected = run(tiny, state, 6)
    tiny.release(state)
    copy = tiny.restore(blob)
    now = fingerprint(tiny, copy)
    assert same(
        *(
            {name: print[name] for name in ("chunk", "made", "controls", "latents", "attended", "memory")}
            for print in (before, now)
        )
    )
    assert np.array_equal(run(tiny, copy, 6), expected)


def test_a_snapshot_is_for_any_process(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny, seed=6))
    run(tiny, state, 7)
    blob, expected = tiny.snapshot(state), run(tiny, state, 3)
    placement = choose("cpu", "fp32")
    other = Generator(tiny.card, load_pocket(tiny.card, placement), placement, seats=1)
    assert np.array_equal(run(other, other.restore(blob), 3), expected)


def test_a_snapshot_does_not_change_the_stream(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny))
    run(tiny, state, 5)
    before = fingerprint(tiny, state)
    tiny.snapshot(state)
    assert same(fingerprint(tiny, state), before)


def test_a_restored_stream_can_be_snapshot_again(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny))
    run(tiny, state, 7)
    copy = tiny.restore(tiny.snapshot(state))
    assert tiny.snapshot(copy) == tiny.snapshot(state)


def test_a_restored_stream_offers_only_what_it_can_go_back_to(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny))
    whole = run(tiny, state, 12)
    copy = tiny.restore(tiny.snapshot(state))
    assert set(copy.history) <= set(state.history) and copy.history.stop == 12
    run(tiny, copy, 4)
    for chunk in reversed(copy.history):
        tiny.rewind(copy, chunk)
    start = copy.chunk
    assert np.array_equal(run(tiny, copy, 1), run(tiny, rewound(tiny, state, start), 1))
    assert len(whole) == 48


def rewound(tiny: Generator, state: object, chunk: int) -> object:
    tiny.rewind(state, chunk - 1)  # type: ignore[arg-type]
    return state


def test_restoring_takes_a_seat_or_says_so(tiny: Generator) -> None:
    state = tiny.start(settings_for(tiny))
    blob = tiny.snapshot(state)
    for _ in range(tiny.seats - 1):
        tiny.restore(blob)
    with pytest.raises(NoSeat):
        tiny.restore(blob)


def broken(blob: bytes) -> dict[str, bytes]:
    size = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8 : 8 + size])
    about = json.loads(header["__metadata__"]["flowbrush"])
    about["version"] = VERSION + 1
    header["__metadata__"]["flowbrush"] = json.dumps(about)
    text = json.dumps(header).encode()
    return {
        "empty": b"",
        "short": blob[: len(blob) // 2],
        "noise": b"\x10\x00\x00\x00\x00\x00\x00\x00" + b"{}" * 40,
        "newer": len(text).to_bytes(8, "little") + text + blob[8 + size :],
    }


@pytest.mark.parametrize("kind", ["empty", "short", "noise", "newer"])
def test_bytes_that_are_no_snapshot_are_refused_and_take_no_seat(tiny: Generator, kind: str) -> None:
    state = tiny.start(settings_for(tiny))
    run(tiny, state, 2)
    blob = tiny.snapshot(state)
    tiny.release(state)
    with pytest.raises(ValueError, match="no snapshot"):
        tiny.restore(broken(blob)[kind])
    assert len(tiny.free) == tiny.seats


def test_the_start_image_is_not_carried_along(tiny: Generator) -> None:
    with_image, without = (
        tiny.start(settings_for(tiny, image=i)) for i in (np.tile(PICTURE, (8, 8, 1)), PICTURE)
    )
    assert len(tiny.snapshot(with_image)) == len(tiny.snapshot(without))
