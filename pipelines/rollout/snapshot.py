"""A stream as bytes: safetensors with the settings and the control state in its metadata.

The keys and values of a Wan student have gigabytes, which nobody could write every few seconds beside a stream. In their place
stands the stream's trail, from which `flowbrush.pipelines.rollout.rebuild` works them out again.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors import SafetensorError, deserialize
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from flowbrush.controls import TrackBegin
from flowbrush.pipelines.conditions.controls import ControlState
from flowbrush.pipelines.families.base import Family
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.pipelines.rollout.past import Past
from flowbrush.pipelines.rollout.state import ChunkRecord, StreamState

CONTROLS = TypeAdapter(ControlState)
VERSION = 8
MEMORY, CARRIED = "memory.", "carried."


def dump(state: StreamState, past: Past, family: Family) -> bytes:
    """The stream with the cached chunks that it cannot go on without."""
    tensors, about = contents(state, past, family)
    # Copied, so that tensors that share memory (a layer cut from a picture) are written each by itself.
    whole = {name: _copied(x) for name, x in tensors.items()}
    return save_tensors(whole, {"flowbrush": json.dumps(about)})


def size(state: StreamState, past: Past, family: Family) -> int:
    """About the bytes of its snapshot."""
    return sum(x.nbytes for x in contents(state, past, family)[0].values())


def contents(state: StreamState, past: Past, family: Family) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of its snapshot, which are still the stream's, and what is said of them."""
    kept, facts = family.dump(state.memory)
    tensors = {MEMORY + name: x for name, x in kept.items()}
    tensors |= {f"{CARRIED}{slot}": x for slot, x in enumerate(state.carried)}
    if state.pending is not None:
        tensors["pending"] = state.pending
    chunks, by_index = {}, state.by_index
    for index in past.needed(state):
        record, key_value = by_index[index], state.key_value(index)
        if key_value is not None and state.trail is None:
            tensors[f"chunk.{index}"] = key_value
        tensors[f"latents.{index}"] = record.latents
        chunks[index] = _facts(record)
    trail = {record.made - 1: record for record in state.trail or ()}
    tensors |= {f"trail.{index}": record.latents for index, record in trail.items()}
    return tensors, {
        "version": VERSION,
        "settings": _settings(state.settings),
        "controls": CONTROLS.dump_python(state.controls, mode="json"),
        "chunk": state.chunk,
        "made": state.made,
        "memory": facts,
        "sinks": [record.made - 1 for record in state.sinks],
        "chunks": chunks,
        "trail": {index: _facts(record) for index, record in trail.items()},
    }


def load(
    blob: bytes, device: torch.device, window: int, family: Family
) -> tuple[StreamState, list[ChunkRecord]]:
    """The stream that `dump` wrote, without a seat and with an empty trail, and what its trail held, oldest first; `window` is the
    student's, in chunks. Raises ValueError.
    """
    about, tensors = _parsed(blob)
    tensors = {name: value.to(device) for name, value in tensors.items()}
    records = {int(name): _record(int(name), facts, tensors) for name, facts in about["chunks"].items()}
    trail = [_record(int(name), facts, tensors, "trail") for name, facts in about["trail"].items()]
    now: dict[str, Any] = {
        "memory": family.load(
            {name.removeprefix(MEMORY): x for name, x in tensors.items() if name.startswith(MEMORY)},
            about["memory"],
        ),
        "pending": tensors.get("pending"),
    }
    if records:  # the last chunk can be gone back to
        newest = about["made"] - 1
        records[newest] = replace(records[newest], **now)
    state = StreamState(
        _settings_of(about["settings"]),
        -1,
        CONTROLS.validate_python(about["controls"]),
        window,
        about["chunk"],
        about["made"],
        records[about["made"] - 1].latents if records else None,
        **now,
    )
    state.carried = tuple(tensors[name] for name in _slots(tensors))
    state.sinks = [records[index] for index in about["sinks"] if index in records]
    state.records.extend(record for index, record in sorted(records.items()) if index not in about["sinks"])
    return state, sorted(trail, key=lambda record: record.made)


def _parsed(blob: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a snapshot says of its stream, and its tensors. Raises ValueError."""
    try:
        size = int.from_bytes(blob[:8], "little")
        header = json.loads(blob[8 : 8 + size])
        about = json.loads(header["__metadata__"]["flowbrush"])
        deserialize(blob)  # checks offsets and lengths before anything is built
        tensors = load_tensors(blob)
        if about["version"] != VERSION:
            raise ValueError(f"version {about['version']}")
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"these bytes are no snapshot of a stream that this version can read ({error})"
        ) from error
    return about, tensors


def _copied(x: Tensor) -> Tensor:
    """`x` in main memory, by itself."""
    return x.to("cpu", copy=True, memory_format=torch.contiguous_format)


def _facts(record: ChunkRecord) -> dict[str, Any]:
    """What is written of a chunk beside its tensors."""
    return {"chunk": record.chunk, "controls": CONTROLS.dump_python(record.controls, mode="json")}


def _record(
    index: int, facts: dict[str, Any], tensors: dict[str, Tensor], kind: str = "latents"
) -> ChunkRecord:
    """The chunk made as number `index` of the stream, with the latents of that `kind`."""
    controls = CONTROLS.validate_python(facts["controls"])
    key_value, latents = tensors.get(f"chunk.{index}"), tensors[f"{kind}.{index}"]
    return ChunkRecord(facts["chunk"], index + 1, key_value, latents, controls)


def _slots(tensors: dict[str, Any]) -> list[str]:
    """The names of what is carried of a source, in its order."""
    names = [name for name in tensors if name.startswith(CARRIED)]
    return sorted(names, key=lambda name: int(name.removeprefix(CARRIED)))


def _settings(settings: StreamSettings) -> dict[str, object]:
    """Settings as JSON. The start image is left out: the context holds what was made of it."""
    fields = {name: value for name, value in vars(settings).items() if name not in ("image", "tracks")}
    tracks = [track.model_dump(mode="json") for track in settings.tracks]
    return {**fields, "prompts": [list(p) for p in settings.prompts], "tracks": tracks}


def _settings_of(given: dict[str, Any]) -> StreamSettings:
    """The settings that `_settings` wrote."""
    tracks = tuple(TrackBegin.model_validate(track) for track in given["tracks"])
    prompts = tuple((text, weight) for text, weight in given["prompts"])
    return StreamSettings(**{**given, "prompts": prompts, "tracks": tracks})
