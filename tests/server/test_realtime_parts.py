"""vLLM-Omni's protocol in parts: what its messages mean here, what is refused, which chunk is said to show what."""

from __future__ import annotations

import io
import json
import math
from itertools import count
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flowbrush.errors import ProtocolError
from flowbrush.messages import Body
from flowbrush.packets import NO_FLAGS, Flag, Packet
from flowbrush.protocol import (
    CameraSet,
    Codec,
    Error,
    Notice,
    Pong,
    PromptSet,
    SessionDone,
    TrackBegin,
    TrackEnd,
)
from flowbrush.server.delivery.delivery import Media
from flowbrush.server.engine.encoder import VideoEncoder
from flowbrush.server.realtime import client_messages, server_messages
from flowbrush.server.realtime.camera import camera_set, turned
from flowbrush.server.realtime.client_messages import (
    Camera,
    Interaction,
    SessionInteraction,
    event_id_of,
    parse_message,
    parse_start,
)
from flowbrush.server.realtime.timeline import Timeline
from flowbrush.server.realtime.translate import controls, frames_of, picture, session_start
from flowbrush.server.realtime.wire import COMPLETED, Mp4Wire

FPS, ASPECT = 16.0, 5 / 3
POINTS = [{"t": 0, "x": 0.2, "y": 0.5}, {"t": 1, "x": 0.8, "y": 0.5}]


def interaction(event: dict[str, Any], **more: Any) -> Interaction:
    message = parse_message(
        json.dumps({"type": "session.interaction", "interaction": {"event": event, **more}})
    )
    assert isinstance(message, SessionInteraction)
    return message.interaction


def moved(mode: str = "velocity", **pose: Any) -> CameraSet:
    return camera_set(Camera.model_validate({"mode": mode, "data": pose}), FPS, ASPECT)


def about(axis: tuple[float, float, float], angle: float) -> tuple[float, ...]:
    """A quaternion."""
    return (*(each * math.sin(angle / 2) for each in axis), math.cos(angle / 2))


# ---- the camera


@pytest.mark.parametrize(
    ("pose", "pan", "zoom", "roll"),
    [
        ({}, (0, 0), 0, 0),
        ({"translation": (0.05, 0, 0)}, (0.2, 0), 0, 0),  # right: four latent frames a second
        ({"translation": (0, 0.05, 0)}, (0, -0.2 * ASPECT), 0, 0),  # up, in heights of the picture
        ({"translation": (0, 0, 0.25 * math.log(2))}, (0, 0), 1, 0),  # forward: twice as large in a second
        ({"rotation": about((0, 1, 0), 0.1)}, (0.4, 0), 0, 0),  # +Z turns to +X: it looks right
        ({"rotation": about((1, 0, 0), 0.1)}, (0, 0.4 * ASPECT), 0, 0),  # +Z turns to -Y: it looks down
        ({"rotation": about((0, 0, 1), 0.1)}, (0, 0), 0, -math.degrees(0.4)),  # +X turns to +Y: anticlockwise
    ],
)
def test_a_velocity_is_a_step_for_each_latent_frame(
    pose: dict[str, Any], pan: tuple[float, float], zoom: float, roll: float
) -> None:
    control = moved(**pose)
    assert control.mode == "velocity"
    assert (*control.pan, control.zoom, control.roll) == pytest.approx((*pan, zoom, roll), abs=1e-9)


def test_a_target_counts_from_the_start_of_the_stream() -> None:
    control = moved("target", translation=(0.5, 0, 0), rotation=about((0, 1, 0), -0.2))
    assert control.mode == "target" and control.pan == pytest.approx((0.3, 0))


def test_rotations_take_the_short_way_and_any_length() -> None:
    x, y, z, w = about((0, 1, 0), 0.3)
    for factor in (1.0, -1.0, 1e-200, 1e200):
        scaled = (x * factor, y * factor, z * factor, w * factor)
        assert turned(scaled) == pytest.approx((0, 0.3, 0))


# ---- what is asked for


