"""Settings: what people and machines write into the environment and into .env, and what is said of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from flowbrush.server.settings import BadSettings, Settings, load_settings, misspelt, service_links

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FLOWBRUSH_")]:
        monkeypatch.delenv(name)


def test_the_environment_goes_before_the_file_and_flags_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("FLOWBRUSH_MODEL=file\nFLOWBRUSH_PORT=1\nFLOWBRUSH_HOST=localhost\n")
    monkeypatch.setenv("FLOWBRUSH_PORT", "2")
    found = load_settings(model="flag")
    assert (found.model, found.port, found.host) == ("flag", 2, "localhost")


def test_service_links_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes sets these where a service is called flowbrush."""
    monkeypatch.setenv("FLOWBRUSH_PORT", "tcp://10.96.12.7:8000")
    monkeypatch.setenv("FLOWBRUSH_PORT_8000_TCP", "tcp://10.96.12.7:8000")
    monkeypatch.setenv("FLOWBRUSH_SERVICE_PORT", "8000")
    Path(".env").write_text("FLOWBRUSH_PORT=9000\n")
    assert load_settings().port == 9000
    assert service_links() == ["FLOWBRUSH_PORT=tcp://10.96.12.7:8000"]


def test_a_slip_in_a_name_is_told_and_what_others_read_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "prot", "PORT", "PORT_8000_TCP", "SERVICE_HOST"):
        monkeypatch.setenv(f"FLOWBRUSH_{name}", "1")
    compose = re.findall(r"\bFLOWBRUSH_[A-Z_]+", (ROOT / "compose.yaml").read_text())
    Path(".env").write_text("FLOWBRUSH_STATEDIR=x\n" + "".join(f"{name}=1\n" for name in compose))
    meant = {
        name.removeprefix("FLOWBRUSH_"): setting.removeprefix("FLOWBRUSH_") for name, setting in misspelt()
    }
    assert meant == {"API_KEY": "API_KEYS", "PROT": "PORT", "STATEDIR": "STATE_DIR"}


def test_a_file_of_another_encoding_is_named_in_one_line() -> None:
    Path(".env").write_bytes("FLOWBRUSH_MODEL=café\n".encode("latin-1"))
    with pytest.raises(BadSettings, match=r"\.env is not UTF-8 text \(byte 19 is 0xe9\)") as refused:
        load_settings()
    assert "\n" not in str(refused.value)


def test_a_byte_order_mark_is_read_over() -> None:
    Path(".env").write_text("\ufeffFLOWBRUSH_MODEL=café\n", encoding="utf-8")
    assert load_settings().model == "café"


