"""The JSON Schemas of docs/schema as Markdown: what each message and its parts may hold. Pure functions from JSON to text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

FILES = {
    "client-message.json": "Messages of a client",
    "server-message.json": "Messages of a server",
    "session-file.json": "Session file",
}


def tables(folder: Path) -> str:
    """A section for each schema of `folder`."""
    parts = []
    for name, title in FILES.items():
        schema = json.loads((folder / name).read_text(encoding="utf-8"))
        parts += [f"## {title}", *sections(schema)]
    return "\n\n".join(parts)


def sections(schema: Schema) -> list[str]:
    """The object itself where it is one, then every definition that has fields: messages by their type, parts by their name."""
    defined: dict[str, Schema] = schema["$defs"]
    made = [_section("the file", schema, defined)] if "properties" in schema else []
    return made + [_section(name, each, defined) for name, each in defined.items() if "properties" in each]


def _section(name: str, schema: Schema, defined: dict[str, Schema]) -> str:
    fields = dict(schema["properties"])
    title = title_of(name, schema, defined)
    if "const" in fields.get("type", {}):
        del fields["type"]
    rows = [
        f"| `{field}` | {kind(what, defined)} | {_need(field, what, schema)} |"
        for field, what in fields.items()
    ]
    head = ["| field | what it is | if left out |", "|---|---|---|"] if rows else []
    return "\n".join([f"### {title}", "", schema.get("description", ""), "", *head, *rows])


def title_of(name: str, schema: Schema, defined: dict[str, Schema]) -> str:
    """The type of a message, the name of a part, and both where two definitions have one type."""
    said = _type(schema)
    if said is None:
        return f"`{name}`"
    alone = sum(_type(each) == said for each in defined.values()) == 1
    return f"`{said}`" if alone else f"`{said}` ({name})"


def _type(schema: Schema) -> str | None:
    found: str | None = schema.get("properties", {}).get("type", {}).get("const")
    return found


def _need(field: str, what: Schema, schema: Schema) -> str:
    if field in schema.get("required", ()):
        return "needed"
    default = what.get("default")
    return "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"


def kind(field: Schema, defined: dict[str, Schema]) -> str:
    """What a field takes, in words."""
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[1]
        target = defined[name]
        return title_of(name, target, defined) if "properties" in target else kind(target, defined)
    options = field.get("anyOf", field.get("oneOf"))
    if options is not None:
        return " or ".join(kind(each, defined) for each in options if each.get("type") != "null")
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "prefixItems" in field:
        return f"[{', '.join(kind(each, defined) for each in field['prefixItems'])}]"
    if field.get("type") == "array":
        return f"list of {kind(field.get('items', {}), defined)}" + _bounds(field, "Items", "of them")
    if field.get("type") == "string":
        pattern = f", as `{field['pattern']}`".replace("|", "\\|") if "pattern" in field else ""
        return "text" + _bounds(field, "Length", "characters") + pattern
    return str(field.get("type", "anything")) + _range(field)


def _bounds(field: Schema, what: str, unit: str) -> str:
    low, high = field.get(f"min{what}"), field.get(f"max{what}")
    if high is None:
        return f" ({low} or more {unit})" if low else ""
    return f" ({low or 0} to {high} {unit})"


def _range(field: Schema) -> str:
    above = field.get("exclusiveMinimum")
    low, high = (_number(field[name]) if name in field else None for name in ("minimum", "maximum"))
    if above is not None:
        low = f"above {_number(above)}"
    if low is None:
        return "" if high is None else f" (at most {high})"
    return f" ({low}{'' if above is not None else ' or more'})" if high is None else f" ({low} to {high})"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)