def test_a_start_with_all_that_is_taken() -> None:
    asked = {"type": "session.start", "prompt": "a fox", "size": "320x192", "video_params": {"fps": 16, "num_frames": 9},
             "seed": 7, "num_inference_steps": 2, "guidance_scale": 1.0, "extra_params": {"a": [1]},
             "multi_modal_data": {"tracks": {"data": {"begin": [{"track": 1, "kind": "path", "points": POINTS}]}}}}  # fmt: skip
    start, ignored = parse_start(json.dumps(asked))
    made = session_start(start, "pocket", None)
    assert (made.model, made.prompt, made.width, made.height, made.fps) == ("pocket", "a fox", 320, 192, 16)
    assert (made.seed, made.steps, made.codecs) == (7, 2, ("h264",))
    assert [track.track for track in made.tracks] == [1]
    assert ignored == ("guidance_scale", "extra_params")
    assert frames_of(start, FPS) == 9


@pytest.mark.parametrize(("given", "frames"), [({"num_frames": 5}, 5), ({"seconds": "3"}, 48), ({}, None)])
def test_how_long_the_video_is(given: dict[str, Any], frames: int | None) -> None:
    start, _ = parse_start(json.dumps({"type": "session.start", "prompt": "x", **given}))
    assert frames_of(start, FPS) == frames


