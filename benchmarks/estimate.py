"""What a Wan student would reach on a GPU that is not here: arithmetic, traffic and launches of one chunk, counted from the shapes.

Every operation of a chunk far into a stream is counted on a device without memory (`flowbrush.benchmarks.shapes`), and
takes as long as its arithmetic or its traffic does, whichever is longer, at the share of the data sheet's figures that such
kernels reach. These shares were read off an H200 (`tests/benchmarks/test_estimate.py` holds the estimates to what eight students
took there); for other GPUs nothing has been measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from flowbrush.benchmarks.card import print_table
from flowbrush.benchmarks.shapes import Counter, Operation, no_memory, nowhere, shapes_of
from flowbrush.models.cards.card import ModelCard
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import StreamSettings

LAUNCH_S = 8e-6  # what the processor needs to issue one operation in eager mode, through Python
GRAPH_LAUNCH_S = 3e-6  # and one kernel of a compiled block
BANDWIDTH_SHARE = 0.4  # small operations read broadcast and strided operands, and are issued one by one
CONVOLUTION_SHARE = 0.08  # narrow layers on large pictures, while the clean pass runs on the same device


@dataclass(frozen=True)
class Device:
    """A GPU by its data sheet: dense bf16 operations and bytes a second, and what share of the operations is reached by large
    matrix products and by attention.
    """

    flops: float
    bandwidth: float
    matrix: float
    attention: float


DEVICES = {
    "H100": Device(989e12, 3.35e12, 0.70, 0.54),  # SXM; PyTorch's own attention is cuDNN's there
    "H200": Device(989e12, 4.8e12, 0.70, 0.54),
    "A100": Device(312e12, 2.04e12, 0.75, 0.60),  # SXM, 80 GB
    "RTX4090": Device(165e12, 1.01e12, 0.80, 0.75),
}


@dataclass
class Cost:
    """Part of a chunk: operations; bytes moved, launches and seconds in eager mode and in compiled blocks ("fused")."""

    flops: float = 0.0
    bytes: float = 0.0
    fused_bytes: float = 0.0
    launches: float = 0.0
    fused_launches: float = 0.0
    eager_s: float = 0.0
    compiled_s: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def scaled(self, by: float) -> Cost:
        return Cost(*(value * by for value in vars(self).values()))


Costs = dict[str, Cost]


def estimate(card: ModelCard, device: Device) -> Costs:
    """Costs of one chunk of one stream whose window is full, by part; all layers are alike, so two are counted."""
    one, two = (_counted(_with_layers(card, layers), device) for layers in (1, 2))
    further = card.student.layers - 1
    names = {**one, **two}
    return {
        name: one.get(name, Cost())
        + (two.get(name, Cost()) + one.get(name, Cost()).scaled(-1)).scaled(further)
        for name in names
    }


def frames_per_second(card: ModelCard, costs: Costs) -> tuple[float, float, bool]:
    """Of eager mode and of compiled blocks, and whether it is the processor, issuing operations, that eager mode waits for."""
    whole = sum(costs.values(), Cost())
    issued, compiled_issued = whole.launches * LAUNCH_S, whole.fused_launches * GRAPH_LAUNCH_S
    eager, compiled = max(whole.eager_s, issued), max(whole.compiled_s, compiled_issued)
    return card.chunk_frames / eager, card.chunk_frames / compiled, issued > whole.eager_s


def report(card: ModelCard, name: str) -> dict[str, Any]:
    """Prints the estimate for the device called `name` as a table; returned for the JSON line."""
    costs = estimate(card, DEVICES[name])
    eager, compiled, waits = frames_per_second(card, costs)
    largest = sorted(costs, key=lambda part: -costs[part].compiled_s)
    rows = [_row(part, costs[part], DEVICES[name]) for part in largest]
    rows.append(_row("everything", sum(costs.values(), Cost()), None))
    head = (
        f"one chunk on {name}, estimated",
        "Tflop",
        "GB",
        "GB fused",
        "launches",
        "fused",
        "ms eager",
        "ms compiled",
        "bound",
    )
    print_table(head, rows)
    print(
        f"\n{compiled:.0f} frames/s with compiled blocks, {eager:.0f} in eager mode"
        f"{', which waits for the processor to issue operations' if waits else ''} ({card.fps:g} are real time)."
        f"\nThe three largest costs: {', '.join(largest[:3])}."
    )
    return {
        "fps_eager": round(eager, 1),
        "fps_compiled": round(compiled, 1),
        "largest": largest[:3],
        "parts": {
            part: {key: round(value, 6) for key, value in vars(cost).items()} for part, cost in costs.items()
        },
    }


def _row(part: str, cost: Cost, device: Device | None) -> Sequence[object]:
    bound = ""
    if device is not None:
        bound = "traffic" if cost.flops / device.flops < cost.fused_bytes / device.bandwidth else "arithmetic"
    return (
        part, f"{cost.flops / 1e12:.2f}", f"{cost.bytes / 1e9:.1f}", f"{cost.fused_bytes / 1e9:.1f}", f"{cost.launches:.0f}",
        f"{cost.fused_launches:.0f}", f"{1e3 * cost.eager_s:.1f}", f"{1e3 * cost.compiled_s:.1f}", bound,
    )  # fmt: skip


def _with_layers(card: ModelCard, layers: int) -> ModelCard:
    return replace(card, student=replace(card.student, layers=layers))


def _counted(card: ModelCard, device: Device) -> Costs:
    """One chunk's costs by part, as counted."""
    where = nowhere()
    with no_memory():
        generator = shapes_of(card, where)
        counter = Counter(where)
        settings = StreamSettings(card.name, (("a fox", 1.0),), card.width, card.height, card.fps)
        state = generator.start(settings)
        for _ in range(card.student.sink + card.student.window + 1):
            generator.step([state], [()])
        with _decoder_apart(generator, counter), counter:
            generator.step([state], [()])
        counter.finish()
    costs: Costs = defaultdict(Cost)
    for operation in counter.operations:
        part = _part(operation, card.text.length)
        costs[part] += _cost(operation, part, device)
    _fuse(counter, costs, device)
    return dict(costs)


