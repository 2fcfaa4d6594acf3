"""Builds sdist and wheel into dist/, installs the wheel into empty environments, and uses it there: python tools/check_packages.py

Needs nothing but Python, and the network or a folder of packages for pip. `TORCH_INDEX` names an index of torch's CPU wheels,
as for `make`. Ends with an error at the first thing that is not as it should be; what was seen is printed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import tomllib
import urllib.parse
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
MOST_PACKAGES = 15  # of a client, itself included, pip not
STEP_S, STOP_S = 1800, 60
MOST_IMPORT_S = 0.3
PROMPTLY = """
import time
began = time.perf_counter()
import flowbrush
imported = time.perf_counter()
flowbrush.connect
print(imported - began, time.perf_counter() - began)
"""
PACKETS = """
import asyncio, sys, flowbrush

async def main():
    async with flowbrush.connect(sys.argv[1], prompt="a panda in the meadow", frames="packets") as stream:
        drag = await stream.drag(0.5, 0.6)
        await drag.move(0.6, 0.5)
        await drag.release()
        sizes = []
        async for packet in stream:
            sizes.append(len(packet.payload))
            if packet.frame >= 15:
                break
    print(f"{len(sizes)} packets, {sum(sizes)} bytes")

asyncio.run(main())
"""


def run(*command: str | Path, cwd: Path) -> str:
    """What a command printed. Raises SystemExit with all of it where the command failed."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=STEP_S, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))[:200]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def environment(folder: Path, *wanted: str) -> Path:
    """The Python of a new environment in `folder` with these packages, at the versions that the tests run with."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    if wanted:
        run(
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "-c",
            ROOT / "constraints.txt",
            *wanted,
            cwd=folder.parent,
        )
    return python


def build(folder: Path) -> Path:
    """dist/ with an sdist and the wheel that is built from it; returns the wheel."""
    for old in DIST.glob("flowbrush-*"):
        old.unlink()
    python = environment(folder / "build")
    run(python, "-m", "pip", "install", "--quiet", "build", cwd=folder)
    run(python, "-m", "build", "--outdir", DIST, ROOT, cwd=folder)
    (wheel,) = DIST.glob("*.whl")
    (sdist,) = DIST.glob("*.tar.gz")
    print(
        f"built {sdist.name} ({sdist.stat().st_size >> 20} MiB), {wheel.name} ({wheel.stat().st_size >> 20} MiB)"
    )
    return wheel


def check_names(wheel: Path) -> None:
    """One name at the top, and every file that git has of the packages."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    if tops != {"flowbrush"}:
        sys.exit(f"the wheel puts {', '.join(sorted(tops))} into site-packages: expected flowbrush alone")
    needed = ("server/cli.py", "web/index.html", "web/ui/stage.js", "models/cards/registry.py", "py.typed")
    missing = [name for name in needed if f"flowbrush/{name}" not in names]
    if missing or not any(name.endswith(".safetensors") for name in names):
        sys.exit(f"the wheel lacks {', '.join(missing) or 'the weights of pocket'}")
    print(f"{len(names)} files under the one name flowbrush")


def check_client(folder: Path, wheel: Path) -> Path:
    """The client alone: few packages, no torch, and a command that says what is missing. Returns its Python."""
    python = environment(folder / "client", str(wheel))
    listed = json.loads(run(python, "-m", "pip", "list", "--format", "json", cwd=folder))
    packages = sorted({each["name"] for each in listed} - {"pip", "setuptools"})
    if len(packages) > MOST_PACKAGES or "torch" in packages:
        sys.exit(f"the client brings {len(packages)} packages: {', '.join(packages)}")
    runs = [run(python, "-c", PROMPTLY, cwd=folder).split() for _ in range(3)]
    imported, usable = (min(map(float, each)) for each in zip(*runs, strict=True))
    if imported > MOST_IMPORT_S:
        sys.exit(f"import flowbrush takes {imported:.2f} s: expected at most {MOST_IMPORT_S:g} s")
    done = subprocess.run(
        [python.with_name("flowbrush"), "serve"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 1 or "pip install 'flowbrush[server]'" not in done.stderr:
        sys.exit(f"`flowbrush` without the server's packages said: {done.stderr or done.stdout}")
    print(
        f"client: {len(packages)} packages ({', '.join(packages)}), imported in {imported:.2f} s, "
        f"with all that connecting needs in {usable:.2f} s"
    )
    return python


@contextmanager
def served(python: Path, folder: Path) -> Iterator[str]:
    """The address of `flowbrush serve`, started in an empty folder."""
    home = folder / "home"
    home.mkdir()
    command = [str(python.with_name("flowbrush")), "serve", "--port", "0", "--state-dir", str(home / "state")]
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if " at http" not in line:
            sys.exit(f"flowbrush serve did not start: {line or 'see above'}")
        yield line.split()[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_S)
        process.stdout.close()


def check_page(url: str) -> None:
    """The page with all that it names, and pocket among the models."""
    page = _read(url + "/")
    named = files_named(page, url + "/")
    sizes = [len(_read(each)) for each in named]
    models = [model["name"] for model in json.loads(_read(url + "/v1/models"))["models"]]
    if "pocket" not in models or not named or not all(sizes):
        sys.exit(f"the page names {named} of {sizes} characters, the models are {models}")
    print(f"page: {len(page)} characters, {len(named)} files named in it; models: {', '.join(models)}")


def files_named(page: str, url: str) -> list[str]:
    """The addresses of all that the page at `url` names on its own server, itself left out, as a browser finds them."""
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    found = {urllib.parse.urldefrag(urllib.parse.urljoin(url, link))[0] for link in links}
    return sorted(each for each in found - {url} if each.startswith(url))


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=STOP_S) as answer:
        return answer.read().decode("utf-8", "replace")


def readme_example(url: str) -> str:
    """The client example of README.md, with the address of a server. Raises ValueError when there is none."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        if "http://localhost:8000" in block and "flowbrush.connect(" in block:
            return block.replace("http://localhost:8000", url)
    raise ValueError("README.md has no Python example that connects to http://localhost:8000")


def check_use(server: Path, client: Path, folder: Path) -> None:
    """`flowbrush serve` of one environment, used from it and from the client's."""
    with served(server, folder) as url:
        check_page(url)
        print("client alone:", run(client, "-c", PACKETS, url, cwd=folder).strip())
        said = run(server, "-c", readme_example(url), cwd=folder).splitlines()
        print("README's example:", said[0], "…", said[-1])


def main() -> None:
    """Builds, installs, uses."""
    os.environ.pop("PYTHONPATH", None)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    with tempfile.TemporaryDirectory(prefix="flowbrush-packages-") as name:
        folder = Path(name)
        wheel = build(folder)
        check_names(wheel)
        client = check_client(folder, wheel)
        index = os.environ.get("TORCH_INDEX")
        server = environment(folder / "server", *(["--extra-index-url", index] if index else []), "torch")
        constraints = ROOT / "constraints.txt"
        run(server, "-m", "pip", "install", "--quiet", "-c", constraints, f"{wheel}[server]", cwd=folder)
        check_use(server, client, folder)
    print(f"flowbrush {version}: packages are in {DIST.relative_to(ROOT)}/")


if __name__ == "__main__":
    main()
