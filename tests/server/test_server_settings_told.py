"""docs/operations.md names every setting, with the default that it has, and every metric."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from flowbrush.server.http.access import Quota
from flowbrush.server.metrics import Metrics
from flowbrush.server.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
IN_WORDS = {"loader": "the model registry's", "state_dir": "~/.cache/flowbrush"}


def rows(head: str) -> dict[str, str]:
    """Name and default, as they are written, of a table whose head begins with `head`; a row may have several of each."""
    lines = PAGE.split(head, 1)[1].split("\n\n")[0].split("\n")[2:]
    found = {}
    for line in lines:
        names, defaults = (cell.strip() for cell in line.strip("|").split("|")[:2])
        each = re.findall(r"`([^`]+)`", names)
        told = [text.strip("`") for text in defaults.split(", ")]
        found |= dict(zip(each, told * len(each) if len(told) == 1 else told, strict=True))
    return found


def written(name: str, default: Any) -> str:
    """A default as the page has it."""
    if name in IN_WORDS:
        return IN_WORDS[name]
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return "" if default in (None, (), PydanticUndefined) else str(default)


def test_every_setting_is_told_with_its_default() -> None:
    fields = {name: written(name, field.default) for name, field in Settings.model_fields.items()}
    quotas = {name: fields.pop(f"quota_{name}") for name in Quota.model_fields}
    told = rows("| variable | default | meaning |")
    assert told.pop("FLOWBRUSH_QUOTA_…") == ""
    assert told == {f"FLOWBRUSH_{name.upper()}": default for name, default in fields.items()}
    assert rows("| quota | default (`FLOWBRUSH_QUOTA_…`) |") == quotas


def test_what_the_readme_says_of_settings_is_so() -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`FLOWBRUSH_([A-Z_]+)`", page)) - {"API_KEY"}
    assert {name.lower() for name in named} <= Settings.model_fields.keys()


def test_every_metric_is_told_with_its_type() -> None:
    section = PAGE.split("## Metrics")[1].split("\n## ")[0]
    told = {}
    for names, kind in re.findall(r"^\| (`.+`) \| (\w+) \|", section, re.MULTILINE):
        told |= {f"flowbrush_{each}": kind for each in re.findall(r"`(\w+)", names)}
    exported = re.findall(r"^# TYPE (\w+) (\w+)$", Metrics().text().decode(), re.MULTILINE)
    assert told == {name: kind for name, kind in exported if not name.endswith("_created")}
