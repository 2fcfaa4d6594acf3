"""docs/protocol.md, docs/schema and the classes say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from flowbrush import limits, packets, schema
from flowbrush import protocol as p

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
SCHEMA = ROOT / "docs" / "schema"


def table(header: str) -> list[list[str]]:
    """The rows of the page's tables whose header line starts so; all tables with that header together."""
    rows, inside = [], False
    for line in PAGE.splitlines():
        if line.startswith(header):
            inside = True
        elif inside and line.startswith("|---"):
            continue
        elif inside and line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        else:
            inside = False
    assert rows, f"no table {header}"
    return rows


def classes(annotation: Any) -> dict[str, type[BaseModel]]:
    if isinstance(annotation, type):
        return {annotation.model_fields["type"].default: annotation}
    found: dict[str, type[BaseModel]] = {}
    for part in get_args(annotation):
        if isinstance(part, type) and not issubclass(part, BaseModel):
            continue
        if isinstance(part, type) or get_args(part):
            found |= classes(part)
    return found


MESSAGES = {**classes(p.ClientMessage), **classes(p.ServerMessage)}


def section(title: str) -> str:
    start = PAGE.index(f"\n## {title}\n")
    return PAGE[start : PAGE.index("\n## ", start + 1)]


@pytest.mark.parametrize(
    ("title", "union"), [("Client to server", p.ClientMessage), ("Server to client", p.ServerMessage)]
)
def test_each_direction_has_its_types(title: str, union: Any) -> None:
    documented = re.findall(r"^\| `([a-z.]+)` \|", section(title), re.MULTILINE)
    assert sorted(documented) == sorted(classes(union))


def test_the_tables_name_every_field_and_whether_it_is_needed() -> None:
    documented = {row[0].strip("`"): row[1] for row in table("| type | fields | meaning |")}
    assert documented.keys() == MESSAGES.keys()
    for kind, cell in documented.items():
        fields = {name: mark == "?" for name, mark in re.findall(r"`(\w+)`(\??)", cell)}
        expected = {
            name: not field.is_required()
            for name, field in MESSAGES[kind].model_fields.items()
            if name != "type"
        }
        assert fields == expected, kind


def test_limits_are_those_of_the_code() -> None:
    documented = {row[0]: float(row[1]) for row in table("| limit | value |")}
    constants = {
        name: float(value) for name, value in vars(limits).items() if re.match(r"(MIN|MAX)_|.*_S$", name)
    }
    assert documented == constants


def test_error_codes_are_those_of_the_code() -> None:
    assert [row[0].strip("`") for row in table("| code | when |")] == [code.value for code in p.ErrorCode]


def test_close_codes_are_those_of_the_code() -> None:
    assert [int(row[0]) for row in table("| close code |")] == [int(code) for code in p.CloseCode]


def test_header_flags_and_codecs_are_those_of_the_code() -> None:
    sizes = {"u8": 1, "u32": 4, "u64": 8}
    rows = table("| offset | type | field |")
    offset = 0
    for row in rows:
        assert int(row[0]) == offset
        offset += sizes[row[1]]
    assert offset == packets.HEADER_BYTES
    flags = {row[0]: 1 << int(row[1]) for row in table("| flag | bit |")}
    assert flags == {flag.name: flag.value for flag in packets.Flag}
    codecs = {row[0].strip("`"): int(row[1]) for row in table("| codec | number |")}
    assert codecs == {codec.value: codec.number for codec in p.Codec}


def test_the_committed_schemas_are_what_the_classes_give() -> None:
    expected = {name: schema.render(each) for name, each in schema.schemas().items()}
    committed = {path.name: path.read_text(encoding="utf-8") for path in SCHEMA.glob("*.json")}
    assert committed == expected, "run: python -m flowbrush.schema docs/schema"


def test_the_schemas_know_the_same_types() -> None:
    for name, union in (("client", p.ClientMessage), ("server", p.ServerMessage)):
        data = json.loads((SCHEMA / f"{name}-message.json").read_text(encoding="utf-8"))
        assert sorted(data["discriminator"]["mapping"]) == sorted(classes(union))
        assert data["required"] == ["type"]


def test_the_examples_of_the_page_are_valid() -> None:
    sent = re.findall(r"^→ (\{.*\})$", PAGE, re.MULTILINE)
    assert len(sent) >= 3
    for text in sent:
        assert p.parse_client_message(text).ignored == ()
    (block,) = re.findall(r"```json\n(.*?)```", section("Session files"), re.DOTALL)
    assert p.SessionFile.parse(block).ignored == ()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples" / "sessions").glob("*.json")), ids=lambda path: path.name
)
def test_the_example_sessions_are_valid(path: Path) -> None:
    session, ignored = p.SessionFile.parse(path.read_bytes())
    assert ignored == () and session.chunks > 0
