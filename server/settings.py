"""Settings: command line, `FLOWBRUSH_*`, `.env`, in this order. The only reader of the environment."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from flowbrush import limits
from flowbrush.server import values
from flowbrush.server.store import in_memory
from flowbrush.wording import expected, in_python

MIB = 1 << 20
TMPFS = Path("/dev/shm")
TMPFS_MIN_FREE = 512 * MIB
PREFIX = "FLOWBRUSH_"
SECRET = ("api_keys",)
"""Settings that are in no message."""

NEAR = 0.75
"""How alike two names are of which one is taken for a slip: PROT and PORT are, PUBLISH_PORT and PUBLISH are not."""

_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://\S+", re.ASCII)

Words = Annotated[tuple[str, ...], NoDecode]
MOST = 10**9
"""Of whatever is counted here: a slip, or somebody's word for "no limit"."""
Limit = Annotated[int, Field(ge=0, le=MOST)]
"""0: no limit"""
Amount = Annotated[int, Field(ge=1, le=MOST)]
LEAST_S, MOST_S = values.LEAST_S, 1e8
"""Three years: what the system's timers hold, and longer than anything here runs."""
Seconds = Annotated[float, Field(ge=LEAST_S, le=MOST_S)]
SecondsOrNever = Annotated[float, Field(ge=0, le=MOST_S), AfterValidator(values.never_or_a_while)]
"""0: never"""
PathAtHome = Annotated[Path, AfterValidator(values.at_home)]
Folder = Annotated[PathAtHome, BeforeValidator(values.no_bucket)]


class BadSettings(ValueError):
    """What is set cannot be used; the text is one line that says which setting, file or line, and why."""


def private_name() -> str:
    """A name for folders of this user, who need not have one (containers run under any number)."""
    return f"flowbrush-{os.getuid()}" if hasattr(os, "getuid") else "flowbrush"


def _default_state_dir() -> Path:
    try:
        return Path.home() / ".cache" / "flowbrush"
    except RuntimeError:  # a user without name and without HOME
        return Path(tempfile.gettempdir()) / private_name()


class _Environment(EnvSettingsSource):
    """The environment without Kubernetes' service links: of a service `flowbrush` it sets FLOWBRUSH_PORT=tcp://…"""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        found = super()._load_env_vars()
        return {name: text for name, text in found.items() if not _SERVICE_LINK.fullmatch(text or "")}


