"""A script of the page with all that it imports, as one module.

The page is sixty small modules without a build step. A browser that asks for each of them waits six times for an answer before it
knows the last one's name, and this server has no HTTP/2: on a slow line that is most of the time until the page can be used.
"""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r"^import \{([^}]*)\} from '(\.[^']+)';\n", re.M)
_PASSED_ON = re.compile(r"^export \{([^}]*)\} from '(\.[^']+)';\n", re.M)
_LISTED = re.compile(r"^export \{([^}]*)\};\n", re.M)
_DECLARED = re.compile(r"^export (?=(?:async )?(?:class|function|const) (\w+))", re.M)
_COMMENT = re.compile(r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/[ \t]*|//[^\n]*)\n|/\*\* @[^\n]*?\*/ ?", re.M | re.S)
"""Comments that have their lines to themselves, and types: a third of what would be sent."""
_LEFT = re.compile(r"^(?:import|export)\b.*", re.M)


def bundle(folder: Path, entry: str) -> str:
    """The module `entry` of `folder`, with the static imports of it and of what it imports resolved.

    Modules are asked for as the page's are written: names in braces, on one line. Raises ValueError for what is written
    otherwise, and for modules that import each other in a circle.
    """
    parts: dict[Path, str] = {}
    _add(folder, folder / entry, parts, [])
    return "".join(parts.values())


def _add(folder: Path, path: Path, parts: dict[Path, str], above: list[Path]) -> None:
    """What `path` imports, then itself: a function that runs once and gives what is exported."""
    if path in parts:
        return
    if path in above:
        raise ValueError(f"{path.name} imports itself, by way of {', '.join(each.name for each in above)}")
    text = _COMMENT.sub("", path.read_text("utf-8"))
    for _, other in (*_IMPORT.findall(text), *_PASSED_ON.findall(text)):
        _add(folder, (path.parent / other).resolve(), parts, [*above, path])

    def taken(match: re.Match[str]) -> str:
        return f"const {{{match[1].replace(' as ', ': ')}}} = {_name(folder, path.parent / match[2])};\n"

    exported = [*_names(_LISTED, text), *_names(_PASSED_ON, text), *_DECLARED.findall(text)]
    body = _PASSED_ON.sub(taken, _IMPORT.sub(taken, text))
    body = _DECLARED.sub("", _LISTED.sub("", body))
    parts[path] = (
        f"const {_name(folder, path)} = (() => {{\n{_at_home(folder, path, body)}"
        f"return {{ {', '.join(exported)} }};\n}})();\n"
    )


def _names(pattern: re.Pattern[str], text: str) -> list[str]:
    return [name.strip() for match in pattern.finditer(text) for name in match[1].split(",")]


def _name(folder: Path, path: Path) -> str:
    """What the exports of a module are called in the bundle."""
    return "$" + re.sub(r"\W", "_", str(path.resolve().relative_to(folder)))


def _at_home(folder: Path, path: Path, body: str) -> str:
    """Addresses that a module finds from its own: what lies in the page's folder itself has the bundle's."""
    place = path.relative_to(folder)
    inner = place.parent != Path()
    left = _LEFT.search(body)
    if left or (inner and "import('" in body):
        raise ValueError(
            f"{place} cannot be put into a bundle: {left[0][:100] if left else 'import() there'}"
        )
    return (
        body.replace("import.meta.url", f"new URL('{place.as_posix()}', import.meta.url)") if inner else body
    )
