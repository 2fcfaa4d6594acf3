"""What a model needs of a machine, worked out from its shape: parameters, device memory, disk. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.reach import first_chunks, latest_chunks, past_window
from flowbrush.models.cards.spec import StudentSpec, TaeSpec

BYTES = 2  # of a parameter and of a cached value: bf16
ROOM_FOR_TEXT = (
    24 * 2**30
)  # bytes of free device memory below which the 11 GB text encoder stays in main memory
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
    spec, rollout = card.student, card.rollout
    rows, columns = (edge // card.codec.stride // spec.patch for edge in (card.height, card.width))
    tokens = spec.chunk * rows * columns  # of a chunk
    chunk = 2 * spec.layers * tokens * spec.dim * BYTES  # keys and values
    records = past_window(spec, rollout) + card.history  # kept so that the stream can go back
    sinks = {"none": 0, "recompute": 1, "cache": spec.sink}[rollout.past]
    state = (records + sinks + 2) * _decoder_state(card)  # that of the stream now, and the one being made
    if rollout.past != "cache":
        stream = state
    else:
        copies = 1 if rollout.sink_average is None else 2
        cache = spec.sink + spec.window + 1
        trail = (
            first_chunks(spec, rollout) + latest_chunks(spec, rollout) + card.history
        )  # what a snapshot holds
        stream = state + chunk * (cache + spec.sink + copies * records) + trail * _latents(card)
    stream += _working(card, chunk, tokens)
    weights, text = BYTES * parameters(spec), BYTES * UMT5_PARAMETERS
    return Needs(parameters(spec), weights + stream, stream, text, weights + text)


def _working(card: ModelCard, chunk: int, tokens: int) -> int:
    """Bytes of what lives only while a chunk of one stream is made: the past as it is attended to, with room for the chunk, and
    the largest of what passes and decoding make.
    """
    spec, rollout = card.student, card.rollout
    pass_over = tokens * _activations(card)
    if rollout.joint:
        if rollout.past == "none":
            return max(card.steps * (chunk + pass_over), _decoding(card))
        window = chunk * (2 + card.steps) + card.steps * pass_over
        return max(window, chunk * (spec.sink + spec.window + 2) + pass_over, _decoding(card))
    if rollout.past == "recompute":  # the past twice while it is made, once more with room for the chunk
        return max(3 * chunk + pass_over, 2 * chunk + _decoding(card))
    replaced = (
        spec.window if rollout.recache else 0
    )  # chunks worked out again under a new prompt, for the record
    again = replaced + 1 if rollout.recache else 0
    attended = chunk * (spec.sink + spec.window + 1 + replaced)
    recache = chunk * (spec.sink + 2 * again) + again * pass_over
    return max(attended + chunk + pass_over, attended + _decoding(card), recache)


def _activations(card: ModelCard) -> int:
    """Bytes for each token in the feed-forward part of a block, where most is alive."""
    return BYTES * (2 * card.student.ffn_dim + 4 * card.student.dim)


def _latents(card: ModelCard) -> int:
    """Bytes of the latents of a chunk, as the student passes over them."""
    cells = (card.width // card.codec.stride) * (card.height // card.codec.stride)
    return BYTES * card.student.latent_channels * card.student.chunk * cells


def _decoding(card: ModelCard) -> int:
    """Bytes alive in the last stage of the decoder, whose layers work on all frames of a chunk in nearly the full size."""
    codec = card.codec
    if not isinstance(codec, TaeSpec):
        raise ValueError(f"{card.name}: what Wan's own decoder needs is not counted")
    cells = (card.width // codec.patch) * (card.height // codec.patch)
    return 5 * card.chunk_frames * codec.widths[2] * cells * BYTES // 2  # two and a half layers' outputs


def _decoder_state(card: ModelCard) -> int:
    """Bytes that the tiny decoder carries from chunk to chunk: the last frame of each of its nine memory blocks."""
    codec = card.codec
    if not isinstance(codec, TaeSpec):
        raise ValueError(f"{card.name}: what Wan's own decoder keeps is not counted")
    cells = (card.width // codec.stride) * (card.height // codec.stride)
    made: int = BYTES * 3 * cells * sum(width * 4**stage for stage, width in enumerate(codec.widths[:3]))
    return made
