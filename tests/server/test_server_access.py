"""Keys, tokens, roles, and how guesses are slowed down."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowbrush.server.http.access import MIN_KEY_CHARS, Access, Quota, load_access
from flowbrush.server.http.auth import MAX_TOKENS, WRONG_BURST, WRONG_PER_S, Gate, NotAllowed
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.quotas import OverQuota, Quotas
from flowbrush.server.settings import BadSettings, Settings

ALICE, BOB = "alice-key-0123456789", "bob-key-0123456789ab"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


def gate(clock: Clock) -> Gate:
    return Gate(load_access(settings(api_keys=f"{ALICE},{BOB}")), 60.0, clock)


def status(
    gate: Gate, authorization: str | None, token: str | None = None, address: str = "192.0.2.1"
) -> int:
    try:
        gate.identify(authorization, token, address)
    except NotAllowed as refused:
        return refused.status
    return 200


def test_without_keys_everybody_is_let_in() -> None:
    open_gate = Gate(load_access(settings()), 60.0)
    assert open_gate.identify(None, None, "127.0.0.1") == Identity("", "127.0.0.1")


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        (None, None), ("Bearer nope", None), (f"Bearer {ALICE[:-1]}", None), (f"Bearer {ALICE}x", None), ("Bearer ", None),
        (f"Basic {ALICE}", None), (ALICE, None), (f"Bearer {ALICE},{BOB}", None), (None, ALICE), (f"Basic {ALICE}", ALICE),
        ("Bearer \udcff", None),
    ],
)  # fmt: skip
def test_what_does_not_let_in(authorization: str | None, token: str | None) -> None:
    assert status(gate(Clock()), authorization, token) == 401


def test_a_key_has_a_name_that_does_not_show_it() -> None:
    keys = gate(Clock())
    alice, bob = (keys.identify(f"Bearer {key}", None, "192.0.2.1") for key in (ALICE, BOB))
    assert alice.owner != bob.owner and not alice.by_token
    assert "alice" not in alice.owner and ALICE not in repr(keys.access)


def test_tokens_carry_a_role_a_session_and_an_end() -> None:
    clock = Clock()
    keys = gate(clock)
    alice = keys.identify(f"Bearer {ALICE}", None, "192.0.2.1")
    token = keys.issue(alice, "viewer", "abc")
    seen = keys.identify(None, token, "192.0.2.9")
    assert (seen.owner, seen.role, seen.session, seen.by_token) == (alice.owner, "viewer", "abc", True)
    assert not seen.may_control and seen.sees_id("abc") and not seen.sees_id("abd")
    assert status(keys, f"Bearer {token}") == 401, "a token is no key"
    clock.now += 61
    assert status(keys, None, token) == 401


def test_tokens_of_one_key_push_out_none() -> None:
    clock = Clock()
    keys = gate(clock)
    alice, bob = (keys.identify(f"Bearer {key}", None, "192.0.2.1") for key in (ALICE, BOB))
    first, *_ = [keys.issue(alice, "controller", None) for _ in range(MAX_TOKENS)]
    with pytest.raises(NotAllowed) as refused:
        keys.issue(alice, "controller", None)
    assert refused.value.status == 429 and refused.value.retry_after_s == 60
    assert status(keys, None, first) == status(keys, None, keys.issue(bob, "controller", None)) == 200
    clock.now += 61
    assert status(keys, None, keys.issue(alice, "controller", None)) == 200


def test_tokens_end_with_their_key() -> None:
    keys = gate(Clock())
    token = keys.issue(keys.identify(f"Bearer {ALICE}", None, "192.0.2.1"), "controller", None)
    keys.reload(load_access(settings(api_keys=BOB)))
    assert status(keys, None, token) == 401 and status(keys, f"Bearer {BOB}") == 200


def test_guesses_are_slowed_down_and_those_who_know_the_key_go_on() -> None:
    clock = Clock()
    keys = gate(clock)
    assert status(keys, f"Bearer {ALICE}") == 200
    answers = [status(keys, f"Bearer guess{i}") for i in range(200)]
    assert answers.count(401) == WRONG_BURST and answers[-1] == 429
    with pytest.raises(NotAllowed) as refused:
        keys.identify(None, "guess", "192.0.2.1")
    assert (refused.value.code, refused.value.retry_after_s) == ("rate_limited", 3)
    assert status(keys, f"Bearer {ALICE}") == 200, "it was right from here before"
    assert status(keys, f"Bearer {BOB}") == 429, "a right guess looks as the wrong ones do"
    assert status(keys, f"Bearer {BOB}", address="192.0.2.2") == 200
    clock.now += 6
    assert [status(keys, f"Bearer again{i}") for i in range(3)] == [401, 401, 429], "one in three seconds"
    clock.now += 60
    assert status(keys, f"Bearer {BOB}") == 200


def test_limits_are_wide_for_people_and_narrow_for_guessers() -> None:
    """Somebody may try a dozen keys for the right one, and again in a minute; ten thousand addresses do not get through eight
    characters in a year. A key may have four tokens for each connection that the server takes, in two MiB.
    """
    assert 12 < WRONG_BURST == 60 * WRONG_PER_S
    assert 10_000 * WRONG_PER_S * 86_400 * 365 < 36**8 and MIN_KEY_CHARS >= 2 * 8
    assert 4 * Settings.model_fields["connections"].default < MAX_TOKENS < (2 << 20) / 256


def test_as_many_addresses_are_remembered_as_memory_is_for() -> None:
    """Who guesses, and who knew the key, among ten thousand others; one more, and the first is forgotten."""
    keys = gate(Clock())
    status(keys, f"Bearer {ALICE}", address="first")
    for guess in range(int(WRONG_BURST)):
        status(keys, f"Bearer guess{guess}", address="first")
    for other in range(9_999):
        status(keys, "Bearer guess", address=f"other{other}")
        status(keys, f"Bearer {BOB}", address=f"other{other}")
    assert (
        status(keys, "Bearer guess", address="first"),
        status(keys, f"Bearer {BOB}", address="first"),
    ) == (429, 429)
    assert status(keys, f"Bearer {ALICE}", address="first") == 200
    for other in ("one", "more"):
        status(keys, "Bearer guess", address=other)
        status(keys, f"Bearer {BOB}", address=other)
    assert status(keys, "Bearer guess", address="first") == 401
    for other in ("other0", "other9"):
        for guess in range(int(WRONG_BURST)):
            status(keys, f"Bearer guess{guess}", address=other)
    assert [status(keys, f"Bearer {BOB}", address=other) for other in ("other0", "other9")] == [429, 200]


def test_a_file_names_keys_and_their_quotas(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    digest = hashlib.sha256(BOB.encode()).hexdigest()
    file.write_text(
        f'[quota]\nsessions = 2\n[keys.alice]\nkey = "{ALICE}"\n[keys.bob]\nsha256 = "{digest}"\n'
        "[keys.bob.quota]\nsessions = 9\nsent_mib_day = 100\n"
    )
    access = load_access(settings(keys_file=file, quota_paused=5))
    keys = Gate(access, 60.0)
    assert [keys.identify(f"Bearer {key}", None, "a").owner for key in (ALICE, BOB)] == ["alice", "bob"]
    assert (access.quota_of("alice").sessions, access.quota_of("alice").paused) == (2, 5)
    assert (access.quota_of("bob").sessions, access.quota_of("bob").sent_mib_day) == (9, 100)
    assert access.quota_of("").sessions == 2


def test_a_key_is_named_in_one_place(tmp_path: Path) -> None:
    """One that stayed in the environment would go on without the quota that the file gives it."""
    file = tmp_path / "keys.toml"
    file.write_text(f'[keys.alice]\nkey = "{ALICE}"\n')
    with pytest.raises(BadSettings, match=r"keys\.alice is the key of FLOWBRUSH_API_KEYS, too"):
        load_access(settings(keys_file=file, api_keys=ALICE))
    assert len(load_access(settings(keys_file=file, api_keys=f"{BOB},{BOB}")).keys) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "keys"),
        ("[keys", "not TOML"),
        ('[keys.alice]\nkey = "short-one"', "16"),
        (
            '[keys.alice]\nkey = "сезам-сезам-сезам"',
            "keys.alice.key: a key has characters that no header can carry",
        ),
        ("[keys.alice]\n", "either key or sha256"),
        (f'[keys.alice]\nkeys = "{ALICE}"', "alice.keys"),
        (f'[keys."a b"]\nkey = "{ALICE}"', "letters"),
        (f'[keys.alice]\nkey = "{ALICE}"\n[keys.alice.quota]\nsesions = 1', "alice.quota.sesions"),
        (f'[keys.alice]\nkey = "{ALICE}"\n[quota]\nsessions = -1', "quota.sessions"),
        (
            f'[keys.alice]\nkey = "{ALICE}"\n[keys.alice.quota]\nuploads = {10**30}',
            "alice.quota.uploads: expected at most 1000000000",
        ),
        (f'[keys.alice]\nkey = "{ALICE}"\n[quota]\nuploads = inf', "quota.uploads: expected a "),
        ("[keys.alice]\nkey = 5", "alice.key"),
        (
            f'[keys.alice]\nkey = "{ALICE}"\n[quota]\nsessions = true',
            "quota.sessions: expected a whole number",
        ),
        (f'[keys.alice]\nkey = "{ALICE}"\n[quota]\nsteps = 65', "quota.steps: expected at most 64"),
        (
            f'[keys.alice]\nkey = "{ALICE}"\n[quota]\nsessions = "4"',
            "quota.sessions: expected a whole number",
        ),
        (
            f'[keys.alice]\nkey = "{ALICE}"\n[keys.other]\nsha256 = "{hashlib.sha256(ALICE.encode()).hexdigest()}"',
            "keys.other is the key of keys.alice, too",
        ),
    ],
)
def test_a_file_with_a_mistake_is_refused_by_its_place(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(text)
    with pytest.raises(BadSettings, match=why) as refused:
        load_access(settings(keys_file=file))
    assert str(file) in str(refused.value) and "\n" not in str(refused.value)
    assert ALICE not in str(refused.value) and "short-one" not in str(refused.value)


def test_a_file_that_is_missing_or_of_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    with pytest.raises(BadSettings, match=r"keys\.toml cannot be read: No such file"):
        load_access(settings(keys_file=file))
    file.write_bytes("[keys.café]".encode("latin-1"))
    with pytest.raises(BadSettings, match="not UTF-8"):
        load_access(settings(keys_file=file))


def test_nobodys_quota_is_everybodys() -> None:
    quota = Quota(**dict.fromkeys(Quota.model_fields, 1))
    assert Access((), quota).quota_of("192.0.2.1") == quota


def test_who_has_all_that_may_be_had_at_once_asks_again_after_ten_seconds() -> None:
    access = load_access(settings(quota_paused=1))
    paused = SimpleNamespace(account="192.0.2.1", session=SimpleNamespace(pace=SimpleNamespace(paused=True)))
    quotas = Quotas(SimpleNamespace(lives={"a": paused}), lambda: access)  # type: ignore[arg-type]
    quotas.check_pause(Identity("", "192.0.2.2"))
    with pytest.raises(OverQuota, match="you have 1 paused sessions") as over:
        quotas.check_pause(Identity("", "192.0.2.1"))
    assert over.value.retry_after_s == 10


def test_a_day_has_so_much_video_and_the_next_one_again() -> None:
    clock = Clock()
    clock.now = 86_400 * 20_000.0 + 3600
    access = load_access(settings(quota_sent_mib_day=1))
    quotas = Quotas(SimpleNamespace(lives={}), lambda: access, clock)  # type: ignore[arg-type]
    who, other = Identity("", "192.0.2.1"), Identity("", "192.0.2.2")
    quotas.sent(who.account, (1 << 20) - 1)
    quotas.check_sent(who)
    with pytest.raises(OverQuota) as over:
        quotas.sent(who.account, 1)
    assert over.value.retry_after_s == 23 * 3600
    with pytest.raises(OverQuota):
        quotas.check_sent(who)
    quotas.check_sent(other)
    clock.now += 23 * 3600
    quotas.check_sent(who)


def test_a_clock_that_is_put_right_locks_nobody_out_for_longer_than_a_day() -> None:
    """It was ahead by a year. A step to another day is a new day, whichever it is."""
    clock = Clock()
    clock.now = 86_400 * 20_000.0
    access = load_access(settings(quota_sent_mib_day=1))
    quotas = Quotas(SimpleNamespace(lives={}), lambda: access, clock)  # type: ignore[arg-type]
    who = Identity("", "192.0.2.1")
    with pytest.raises(OverQuota):
        quotas.sent(who.account, 1 << 20)
    clock.now -= 365 * 86_400
    quotas.check_sent(who)
