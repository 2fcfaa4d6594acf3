"""A Wan student on this machine: frames a second of denoising alone and of everything, latency, memory, and the physics.

`flowbrush bench --model wan-1.3b --random-weights` needs no weights: speed does not depend on them. `--reduced` takes the
same path at a size for any machine; its figures say nothing about the full size. `--estimate H100` runs nothing and works the
figures of another machine out from the shapes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import torch

from flowbrush.benchmarks import estimate
from flowbrush.benchmarks.card import finish, machine, percentile, print_card, print_table
from flowbrush.benchmarks.estimate import DEVICES
from flowbrush.benchmarks.local_server import check_numbers
from flowbrush.benchmarks.physics import chunk_flops, matrix_rate, wait
from flowbrush.models.cards.card import ModelCard
from flowbrush.models.cards.registry import card
from flowbrush.models.cards.spec import VaeSpec
from flowbrush.models.wan.load import reduced
from flowbrush.pipelines.generator import Generator
from flowbrush.pipelines.requests import Frames, StreamSettings

WARM_UP = 3  # chunks before the clock starts, in addition to the first
OF_A_RUN = ("reduced", "device", "dtype", "attention", "chunks", "quick", "compile", "fp8")
"""Options that mean nothing where nothing is run."""
PROMPT = "A red fox walks through fresh snow in a pine forest."


class Encoder:
    """H.264 in memory, as a server would send it: no frame waits for a later one."""

    def __init__(self, model: ModelCard) -> None:
        self.context: Any = av.CodecContext.create("libx264", "w")
        self.context.width, self.context.height, self.context.pix_fmt = model.width, model.height, "yuv420p"
        self.context.framerate = Fraction(round(model.fps))
        self.context.options = {"preset": "ultrafast", "tune": "zerolatency"}

    def encode(self, frames: Frames) -> int:
        """Bytes of the frames."""
        size = 0
        for frame in frames:
            size += sum(
                packet.size
                for packet in self.context.encode(av.VideoFrame.from_ndarray(frame, format="rgb24"))
            )
        return size


def measure(generator: Generator, chunks: int, steps: int | None) -> dict[str, Any]:
    """Times of one stream, in milliseconds, and memory."""
    model, device = generator.card, generator.placement.device
    settings = StreamSettings(model.name, ((PROMPT, 1.0),), model.width, model.height, model.fps, steps=steps)
    encoder = Encoder(model)
    began = time.perf_counter()
    state = generator.start(settings)
    first = generator.step([state], [()])[0]
    encoder.encode(first.frames)
    first_ms = 1e3 * (time.perf_counter() - began)
    for _ in range(WARM_UP + model.student.sink + model.student.window):
        generator.step([state], [()])
    wait(device)
    memory = _memory(device)
    whole, making, decoding, encoding, size = [], [], [], [], 0
    for _ in range(chunks):
        began = time.perf_counter()
        result = generator.step([state], [()])[0]
        made = time.perf_counter()
        size += encoder.encode(result.frames)
        whole.append(1e3 * (time.perf_counter() - began))
        making.append(result.denoise_ms)
        decoding.append(result.decode_ms)
        encoding.append(1e3 * (time.perf_counter() - made))
    grown, peak = _memory(device) - memory, _peak(device)
    generator.release(state)
    frames = model.chunk_frames
    return {
        "first_frame_ms": round(first_ms, 1),
        "chunk_ms": round(percentile(whole, 0.5), 1),
        "chunk_p95_ms": round(percentile(whole, 0.95), 1),
        "denoise_ms": round(percentile(making, 0.5), 1),
        "decode_ms": round(percentile(decoding, 0.5), 1),
        "encode_ms": round(percentile(encoding, 0.5), 1),
        "fps": round(1e3 * frames / percentile(whole, 0.5), 2),
        "fps_denoise": round(1e3 * frames / percentile(making, 0.5), 2),
        "control_ms": [round(percentile(whole, 0.5), 1), round(2 * percentile(whole, 0.5), 1)],
        "kbit_s": round(8e-3 * size / (chunks * frames / model.fps), 1),
        "memory_gb": round(peak / 1e9, 2),
        "grown_mb": round(grown / 1e6, 2),
        "frames": chunks * frames,
    }


def report(generator: Generator, result: dict[str, Any], steps: int) -> dict[str, Any]:
    """The figures along with the physics, as a table; returned for the JSON line."""
    model, device, dtype = generator.card, generator.placement.device, generator.placement.dtype
    spec = model.student
    frame = model.width * model.height // (model.codec.stride * spec.patch) ** 2
    flops = chunk_flops(model, steps)
    rate = matrix_rate(device, dtype, spec.chunk * frame, spec.dim, spec.ffn_dim)
    bound, made = 1e3 * flops / rate, result["chunk_ms"] - result["encode_ms"]
    print_table(
        ("one chunk", ""),
        [
            ("pixel frames", model.chunk_frames),
            ("arithmetic of the student, clean pass too", f"{flops / 1e9:,.1f} Gflop"),
            ("matrix rate measured here", f"{rate / 1e9:,.0f} Gflop/s"),
            ("bound: that arithmetic at that rate", f"{bound:.1f} ms"),
            ("share of the bound, without encoding", f"{bound / made:.0%}"),
            (
                "denoising passes alone, median",
                f"{result['denoise_ms']} ms, {result['fps_denoise']} frames/s",
            ),
            ("decoding; encoding", f"{result['decode_ms']} ms; {result['encode_ms']} ms"),
            ("everything with H.264, median", f"{result['chunk_ms']} ms, {result['fps']} frames/s"),
            ("everything, 95th percentile", f"{result['chunk_p95_ms']} ms"),
            ("first frame after start", f"{result['first_frame_ms']} ms"),
            ("hand to picture", f"{result['control_ms'][0]} to {result['control_ms'][1]} ms without network"),
            (
                "memory",
                f"{result['memory_gb']} GB, {result['grown_mb']} MB more after {result['frames']} frames",
            ),
        ],
    )
    return {
        "gflop": round(flops / 1e9, 3),
        "gflops_measured": round(rate / 1e9, 1),
        "bound_ms": round(bound, 2),
    }


def _memory(device: torch.device) -> int:
    """Bytes held: on the device, or by this process."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    import psutil

    return int(psutil.Process().memory_info().rss)


