"""The shape of the repository: who imports whom, where tests are, what text may not hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("flowbrush", "models", "pipelines", "server", "training", "benchmarks")
MIRRORED = ("flowbrush", "models", "pipelines", "server")
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
TESTED_THROUGH_OTHERS = {
    "flowbrush.models.codecs.base",  # contracts: nothing to run
    "flowbrush.models.text.base",
    "flowbrush.models.wan.cards",  # values, checked by way of the registry
    "flowbrush.models.wan.lora",  # by way of flowbrush.models.wan.checkpoint
    *(  # by way of `flowbrush.connect`, against a server double and real servers
        f"flowbrush.{name}"
        for name in ("client", "client_messages", "events", "link", "server_messages", "viewer", "watching")
    ),
    "flowbrush.command",  # as a process, without the server's packages
    *(  # by way of real servers, over HTTP
        f"flowbrush.server.http.{name}"
        for name in (
            "api_page",
            "app",
            "catalog",
            "context",
            "door",
            "health",
            "pictures",
            "realtime",
            "realtime_away",
            "sessions",
            "stills",
            "stream",
            "talk",
        )
    ),
    "flowbrush.server.cluster.ray_engine",  # by way of real servers on Ray, which need not be installed
    "flowbrush.server.engine.engine",  # a contract
    "flowbrush.server.engine.scaling",  # by way of the dispatcher, in a world that is played
    *(f"flowbrush.server.sessions.{name}" for name in ("of_upkeep", "of_worker")),  # of the machine
    "flowbrush.server.sessions.branching",  # by way of the service
}
# All that is played or rendered knows controls; the rest of pipelines are tensors.
KNOW_MESSAGES = {
    f"flowbrush.pipelines.{name}"
    for name in (
        "conditions.camera",
        "conditions.controls",
        "generator",
        "play.render",
        "play.session",
        "rollout.snapshot",
        "conditions.strokes",
        "conditions.track_events",
        "media.tracks_io",
        "play.warm_up",
    )
}
LONGEST_FILE = 350
LONGEST_FUNCTION = 60


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "flowbrush" else ("flowbrush", *parts))


def imports_of(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it; `from a import b` counts as a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{name.name}" for name in node.names)
    return found


def test_import_rules_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_folders_are_packages_of_flowbrush() -> None:
    """Links, so that Python, mypy and every editor find `flowbrush.models` in a checkout as in an installation."""
    for package in {*PACKAGES, "web"} - {"flowbrush"}:
        link = ROOT / "flowbrush" / package
        assert link.is_symlink() and link.readlink() == Path("..") / package, link


def test_tensors_know_nothing_of_messages() -> None:
    messages = {module_of(path) for path in (ROOT / "flowbrush").glob("*.py")}
    for path in sources("pipelines"):
        if module_of(path) not in KNOW_MESSAGES:
            assert not imports_of(path) & messages, path


def test_the_web_process_starts_without_torch() -> None:
    code = "import sys, flowbrush.server.http.app, flowbrush.server.run; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr or "importing flowbrush.server.http.app imports torch"


def test_a_worker_that_serves_pocket_starts_without_diffusers() -> None:
    """It takes two seconds to be imported, and people wait for a lost worker."""
    code = (
        "import sys, flowbrush.server.engine.worker; from flowbrush.pipelines.generator import Generator; "
        "Generator.load('pocket', device='cpu'); "
        "sys.exit('diffusers' in sys.modules or 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr or "loading pocket imports diffusers or transformers"


@pytest.mark.parametrize("package", MIRRORED)
def test_every_module_is_imported_by_a_test(package: str) -> None:
    tested = {name for path in sources("tests") for name in imports_of(path)} | TESTED_THROUGH_OTHERS
    untested = [
        m for path in sources(package) if not (m := module_of(path)).endswith("__init__") and m not in tested
    ]
    assert untested == []


def test_what_is_said_to_be_tested_through_others_is_imported_by_no_test() -> None:
    """One that is needs no exception any more."""
    assert not TESTED_THROUGH_OTHERS & {name for path in sources("tests") for name in imports_of(path)}


def test_every_package_has_a_folder_of_tests() -> None:
    without = [p for p in PACKAGES if not list((ROOT / "tests" / p).glob("test_*.py"))]
    assert without == []


def test_test_files_have_names_of_their_own() -> None:
    """pytest imports them by bare name."""
    names = Counter(path.name for path in sources("tests") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_pytest_finds_the_package_by_itself() -> None:
    """`pytest`, as CONTRIBUTING.md has it, does not look in the working folder as `python -m pytest` does."""
    command = [sys.executable, "-P", "-m", "pytest", "--collect-only", "-q", "tests/flowbrush/test_rest.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_and_functions_are_small() -> None:
    long = []
    for path in sources(*PACKAGES):
        text = path.read_text()
        if text.count("\n") > LONGEST_FILE:
            long.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines")
    assert long == []


def test_modules_say_what_they_are() -> None:
    silent = [
        module_of(path)
        for path in sources(*PACKAGES)
        if (text := path.read_text()).strip() and ast.get_docstring(ast.parse(text)) is None
    ]
    assert silent == []


def test_links_of_the_front_pages_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"):
        for part in re.sub("<!--.*?-->", "", page.read_text(), flags=re.DOTALL).split("](")[1:]:
            target = part.split(")")[0].split("#")[0]
            if target and not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