class Settings(BaseSettings):
    """Frozen after it was checked; made once in the command line and passed down. Tests make it directly."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8-sig",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        allow_inf_nan=False,
    )

    model: str = "pocket"
    """Or several, separated by commas; the first is the default."""
    device: Annotated[str, AfterValidator(values.device)] = "auto"
    host: Annotated[str, Field(min_length=1), AfterValidator(values.address)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    publish: Annotated[str, AfterValidator(values.published)] = ""
    """Where a container's port is published; a loopback address means that only this machine reaches it."""
    workers: Annotated[int, Field(ge=0, le=64)] = 1
    most_workers: Annotated[int, Field(ge=0, le=1024)] = 0
    """While sessions wait there are more workers than `workers`, up to this; one that is idle for a minute ends. 0: no more."""
    cluster: str = ""
    """Workers are actors of a Ray cluster: auto, or HOST:PORT of its head; empty: processes of this machine."""
    advertise: str = ""
    """URL at which the other gateways of a cluster reach this one; empty: by the address that it has towards the cluster's head."""
    seats: Annotated[int, Field(ge=0, le=1024)] = 0
    """Streams per worker; 0 computes it from the memory that is free."""
    spares: Annotated[int, Field(ge=0, le=8)] = 0
    """Processes that are kept for the next workers, and have loaded all but the model. Not in a cluster."""
    queue_size: Annotated[int, Field(ge=0, le=MOST)] = 32
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """CPU threads of each worker's model; 0 follows what affinity, quotas and other processes leave."""
    max_steps: Annotated[int, Field(ge=0, le=limits.MAX_STEPS)] = 0
    """Denoising steps that a session may ask for; 0: as many as keep real time."""
    attention: Literal["auto", "sdpa", "cudnn", "fa3", "xformers", "flex"] = "auto"
    """Attention back end of the model: auto measures which is the fastest."""
    compile: bool = False
    fp8: bool = False
    """Speed switches of the model, for a GPU: compiled blocks, 8-bit linear layers."""
    drag: Literal["auto", "warp"] = "auto"
    """How a Wan student follows a hand: from encoded references (auto), or from its last latents, warped, which is lighter."""
    loader: Annotated[str, AfterValidator(values.loader)] = "flowbrush.pipelines.generator:Generator.load"
    """`module:callable` that loads the generator in the worker."""

    api_keys: Annotated[Words, AfterValidator(values.keys)] = ()
    keys_file: PathAtHome | None = None
    """TOML with keys by name and their quotas; read again on SIGHUP."""
    allow_unauthenticated: bool = False
    """Without API keys: be reachable from other machines all the same."""
    allowed_hosts: Annotated[Words, AfterValidator(values.names)] = ()
    """Names that the server may be called by, in addition to loopback's and addresses."""
    allowed_origins: Annotated[Words, AfterValidator(values.origins)] = ()
    trusted_proxies: Annotated[Words, AfterValidator(values.networks)] = ()
    """Addresses or networks whose X-Forwarded-* headers are believed."""
    token_s: Seconds = 60.0

    quota_sessions: Limit = 64
    quota_waiting: Limit = 32
    quota_paused: Limit = 32
    quota_branches: Limit = 32
    quota_uploads: Limit = 1000
    quota_upload_mib: Limit = 1024
    quota_sent_mib_day: Limit = 0
    quota_steps: Annotated[int, Field(ge=0, le=limits.MAX_STEPS)] = 0
    """What one key may use, or one address on a server without keys; the keys file can say more of each."""

    connections: Annotated[int, Field(ge=8, le=MOST)] = 1024
    connections_per_address: Annotated[int, Field(ge=4, le=MOST)] = 256
    upgrades_per_s: Annotated[float, Field(ge=0.2, le=1e6)] = 30.0
    """WebSockets that one address may open a second before the next ones wait, or requests that cost as much. With fewer the first
    one would wait for longer than any may."""
    header_s: Seconds = 10.0
    body_s: Seconds = 120.0
    """How long a request may take to arrive."""

    state_dir: Folder = Field(default_factory=_default_state_dir)
    runtime_dir: Folder | None = None
    """Snapshots for recovery; None takes memory (tmpfs) when there is enough of it."""
    snapshot_chunks: Amount = 8
    keep_hours: Annotated[float, Field(ge=0.001, le=1e6)] = 24.0
    """How long the log and the recording of an ended session can be had."""
    record: bool = True
    recording_mib: Amount = 1024
    disk_mib: Amount = 8192
    """All sessions' files together; the oldest ended ones go first."""

    image_mib: Amount = 10
    image_megapixels: Annotated[float, Field(ge=0.01, le=10_000)] = 40.0

    resume_s: Seconds = limits.RESUME_S
    idle_s: SecondsOrNever = 1800.0
    """A paused session that nobody touches for so long is ended; 0: never."""
    session_s: SecondsOrNever = 0.0
    """The longest a session may last; 0: without an end."""
    slow_reader_s: Seconds = limits.SLOW_READER_S + 5.0
    chunk_timeout_s: Seconds = 30.0
    """A worker that needs longer for one batch hangs and is replaced."""
    beat_timeout_s: Annotated[float, Field(ge=1, le=MOST_S)] = 15.0
    """A worker that says nothing for so long is replaced; it says something twice a second."""
    load_timeout_s: Seconds = 900.0
    drain_s: Seconds = 5.0

    log_level: str = "info"
    log_json: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Environment(settings_cls), dotenv_settings

    @field_validator("api_keys", "allowed_hosts", "allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error"):
            raise ValueError(f"log level {value!r}: expected debug, info, warning or error")
        return value.lower()

    @field_validator("model")
    @classmethod
    def _models(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",")]
        if "" in names or len(set(names)) < len(names):
            raise ValueError(f"{value!r}: expected names of different models, separated by commas")
        return value

    @field_validator("cluster")
    @classmethod
    def _of_a_cluster(cls, value: str) -> str:
        if value in ("", "auto") or re.fullmatch(r"[^/\s]+:\d+", value):
            return value
        raise ValueError(f"{value!r}: expected auto, or HOST:PORT of the head of a Ray cluster")

    @field_validator("advertise")
    @classmethod
    def _a_url(cls, value: str) -> str:
        if value == "" or re.fullmatch(r"https?://[^/?#\s]+/?", value):
            return value
        raise ValueError(f"{value!r}: expected a URL without a path, such as http://10.0.0.5:8000")

    @model_validator(mode="after")
    def _with_a_cluster_or_without(self) -> Self:
        if self.advertise and not self.cluster:
            raise ValueError(
                f"advertise {self.advertise!r}: only gateways of a cluster look for each other: set --cluster, or leave it out"
            )
        if self.cluster and ":" in self.device:
            raise ValueError(
                f"device {self.device!r}: in a cluster Ray chooses each worker's GPU: say cuda, or auto"
            )
        if self.cluster and self.spares:
            raise ValueError(
                f"spares {self.spares}: in a cluster Ray starts the processes; one worker more (--workers) is a warm seat"
            )
        return self

    @model_validator(mode="after")
    def _most_of_workers(self) -> Self:
        if 0 < self.most_workers < self.workers:
            raise ValueError(
                f"most-workers {self.most_workers}: there are {self.workers} workers at the start: expected at least as many, or 0"
            )
        return self

    @model_validator(mode="after")
    def _not_open_to_the_world(self) -> Self:
        if not self.needs_keys and not self.allow_unauthenticated and not is_loopback(self.reachable_at):
            raise ValueError(
                f"others can reach {self.reachable_at}, but there are no API keys: set FLOWBRUSH_API_KEYS or "
                "FLOWBRUSH_KEYS_FILE, or FLOWBRUSH_ALLOW_UNAUTHENTICATED=1 if everyone who reaches this port may use it"
            )
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """The models to be served, the default first."""
        return tuple(name.strip() for name in self.model.split(","))

    @property
    def needs_keys(self) -> bool:
        """Whether whoever comes has to show a key."""
        return bool(self.api_keys) or self.keys_file is not None

    @property
    def reachable_at(self) -> str:
        """The address that decides who can reach the server."""
        return self.publish or self.host

    @property
    def snapshots_dir(self) -> Path:
        """Where snapshots go: the same folder for the same state folder, so that a restart, or another gateway, finds them."""
        if self.runtime_dir is not None:
            return self.runtime_dir
        if not self.cluster and in_memory.has_room(TMPFS, TMPFS_MIN_FREE):
            name = hashlib.sha256(os.fsencode(self.state_dir.resolve())).hexdigest()[:12]
            return TMPFS / f"{private_name()}-{name}"
        return self.state_dir / "snapshots"


