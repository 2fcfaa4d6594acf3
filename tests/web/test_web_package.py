"""The page's client as an npm package: packed, installed from the tarball, imported and checked by its types."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "web"
TSC = WEB / "node_modules" / ".bin" / "tsc"
USED = """
import { connect, StreamError, type Stream } from 'flowbrush';
const stream: Stream = await connect({ prompt: 'a panda' }, { url: 'ws://localhost:8000/v1/stream' });
stream.on('packet', (packet) => console.log(packet.frame, packet.payload.byteLength));
const drag = stream.drag({ x: 0.4, y: 0.6 });
drag.move({ x: 0.6, y: 0.6 });
await drag.release().applied;
console.log(stream.ready?.fps, new StreamError({ message: 'gone' }).code);
"""
TSC_OPTIONS = (
    "--pretty false --noEmit --strict --target ES2022 --module ES2022 --moduleResolution bundler "
    "--lib ES2023,DOM,DOM.Iterable"
)
MISUSED = {"connect({ prompt: 3 })": "number", "(await connect({})).drag({ x: '0.4', y: 0.6 })": "string"}


def npm() -> str:
    path = shutil.which("npm")
    if path is None:
        pytest.skip("npm not found: install Node.js 20 or newer to test the npm package")
    if not TSC.exists():
        pytest.skip(
            "no TypeScript in web/node_modules, which makes the package's types: run `npm ci` in web/"
        )
    return path


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the packed tarball is installed, and nothing else."""
    command, folder = npm(), tmp_path_factory.mktemp("npm")
    packed = run(command, "pack", "--silent", "--pack-destination", str(folder), cwd=WEB)
    assert packed.returncode == 0, packed.stdout + packed.stderr
    (tarball,) = folder.glob("*.tgz")
    app = folder / "app"
    app.mkdir()
    (app / "package.json").write_text(json.dumps({"private": True, "type": "module"}))
    options = ("--offline", "--no-audit", "--no-fund", "--ignore-scripts")
    done = run(command, "install", *options, str(tarball), cwd=app)
    assert done.returncode == 0, done.stdout + done.stderr
    return app


@pytest.fixture(scope="module")
def complaints(installed: Path) -> dict[str, str]:
    """What TypeScript says of the example of each name, all of them in one run."""
    (readme,) = re.findall(r"```js\n(.*?)```", (WEB / "README.md").read_text(), re.DOTALL)
    misused = [f"import {{ connect }} from 'flowbrush';\nawait {call};\n" for call in MISUSED]
    programs = dict(zip(("used", "readme", *MISUSED.values()), (USED, readme, *misused), strict=True))
    for name, program in programs.items():
        (installed / f"{name}.ts").write_text(program)
    done = run(str(TSC), *TSC_OPTIONS.split(), *(f"{name}.ts" for name in programs), cwd=installed)
    lines = done.stdout.splitlines()
    return {name: "\n".join(line for line in lines if line.startswith(f"{name}.ts")) for name in programs}


def test_node_imports_the_installed_package(installed: Path) -> None:
    code = "import * as all from 'flowbrush'; console.log(JSON.stringify(Object.keys(all)))"
    done = run("node", "--input-type=module", "-e", code, cwd=installed)
    assert done.returncode == 0, done.stderr
    public = {"Stream", "StreamError", "connect", "giveUp", "playableCodecs", "serverUrl", "streamUrl"}
    assert set(json.loads(done.stdout)) == public


def test_the_types_take_what_the_protocol_knows(complaints: dict[str, str]) -> None:
    assert complaints["used"] == complaints["readme"] == ""


@pytest.mark.parametrize("name", MISUSED.values())
def test_the_types_refuse_what_it_does_not_know(complaints: dict[str, str], name: str) -> None:
    assert f"Type '{name}' is not assignable" in complaints[name]


def test_the_tarball_holds_the_client_alone(installed: Path) -> None:
    with tarfile.open(next(installed.parent.glob("*.tgz"))) as tarball:
        names = {name.removeprefix("package/") for name in tarball.getnames()}
    modules = {name for name in names if name.endswith(".js")}
    assert {f"types/{name.removesuffix('.js')}.d.ts" for name in modules} == {n for n in names if "/" in n}
    assert names - modules - {n for n in names if "/" in n} == {
        "package.json",
        "README.md",
        "LICENSE",
        "NOTICE",
    }


def test_the_package_has_pythons_version() -> None:
    version = re.search(r'^version = "(.+)"', (WEB.parent / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert json.loads((WEB / "package.json").read_text())["version"] == version[1]
