"""From text to messages. Whatever the input, only ProtocolError leaves these functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar, cast, get_args

import pydantic_core
from pydantic import BaseModel, TypeAdapter, ValidationError

from flowbrush import limits
from flowbrush.client_messages import ClientMessage
from flowbrush.controls import Control
from flowbrush.errors import ErrorCode, ProtocolError
from flowbrush.server_messages import ServerMessage
from flowbrush.wording import in_json, kind_of, path_of, sentence

T = TypeVar("T")

MOST_IGNORED = 64
"""More names than anybody reads in a warning; a message can have fifty thousand that nobody knows."""


class Parsed(NamedTuple, Generic[T]):
    """A message, and the paths of the fields that were ignored because this version does not know them (the first 64)."""

    message: T
    ignored: tuple[str, ...]


def parse_client_message(text: str | bytes) -> Parsed[ClientMessage]:
    """One text message of a client; raises ProtocolError."""
    return cast(Parsed[ClientMessage], _parse(text, _CLIENT))


def parse_server_message(text: str | bytes) -> Parsed[ServerMessage]:
    """One text message of a server; raises ProtocolError."""
    return cast(Parsed[ServerMessage], _parse(text, _SERVER))


def parse_control(text: str | bytes) -> Parsed[Control]:
    """One control, as in a session file; raises ProtocolError."""
    return cast(Parsed[Control], _parse(text, _CONTROL))


def type_of(text: str | bytes) -> str | None:
    """The `type` of a message that was refused, as far as it can be read: None where it cannot."""
    if len(text) > limits.MAX_MESSAGE_BYTES:
        return None
    try:
        data = pydantic_core.from_json(text)
    except (ValueError, TypeError):
        return None
    kind = data.get("type") if isinstance(data, dict) else None
    return kind if isinstance(kind, str) else None


class _Union:
    """A discriminated union with the names of its types."""

    def __init__(self, annotation: Any) -> None:
        self._annotation = annotation
        self.models = tuple(_models(annotation))
        self.types = tuple(sorted(model.model_fields["type"].default for model in self.models))

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """What checks one; built when the first comes."""
        return TypeAdapter(self._annotation)

    def build(self) -> None:
        """Builds it, and what makes each of its messages, now."""
        for model in self.models:
            model.model_rebuild()
        _ = self.adapter


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in get_args(annotation):
        yield from _models(part)


def prepare() -> None:
    """Builds now what is else built when a message of its kind is first used: for a server, before people come."""
    for union in (_CLIENT, _SERVER, _CONTROL):
        union.build()


def _parse(text: str | bytes, union: _Union) -> Parsed[Any]:
    data = read_object(text)
    id = _id_of(data)
    kind = data.get("type")
    if kind is None:
        raise ProtocolError(
            ErrorCode.MISSING_FIELD, "type is missing: every message has one", field="type", id=id
        )
    if kind not in union.types:
        known = ", ".join(union.types)
        raise ProtocolError(
            ErrorCode.UNKNOWN_TYPE,
            f"type is {in_json(kind)}: expected one of {known}",
            field="type",
            id=id,
        )
    try:
        message = union.adapter.validate_json(text, strict=True)
    except ValidationError as error:
        raise from_validation(error, drop=1, id=id) from None
    return Parsed(message, tuple(ignored_fields(data, message)))


def read_object(text: str | bytes, most: int = limits.MAX_MESSAGE_BYTES) -> dict[str, Any]:
    """JSON text of at most `most` bytes that must be one object; raises ProtocolError."""
    size = len(text)
    if size > most:
        raise ProtocolError(ErrorCode.TOO_LARGE, f"the message has {size} bytes: at most {most} are taken")
    if (parts := _count(text, "{[")) > limits.MAX_MESSAGE_PARTS:
        said = f"the message has {parts} objects and lists: at most {limits.MAX_MESSAGE_PARTS} are taken"
        raise ProtocolError(ErrorCode.TOO_LARGE, said)
    if (colons := _count(text, ":")) > limits.MAX_MESSAGE_COLONS:
        said = f"the message has {colons} fields, or colons in texts: at most {limits.MAX_MESSAGE_COLONS} are taken"
        raise ProtocolError(ErrorCode.TOO_LARGE, said)
    try:
        data = pydantic_core.from_json(text)
    except ValueError as error:  # JSON errors, lone surrogates, bad UTF-8
        raise ProtocolError(ErrorCode.INVALID_JSON, f"not valid JSON: {str(error)[:200]}") from None
    except TypeError:  # of texts none but one with half a surrogate pair, which is no Unicode
        raise ProtocolError(
            ErrorCode.INVALID_JSON, "not valid JSON: the text holds half a character"
        ) from None
    if not isinstance(data, dict):
        raise ProtocolError(
            ErrorCode.INVALID_JSON, f'expected a JSON object, got {in_json(data)}: send {{"type": …}}'
        )
    if (name := named_twice(text)) is not None:
        raise ProtocolError(ErrorCode.INVALID_VALUE, said_of_twice(name), field=name[:100], id=_id_of(data))
    return data


def _count(text: str | bytes, characters: str) -> int:
    """How many of these ASCII characters there are."""
    return sum(
        text.count(each) if isinstance(text, str) else text.count(each.encode()) for each in characters
    )


def named_twice(text: str | bytes) -> str | None:
    """A name that stands twice in one object of a JSON text, if one does: of two values one would be lost. Raises ValueError."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        if not found and len(dict(pairs)) < len(pairs):
            found.append(repeated(name for name, _ in pairs))

    json.loads(text, object_pairs_hook=look)
    return found[0] if found else None


