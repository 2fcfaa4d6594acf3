"""What a key, or an address where there are no keys, may use at once and in a day."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator

from flowbrush.server.http.access import Access, Quota
from flowbrush.server.http.identity import Identity
from flowbrush.server.sessions.service import Service
from flowbrush.server.sessions.session_host import SessionHost

DAY_S = 86_400
MIB = 1 << 20
TRY_AGAIN_S = 10.0
"""What is in use may be given back at any time. A client that obeys asks six times a minute: often enough to
have a place soon, and no load."""


class OverQuota(Exception):
    """A quota is used up: what to say, and after how many seconds it may be otherwise."""

    code = "quota"

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.message, self.retry_after_s = message, retry_after_s


class Quotas:
    """Counts what each account has."""

    def __init__(
        self, service: Service, access: Callable[[], Access], clock: Callable[[], float] = time.time
    ) -> None:
        self._service = service
        self._access = access
        self._clock = clock
        self._making = Counter[tuple[str, bool]]()
        """sessions whose files are being made: account, whether they are branches"""
        self._sent: dict[str, float] = {}
        self._day = -1

    def began(self, live: SessionHost, identity: Identity) -> None:
        """Counts a session as this client's from now on. The one whose client is away longest makes room where there is none."""
        mine = self._of(identity)
        live.account = live.meta.owner or identity.address
        away, most = _away(mine), self._quota(identity).sessions
        if most and len(mine) >= most and away:
            self._service.end(min(away, key=lambda each: each.session.away_since or 0.0), "displaced")

    @contextlib.contextmanager
    def making(self, identity: Identity, branch: bool = False) -> Iterator[None]:
        """While a session's files are being made it counts already."""
        counted = (identity.account, branch)
        self._making[counted] += 1
        try:
            yield
        finally:
            self._making[counted] -= 1
            self._making += Counter()  # those of nobody are dropped

    def check_start(self, identity: Identity, paused: bool, model: str) -> None:
        """Before a session of a model begins; raises OverQuota. Those whose clients are away will make room (`began`): not before
        it is there, since it may yet be refused for something else.
        """
        quota, mine = self._quota(identity), self._of(identity)
        self._check_sent(identity.account, quota)
        self._check_waiting(quota, mine, model)
        if paused:
            self.check_pause(identity)
        making = self._making[identity.account, False] + self._making[identity.account, True]
        if quota.sessions and len(mine) - len(_away(mine)) + making >= quota.sessions:
            raise _too_many("sessions", quota.sessions, "end one of them first")

    def check_branch(self, identity: Identity, model: str) -> None:
        """Before a branch of a session of that model is made; raises OverQuota."""
        quota, mine = self._quota(identity), self._of(identity)
        branches = sum(1 for live in mine if live.meta.first_frame > 0)
        branches += self._making[identity.account, True]
        if quota.branches and branches >= quota.branches:
            raise _too_many("branches", quota.branches, "end one of them first")
        self.check_start(identity, paused=False, model=model)

    def check_pause(self, identity: Identity) -> None:
        """Before a session is paused; raises OverQuota."""
        quota = self._quota(identity)
        paused = sum(1 for live in self._of(identity) if live.session.pace.paused)
        if quota.paused and paused >= quota.paused:
            raise _too_many("paused sessions", quota.paused, "let one go on, or end it")

    def steps(self, identity: Identity) -> int:
        """How many denoising steps a session may ask for; 0: as many as the server's settings allow."""
        return self._quota(identity).steps

    def check_upload(self, identity: Identity) -> None:
        """Before an upload is read; raises OverQuota. Blocks for looking at the folder."""
        quota = self._quota(identity)
        count, size = self._service.images.kept(identity.owner)
        if quota.uploads and count >= quota.uploads:
            raise _too_many("uploads", quota.uploads, "they are kept for a while; use one of them again")
        if quota.upload_mib and size >= quota.upload_mib * MIB:
            raise OverQuota(
                f"your uploads take {quota.upload_mib} MiB already: older ones go by themselves", 600.0
            )

    def check_sent(self, identity: Identity) -> None:
        """Before video is sent; raises OverQuota."""
        self._check_sent(identity.account, self._quota(identity))

    def sent(self, account: str, size: int) -> None:
        """Counts media; raises OverQuota when it was the last that this day allows."""
        self._new_day()
        self._sent[account] = self._sent.get(account, 0) + size
        self._check_sent(account, self._access().quota_of(account))

    def _check_sent(self, account: str, quota: Quota) -> None:
        self._new_day()
        if quota.sent_mib_day and self._sent.get(account, 0) >= quota.sent_mib_day * MIB:
            text = f"the {quota.sent_mib_day} MiB of video of this day (UTC) are used up"
            raise OverQuota(text, DAY_S - self._clock() % DAY_S)

    def _check_waiting(self, quota: Quota, mine: list[SessionHost], model: str) -> None:
        dispatchers = self._service.dispatchers
        if quota.waiting and dispatchers.by_model[model].admission.spare <= 0:
            waiting = sum(1 for live in mine if live.id in dispatchers.of(live).slots.queue)
            if waiting >= quota.waiting:
                raise _too_many("sessions that wait for a seat", quota.waiting, "wait for them")

    def _new_day(self) -> None:
        day = int(self._clock() // DAY_S)
        if day != self._day:
            self._day, self._sent = day, {}

    def _quota(self, identity: Identity) -> Quota:
        return self._access().quota_of(identity.owner)

    def _of(self, identity: Identity) -> list[SessionHost]:
        return [live for live in self._service.lives.values() if live.account == identity.account]


def _away(lives: list[SessionHost]) -> list[SessionHost]:
    """Those whose clients are away."""
    return [live for live in lives if live.session.away_since is not None]


def _too_many(what: str, most: int, do: str) -> OverQuota:
    return OverQuota(f"you have {most} {what}, which is as many as your quota allows: {do}", TRY_AGAIN_S)