@contextmanager
def _decoder_apart(generator: Generator, counter: Counter) -> Iterator[None]:
    """Inside, what the codec does is counted as its own."""
    codec: Any = generator.model.codec
    stream = codec.stream

    def counted(*args: Any) -> Any:
        counter.finish()
        counter.part = "decoder"
        try:
            return stream(*args)
        finally:
            counter.finish()
            counter.part = "student"

    codec.stream = counted
    try:
        yield
    finally:
        codec.stream = stream


def _part(operation: Operation, text: int) -> str:
    if operation.part == "decoder":
        return "decoder"
    if operation.name == "attention":
        return "attention to the text" if operation.keys == text else "attention to the past and itself"
    return "small operations" if operation.fused is not None else "linear layers"


def _cost(operation: Operation, part: str, device: Device) -> Cost:
    """Of one operation by itself; in compiled blocks small ones cost nothing here but as runs."""
    share = CONVOLUTION_SHARE if part == "decoder" else device.matrix
    if part.startswith("attention"):
        share = device.attention
    traffic = operation.bytes / (BANDWIDTH_SHARE * device.bandwidth)
    seconds = max(operation.flops / (device.flops * share), traffic)
    alone = part == "decoder" or operation.fused is None  # the decoder is not compiled
    return Cost(
        operation.flops, operation.bytes, operation.bytes * alone, 1, float(alone), seconds, seconds * alone
    )


def _fuse(counter: Counter, costs: Costs, device: Device) -> None:
    """Adds the student's runs of small operations, each as one kernel."""
    numbers = {operation.fused for operation in counter.operations if operation.part == "student"} - {None}
    for number in numbers:
        size = counter.runs[number]  # type: ignore[index]
        seconds = size / (BANDWIDTH_SHARE * device.bandwidth)
        costs["small operations"] += Cost(fused_bytes=size, fused_launches=1, compiled_s=seconds)
