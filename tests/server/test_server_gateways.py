"""Several gateways share one state folder: each session is one's at a time, and goes with the gateway that ends."""

from __future__ import annotations

import asyncio
import errno
import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running_server import wait_for

from flowbrush.server.engine.admission import Pool
from flowbrush.server.engine.dispatchers import Dispatchers
from flowbrush.server.sessions.fleet import Fleet
from flowbrush.server.sessions.handover import Handover
from flowbrush.server.store.claims import Claims
from flowbrush.server.store.cleaning import Cleaning
from flowbrush.server.store.images import ImageStore
from flowbrush.server.store.roster import QUIET_S, Roster
from flowbrush.server.store.storage import Storage
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


def test_gateways_whose_folder_is_removed_see_each_other_again_and_keep_their_secret(tmp_path: Path) -> None:
    a, b = Roster(tmp_path, "a"), Roster(tmp_path, "b")
    for each in (a, b):
        each.publish(f"http://{each.name}", {"m": Pool(1)})
    shutil.rmtree(tmp_path / "gateways")
    for each in (a, b):
        each.publish(f"http://{each.name}", {"m": Pool(2)})
    assert a.others()["b"].pools == b.others()["a"].pools == {"m": Pool(2)}
    assert Roster(tmp_path, "c").secret == a.secret == b.secret
    assert (tmp_path / "gateways").stat().st_mode & 0o777 == 0o700


def test_a_session_is_asked_for_where_the_folder_of_wishes_was_removed(tmp_path: Path) -> None:
    a, b = Claims(tmp_path), Claims(tmp_path)
    shutil.rmtree(tmp_path / "wanted")
    assert a.asked() == set()
    b.ask("s")
    assert a.asked() == {"s"}


class FullDisk(Roster):
    """The first three times nothing can be written."""

    tries = 0

    def publish(self, url: str, pools: dict[str, Pool]) -> None:
        self.tries += 1
        if self.tries <= 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().publish(url, pools)


async def test_a_disk_that_is_full_is_said_once_and_then_others_are_seen_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    roster, claims, lives, storage = FullDisk(tmp_path, "a"), Claims(tmp_path), {}, Storage()
    other = Roster(tmp_path, "b")
    other.publish("http://b", {})
    handover = Handover(claims, store=Any, repository=Any, lives=lives, driver=Any, storage=storage)
    fleet = Fleet(roster, claims, handover, Dispatchers({}, lives, 0.0), lives, storage)
    with caplog.at_level(logging.INFO):
        running = asyncio.create_task(fleet.run())
        await asyncio.to_thread(wait_for, lambda: roster.count >= 2)
        fleet.leave()
        await running
    assert fleet.gateways["b"].url == "http://b"
    assert [record.getMessage() for record in caplog.records if "gateways" in record.getMessage()] == [
        "other gateways cannot be seen, nor see this one: No space left on device",
        "other gateways can be seen again",
    ]


def test_the_owner_of_a_session_is_known_to_the_others(tmp_path: Path) -> None:
    a, b = Claims(tmp_path), Claims(tmp_path)
    assert a.owner("s") == ""
    assert a.take("s") and b.owner("s") == a.name != b.name
    a.drop("s")
    assert b.owner("s") == "" and b.take("s") and a.owner("s") == b.name
