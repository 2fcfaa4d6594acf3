"""What a model needs of a machine, worked out from its shape: parameters, device memory, disk. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from models.card import ModelCard
from models.spec import StudentSpec

BYTES = 2  # of a parameter and of a cached value: bf16
UMT5_PARAMETERS = 24 * (4 * 4096**2 + 3 * 4096 * 10240) + 256384 * 4096
"""Of UMT5-XXL's encoder: the matrices of its layers, and its vocabulary."""


@dataclass(frozen=True)
class Needs:
    """`parameters` of the student. Bytes at the least: `device` for its weights and one stream, `stream` for each further
    one, `text` for the text encoder (on the device where there is room, else in main memory), `disk` for all weights.
    """

    parameters: int
    device: int
    stream: int
    text: int
    disk: int


def parameters(spec: StudentSpec) -> int:
    """Of a student of Wan's layout."""
    dim, ffn, patch = spec.dim, spec.ffn_dim, spec.patch**2
    attention = 4 * (dim * dim + dim) + 2 * dim  # q, k, v, o, and the norms of q and k
    block = 2 * attention + 2 * dim * ffn + ffn + dim + 2 * dim + 6 * dim
    ends = patch * dim * (spec.model_channels + spec.latent_channels) + dim + patch * spec.latent_channels
    text = dim * (spec.text_dim + 1) + dim * (dim + 1)
    time = dim * (spec.freq_dim + 1) + dim * (dim + 1) + 6 * dim * (dim + 1)
    return spec.layers * block + ends + text + time + 2 * dim


def needs(card: ModelCard) -> Needs:
    """Of a Wan student. Raises ValueError for another family, which runs anywhere."""
    if card.family != "wan":
        raise ValueError(f"{card.name} is no Wan student: what it needs is small")
    spec = card.student
    tokens = (card.width // card.codec.stride // spec.patch) * (
        card.height // card.codec.stride // spec.patch
    )
    chunk = 2 * spec.layers * tokens * spec.chunk * spec.dim * BYTES  # keys and values
    if card.rollout.past == "recompute":
        stream = 2 * chunk  # the past and the present one, while a chunk is made
    else:
        recached = 1 if card.rollout.recache else 0
        cache = spec.sink + spec.window + 1
        history = spec.sink + spec.window + recached + card.history  # kept so that the stream can go back
        stream = chunk * (cache + history)
    weights, text = BYTES * parameters(spec), BYTES * UMT5_PARAMETERS
    return Needs(parameters(spec), weights + stream, stream, text, weights + text)
