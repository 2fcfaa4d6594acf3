"""The documentation's site: its pages are there, and links hold in the repository and on the site. `make docs` builds it."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import flowbrush
import flowbrush.errors
from flowbrush.models.cards.registry import card
from flowbrush.models.loading.checkpoint import read
from flowbrush.models.text.colors import COLORS
from flowbrush.server.sessions import effects
from flowbrush.server.sessions.machine import HANDLERS
from flowbrush.server.sessions.phases import NEXT

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_site", ROOT / "tools" / "docs_site.py")
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


SITE = module()


class Loader(yaml.SafeLoader):
    """Of MkDocs' tags it knows the one that is used."""


Loader.add_constructor("!ENV", lambda loader, node: loader.construct_sequence(node)[-1])


def pages(nav: Any) -> list[str]:
    """The files that a navigation names, in order."""
    if isinstance(nav, str):
        return [nav]
    return [page for each in (nav.values() if isinstance(nav, dict) else nav) for page in pages(each)]


NAMED = pages(yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)["nav"])


def test_the_site_names_every_page_once() -> None:
    inside = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert sorted(NAMED) == sorted(inside | set(SITE.ELSEWHERE.values()))


@pytest.mark.parametrize("page", NAMED)
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    source = SITE.source_of(page)
    made = SITE.linked((ROOT / source).read_text(encoding="utf-8"), source)
    for target in re.findall(r"\]\(([^()\s]+)\)", SITE.FENCE.sub("", made)):
        if "://" not in target and not target.startswith("#"):
            found = (DOCS / page).parent / target.split("#")[0]
            there = found.resolve().relative_to(DOCS.resolve()).as_posix()
            assert there in NAMED or found.is_file(), f"{page} leads to {target}"


@pytest.mark.parametrize(
    ("source", "written", "made"),
    [
        ("README.md", "[a](docs/protocol.md#time)", "[a](protocol.md#time)"),
        ("README.md", "[a](models/weights/pocket/README.md)", "[a](pocket.md)"),
        ("README.md", "![a](docs/screenshots/phone.webp)", "![a](screenshots/phone.webp)"),
        ("README.md", "[a](docs/schema/)", "[a](reference/schemas.md)"),
        ("docs/tutorials/first_stream.md", "[a](../../ARCHITECTURE.md)", "[a](../architecture.md)"),
        ("web/README.md", "[a](../docs/protocol.md)", "[a](../protocol.md)"),
        (
            "docs/protocol.md",
            "[a](../examples/sessions/)",
            "[a](https://host/us/blob/main/examples/sessions)",
        ),
        ("README.md", "[a](https://semver.org), [b](#deploy)", "[a](https://semver.org), [b](#deploy)"),
        ("README.md", "```\n[a](nowhere.md)\n```\n", "```\n[a](nowhere.md)\n```\n"),
    ],
)
def test_links_are_made_for_the_site(source: str, written: str, made: str) -> None:
    assert SITE.linked(written, source, "https://host/us/") == made


def test_without_an_address_of_the_repository_words_stay() -> None:
    assert SITE.linked("see [the code](server/run.py)", "README.md") == "see the code"


def test_a_link_that_leads_nowhere_is_named() -> None:
    with pytest.raises(ValueError, match=r"README\.md links to docs/lost\.md"):
        SITE.linked("[a](docs/lost.md)", "README.md")


def rows(title: str) -> list[list[str]]:
    """The cells of a table of docs/inside.md whose head begins with `title`."""
    lines = (
        (DOCS / "inside.md")
        .read_text(encoding="utf-8")
        .split(f"| {title} |", 1)[1]
        .split("\n\n")[0]
        .split("\n")[2:]
    )
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_tables_of_the_session_machine_are_the_machine() -> None:
    told = {phase: set(ways.split(", ")) - {""} for phase, _, ways in rows("phase")}
    assert told == {str(phase): set(map(str, ways)) for phase, ways in NEXT.items()}
    events = [name for event, _, _ in rows("event") for name in re.findall(r"`(\w+)`", event)]
    assert sorted(events) == sorted(event.__name__ for event in HANDLERS)
    text = (DOCS / "inside.md").read_text(encoding="utf-8")
    known = {
        name for name, each in vars(effects).items() if getattr(each, "__module__", "") == effects.__name__
    }
    assert known - set(re.findall(r"`(\w+)`", text)) == set()
    said = {name for _, _, does in rows("event") for name in re.findall(r"`([A-Z]\w+)`", does)}
    assert said <= known


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "docs/inside.md"])
def test_files_that_are_named_are_there(page: str) -> None:
    code = [path.as_posix() for end in ("py", "js") for path in ROOT.glob(f"[!.]*/**/*.{end}")]
    for name in re.findall(r"`([\w/]+\.(?:py|js))`", (ROOT / page).read_text(encoding="utf-8")):
        assert any(path.endswith(f"/{name}") for path in code), f"{page} names {name}"


