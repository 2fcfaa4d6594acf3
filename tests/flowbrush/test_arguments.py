"""Bad arguments: every public function and method of the client says which argument is wrong, what came, what is expected."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import BaseModel
from pydantic_core.core_schema import ErrorType

import flowbrush
import flowbrush.sync
from flowbrush import protocol as p
from flowbrush.arguments import checked
from flowbrush.rest import Server
from flowbrush.wording import _EXPECTED, in_python

NAN = float("nan")
TRIANGLE = [(0.1, 0.1), (0.2, 0.1), (0.1, 0.3)]
CLASSES = {
    *(value for name in flowbrush.__all__ if inspect.isclass(value := getattr(flowbrush, name))),
    *(
        value
        for value in vars(flowbrush.sync).values()
        if inspect.isclass(value) and "Sync" in value.__name__
    ),
    Server,
}
INTERNAL = {"from_message", "watch_url", "http_url", "from_url"}
"""What only the client itself calls, with what it made or checked."""


FURTHER_IN = {("Source.send", "frame"), ("SyncStream.set_prompt", "prompt")}
"""What is looked at where it is used, or by the call behind it."""


FITTING: dict[str, Any] = {
    "event": "queue",
    "frame": b"",
    "handler": print,
    "height": 192,
    "path.points": [(0, 0.5, 0.5)],
    "points": [(0.5, 0.5)],
    "seconds": 1.0,
    "url": "localhost:8000",
    "width": 320,
    "x": 0.5,
    "y": 0.5,
}


class Stranger:
    """What no argument is."""


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """All functions and methods of the client that take arguments, methods unbound."""
    yield from ((name, getattr(flowbrush, name)) for name in ("connect", "watch"))
    for kind in sorted(CLASSES, key=lambda kind: kind.__name__):
        own = {name for each in kind.__mro__ for name in vars(each) if "flowbrush" in each.__module__}
        for name in sorted(own):
            member = inspect.getattr_static(kind, name)
            function = getattr(member, "__func__", member)
            if inspect.isfunction(function) and not name.startswith("_") and name not in INTERNAL:
                yield f"{kind.__name__}.{name}", function


def arguments() -> Iterator[Any]:
    for name, function in public():
        for parameter in list(inspect.signature(function).parameters.values()):
            taken = parameter.name not in ("self", "cls") and parameter.kind is not parameter.VAR_KEYWORD
            if taken and (name, parameter.name) not in FURTHER_IN:
                yield pytest.param(function, parameter, id=f"{name}-{parameter.name}")


def refused(call: Callable[[], Any]) -> str:
    """What a call with a bad argument says."""
    with pytest.raises((TypeError, ValueError)) as caught:
        result = call()
        if inspect.iscoroutine(result):
            asyncio.run(result)
    text = str(caught.value)
    assert "\n" not in text and "pydantic" not in text and len(text) < 300, text
    assert type(caught.value) in (TypeError, ValueError)
    return text


def called(function: Callable[..., Any], parameter: inspect.Parameter, value: Any) -> Callable[[], Any]:
    """The call with that one argument; what else it needs is never looked at, or comes later."""
    signature = inspect.signature(function)
    own = {"self": object(), "cls": object()}
    bound = signature.bind_partial(**{name: own[name] for name in own if name in signature.parameters})
    bound.arguments[parameter.name] = (value,) if parameter.kind is parameter.VAR_POSITIONAL else value
    others = {
        name: FITTING.get(f"{function.__name__}.{name}", FITTING.get(name, "a"))
        for name, other in signature.parameters.items()
        if name not in bound.arguments
        and other.default is other.empty
        and other.kind is other.POSITIONAL_OR_KEYWORD
    }
    bound.arguments.update(others)
    return lambda: function(*bound.args, **bound.kwargs)


@pytest.mark.parametrize(("function", "parameter"), [*arguments()])
def test_a_stranger_is_refused_by_every_argument(
    function: Callable[..., Any], parameter: inspect.Parameter
) -> None:
    text = refused(called(function, parameter, Stranger()))
    assert re.match(rf"{parameter.name}(\[0\])? is .*Stranger", text), text
    assert "expected" in text or "give a text" in text


def stream() -> flowbrush.Stream:
    return flowbrush.connect(prompt="a fox")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: stream().drag(NAN, 0.5), "x is nan: expected a finite number"),
        (lambda: stream().pin(0.5, 3), "y is 3: expected at most 2"),
        (lambda: stream().pin(0.5, 0.5, region=[TRIANGLE[:2]]), "region[0] is [(0.1, 0.1), (0.2, 0.1)]: expected at least 3"),
        (lambda: stream().pin(0.5, 0.5, add=[(0, 0)], region=[TRIANGLE]), "give either a region, or points to add and remove"),
        (lambda: stream().path([]), "points is []: expected at least 1 entry"),
        (lambda: stream().path([(0, 0.5, 0.5)] * 1025), "points is a tuple of 1025: expected at most 1024 entries"),
        (lambda: stream().path([(0, 0.5, 0.5), (-1, 0.5, 0.5)]), "points[1][0] is -1: expected at least 0"),
        (lambda: stream().path([(1, 0.5, 0.5), (0, 0.5, 0.5)]), "points: times must not decrease, but point 1 has t=0 after t=1"),
        (lambda: stream().drag_along([], 1.0), "points is []: expected at least 1 entry"),
        (lambda: stream().drag_along([(0.5, 0.5)], -1.0), "seconds is -1.0: expected at least 0"),
        (lambda: stream().set_prompt(""), "prompt is '': expected a text that is not empty"),
        (lambda: stream().set_prompt("\u200b "), "prompt is '\\u200b ': expected a text that is not empty, and more than spaces"),
        (lambda: stream().set_prompt([("a", 0)]), "prompt[0].weight is 0: expected more than 0"),
        (lambda: stream().set_prompt("a", transition_chunks=-1), "transition_chunks is -1: expected at least 0"),
        (lambda: stream().set_image(b""), "image: no bytes, where an encoded image"),
        (lambda: stream().camera(pan=(0.1,)), "pan[1] is missing: (0.1,) is too short"),
        (lambda: stream().camera(mode="orbit"), "mode is 'orbit': expected 'velocity' or 'target'"),
        (lambda: stream().clear_tracks("drag", "x"), "kinds[1] is 'x': expected 'drag', 'pin' or 'path'"),
        (lambda: stream().step(0), "chunks is 0: expected at least 1"),
        (lambda: stream().rewind(None), "chunk is None: expected a whole number"),
        (lambda: stream().reset("x"), "seed is 'x': expected a whole number"),
        (lambda: stream().follow(8, 480), "width is 8: expected at least 32"),
        (lambda: stream().on("frame"), "unknown event 'frame': expected one of chunk, "),
        (lambda: stream().control({}), "control is {}: expected a control, such as flowbrush.protocol.PromptSet"),
        (lambda: flowbrush.connect(), "a prompt is missing: give prompt or prompts, an image, or a source"),
        (lambda: flowbrush.connect(prompt="a", codecs={"h264"}), "codecs is {'h264'}: expected a list"),
        (lambda: flowbrush.connect(prompt="a", codecs="h264"), "codecs is 'h264': expected a list, not a text"),
        (lambda: flowbrush.connect(prompt="a", frames="rgb"), "frames is 'rgb': expected 'numpy', 'packets' or 'none'"),
        (lambda: flowbrush.connect(prompt="a", paused=None), "paused is None: expected True or False"),
        (lambda: flowbrush.connect("localhost:80000", prompt="a"), "not the address of a server: 'localhost:80000' (Port out"),
        (lambda: flowbrush.connect("[::1", prompt="a"), "not the address of a server: '[::1' (Invalid IPv6 URL)"),
        (lambda: flowbrush.connect(prompt="a", api_key="k\ny"), "api_key has characters that no header can carry"),
        (lambda: flowbrush.watch("localhost:8000", ""), "session is '': expected a text that is not empty"),
        (lambda: flowbrush.Grid(rows=0, cols=1, spacing=0.1), "rows is 0: expected at least 1"),
        (lambda: flowbrush.Point(t=0, x="left", y=0), "x is 'left': expected a number"),  # type: ignore[arg-type]
        (lambda: flowbrush.SessionFile.parse("["), "the file is not valid JSON"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_a_line(call: Callable[[], Any], says: str) -> None:
    if "SessionFile" in says or says.startswith("the file"):
        with pytest.raises(flowbrush.ProtocolError, match=says):
            call()
    else:
        assert refused(call).startswith(says)


async def test_an_array_of_another_size_is_no_frame() -> None:
    source = stream().follow(64, 48)
    with pytest.raises(
        ValueError, match=r"frame is of shape \[64, 48, 3\] and uint8: expected bytes, or uint8 \[48, 64, 3\]"
    ):
        await source.send(np.zeros((64, 48, 3), np.uint8))
    with pytest.raises(ValueError, match="frame is 5: expected bytes, or uint8"):
        await source.send(5)


def test_arrays_are_as_good_as_lists() -> None:
    track = stream().path(np.array([[0, 0.5, 0.5], [1, 0.6, 0.5]]), region=[np.array(TRIANGLE)])  # type: ignore[arg-type]
    assert [point.x for point in track._begin.points] == [0.5, 0.6]
    assert track._begin.region == (tuple(TRIANGLE),)


def test_a_function_that_is_checked_gets_what_its_annotations_say() -> None:
    @checked
    def function(count: int, *rest: float) -> tuple[Any, ...]:
        return (count, rest)

    assert function(3.0, 1) == (3, (1.0,))  # type: ignore[arg-type]
    assert refused(lambda: function(3, "x")) == "rest[0] is 'x': expected a number"  # type: ignore[arg-type]
    assert refused(lambda: function()) == "missing a required argument: 'count'"  # type: ignore[call-arg]


def test_words_are_for_complaints_that_there_are() -> None:
    assert set(_EXPECTED) <= set(get_args(ErrorType)) | {"sequence_str"}


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError


def test_whatever_came_is_shown_short() -> None:
    for value in (Hostile(), "x" * 10**6, [0] * 10**6, 10**5000, b"x" * 1000, {"a": "x" * 1000}):
        assert len(in_python(value)) <= 40


def test_an_id_that_was_typed_is_shown_whole() -> None:
    id = "0b7f5a3c-52d1-4c7f-9e0a-3f6f8a1d2e4b"
    assert in_python(id) == repr(id)


def test_every_message_that_is_made_tells_what_is_wrong_with_it() -> None:
    made = [kind for kind in vars(p).values() if inspect.isclass(kind) and issubclass(kind, p.Body)]
    assert len(made) > 30
    for kind in made:
        for name, field in kind.model_fields.items():
            if field.annotation is not None and Any not in get_args(field.annotation):
                assert issubclass(kind, BaseModel)
                text = refused(lambda kind=kind, name=name: kind(**{name: Stranger()}))  # type: ignore[misc]
                assert "missing" in text or f"{name} is" in text, text
