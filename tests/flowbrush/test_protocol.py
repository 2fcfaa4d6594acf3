"""Parsing: what is taken, what is refused and how. Whatever comes in, only ProtocolError comes out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flowbrush import limits
from flowbrush import protocol as p
from flowbrush.parse import read_object, repeated, type_of

START = {"type": "session.start", "model": "pocket", "prompt": "a fox"}
POINT = {"t": 0, "x": 0.5, "y": 0.5}
TRACK = {"type": "track.begin", "track": 1, "kind": "drag", "points": [POINT]}
TRIANGLE = [[0.1, 0.1], [0.2, 0.1], [0.1, 0.3]]
FULL = {"kind": "path", "points": [POINT] * limits.MAX_POINTS}
SOURCE = {"type": "source.begin", "codec": "jpeg", "width": 320, "height": 192, "fps": 16, "strength": 0.5}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
types = st.sampled_from(
    "session.start prompt.set track.begin track.move track.end tracks.clear camera.set session.pause "
    "session.step session.rewind session.reset session.stop probe source.begin source.end keyframe playhead ping".split()
)
names = st.sampled_from(
    "id track kind points grid prompts prompt model seed mode pan zoom roll chunks chunk pts buffered "
    "sent_us codecs tracks resume last_frame kinds image x y add remove region source strength".split()
)


def refused(message: Any) -> p.ProtocolError:
    text = message if isinstance(message, str | bytes) else json.dumps(message)
    with pytest.raises(p.ProtocolError) as caught:
        p.parse_client_message(text)
    return caught.value


@given(st.text() | st.binary())
def test_any_text_is_parsed_or_refused(text: str | bytes) -> None:
    for parse in (p.parse_client_message, p.parse_server_message, p.parse_control, p.SessionFile.parse):
        try:
            parse(text)
        except p.ProtocolError as error:
            assert error.message


@given(types, st.dictionaries(names, json_values, max_size=6))
def test_any_fields_are_parsed_or_refused(kind: str, fields: dict[str, Any]) -> None:
    text = json.dumps({"type": kind, **fields})
    try:
        message = p.parse_client_message(text).message
    except p.ProtocolError as error:
        assert error.code in p.ErrorCode
        assert not re.search("should|tuple|dictionary|valid_|Input", error.message), "words of the library's"
        id = fields.get("id")
        fits = type(id) is int and 1 <= id <= limits.MAX_ID
        assert error.id == (id if fits and error.code != p.ErrorCode.INVALID_JSON else None)
    else:
        again = p.parse_client_message(message.to_json())
        assert again.message == message and again.ignored == ()


@given(
    st.lists(
        st.tuples(st.floats(0, 1e9), st.floats(-1, 2), st.floats(-1, 2), st.booleans()),
        min_size=1,
        max_size=20,
    )
)
def test_points_in_range_come_through_unchanged(rows: list[tuple[float, float, float, bool]]) -> None:
    rows.sort(key=lambda row: row[0])
    points = [{"t": t, "x": x, "y": y, "visible": visible} for t, x, y, visible in rows]
    message = p.parse_control(json.dumps({"type": "track.move", "track": 1, "points": points})).message
    assert isinstance(message, p.TrackMove)
    assert [(point.t, point.x, point.y, point.visible) for point in message.points] == rows


LISTS = [
    (p.PromptSet, "prompts", {}),
    (p.TrackMove, "points", {}),
    (p.TrackBegin, "region", {}),
    (p.TrackBegin, "region", [{}] * 500),
    (p.TrackBegin, "add", {}),
    (p.TracksClear, "kinds", {}),
    (p.SessionStart, "tracks", {}),
    (p.SessionStart, "codecs", {}),
    (p.SessionFile, "controls", {}),
]


@pytest.mark.parametrize(("kind", "field", "bad"), LISTS)
def test_of_a_list_that_does_not_fit_one_entry_is_complained_of(kind: Any, field: str, bad: Any) -> None:
    """A complaint takes a thousand times what the entry took to send: a million of them held a server up for 8 s."""
    text = json.dumps({field: [bad] * 500})
    with pytest.raises(ValidationError) as refused:
        kind.model_validate_json(text, strict=True)
    complaints = refused.value.errors(include_url=False, include_context=False)
    assert len([each for each in complaints if each["loc"][0] == field and len(each["loc"]) > 1]) <= 4


def test_a_message_holds_so_many_objects_and_lists() -> None:
    """A megabyte of empty ones takes a second to read, in which nobody else is heard."""
    text = '{"type": "ping", "sent_us": 1, "more": [%s{}]}' % ("{}," * (limits.MAX_MESSAGE_PARTS - 3))
    assert p.parse_client_message(text).ignored == ("more",)
    for more in (text.replace("[", "[[],", 1), text.replace("[", "[[],", 1).encode()):
        with pytest.raises(
            p.ProtocolError, match="65537 objects and lists: at most 65536 are taken"
        ) as refused:
            p.parse_client_message(more)
        assert refused.value.code == "too_large"


def test_a_message_of_too_many_fields_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown fields are passed over, but each is read thrice: for a tenth of a second, of 100,000, nobody else is heard."""
    head = '{"type": "ping", "sent_us": 1, '
    text = head + ", ".join(f'"{number:x}": 1' for number in range(limits.MAX_MESSAGE_COLONS - 2)) + "}"
    ignored = p.parse_client_message(text).ignored
    assert ignored == tuple(f"{number:x}" for number in range(64)), "more than these is not put together"
    monkeypatch.setattr("pydantic_core.from_json", None)
    for more in (text.replace("{", '{"more": 1, ', 1), text.replace("{", '{"more": 1, ', 1).encode()):
        with pytest.raises(p.ProtocolError, match="50001 fields, or colons in texts") as refused:
            p.parse_client_message(more)
        assert refused.value.code == "too_large"


