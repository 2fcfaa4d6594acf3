"""A photo at night: its colours change, and it stays what it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from stacks import BLUE, RED, background, disc, rows, stack

from flowbrush.pipelines.reference.drawing import shining
from flowbrush.pipelines.reference.render import move
from flowbrush.pipelines.reference.tones import DAY, TONES, between, tone_of, toned
from flowbrush.pipelines.staging.transition import advance, dissolve_to, tone_to

NIGHT, SUNSET = TONES["night"], TONES["sunset"]
GREY = torch.full((1, 3, 1, 1), 0.5)


def test_by_day_frames_are_not_touched() -> None:
    frames = torch.rand(2, 3, 8, 8)
    assert toned(frames, (DAY, DAY)) is frames
    assert torch.equal(toned(frames, (DAY, NIGHT))[0], frames[0])


def test_it_is_dark_and_blue_at_night_warm_at_sunset_and_pale_in_snow_and_rain() -> None:
    names = ("night", "sunset", "snow", "rain", "fog", "clouds")
    night, sunset, snow, rain, fog, clouds = (toned(GREY, (TONES[name],))[0, :, 0, 0] for name in names)
    assert night.max() < 0.4 and night[2] > night[1] > night[0]
    assert sunset[0] > sunset[1] > sunset[2] and sunset[0] > 0.5
    assert snow.mean() > 0.55 and snow.max() - snow.min() < 0.1
    assert rain.mean() < 0.5 and rain.max() - rain.min() < 0.15
    assert (
        fog.mean() > 0.6
        and clouds.mean() < 0.5
        and max(fog.max() - fog.min(), clouds.max() - clouds.min()) < 0.1
    )
    red = torch.tensor([0.9, 0.1, 0.1]).view(1, 3, 1, 1)
    for name in ("night", "snow", "rain", "fog"):
        seen = toned(red, (TONES[name],))[0, :, 0, 0]
        assert seen.max() - seen.min() < 0.5, "colours are weaker"


def test_a_blue_sky_is_orange_at_sunset_and_a_dark_blue_stays_no_orange() -> None:
    sky, sea = (torch.tensor(color)[None, :, None, None] for color in ((0.6, 0.8, 0.95), (0.1, 0.2, 0.5)))
    red, green, blue = toned(sky, (SUNSET,))[0, :, 0, 0].tolist()
    assert red > green + 0.1 and green > blue + 0.1
    red, _, blue = toned(sea, (SUNSET,))[0, :, 0, 0].tolist()
    assert blue > red


def test_black_and_white_has_no_colours_and_sepia_one() -> None:
    frames = torch.rand(2, 3, 8, 8)
    grey, sepia = (toned(frames, (TONES[name],) * 2) for name in ("grey", "sepia"))
    assert float((grey.amax(1) - grey.amin(1)).max()) < 1e-6
    red, green, blue = sepia.unbind(1)
    assert bool((red >= green).all() and (green >= blue).all()) and float((red - blue).mean()) > 0.1


def test_black_stays_dark_and_the_order_of_light_stays() -> None:
    steps = torch.linspace(0, 1, 16).view(1, 1, 1, 16).expand(1, 3, 1, 16)
    for name, tone in TONES.items():
        seen = toned(steps, (tone,)).mean(1).flatten()
        assert bool((seen.diff() > 0).all()), name


@pytest.mark.parametrize(
    ("said", "tone"),
    [
        (("night", (), False), NIGHT),
        ((None, ("snow",), False), TONES["snow"]),
        (("beach", ("rain",), False), TONES["rain"]),
        ((None, (), True), DAY),
        (("night", ("fog", "grey"), False), TONES["grey"]),
        (("beach", (), False), None),
        ((None, ("wind",), False), None),
        ((None, ("fog",), False), TONES["fog"]),
        (("snow", ("snow",), False, True), DAY),
    ],
)
def test_what_is_said_of_the_light(said: tuple[Any, ...], tone: object) -> None:
    assert tone_of(*said) == tone


def test_a_tone_comes_in_the_frames_of_a_transition_and_stays() -> None:
    now = tone_to(replace(stack(), label=""), NIGHT)
    shares, tones = (0.5, 1.0), []
    for share in shares:
        moved = move(advance(now, share), rows())
        now = moved.stack
        tones += moved.tones
    assert tones == [between(DAY, NIGHT, share / 8) for share in range(1, 9)]
    assert now.tone == NIGHT and now.next_tone is None
    assert move(now, rows()).tones == (NIGHT,) * 4


def test_one_that_is_taken_back_half_way_goes_on_from_there() -> None:
    now = move(advance(tone_to(stack(), NIGHT), 0.5), rows()).stack
    back = tone_to(now, SUNSET)
    assert back.tone == between(DAY, NIGHT, 0.5) and back.next_tone == SUNSET
    (first, *_) = move(advance(back, 0.4), rows()).tones
    assert first == between(back.tone, SUNSET, 0.1)
    assert tone_to(back, SUNSET) is back


def test_it_ends_with_the_photo() -> None:
    dark = replace(stack(disc(RED, 30, 30), disc(BLUE, 60, 30)), tone=NIGHT)
    gone = tone_to(dissolve_to(dark, background(3), (0, 0), "beach"), DAY)
    after = move(advance(gone, 1.0), rows()).stack
    assert (after.label, after.tone, after.next_tone, after.next_background) == ("beach", DAY, None, None)


def test_what_shines_is_no_darker_at_night_where_it_is_seen() -> None:
    fire, dog = replace(disc(RED, 40, 30), label="red fire"), disc(BLUE, 56, 30)
    night = replace(stack(fire, dog), tone=NIGHT)
    moved = move(night, rows())
    frames, still = background().expand(4, -1, -1, -1).clone(), torch.zeros(4, 2, 8, 12)
    seen = shining(frames, moved.ways, still)
    assert seen is not None and seen.shape == frames.shape
    assert seen[0, :, 30, 40].eq(1).all() and not seen[0, :, 30, 56].any(), "the dog before it does not shine"
    assert not seen[0, :, 8, 8].any()
    assert shining(frames, move(stack(dog), rows()).ways, still) is None