def _peak(device: torch.device) -> int:
    """The most that was held at once on the device; what this process holds where there is none."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _memory(device)


def estimated(model: ModelCard, given: argparse.Namespace) -> int:
    """Prints what the model would reach on a GPU that is not here. Raises ValueError for one that is not known."""
    if given.estimate not in DEVICES:
        raise ValueError(f"no figures for {given.estimate!r}: expected one of {', '.join(DEVICES)}")
    if given.steps:
        model = replace(model, steps=given.steps, start_steps=given.steps)
    settings = {"model": model.name, "size": f"{model.width}x{model.height}", "steps": model.steps}
    print(
        f"\nOne stream of {model.name} at {settings['size']}, {model.steps} steps and the pass for later chunks\n"
    )
    finish("wan-estimate", {"gpu": given.estimate}, settings, estimate.report(model, given.estimate))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints; 2 where something was asked for that there is not."""
    given = _arguments(argv)
    try:
        model = chosen(given)
        if given.estimate:
            return estimated(model, given)
        generator = Generator.load(
            model, device=given.device, dtype=given.dtype, seats=1, attention=given.attention, compile=given.compile,
            fp8=given.fp8,
        )  # fmt: skip
    except ValueError as error:
        sys.stderr.write(f"flowbrush bench wan: {error}\n")
        return 2
    steps, chunks = given.steps or model.steps, given.chunks or (5 if given.quick else 20)
    settings = {
        "model": model.name, "size": f"{model.width}x{model.height}", "steps": steps,
        "weights": "random" if model.random else "own",
        "chunk": model.student.chunk, "sink": model.student.sink, "window": model.student.window, "attention": given.attention,
        "codec": type(model.codec).__name__, "device": str(generator.placement.device), "dtype": str(generator.placement.dtype),
        "compile": given.compile, "fp8": given.fp8, "chunks": chunks,
    }  # fmt: skip
    facts = machine()
    print_card("One stream of a Wan student, in this process", facts, settings)
    result = measure(generator, chunks, given.steps)
    finish("wan", facts, settings, {**result, **report(generator, result, steps)})
    return 0


def chosen(given: argparse.Namespace) -> ModelCard:
    """The card of the model that was asked for, as it was asked for. Raises ValueError where it is no Wan student."""
    model = card(given.model)
    if model.family != "wan":
        raise ValueError(f"{model.name} is no Wan student: `flowbrush bench` measures it through the server")
    if given.vae:
        model = replace(model, codec=VaeSpec())
    if given.estimate:
        return model
    if given.reduced:
        return reduced(model)
    return replace(model, random=True) if given.random_weights else model


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="flowbrush bench wan", description=__doc__)
    parser.add_argument("--model", default="wan-1.3b")
    parser.add_argument("--random-weights", action="store_true", help="needs no weights")
    parser.add_argument("--reduced", action="store_true", help="a size for any machine, random weights")
    parser.add_argument("--vae", action="store_true", help="Wan's own decoder in place of the tiny one")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--attention", default="auto", help="auto measures; or one by name")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--chunks", type=int, help="measured chunks (default 20, with --quick 5)")
    parser.add_argument("--quick", action="store_true", help="a short pass; its figures are rough")
    parser.add_argument("--compile", action="store_true", help="torch.compile the student")
    parser.add_argument(
        "--fp8", action="store_true", help="8-bit linear layers (compute capability 8.9 and up)"
    )
    parser.add_argument(
        "--estimate", metavar="GPU", help=f"from the shapes alone, for {', '.join(DEVICES)}; runs nothing"
    )
    given = parser.parse_args(argv)
    check_numbers(parser, given)
    if given.estimate:
        idle = [name for name in OF_A_RUN if getattr(given, name) != parser.get_default(name)]
        if idle:
            parser.error(f"--estimate runs nothing: leave --{idle[0].replace('_', '-')} out")
    return given


if __name__ == "__main__":
    sys.exit(main())