def test_what_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose passes variables on that nobody has set."""
    for name in ("PORT", "KEYS_FILE", "RUNTIME_DIR", "API_KEYS", "RECORD", "PUBLISH"):
        monkeypatch.setenv(f"FLOWBRUSH_{name}", "")
    assert load_settings() == Settings(_env_file=None)


def test_a_file_in_utf_16_is_named() -> None:
    Path(".env").write_text("FLOWBRUSH_MODEL=pocket\n", encoding="utf-16")
    with pytest.raises(BadSettings, match=r"\.env is not UTF-8 text \(byte 0 is 0xff\)"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PORT", "many", "FLOWBRUSH_PORT is 'many': expected a whole number"),
        ("PORT", "99999", "FLOWBRUSH_PORT is '99999': expected at most 65535"),
        ("LOG_LEVEL", "loud", "FLOWBRUSH_LOG_LEVEL: .*expected debug"),
        ("TRUSTED_PROXIES", "127.0.0.1,proxy", "FLOWBRUSH_TRUSTED_PROXIES: 'proxy': expected an address"),
        ("HOST", "0.0.0.0", "FLOWBRUSH_API_KEYS"),
        ("TOKEN_S", "inf", "FLOWBRUSH_TOKEN_S is 'inf': expected a finite number"),
        ("DRAIN_S", "1e300", "FLOWBRUSH_DRAIN_S is '1e300': expected at most 100000000"),
        ("IDLE_S", "1e300", "FLOWBRUSH_IDLE_S is '1e300': expected at most 100000000"),
        (
            "API_KEYS",
            "good,сезам",
            "FLOWBRUSH_API_KEYS: a key has characters that no header can carry: [^с]*$",
        ),
        ("IMAGE_MEGAPIXELS", "nan", "FLOWBRUSH_IMAGE_MEGAPIXELS is 'nan': expected "),
        ("ALLOWED_ORIGINS", "https://a.example,studio.example", "'studio.example': expected scheme and name"),
        ("ALLOWED_ORIGINS", "https://studio.example/page", "expected scheme and name"),
        ("ALLOWED_ORIGINS", "*", "expected scheme and name"),
        ("ALLOWED_HOSTS", "http://studio.example", "'http://studio.example': expected a name alone"),
        ("ALLOWED_HOSTS", "studio.example:8000", "expected a name alone"),
        ("ALLOWED_HOSTS", "*.example", "expected a name alone"),
        ("HOST", "http://studio.example", "'http://studio.example': expected an address or a name alone"),
        ("PUBLISH", "127.0.0.1:8000", "FLOWBRUSH_PUBLISH: .*expected an address or a name alone"),
        ("DEVICE", "cuda1", "'cuda1': expected auto, cpu, cuda, cuda:1 … or mps"),
        ("LOADER", "generator.load", "'generator.load': expected module:callable"),
        ("PUBLISH", "caf\udce9", r"FLOWBRUSH_PUBLISH is 'caf\\udce9': expected a text in UTF-8"),
        ("HOST", "caf\udce9", r"FLOWBRUSH_HOST is 'caf\\udce9': expected a text in UTF-8"),
        ("STATE_DIR", " ", "FLOWBRUSH_STATE_DIR: ' ': expected a folder"),
        ("STATE_DIR", "~nobody-of-that-name/x", "FLOWBRUSH_STATE_DIR: .*no home folder"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str) -> None:
    monkeypatch.setenv(f"FLOWBRUSH_{name}", value)
    with pytest.raises(BadSettings, match=why) as refused:
        load_settings()
    assert "\n" not in str(refused.value)


NUMBERS = {
    name: kinds & {int, float}
    for name, hint in get_type_hints(Settings).items()
    if name in Settings.model_fields and (kinds := {hint, *get_args(hint)}) & {int, float}
}
ABSURD = {int: ["-1", "1" + "0" * 30], float: ["-1e-300", "1e-300", "5e-324", "1e300", "inf", "nan"]}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, (kind,) in NUMBERS.items() for value in ABSURD[kind]]
)
def test_no_number_may_be_absurd(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"FLOWBRUSH_{name.upper()}", value)
    with pytest.raises(BadSettings, match=rf"^FLOWBRUSH_{name.upper()}.*{value}.*: expected [^\n]+$"):
        load_settings()


def test_all_numbers_among_the_settings_are_looked_at() -> None:
    assert {"upgrades_per_s", "quota_sent_mib_day", "idle_s", "port", "keep_hours"} < set(NUMBERS)
    assert "record" not in NUMBERS and all(len(kinds) == 1 for kinds in NUMBERS.values())


@pytest.mark.parametrize("name", ["idle_s", "session_s"])
def test_never_is_nought(name: str) -> None:
    assert getattr(load_settings(**{name: 0}), name) == 0
    with pytest.raises(BadSettings, match=r"1e-300: expected at least 0\.001, or 0 for never"):
        load_settings(**{name: 1e-300})


def test_a_home_is_a_home_wherever_the_path_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who writes ~ into .env, or behind the = of an option, gets no folder of that name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    Path(".env").write_text("FLOWBRUSH_STATE_DIR=~/state\nFLOWBRUSH_KEYS_FILE=~/keys.toml\n")
    found = load_settings(runtime_dir=Path("~/run"))
    assert (found.state_dir, found.keys_file, found.runtime_dir) == (
        tmp_path / "state",
        tmp_path / "keys.toml",
        tmp_path / "run",
    )


@pytest.mark.parametrize("given", ["::1", "fe80::1", "0.0.0.0", "localhost", "gate-1.example"])
def test_addresses_and_names_can_be_listened_on(given: str) -> None:
    assert load_settings(host=given, allow_unauthenticated=True).host == given


def test_names_and_pages_that_can_be_allowed(tmp_path: Path) -> None:
    found = load_settings(
        allowed_hosts="studio.example,fe80::1,[::1]",
        allowed_origins="https://studio.example:8443/, http://[::1]:9",
    )
    assert len(found.allowed_hosts) == 3 and len(found.allowed_origins) == 2


def test_a_port_can_be_published_at_an_address_as_compose_writes_it() -> None:
    found = load_settings(host="0.0.0.0", publish="[::1]")
    assert found.publish == "::1", "loopback: no keys are needed"
    with pytest.raises(BadSettings, match=r"others can reach 2001:db8::1, but there are no API keys"):
        load_settings(host="0.0.0.0", publish="[2001:db8::1]")


def test_a_container_needs_keys_when_its_port_is_published_to_others(tmp_path: Path) -> None:
    assert load_settings(host="0.0.0.0", publish="127.0.0.1").reachable_at == "127.0.0.1"
    for publish in ("0.0.0.0", "192.0.2.1", "::"):
        with pytest.raises(BadSettings, match="FLOWBRUSH_API_KEYS"):
            load_settings(host="0.0.0.0", publish=publish)
    assert load_settings(host="0.0.0.0", publish="0.0.0.0", api_keys="a").needs_keys
    assert load_settings(host="0.0.0.0", keys_file=tmp_path / "keys.toml").needs_keys
    assert load_settings(host="0.0.0.0", allow_unauthenticated=True).host == "0.0.0.0"


def test_the_folders_of_snapshots_are_of_one_state_folder_each(tmp_path: Path) -> None:
    one, other = (
        Settings(_env_file=None, state_dir=tmp_path / name).snapshots_dir for name in ("one", "other")
    )
    assert one != other
    assert Settings(_env_file=None, state_dir=tmp_path / "one").snapshots_dir == one


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="takes root to become somebody else"
)
def test_a_user_without_name_and_home_has_settings(tmp_path: Path) -> None:
    code = (
        f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); "
        "import flowbrush.server.settings, flowbrush.models.cards.card; "
        "os.setgid(54321); os.setuid(54321); "
        "s = flowbrush.server.settings.load_settings(); "
        "print(s.state_dir, s.snapshots_dir, flowbrush.models.cards.card.models_folder())"
    )
    bare = {"PATH": os.environ["PATH"]}
    tmp_path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", code], env=bare, cwd="/", capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("flowbrush-54321") >= 2


@pytest.mark.parametrize("name", ["state_dir", "runtime_dir"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_bucket_is_no_folder(name: str, kind: type) -> None:
    with pytest.raises(
        BadSettings, match=rf"--{name.replace('_', '-')}: 's3://?bucket/state': expected a folder"
    ):
        load_settings(**{name: kind("s3://bucket/state")})


def test_paths_are_whole_for_the_folder_one_is_in_may_go(tmp_path: Path) -> None:
    found = load_settings(state_dir="state", runtime_dir="run", keys_file="keys.toml")
    assert (found.state_dir, found.runtime_dir) == (tmp_path / "state", tmp_path / "run")
    assert found.keys_file == tmp_path / "keys.toml"


def test_a_folder_that_is_gone_already_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(BadSettings, match="--state-dir: 'state': the folder that you are in is gone"):
        load_settings(state_dir="state")


@pytest.mark.parametrize(("name", "value"), [("threads", 100_000), ("beat_timeout_s", 0.4)])
def test_what_no_worker_can_work_with_is_refused(name: str, value: float) -> None:
    """So many threads take all memory that may be addressed; a worker says something every half second."""
    with pytest.raises(BadSettings, match=f"--{name.replace('_', '-')} is {value:g}|{value}"):
        load_settings(**{name: value})
