"""A stream as bytes: safetensors with the settings and the control state in its metadata."""

from __future__ import annotations

import json

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, deserialize
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from flowbrush.controls import TrackBegin
from pipelines.controls import ControlState
from pipelines.requests import StreamSettings
from pipelines.state import ChunkRecord, StreamState

CONTROLS = TypeAdapter(ControlState)
VERSION = 1


def dump(state: StreamState, attended: list[int]) -> bytes:
    """The stream with the chunks it attends to."""
    by_index = {record.made - 1: record for record in (*state.sinks, *state.records)}
    tensors, chunks = {}, {}
    for index in attended:
        record = by_index[index]
        tensors[f"chunk.{index}"] = record.key_value
        tensors[f"latent.{index}"] = record.latent.contiguous()
        chunks[index] = {"chunk": record.chunk, "controls": CONTROLS.dump_python(record.controls, mode="json")}
    about = {
        "version": VERSION,
        "settings": _settings(state.settings),
        "controls": CONTROLS.dump_python(state.controls, mode="json"),
        "chunk": state.chunk,
        "made": state.made,
        "sinks": [record.made - 1 for record in state.sinks],
        "chunks": chunks,
    }
    return save_tensors(tensors, {"flowbrush": json.dumps(about)})


def load(blob: bytes, device: torch.device, window: int) -> StreamState:
    """The stream that `dump` wrote, without a seat; `window` is the student's, in chunks. Raises ValueError."""
    try:
        size = int.from_bytes(blob[:8], "little")
        header = json.loads(blob[8 : 8 + size])
        about = json.loads(header["__metadata__"]["flowbrush"])
        deserialize(blob)  # checks offsets and lengths before anything is built
        tensors = load_tensors(blob)
        if about["version"] != VERSION:
            raise ValueError(f"version {about['version']}")
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"these bytes are no snapshot of a stream that this version can read ({error})") from error
    records = {}
    for name, facts in about["chunks"].items():
        index = int(name)
        records[index] = ChunkRecord(
            facts["chunk"], index + 1, tensors[f"chunk.{index}"].to(device), tensors[f"latent.{index}"].to(device),
            CONTROLS.validate_python(facts["controls"]),
        )  # fmt: skip
    given = about["settings"]
    tracks = tuple(TrackBegin.model_validate(track) for track in given.pop("tracks"))
    prompts = tuple((text, weight) for text, weight in given.pop("prompts"))
    state = StreamState(
        StreamSettings(**given, prompts=prompts, tracks=tracks), -1, CONTROLS.validate_python(about["controls"]),
        window, about["chunk"], about["made"], records[about["made"] - 1].latent if records else None,
    )  # fmt: skip
    state.sinks = [records[index] for index in about["sinks"] if index in records]
    state.records.extend(record for index, record in sorted(records.items()) if index not in about["sinks"])
    return state


def _settings(settings: StreamSettings) -> dict[str, object]:
    """Settings as JSON. The start image is left out: the context holds what was made of it."""
    fields = {name: value for name, value in vars(settings).items() if name not in ("image", "tracks")}
    tracks = [track.model_dump(mode="json") for track in settings.tracks]
    return {**fields, "prompts": [list(p) for p in settings.prompts], "tracks": tracks}