FOLDERS = "benchmarks|docker|docs|examples|flowbrush|models|pipelines|server|tests|tools|training|web"
OF_OTHERS = {"examples/online_serving/streaming_video_generation/streaming_video_client.py"}
"""vLLM-Omni's own."""


@pytest.mark.parametrize("page", NAMED)
def test_paths_that_are_named_are_there(page: str) -> None:
    """In commands, too, which nothing makes links of."""
    text = (ROOT / SITE.source_of(page)).read_text(encoding="utf-8")
    named = set(re.findall(rf"(?<![\w/.~-])((?:{FOLDERS})/[\w./-]*\w)", text)) - OF_OTHERS
    assert [path for path in sorted(named) if not list(ROOT.glob(f"{path}*"))] == []


def test_what_pocket_understands_is_what_it_was_taught() -> None:
    page = (
        (DOCS / "models.md")
        .read_text(encoding="utf-8")
        .split("## What pocket understands")[1]
        .split("\n## ")[0]
    )
    listed = {
        kind: set(re.split(r",\s+", re.sub(r"[.;].*", "", names, flags=re.DOTALL)))
        for kind, names in re.findall(r"^\*\*(\w+)\*\*: (.*?)\n\n", page, flags=re.MULTILINE | re.DOTALL)
    }
    taught: dict[str, set[str]] = {}
    for concept in json.loads(read(card("pocket").weights_path)[1]["concepts"]):
        kind, _, name = concept.partition(":")
        taught.setdefault(kind, set()).add(name)
    lines = {name.replace("\n", " ") for name in listed["Things"]}
    assert (lines, listed["Scenes"], listed["Deeds"]) == (taught["thing"], taught["scene"], taught["verb"])
    assert listed["Weather"] == taught["weather"]
    assert all(re.search(rf"\b{color}\b", page) for color in COLORS)


def test_every_public_name_of_the_client_is_in_the_reference() -> None:
    page = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    told = re.findall(r"^::: flowbrush\.(?:\w+\.)?(\w+)$", page, re.MULTILINE)
    assert "errors" in told, "all of the module"
    assert set(flowbrush.__all__) <= {*told, *vars(flowbrush.errors)}


def test_the_newest_version_of_the_changelog_is_the_projects() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version is not None and newest is not None and newest[1] == version[1]


def test_the_site_has_what_every_schema_says() -> None:
    folder, page = DOCS / "schema", (DOCS / "reference" / "schemas.md").read_text()
    assert page.count(SITE.TABLES) == 1
    files = re.split("^## .*\n", SITE.schema_tables.tables(folder), flags=re.MULTILINE)[1:]
    for name, made in zip(SITE.schema_tables.FILES, files, strict=True):
        schema = json.loads((folder / name).read_text())
        sections = {part.split("\n")[0]: part for part in made.split("### ")[1:]}
        title = SITE.schema_tables.title_of
        assert len(sections) == made.count("### "), "each has a title of its own"
        for part, each in {**schema["$defs"], "the file": schema}.items():
            fields = each.get("properties", {})
            told = sections[title(part, each, schema["$defs"])] if fields else ""
            missing = [field for field in fields if field != "type" and f"| `{field}` |" not in told]
            assert missing == [], f"{name}: {part}"
            assert not fields or each.get("description", "") in told
    assert sorted(SITE.schema_tables.FILES) == sorted(path.name for path in folder.glob("*.json"))


def test_tables_say_what_a_field_takes() -> None:
    def said(**field: Any) -> str:
        return SITE.schema_tables.kind(field, {"Point": {"properties": {"t": {}}}})

    number = {"type": "number", "minimum": -1, "maximum": 2}
    assert said(anyOf=[{"type": "integer", "minimum": 1}, {"type": "null"}]) == "integer (1 or more)"
    assert said(**number) == "number (-1 to 2)"
    assert said(type="array", prefixItems=[number, number]) == "[number (-1 to 2), number (-1 to 2)]"
    assert (
        said(type="array", items={"$ref": "#/$defs/Point"}, maxItems=9) == "list of `Point` (0 to 9 of them)"
    )
    assert said(type="string", maxLength=5, pattern="a|b") == "text (0 to 5 characters), as `a\\|b`"
    assert said(enum=["h264", "jpeg"]) == "`h264` or `jpeg`"
