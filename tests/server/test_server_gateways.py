"""Several gateways share one state folder: each session is one's at a time, and goes with the gateway that ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowbrush.server.engine.admission import Pool
from flowbrush.server.store.claims import Claims
from flowbrush.server.store.cleaning import Cleaning
from flowbrush.server.store.images import ImageStore
from flowbrush.server.store.roster import QUIET_S, Roster
from flowbrush.server.store.store import FolderInUse, Store

HOLD = """
import sys
from pathlib import Path
from flowbrush.server.store.claims import Claims
claims = Claims(Path(sys.argv[1]))
print(claims.take("s"), flush=True)
sys.stdin.read()
"""


def test_a_session_is_one_gateways_until_it_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "True\n"
        claims = Claims(tmp_path)
        assert not claims.take("s") and claims.take("t")
        other.kill()
        other.wait()
    assert claims.take("s") and claims.take("s"), "the system gave the lock back"
    third = Claims(tmp_path)
    assert not third.take("s")
    claims.drop("s")
    assert third.take("s")
    claims.close()
    assert third.take("t")


def test_wishes_are_heard_by_all_and_taken_back(tmp_path: Path) -> None:
    a, b = Claims(tmp_path), Claims(tmp_path)
    a.ask("s")
    assert a.asked() == b.asked() == {"s"}
    a.answered("s")
    a.answered("s")
    assert b.asked() == set()


def test_a_folder_is_one_servers_or_the_gateways(tmp_path: Path) -> None:
    first = Store(tmp_path, tmp_path / "snapshots", shared=True)
    second = Store(tmp_path, tmp_path / "snapshots", shared=True)
    with pytest.raises(FolderInUse, match="in use by the gateways of a cluster"):
        Store(tmp_path, tmp_path / "snapshots")
    first.close()
    second.close()
    alone = Store(tmp_path, tmp_path / "snapshots")
    with pytest.raises(FolderInUse, match="in use by process"):
        Store(tmp_path, tmp_path / "snapshots", shared=True)
    alone.close()


def test_a_lock_that_was_removed_is_taken_again_unless_another_server_has_come(tmp_path: Path) -> None:
    first = Store(tmp_path, tmp_path / "snapshots")
    (tmp_path / "lock").unlink()
    first.try_writing()
    with pytest.raises(FolderInUse):
        Store(tmp_path, tmp_path / "snapshots")
    (tmp_path / "lock").unlink()
    second = Store(tmp_path, tmp_path / "snapshots")
    for _ in range(2):
        with pytest.raises(FolderInUse, match="in use by process"):
            first.try_writing()
    second.close()
    first.try_writing()
    first.close()


def test_cleaning_leaves_what_another_gateway_has(tmp_path: Path) -> None:
    mine, others = (Store(tmp_path, tmp_path / "snapshots", shared=True) for _ in range(2))
    for id in ("kept", "gone"):
        mine.folder(id).mkdir()
    assert others.owners.take("kept")
    cleaning = Cleaning(mine, ImageStore(tmp_path / "images", 1, 1.0), keep_s=0.0, budget=-1)
    cleaning.run(set())
    assert mine.folder("gone").exists(), "it may be just being made"
    cleaning.run(set())
    assert mine.folder("kept").exists() and not mine.folder("gone").exists()


def test_what_a_gateway_publishes_counts_while_it_writes_and_is_gone_with_it(tmp_path: Path) -> None:
    now = [0.0]
    a, b = (Roster(tmp_path, name, lambda: now[0]) for name in "ab")
    assert a.secret == b.secret and len(list((tmp_path / "gateways").iterdir())) == 1
    b.publish("http://b", {"m": Pool(2)})
    assert a.others()["b"].pools == {"m": Pool(2)} and b.others() == {}
    now[0] = QUIET_S + 0.1
    quiet = a.others()["b"]
    assert quiet.url == "http://b" and quiet.pools == {}, (
        "it may hang: it can be asked, but its seats do not count"
    )
    b.publish("http://b", {"m": Pool(1)})
    assert a.others()["b"].pools == {"m": Pool(1)}
    b.leave()
    assert a.others() == {}
    (tmp_path / "gateways" / "c.json").write_text("{}")
    assert a.others() == {} and not (tmp_path / "gateways" / "c.json").exists(), "nobody has it"


def test_the_owner_of_a_session_is_known_to_the_others(tmp_path: Path) -> None:
    a, b = Claims(tmp_path), Claims(tmp_path)
    assert a.owner("s") == ""
    assert a.take("s") and b.owner("s") == a.name != b.name
    a.drop("s")
    assert b.owner("s") == "" and b.take("s") and a.owner("s") == b.name
