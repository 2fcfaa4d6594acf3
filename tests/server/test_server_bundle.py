"""The page's scripts come whole: what a browser runs is what the modules say, in one answer."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from flowbrush.server.http.bundle import bundle
from flowbrush.server.http.page import ENTRIES, web_folder

MODULES = {
    "main.js": "import { shown as told } from './inner/shown.js';\nimport { Count, one } from './count.js';\n"
    "console.log(told(new Count().add(one)), '/** kept */', 'import {');\n",
    "inner/shown.js": "/**\n * Shows.\n */\nimport { Count, two } from '../count.js';\n"
    "const home = new URL('./a.json', import.meta.url).pathname.split('/').slice(-2).join('/');\n"
    "export function shown(/** @type {number} */ total) {\n  // a word\n"
    "  /** @type {number} */ (total);\n  return `${total + two} of ${new Count().made} at ${home}`;\n}\n",
    "count.js": "export { one } from './one.js';\n/** Counts. */\nexport class Count {\n"
    "  static #all = 0;\n  made = (Count.#all += 1);\n"
    "  add = (/** @type {number} */ more) => more + 1;\n}\nconst two = 2;\nexport { two };\n",
    "one.js": "export const one = 1;\n",
}


def folder_of(modules: dict[str, str], root: Path) -> Path:
    for name, text in modules.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root.resolve()


def said(script: Path) -> str:
    """What Node.js prints when it runs a module."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js: the bundle is run by the tests of the page on the real server alone")
    done = subprocess.run([node, script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_bundle_does_what_its_modules_do(tmp_path: Path) -> None:
    folder = folder_of({**MODULES, "package.json": '{"type": "module"}'}, tmp_path / "page")
    apart = said(folder / "main.js")
    whole = bundle(folder, "main.js")
    (folder / "whole.js").write_text(whole)
    assert said(folder / "whole.js") == apart == "4 of 2 at inner/a.json /** kept */ import {\n"
    assert whole.count("class Count") == 1, "a module that two import runs once"
    assert "Counts." not in whole and "a word" not in whole, "comments are not sent"


@pytest.mark.parametrize("entry", sorted(ENTRIES))
def test_the_page_comes_whole(entry: str) -> None:
    whole = bundle(web_folder().resolve(), entry)
    assert not re.search(r"^(?:import|export)\b", whole, re.M)
    for name in re.findall(r"(?<!\{)import\('\./(.+?)'\)", whole):
        assert (web_folder() / name).is_file(), "what comes later is there"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import * as all from './one.js';\n", "import \\* as all"),
        ("import one from './one.js';\n", "import one"),
        ("export default 1;\n", "export default"),
        ("import { main } from './main.js';\nexport const strange = main;\n", "imports itself"),
    ],
)
def test_what_a_bundle_cannot_hold_is_named(text: str, told: str, tmp_path: Path) -> None:
    modules = {**MODULES, "main.js": "import { strange } from './strange.js';\n", "strange.js": text}
    with pytest.raises(ValueError, match=told):
        bundle(folder_of(modules, tmp_path), "main.js")


def test_what_an_inner_module_loads_later_is_named(tmp_path: Path) -> None:
    late = "export const later = () => import('./late.js');\n"
    modules = {"main.js": "import { later } from './inner/it.js';\nlater();\n", "inner/it.js": late}
    with pytest.raises(ValueError, match=r"inner/it\.js cannot"):
        bundle(folder_of(modules, tmp_path), "main.js")
