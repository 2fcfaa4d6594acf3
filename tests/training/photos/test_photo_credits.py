"""Everybody whose picture was learned from is named, nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowbrush.training.photos.credits import credits_of, main


def written(folder: Path, rows: list[dict[str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "attribution.json").write_text(json.dumps(rows))
    for row in rows:
        (folder / row["file"]).parent.mkdir(exist_ok=True)
        (folder / row["file"]).touch()


def test_who_is_named(tmp_path: Path) -> None:
    photo = {
        "file": "cat.webp",
        "title": "a cat",
        "author": "Ann <ann@example.org>",
        "licence": "CC-BY-4.0",
        "source": "https://a.b",
    }
    judge = {**photo, "file": "held_out/dog.webp", "title": "a dog"}
    written(tmp_path, [photo, judge])
    things = [
        {"file": f"{name}-0.webp", "name": name, "author": "Bo|b", "licence": "CC0"}
        for name in ("chair", "lamp", "gone")
    ]
    written(tmp_path / "furniture", things)
    (tmp_path / "furniture" / "gone-0.webp").unlink()
    said = credits_of(tmp_path)
    assert "| a cat | Ann | CC-BY-4.0 | <https://a.b> |" in said
    assert "a dog" not in said and "gone" not in said
    assert "| Bo/b | CC0 | chair, lamp |" in said and "(2)" in said


def test_no_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "flowbrush train pool --photos" in capsys.readouterr().err
