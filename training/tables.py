"""Tables of a TOML file as frozen values: every key known, every value of its type, every mistake named."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar, get_args, get_origin, get_type_hints


class BadConfig(ValueError):
    """A recipe that cannot be followed."""


def require(true: bool, message: str) -> None:
    if not true:
        raise BadConfig(message)


Built = TypeVar("Built")


def sub_table(values: dict[str, Any], name: str) -> dict[str, Any]:
    found = values.pop(name, {})
    require(isinstance(found, dict), f"{name} is {found!r}: expected a table [{name}]")
    return dict(found)


def known(table: dict[str, Any], names: set[str], where: str) -> None:
    unknown = sorted(table.keys() - names)
    require(
        not unknown,
        f"unknown setting {where}{', '.join(unknown)}: expected some of {', '.join(sorted(names))}",
    )


def build(kind: type[Built], table: dict[str, Any], where: str) -> Built:
    hints = get_type_hints(kind)
    known(table, set(hints), where)
    values = {name: typed(value, hints[name], where + name) for name, value in table.items()}
    try:
        return kind(**values)
    except BadConfig as error:
        raise BadConfig(f"[{where.rstrip('.')}] {error}" if where else str(error)) from error


def build_on(base: Built, table: dict[str, Any], where: str) -> Built:
    hints = get_type_hints(type(base))
    known(table, {f.name for f in fields(base)}, where)  # type: ignore[arg-type]
    try:
        return replace(base, **{n: typed(v, hints[n], where + n) for n, v in table.items()})  # type: ignore[type-var]
    except ValueError as error:
        raise BadConfig(f"[{where.rstrip('.')}] {error}") from error


def typed(value: Any, hint: Any, where: str) -> Any:
    """`value` as `hint` wants it: TOML has lists for tuples, and 1 for 1.0."""
    if get_origin(hint) is tuple:
        require(isinstance(value, list | tuple), f"{where} is {value!r}: expected a list")
        inner = get_args(hint)[0]
        return tuple(typed(item, inner, where) for item in value)
    if hint in (int, float, str, bool):
        right = isinstance(value, (int, float) if hint is float else hint) and (
            hint is bool or not isinstance(value, bool)
        )
        require(right, f"{where} is {value!r}: expected {hint.__name__}")
        return hint(value)
    return value
