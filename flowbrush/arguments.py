"""What callers hand over, checked against the annotations of what they call: one short line says what is wrong.

Wrong types raise TypeError, wrong values ValueError, both with the path of the argument (`points[3][1]`), what came and
what is expected.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import (
    BeforeValidator,
    ConfigDict,
    PlainValidator,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from flowbrush.wording import path_of, sentence

Called = TypeVar("Called", bound=Callable[..., Any])
Kind = TypeVar("Kind", bound=type)
Value = TypeVar("Value")

CONFIG = ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False)
OF_TYPE = ("_type", "_parsing", "_from_float", "is_instance_of", "sequence_str")

Listed = BeforeValidator(lambda value: value.tolist() if hasattr(value, "tolist") else value)
"""Goes with the annotation of a sequence: an array will do, whosever it is."""


def one_of(words: str, *types: type) -> PlainValidator:
    """Goes with the annotation of a union of `types`: `words` say what is expected."""

    def check(value: Any) -> Any:
        if not isinstance(value, types):
            raise PydanticCustomError("union_type", words)
        return value

    return PlainValidator(check)


PathLike = Annotated[str | os.PathLike[str], one_of("the path of a file", str, os.PathLike)]


def checked(function: Called) -> Called:
    """The function, its arguments checked before it begins, and handed over as their annotations have them."""
    signature = inspect.signature(function)
    adapters = functools.cache(lambda: _adapters(function, signature))  # built when it is first called

    def valid(args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        bound = signature.bind(*args, **kwargs)
        for name, adapter in adapters().items():
            if name in bound.arguments:
                bound.arguments[name] = _valid(adapter, bound.arguments[name], name)
        return bound

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> Any:
            bound = valid(args, kwargs)
            return await function(*bound.args, **bound.kwargs)
    else:

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = valid(args, kwargs)
            return function(*bound.args, **bound.kwargs)

    return call  # type: ignore[return-value]


def checks_arguments(kind: Kind) -> Kind:
    """The class, all its own public methods `checked`."""
    for name, member in list(vars(kind).items()):
        if inspect.isfunction(member) and not name.startswith("_"):
            setattr(kind, name, checked(member))
    return kind


def valid(annotation: Any, value: Any, name: str) -> Any:
    """The value as its annotation has it; `name` is that of the argument. Raises TypeError and ValueError."""
    return _valid(TypeAdapter(annotation, config=CONFIG), value, name)


def refusal(error: ValidationError, name: str = "") -> TypeError | ValueError:
    """What is raised instead of pydantic's own words; `name` goes before the path."""
    first = error.errors(include_url=False)[0]
    inner = path_of(first)
    path = f"{name}.{inner}" if name and inner and not inner.startswith("[") else name + inner
    text = sentence(first, path, "it", python=True)
    return TypeError(text) if first["type"].endswith(OF_TYPE) else ValueError(text)


def _adapters(function: Callable[..., Any], signature: inspect.Signature) -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(function, include_extras=True)
    found = {}
    for name, parameter in signature.parameters.items():
        if name in hints and parameter.kind is not parameter.VAR_KEYWORD:
            hint: Any = hints[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                hint = tuple[hint, ...]
            try:
                found[name] = TypeAdapter(hint, config=CONFIG)
            except PydanticUserError:  # a message, which has a configuration of its own
                found[name] = TypeAdapter(hint)
    return found


def _valid(adapter: TypeAdapter[Value], value: Any, name: str) -> Value:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise refusal(error, name) from None