def repeated(names: Iterable[str]) -> str:
    """The first name that has stood there before, of names of which one has; looks at each once."""
    seen = set[str]()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def said_of_twice(name: str) -> str:
    """What is wrong with it, and what to do."""
    return f"{in_json(name)} stands twice in one object: join the two, or leave one out"


def _id_of(data: dict[str, Any]) -> int | None:
    """The id of a message, to be named in what is said of it; None where it is no id."""
    id = data.get("id")
    return id if type(id) is int and 1 <= id <= limits.MAX_ID else None


def ignored_fields(data: Any, model: Any) -> Iterator[str]:
    """Paths of what `data` has and `model`, made from it, has not: the first MOST_IGNORED of them."""
    return (path.removeprefix(".")[:100] for path in islice(_ignored(data, model), MOST_IGNORED))


def _ignored(data: Any, model: Any) -> Iterator[str]:
    """The paths from here on. They are put together only where there are any: most of what comes is points, by the million."""
    if isinstance(model, BaseModel) and isinstance(data, dict):
        fields = type(model).model_fields
        allows_more = model.model_config.get("extra") == "allow"
        for name, value in data.items():
            if name not in fields:
                if not allows_more:
                    yield f".{name}"
            elif isinstance(value, dict | list):
                for rest in _ignored(value, getattr(model, name)):
                    yield f".{name}{rest}"
    elif isinstance(model, tuple) and isinstance(data, list):
        for index, (value, part) in enumerate(zip(data, model, strict=False)):
            if isinstance(value, dict | list):
                for rest in _ignored(value, part):
                    yield f"[{index}]{rest}"


def from_validation(
    error: ValidationError, *, drop: int = 0, id: int | None = None, whole: str = "the message"
) -> ProtocolError:
    """The first complaint of pydantic as a ProtocolError; `drop` parts of its path are not the sender's.

    `whole` names what has no path.
    """
    first = error.errors(include_url=False)[0]
    field = path_of(first, drop)
    text = sentence(first, field, whole)
    return ProtocolError(code_of(kind_of(first)), text, field=field or None, id=id)


def code_of(kind: str) -> ErrorCode:
    """What pydantic's kind of error is called in the protocol."""
    if kind in ("missing", "union_tag_not_found"):
        return ErrorCode.MISSING_FIELD
    if kind == "union_tag_invalid":
        return ErrorCode.UNKNOWN_TYPE
    if kind == "json_invalid":
        return ErrorCode.INVALID_JSON
    if kind in _RANGE_ERRORS:
        return ErrorCode.OUT_OF_RANGE
    if kind.endswith(("_type", "_parsing", "_from_float")):
        return ErrorCode.WRONG_TYPE
    return ErrorCode.INVALID_VALUE


_RANGE_ERRORS = {
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "string_too_long",
    "string_too_short",
    "too_long",
    "too_short",
    "finite_number",
    "int_parsing_size",
}


_CLIENT = _Union(ClientMessage)
_SERVER = _Union(ServerMessage)
_CONTROL = _Union(Control)
