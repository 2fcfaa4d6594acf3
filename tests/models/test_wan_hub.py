"""Fetching weights: what is said first, what is checked, and what is left behind when it goes wrong."""

import errno
import hashlib
import json
from pathlib import Path

import pytest

from flowbrush.models.cards.registry import CARDS
from flowbrush.models.loading import hub as hubs
from flowbrush.models.loading.hub import HuggingFace, PullError, Remote, RemoteFile, adopt, pull

CARD = CARDS["self-forcing-1.3b"]


class HubDouble:
    """A hub in memory: one small file for every pattern of a source. `breaks` names a file and what happens to it."""

    def __init__(self, breaks=None):
        self.breaks, self.fetched = breaks or {}, []

    def content(self, name):
        return f"weights of {name}".encode()

    def look(self, source):
        files = []
        for pattern in source.files:
            name = pattern.replace("*", "model.safetensors")
            data = self.content(name)
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
            large = hashlib.sha256(data).hexdigest() if name.endswith(".pt") else None
            files.append(RemoteFile(name, len(data), large, blob))
        return Remote(source, "abc123", "apache-2.0", tuple(files))

    def fetch(self, remote, file, path):
        problem = self.breaks.get(file.name)
        if isinstance(problem, Exception):
            raise problem
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"something else" if problem else self.content(file.name))
        self.fetched.append(file.name)


def test_pull_says_checks_and_writes_down(tmp_path):
    lines = []
    folder = pull(CARD, tmp_path / "w", lines.append, HubDouble())
    assert lines[0].startswith("gdhe17/Self-Forcing: 0.00 MB, licence apache-2.0, revision abc123")
    assert (folder / "student/checkpoints/self_forcing_dmd.pt").is_file() and (
        folder / "codec/taew2_1.safetensors"
    ).is_file()
    assert (folder / "text_encoder/model.safetensors").is_file()
    written = json.loads((folder / "flowbrush.json").read_text())
    assert written["model"] == CARD.name and {source["revision"] for source in written["sources"]} == {
        "abc123"
    }
    student = written["sources"][0]["files"]["checkpoints/self_forcing_dmd.pt"]
    data = (folder / "student/checkpoints/self_forcing_dmd.pt").read_bytes()
    assert student["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", ["checkpoints/self_forcing_dmd.pt", "taew2_1.safetensors"])
def test_a_file_with_another_hash_is_removed(tmp_path, name):
    with pytest.raises(PullError, match="hash is not the hub's"):
        pull(CARD, tmp_path, hub=HubDouble({name: "changed"}))
    assert not list(tmp_path.rglob(Path(name).name)) and not (tmp_path / "flowbrush.json").exists()
    assert pull(CARD, tmp_path, hub=HubDouble()) == tmp_path


def test_no_space_is_found_out_before_anything_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(hubs, "RESERVE", 2**62)
    hub = HubDouble()
    with pytest.raises(PullError, match="no space left"):
        pull(CARD, tmp_path, hub=hub)
    assert not hub.fetched


def test_no_space_on_the_way(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PullError, match="no space left"):
        pull(CARD, tmp_path, hub=HubDouble({"taew2_1.safetensors": full}))
    assert not (tmp_path / "flowbrush.json").exists()


def test_without_a_network(tmp_path, monkeypatch):
    from huggingface_hub import HfApi

    class Nowhere(HfApi):
        def __init__(self):
            super().__init__(endpoint="http://127.0.0.1:9")

    monkeypatch.setattr("huggingface_hub.HfApi", Nowhere)
    with pytest.raises(PullError, match="cannot be reached"):
        pull(CARD, tmp_path / "w", hub=HuggingFace())
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    ("name", "said"), [("pocket", "come with the project"), ("wan-1.3b", "folder of your own")]
)
def test_models_with_nothing_to_fetch(name, said):
    with pytest.raises(PullError, match=said):
        pull(CARDS[name], hub=HubDouble())


def test_a_folder_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    own, card = tmp_path / "own", CARDS["wan-1.3b"]
    own.mkdir()
    with pytest.raises(PullError, match="has no student, codec, text_encoder, tokenizer"):
        adopt(card, own)
    for name in ("student.safetensors", "codec.safetensors"):
        (own / name).touch()
    for name in ("text_encoder", "tokenizer"):
        (own / name).mkdir()
    assert not card.available
    assert adopt(card, own).resolve() == own.resolve()
    assert card.available