def test_the_largest_message_has_room_for_its_fields() -> None:
    points = limits.MAX_START_POINTS * len(p.Point.model_fields)
    tracks = limits.MAX_TRACKS * (len(p.TrackBegin.model_fields) + len(p.Grid.model_fields))
    prompts = limits.MAX_PROMPTS * (limits.MAX_PROMPT_CHARS + len(p.Prompt.model_fields))
    rest = len(p.SessionStart.model_fields) + len(p.SourceFields.model_fields)
    assert points + tracks + prompts + rest <= limits.MAX_MESSAGE_COLONS < 51_000, "nor for many more"


class Counted(str):
    """A name that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)


def test_of_many_names_the_one_that_stands_twice_is_found_in_one_go() -> None:
    """Each was counted among all: a message with ninety thousand names, the last one twice, held everybody up for minutes."""
    names = [Counted(number) for number in range(2000)]
    assert repeated([*names, Counted("last"), Counted("last"), *names]) == "last"
    assert Counted.compared < 100


def test_a_name_that_stands_twice_is_refused_with_the_id_of_its_message() -> None:
    with pytest.raises(p.ProtocolError, match="'y' stands twice in one object: join the two") as refused:
        p.parse_client_message('{"type": "probe", "id": 7, "x": 0.5, "y": 0.1, "y": 0.2}')
    assert refused.value.id == 7


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        ("[1]", "invalid_json", None),
        ("{", "invalid_json", None),
        (b"\xff\xfe", "invalid_json", None),
        ('{"type": "ping\ud800"}', "invalid_json", None),
        ('{"type": "ping\\ud800"}', "invalid_json", None),
        ("[" * 60_000, "invalid_json", None),
        ('"' + "x" * limits.MAX_MESSAGE_BYTES + '"', "too_large", None),
        ('{"type": "ping", "sent_us": 1, "sent_us": 2}', "invalid_value", "sent_us"),
        ('{"type": "ping", "sent_us": 1, "more": [{"a": 1, "a": 1}]}', "invalid_value", "a"),
        ({}, "missing_field", "type"),
        ({"type": "sing"}, "unknown_type", "type"),
        ({"type": ["ping"]}, "unknown_type", "type"),
        ({"type": "ping"}, "missing_field", "sent_us"),
        ({"type": "ping", "sent_us": "1"}, "wrong_type", "sent_us"),
        ({"type": "ping", "sent_us": 1.5}, "wrong_type", "sent_us"),
        ({"type": "ping", "sent_us": True}, "wrong_type", "sent_us"),
        ({"type": "ping", "sent_us": -1}, "out_of_range", "sent_us"),
        ({"type": "track.end", "track": 1, "id": 0}, "out_of_range", "id"),
        ({"type": "track.end", "track": 1, "id": 2**32}, "out_of_range", "id"),
        ({"type": "track.end", "track": -1}, "out_of_range", "track"),
        ({"type": "track.move", "track": 1, "points": []}, "out_of_range", "points"),
        ({"type": "track.move", "track": 1, "points": [POINT] * 1025}, "out_of_range", "points"),
        ({"type": "track.move", "track": 1, "points": [POINT | {"x": 2.01}]}, "out_of_range", "points[0].x"),
        (
            {"type": "track.move", "track": 1, "points": [POINT | {"y": float("nan")}]},
            "out_of_range",
            "points[0].y",
        ),
        (
            {"type": "track.move", "track": 1, "points": [POINT | {"t": float("inf")}]},
            "out_of_range",
            "points[0].t",
        ),
        ({"type": "track.move", "track": 1, "points": [POINT, {"t": 1}]}, "missing_field", "points[1].x"),
        ({"type": "track.move", "track": 1, "points": [POINT | {"t": 1}, POINT]}, "invalid_value", "points"),
        ({"type": "track.begin", "track": 1, "kind": "push", "points": [POINT]}, "invalid_value", "kind"),
        (TRACK | {"region": []}, "out_of_range", "region"),
        (TRACK | {"region": [TRIANGLE, [[0, 0], [1, 1]]]}, "out_of_range", "region[1]"),
        (TRACK | {"region": [[[0, 0], [1, 1], [0, 3]]]}, "out_of_range", "region[0][2][1]"),
        (TRACK | {"region": [[[0, 0], [1, 1], [0]]]}, "missing_field", "region[0][2][1]"),
        (TRACK | {"region": [TRIANGLE * 1366]}, "out_of_range", "region"),
        (TRACK | {"region": [TRIANGLE] * 65}, "out_of_range", "region"),
        (TRACK | {"region": [TRIANGLE], "add": [[0, 0]]}, "invalid_value", "region"),
        (TRACK | {"add": [[0, 0]] * 33}, "out_of_range", "add"),
        ({"type": "probe", "x": 0.5}, "missing_field", "y"),
        ({"type": "probe", "x": 0.5, "y": 3}, "out_of_range", "y"),
        ({"type": "probe", "x": 0.5, "y": 0, "remove": [[0, 0, 0]]}, "out_of_range", "remove[0]"),
        (SOURCE | {"strength": 1.1}, "out_of_range", "strength"),
        (SOURCE | {"codec": "av1"}, "invalid_value", "codec"),
        ({"type": "prompt.set", "prompts": []}, "out_of_range", "prompts"),
        ({"type": "prompt.set", "prompts": [{"text": "x" * 2001}]}, "out_of_range", "prompts[0].text"),
        (
            {"type": "prompt.set", "prompts": [{"text": "x", "weight": 0}]},
            "out_of_range",
            "prompts[0].weight",
        ),
        ({"type": "tracks.clear", "kinds": ["drag", "x"]}, "invalid_value", "kinds[1]"),
        ({"type": "camera.set", "mode": "velocity", "pan": [0]}, "missing_field", "pan[1]"),
        ({"type": "camera.set", "mode": "velocity", "zoom": 5}, "out_of_range", "zoom"),
        (START | {"prompts": [{"text": "b"}]}, "invalid_value", "prompts"),
        (START | {"codecs": []}, "out_of_range", "codecs"),
        (START | {"image": "../../etc/passwd"}, "invalid_value", "image"),
        (START | {"last_frame": 3}, "invalid_value", "last_frame"),
        (
            START | {"tracks": [{"track": 1, "kind": "path", "points": [POINT]}] * 2},
            "invalid_value",
            "tracks",
        ),
        (START | {"tracks": [FULL | {"track": track} for track in range(9)]}, "out_of_range", "tracks"),
        ({"type": "session.start", "model": "pocket"}, "missing_field", "prompt"),
        ({"type": "session.start", "resume": "abc"}, "missing_field", "last_frame"),
    ],
)
def test_bad_messages_name_code_and_field(message: Any, code: str, field: str | None) -> None:
    error = refused(message)
    assert (error.code, error.field) == (code, field)
    assert len(error.message) < 500


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('{"type": "source.begin", "width": 5}', True),
        (b'{"type": "source.b\\u0065gin", "fps": 1, "fps": 2}', True),
        ('{"type": "source.end", "note": "source.begin"}', False),
        ('["source.begin"]', False),
        ('{"type": "source.begin"', False),
        ('{"type": "source.begin", "x": "' + "x" * limits.MAX_MESSAGE_BYTES + '"}', False),
    ],
)
def test_what_a_refused_message_was_to_be_is_known_where_it_can_be_read(
    text: str | bytes, meant: bool
) -> None:
    assert (type_of(text) == "source.begin") is meant


def test_the_message_says_what_was_wrong_and_what_was_expected() -> None:
    error = refused({"type": "camera.set", "mode": "orbit", "id": 7})
    assert error.message == "mode is 'orbit': expected 'velocity' or 'target'"
    assert error.id == 7


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"type": "track.move", "track": 1, "points": [[0, 0, 1]]}, "points[0] is a list of 3: expected an object with t, x, y"),
        ({"type": "prompt.set", "prompts": ["a fox"]}, "prompts[0] is 'a fox': expected an object with text"),
        ({"type": "track.move", "track": 1, "points": []}, "points is an empty list: expected at least 1 entry"),
        ({"type": "probe", "x": 3, "y": 0}, "x is 3: expected at most 2"),
        ({"type": "probe", "x": None, "y": 0}, "x is null: expected a number"),
        ({"type": "camera.set", "mode": "velocity", "pan": [0]}, "pan[1] is missing: a list of 1 is too short"),
        (START | {"paused": "yes"}, "paused is 'yes': expected true or false"),
        (START | {"prompt": " \n"}, "prompt is ' \\n': expected a text that is not empty, and more than spaces"),
    ],
)  # fmt: skip
def test_the_words_are_a_persons(message: Any, says: str) -> None:
    assert refused(message).message == says


@pytest.mark.parametrize("says", [{"image": "abc"}, {"source": SOURCE}])
def test_a_picture_stands_in_for_a_prompt(says: dict[str, Any]) -> None:
    start = p.parse_client_message(json.dumps({"type": "session.start", "model": "pocket", **says})).message
    assert isinstance(start, p.SessionStart) and start.prompt_list == ()


def test_a_region_with_a_hole_comes_through_unchanged() -> None:
    region = [[[0, 0], [1, 0], [1, 1], [0, 1]], [[0.4, 0.4], [0.6, 0.4], [0.5, 0.6]]]
    control = p.parse_control(json.dumps(TRACK | {"region": region})).message
    assert isinstance(control, p.TrackBegin) and json.loads(control.to_json())["region"] == region


def test_unknown_fields_are_ignored_and_named() -> None:
    text = json.dumps(
        START | {"mood": 1, "tracks": [{"track": 1, "kind": "pin", "points": [POINT | {"z": 0}]}]}
    )
    parsed = p.parse_client_message(text)
    assert parsed.ignored == ("mood", "tracks[0].points[0].z")
    assert "mood" not in parsed.message.to_json()


def test_further_limits_of_a_server_are_kept() -> None:
    ready = {"type": "session.ready", "session": "s", "model": "m", "width": 1, "height": 1, "fps": 16}
    ready |= {"codec": "jpeg", "codec_string": "", "chunk_frames": 4, "capabilities": {"drag": True}}
    ready |= {"limits": {"stars": 3}}
    parsed = p.parse_server_message(json.dumps(ready))
    assert parsed.ignored == ()
    assert isinstance(parsed.message, p.SessionReady)
    assert parsed.message.limits.model_dump()["stars"] == 3 and parsed.message.resume_token is None


def test_prompt_and_prompts_mean_the_same() -> None:
    one = p.parse_client_message(json.dumps(START)).message
    many = p.parse_client_message(
        json.dumps({"type": "session.start", "model": "pocket", "prompts": [{"text": "a fox"}]})
    ).message
    assert isinstance(one, p.SessionStart) and isinstance(many, p.SessionStart)
    assert one.prompt_list == many.prompt_list == (p.Prompt(text="a fox"),)


def test_codecs_of_a_newer_client_are_skipped() -> None:
    start = p.parse_client_message(json.dumps(START | {"codecs": ["h266", "vp9", "jpeg"]})).message
    assert isinstance(start, p.SessionStart)
    assert start.known_codecs == (p.Codec.VP9, p.Codec.JPEG)


def test_messages_do_not_change() -> None:
    message = p.TrackEnd(track=1)
    with pytest.raises(ValueError, match="frozen"):
        message.track = 2  # type: ignore[misc]


def test_an_object_is_read_or_refused_whatever_its_size() -> None:
    assert read_object('{"a": 1}') == {"a": 1}
    with pytest.raises(p.ProtocolError, match="at most 1048576"):
        read_object(b" " * (limits.MAX_MESSAGE_BYTES + 1))


UNSEEN = [
    "",
    "   ",
    "\t\n",
    "\u00a0\u3000",
    "\u200b\u200d\ufeff",
    "\u2800",
    "\u3164\u115f",
    "\ufe0f",
    "\U000e0041",
    "\x00",
]
"""Texts that show nothing; tests/web/check.test.js has the same."""


@pytest.mark.parametrize("text", UNSEEN)
def test_a_prompt_that_shows_nothing_is_refused_wherever_it_stands(text: str) -> None:
    start = {"type": "session.start", "model": "pocket"}
    for message, field in [
        (start | {"prompt": text}, "prompt"),
        (start | {"prompts": [{"text": "a"}, {"text": text}]}, "prompts[1].text"),
        ({"type": "prompt.set", "prompts": [{"text": text}]}, "prompts[0].text"),
    ]:
        error = refused(message)
        assert (error.code, error.field) == ("out_of_range", field)
    with pytest.raises(p.ProtocolError, match="more than spaces" if text else "not empty"):
        p.SessionFile.parse(
            json.dumps({"flowbrush": 1, "model": "m", "start": {"prompt": text}, "chunks": 1})
        )


@pytest.mark.parametrize(
    "text", ["a", " . ", "\U0001f98a", "\u2764\ufe0f", "\U000f0000", "\U0001fae9", "\u0e33"]
)
def test_whatever_shows_something_is_a_prompt(text: str) -> None:
    p.parse_client_message(json.dumps({"type": "session.start", "prompt": text}))
