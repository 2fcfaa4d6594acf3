"""Writes the protocol's JSON Schemas: `python -m flowbrush.schema docs/schema`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from flowbrush.client_messages import ClientMessage
from flowbrush.server_messages import ServerMessage
from flowbrush.session_file import SessionFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """File name → schema: messages of the client, of the server, and the session file."""
    unions: dict[str, tuple[str, Any]] = {
        "client-message.json": ("A message from a client", ClientMessage),
        "server-message.json": ("A message from the server", ServerMessage),
    }
    result = {}
    for name, (title, annotation) in unions.items():
        # `type` has a default in Python, on the wire it never may be missing
        schema = TypeAdapter(annotation).json_schema()
        result[name] = {"$schema": DIALECT, "title": title, "required": ["type"], **schema}
    session = SessionFile.model_json_schema()
    session["required"] = ["flowbrush", *session["required"]]
    result["session-file.json"] = {"$schema": DIALECT, **session, "title": "A session file"}
    return result


def render(schema: dict[str, Any]) -> str:
    """The text of a schema file."""
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    """Write the files into the folder named."""
    parser = argparse.ArgumentParser(prog="python -m flowbrush.schema", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the files go")
    folder: Path = parser.parse_args(argv).folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / name).write_text(render(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
