"""Settings: command line, `FLOWBRUSH_*`, `.env`, in this order. The only reader of the environment."""

from __future__ import annotations

import getpass
import hashlib
import shutil
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from flowbrush import limits

MIB = 1 << 20
TMPFS = Path("/dev/shm")
TMPFS_MIN_FREE = 512 * MIB


def _default_state_dir() -> Path:
    return Path.home() / ".cache" / "flowbrush"


class Settings(BaseSettings):
    """Frozen after it was checked; made once in the command line and passed down."""

    model_config = SettingsConfigDict(
        env_prefix="FLOWBRUSH_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    model: str = "pocket"
    device: str = "auto"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    seats: Annotated[int, Field(ge=0, le=1024)] = 0
    """Streams per worker; 0 computes it from the memory that is free."""
    queue_size: Annotated[int, Field(ge=0)] = 32
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads of each worker's model; 0 leaves it to torch."""
    attention: str = "sdpa"
    """Attention back end of the model: sdpa, xformers or flex."""
    compile: bool = False
    fp8: bool = False
    """Speed switches of the model, for a GPU: compiled blocks, 8-bit linear layers."""
    loader: str = "pipelines.generator:Generator.load"
    """`module:callable` that loads the generator in the worker."""

    api_keys: Annotated[tuple[str, ...], NoDecode] = ()
    allow_unauthenticated: bool = False
    """Without API keys: bind to something else than loopback all the same."""
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    token_s: Annotated[float, Field(gt=0)] = 60.0

    state_dir: Path = Field(default_factory=_default_state_dir)
    runtime_dir: Path | None = None
    """Snapshots for recovery; None takes memory (tmpfs) when there is enough of it."""
    snapshot_chunks: Annotated[int, Field(ge=1)] = 8
    keep_hours: Annotated[float, Field(gt=0)] = 24.0
    """How long the log and the recording of an ended session can be had."""
    record: bool = True
    recording_mib: Annotated[int, Field(ge=1)] = 1024
    disk_mib: Annotated[int, Field(ge=1)] = 8192
    """All sessions' files together; the oldest ended ones go first."""

    image_mib: Annotated[int, Field(ge=1)] = 10
    image_megapixels: Annotated[float, Field(gt=0)] = 40.0

    resume_s: Annotated[float, Field(gt=0)] = limits.RESUME_S
    slow_reader_s: Annotated[float, Field(gt=0)] = limits.SLOW_READER_S + 5.0
    chunk_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    """A worker that needs longer for one batch hangs and is replaced."""
    beat_timeout_s: Annotated[float, Field(gt=0)] = 15.0
    """A worker that says nothing for so long is replaced."""
    load_timeout_s: Annotated[float, Field(gt=0)] = 900.0
    drain_s: Annotated[float, Field(gt=0)] = 5.0

    log_level: str = "info"
    log_json: bool = False

    @field_validator("api_keys", "allowed_origins", mode="before")
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

    @model_validator(mode="after")
    def _not_open_to_the_world(self) -> Self:
        if not self.api_keys and not self.allow_unauthenticated and not is_loopback(self.host):
            raise ValueError(
                f"others can reach host {self.host}, but there are no API keys: set FLOWBRUSH_API_KEYS, "
                "or FLOWBRUSH_ALLOW_UNAUTHENTICATED=1 if everyone who reaches this port may use it"
            )
        return self

    @property
    def snapshots_dir(self) -> Path:
        """Where snapshots go: the same folder for the same state folder, so that a restart finds them."""
        if self.runtime_dir is not None:
            return self.runtime_dir
        if TMPFS.is_dir() and shutil.disk_usage(TMPFS).free >= TMPFS_MIN_FREE:
            name = hashlib.sha256(str(self.state_dir.resolve()).encode()).hexdigest()[:12]
            return TMPFS / f"flowbrush-{getpass.getuser()}-{name}"
        return self.state_dir / "snapshots"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