def load_settings(**given: Any) -> Settings:
    """The settings of this process, those `given`, by flags, first. Raises BadSettings with one line that says what is wrong."""
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        text = expected(first)
        if not first["loc"]:
            raise BadSettings(text) from None
        name = str(first["loc"][0])
        told = first["type"] == "value_error" or name in SECRET
        came = "" if told else f" is {in_python(first['input'])}"
        label = f"--{name.replace('_', '-')}" if name in given else f"{PREFIX}{name.upper()}"
        raise BadSettings(f"{label}{came}: {text}") from None
    except UnicodeEncodeError:  # it cannot even be said what is wrong with a text of other bytes
        named = {f"--{name.replace('_', '-')}": str(text) for name, text in given.items()} | _set()
        raise BadSettings(f"{values.not_text(named)}: expected a text in UTF-8") from None
    except UnicodeDecodeError as error:
        raise BadSettings(
            f"{Path('.env').resolve()} is not UTF-8 text (byte {error.start} is 0x{error.object[error.start]:02x}): "
            "save it as UTF-8, or move it away"
        ) from None
    except OSError as error:
        raise BadSettings(f"{error.filename or '.env'} cannot be read: {error.strerror or error}") from None


def _set() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if name.upper().startswith(PREFIX)}


def service_links() -> list[str]:
    """Variables of the environment that name a setting and hold a service link, which is why they are ignored."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    return [
        f"{name}={text}"
        for name, text in sorted(os.environ.items())
        if name.upper() in known and _SERVICE_LINK.fullmatch(text)
    ]


def misspelt() -> list[tuple[str, str]]:
    """Names in the environment and in .env that are nothing, and the settings that they nearly are."""
    known = {name.upper() for name in Settings.model_fields}
    given = {*os.environ, *dotenv_values(".env", encoding="utf-8-sig")}
    names = sorted(name.upper().removeprefix(PREFIX) for name in given if name.upper().startswith(PREFIX))
    near = {name: get_close_matches(name, known, 1, NEAR) for name in names if name not in known}
    return [(f"{PREFIX}{name}", f"{PREFIX}{found[0]}") for name, found in near.items() if found]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
