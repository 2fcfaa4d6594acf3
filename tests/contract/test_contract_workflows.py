"""The workflows fit the repository: its Pythons, its make targets, its npm scripts. Parsed, not run: that needs GitHub."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS: dict[str, Any] = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
JOBS = {f"{name}: {job}": each for name, flow in WORKFLOWS.items() for job, each in flow["jobs"].items()}
COMMANDS = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def said_of(schema: str, *files: Path) -> str:
    """What GitHub's own schema says against files; nothing where they fit."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        f"vendor.github-{schema}",
        *files,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("workflows", sorted((GITHUB / "workflows").glob("*.yml"))),
        ("issue-forms", [GITHUB / "ISSUE_TEMPLATE" / "bug.yml", GITHUB / "ISSUE_TEMPLATE" / "wish.yml"]),
        ("issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
    ],
)
def test_github_takes_what_is_written_for_it(schema: str, files: list[Path]) -> None:
    assert files and said_of(schema, *files) == ""


def test_github_would_not_take_a_slip(tmp_path: Path) -> None:
    slip = (
        (GITHUB / "workflows" / "checks.yml").read_text().replace("timeout-minutes: 45", "timeout-minute: 45")
    )
    (tmp_path / "slip.yml").write_text(slip)
    assert "timeout-minute" in said_of("workflows", tmp_path / "slip.yml")


def test_every_python_that_is_promised_is_tested_on_linux_and_macos() -> None:
    matrix = JOBS["checks.yml: test"]["strategy"]["matrix"]
    promised = [c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if "Python :: 3." in c]
    assert matrix["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos"}


def test_workflows_run_what_there_is() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    scripts = json.loads((ROOT / "web" / "package.json").read_text())["scripts"]
    made = [word for command in COMMANDS for word in re.findall(r"\bmake ([a-z]+)", command)]
    assert {"lint", "test", "wheel", "docs"} <= set(made) <= targets
    ran = [name for command in COMMANDS for name in re.findall(r"\bnpm run ([a-z]+)", command)]
    assert ran and set(ran) <= set(scripts)


def test_jobs_end_and_may_only_read() -> None:
    assert all(flow["permissions"] == {"contents": "read"} for flow in WORKFLOWS.values())
    assert [name for name, job in JOBS.items() if not 0 < job.get("timeout-minutes", 0) <= 60] == []


def test_actions_are_the_commit_that_was_looked_at_and_say_its_version() -> None:
    """A tag can be moved."""
    lines = [line for path in WORKFLOWS for line in (GITHUB / "workflows" / path).read_text().splitlines()]
    used = [line.split("uses: ")[1] for line in lines if "uses: " in line]
    pinned = r"(actions/[a-z-]+@[0-9a-f]{40})  # v\d+\.\d+\.\d+"
    assert used and all(re.fullmatch(pinned, each) for each in used)
    assert len(set(used)) == len({each.split("@")[0] for each in used}), "one version of each"


def test_issue_forms_ask_and_say_where_holes_go() -> None:
    forms = [path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        fields = [part for part in form["body"] if part["type"] != "markdown"]
        assert form["name"] and form["description"], path
        assert len({part["id"] for part in fields}) == len(fields) > 0, path
        assert any(part.get("validations", {}).get("required") for part in fields), path
    assert "SECURITY.md" in (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text()