def test_a_picture_comes_with_the_message_or_was_uploaded() -> None:
    def given(**reference: str) -> bytes | None:
        start, _ = parse_start(
            json.dumps({"type": "session.start", "prompt": "", "image_reference": reference})
        )
        assert start.image_reference is not None
        return picture(start.image_reference)

    assert given(image_url="data:image/png;base64,aGk=") == b"hi"
    assert given(file_id="abc") is None
    for url in (
        "https://elsewhere.example/a.png",
        "file:///etc/passwd",
        "data:image/png,hi",
        "data:;base64,?",
    ):
        with pytest.raises(ProtocolError, match=r"image_reference\.image_url: "):
            given(image_url=url)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "session.ping"}, "first message must be session.start"),
        ({"type": None}, "type is missing: every message has one"),
        ({"type": []}, "first message must be session.start, not an empty list"),
        ({"prompt": " "}, "prompt is blank"),
        ({"prompt": "\u200b"}, "prompt is blank"),
        ({"format": "webm"}, "format is 'webm'"),
        ({"num_frames": 0}, "num_frames is 0"),
        ({"fps": "16"}, "fps is '16'"),
        ({"image_reference": {}}, "either image_url"),
        ({"image_reference": [{"image_url": "data:"}]}, "image_reference is a list of 1"),
        ({"video_reference": {"video_url": "data:"}}, "video_reference is not taken"),
        ({"multi_modal_data": {"camera": {"data": {}}}}, "tracks that begin, nothing else"),
    ],
)
def test_a_start_that_cannot_be_says_why(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        parse_start(json.dumps({"type": "session.start", "prompt": "x", **change}))


# ---- interactions


def test_an_interaction_is_controls_with_ids_that_grow() -> None:
    event = {
        "prompt": "a cat",
        "multi_modal_data": {
            "camera": {"mode": "velocity", "data": {"translation": [0.01, 0, 0]}},
            "tracks": {"data": {"begin": [{"track": 4, "kind": "path", "points": POINTS}], "end": [3]}},
        },
    }
    made = list(controls(interaction(event, transition_chunks=2), count(5), FPS, ASPECT))
    assert [type(each) for each in made] == [TrackBegin, TrackEnd, CameraSet, PromptSet]
    assert [each.id for each in made] == [5, 6, 7, 8]
    assert (
        isinstance(made[3], PromptSet) and made[3].transition is not None and made[3].transition.chunks == 2
    )
    hard = list(controls(interaction({"prompt": "x"}, transition_chunks=0), count(1), FPS, ASPECT))
    assert isinstance(hard[0], PromptSet) and hard[0].transition is None


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({}, "expected a prompt"),
        ({"prompt": " "}, "prompt is blank"),
        ({"prompt": "\u200b"}, "prompt is blank"),
        ({"prompt": "x", "negative_prompt": "y"}, "negative_prompt is not taken"),
        ({"multi_modal_data": {}}, "expected camera or tracks"),
        ({"multi_modal_data": {"action": {"data": {}}}}, "'action' is not taken"),
        ({"multi_modal_data": {"camera": {"data": {"actions": ["w"]}}}}, "actions are not taken"),
        ({"multi_modal_data": {"camera": {"data": {"rotation": [0, 0, 0, 0]}}}}, "not all zeros"),
        ({"multi_modal_data": {"camera": {"data": {"translation": [0, 0]}}}}, "translation"),
        ({"multi_modal_data": {"camera": {"data": {"translation": [99, 0, 0]}}}}, "too far, or too fast"),
        (
            {"multi_modal_data": {"camera": {"data": {"translation": [1e308, 0, 0]}, "mode": "velocity"}}},
            "too far",
        ),
        ({"multi_modal_data": {"tracks": {"data": {}}}}, "expected tracks to begin"),
        (
            {
                "multi_modal_data": {
                    "tracks": {"data": {"begin": [{"track": 1, "kind": "fly", "points": POINTS}]}}
                }
            },
            "kind is 'fly'",
        ),
    ],
)
def test_an_interaction_that_cannot_be_says_why(event: dict[str, Any], said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        list(controls(interaction(event), count(1), FPS, ASPECT))


NAMES = st.sampled_from(
    ["interaction", "event", "event_id", "prompt", "multi_modal_data", "camera", "tracks", "data", "mode", "translation",
     "rotation", "begin", "end", "transition_chunks", "image_reference", "image_url", "size", "position_seconds"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(["session.start", "session.interaction", "session.playback", "session.stop", "other"])


@settings(max_examples=40)
@given(st.dictionaries(NAMES, VALUES, max_size=5), KINDS)
def test_whatever_comes_only_a_named_fault_leaves(body: dict[str, Any], kind: str) -> None:
    text = json.dumps({**body, "type": kind})
    event_id_of(text)
    try:
        if kind == "session.start":
            session_start(parse_start(text)[0], "pocket", None)
        elif isinstance(message := parse_message(text), SessionInteraction):
            list(controls(message.interaction, count(1), FPS, ASPECT))
    except ProtocolError as error:
        assert error.message


# ---- which chunk shows what


def test_a_prompt_is_at_work_for_its_transition() -> None:
    timeline = Timeline(0.25)
    timeline.queued("p", interaction({"prompt": "x"}, transition_chunks=2), 3)
    shown = [timeline.shown(id) for id in (2, 3, 3, 3)]
    assert [each.started for each in shown] == [(), ("p",), (), ()]
    assert [each.active for each in shown] == [(), ("p",), ("p",), ()]
    assert [each.completed for each in shown] == [(), (), ("p",), ()]


def test_a_camera_goes_on_until_another_replaces_it() -> None:
    timeline = Timeline(0.25)
    going = {"multi_modal_data": {"camera": {"mode": "velocity", "data": {}}}}
    timeline.queued("a", interaction(going), 1)
    assert timeline.shown(1).active == ("a",) == timeline.shown(1).active
    timeline.queued("b", interaction({"multi_modal_data": {"camera": {"data": {}}}}), 2)
    replaced = timeline.shown(2)
    assert (replaced.started, replaced.active, replaced.completed) == (("b",), ("b",), ("a",))
    assert [timeline.shown(2).completed for _ in range(3)] == [(), (), ("b",)], "there in a second"


def test_event_ids_are_known_for_a_while() -> None:
    timeline = Timeline(0.25)
    for number in range(2000):
        timeline.queued(f"{number}", interaction({"prompt": "x"}), number + 1)
        timeline.shown(number + 1)
    assert timeline.knows("976") and not timeline.knows("975"), "the newest 1,024"


# ---- what is sent


def encoded(frames: int) -> list[bytes]:
    """H.264 of so many frames, a key frame first."""
    encoder, black = VideoEncoder(Codec.H264, 64, 64, FPS), np.zeros((64, 64, 3), np.uint8)
    return [encoder.encode(black, index == 0)[0] for index in range(frames)]


def media(frame: int, payload: bytes, control: int = 0) -> Media:
    flags = (Flag.KEY if frame % 20 == 0 else NO_FLAGS) | (Flag.LAST_OF_CHUNK if frame % 4 == 3 else NO_FLAGS)
    return Media(Packet(frame // 4, frame, 0, Codec.H264, payload, flags, control), 0.0, 0.0)


def sent(wire: Mp4Wire, items: list[Any]) -> tuple[list[dict[str, Any]], bytes]:
    """Metadata and the file that the payloads make."""
    out = [part for item in items for part in wire(item)]
    return [json.loads(each) for each in out if isinstance(each, str)], b"".join(
        e for e in out if isinstance(e, bytes)
    )


def test_chunks_are_fragments_of_one_file_that_ends_where_it_was_asked_to() -> None:
    ended: list[str] = []
    timeline = Timeline(0.25)
    wire = Mp4Wire("s", (64, 64), 16.0, 10, timeline, lambda: ended.append("now"))
    timeline.queued("p", interaction({"prompt": "x"}), 7)
    items = [media(index, each, 7 * (index >= 4)) for index, each in enumerate(encoded(16))]
    texts, file = sent(wire, items)
    assert [each["num_frames"] for each in texts] == [4, 4, 2] and ended == ["now"]
    assert [each["transport_chunk_index"] for each in texts] == [0, 1, 2]
    assert [each["started_event_ids"] for each in texts] == [[], ["p"], []]
    with av.open(io.BytesIO(file), "r") as video:
        assert [round(frame.time * 16) for frame in video.decode(video=0) if frame.time is not None] == list(
            range(10)
        )


def test_after_a_gap_the_video_goes_on_without_one() -> None:
    payloads = encoded(4) + encoded(4)
    wire = Mp4Wire("s", (64, 64), 16.0, None, Timeline(0.25), lambda: None)
    before = [
        media(index, payloads[index]) for index in range(3)
    ]  # the rest of that chunk was not read in time
    after = [media(40 + index, payloads[4 + index]) for index in range(4)]
    texts, file = sent(wire, before + after)
    assert [each["num_frames"] for each in texts] == [3, 4]
    assert [each["generation_chunk_index"] for each in texts] == [0, 10]
    with av.open(io.BytesIO(file), "r") as video:
        assert [
            round(packet.pts * packet.time_base * 16)
            for packet in video.demux(video=0)
            if packet.pts is not None
        ] == [*range(7)]


def test_what_the_session_says_in_their_words() -> None:
    wire = Mp4Wire("s", (64, 64), 16.0, None, Timeline(0.25), lambda: None)
    done: dict[str, Any] = {"chunks": 1, "frames": 4, "log": "/l"}
    texts, _ = sent(
        wire,
        [
            Pong(sent_us=0),
            Notice(code="unknown_words", message="no word for it"),
            Error(code="busy", message="later", retry_after_s=3),
            SessionDone(reason="stopped", **done),
            SessionDone(reason=COMPLETED, **done),
        ],
    )
    assert texts == [
        {"type": "session.pong"},
        {"type": "error", "code": "busy", "message": "later", "request_id": "s", "retry_after_s": 3.0},
        {
            "type": "session.done",
            "request_id": "s",
            "chunks": 0,
            "stopped": True,
            "reason": "stopped",
            "log": "/l",
        },
        {
            "type": "session.done",
            "request_id": "s",
            "chunks": 0,
            "stopped": False,
            "reason": "completed",
            "log": "/l",
        },
    ]


def test_the_page_tells_of_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "realtime_video.md").read_text()
    for module in (client_messages, server_messages):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Body) and kind.__module__ == module.__name__:
                untold = [name for name in kind.model_fields if name not in page]
                assert not untold, kind.__name__
                told = kind.model_fields.get("type")
                assert told is None or f"`{get_args(told.annotation)[0]}`" in page, kind.__name__


@pytest.mark.parametrize("field", ["begin", "move", "end"])
def test_of_a_list_of_tracks_that_does_not_fit_one_entry_is_complained_of(field: str) -> None:
    """A message of a million of them held the server up for 50 s."""
    with pytest.raises(ValidationError) as refused:
        client_messages.TrackChanges.model_validate_json(json.dumps({field: [{}] * 500}), strict=True)
    assert refused.value.error_count() <= 4
