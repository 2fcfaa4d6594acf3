"""The `flowbrush` command: reads settings, starts what is asked for. Heavy imports happen in the commands."""

from __future__ import annotations

import re
import runpy
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup


class _Stoppable(TyperGroup):
    """Ctrl-C ends a command with a word, without a traceback, and with the exit code that shells give. A terminal that is closed
    ends one as SIGTERM does: servers say goodbye, and nothing half-written stays. What a command started ends with it.
    """

    def invoke(self, ctx: Any) -> Any:
        hang_up = getattr(signal, "SIGHUP", None)
        if hang_up is not None and signal.getsignal(hang_up) is signal.SIG_DFL:  # it is not under `nohup`
            signal.signal(hang_up, lambda *_: signal.raise_signal(signal.SIGTERM))
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _end_children()
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # one more ends at once what Python does at its end
            print("flowbrush: stopped", file=sys.stderr)
            raise typer.Exit(128 + signal.SIGINT) from None
        finally:
            _end_children()


def _end_children() -> None:
    """Those of a pool that was cut off at its end: Python would wait for them, and they for it."""
    loaded = sys.modules.get("multiprocessing")
    for child in [] if loaded is None else loaded.active_children():
        child.kill()


app = typer.Typer(
    cls=_Stoppable,
    help="Paint motion, watch it happen: real-time video generation that follows painted trajectories.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _number(text: str) -> Any:
    """A whole number; what is none stays as it is, so that settings say what is wrong with it as of any other value."""
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,20}", text) else text


WHOLE: dict[str, Any] = {"parser": _number, "metavar": "INTEGER"}
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def main() -> None:
    """Entry of the `flowbrush` command."""
    app()


def fail(message: str) -> NoReturn:
    """One line on stderr and exit code 2: the person can mend it."""
    print(f"flowbrush: {message}", file=sys.stderr)
    raise typer.Exit(2)


def _say(text: str) -> None:
    """What a command was asked for; ends it with one line where that cannot be written."""
    try:
        print(text, flush=True)
    except BrokenPipeError:  # nobody reads on: `| head`
        raise
    except OSError as error:
        with suppress(OSError):
            sys.stdout.close()  # or Python tries once more at the end
        fail(f"the output cannot be written: {error.strerror or error}")


@contextmanager
def _at_once() -> Iterator[None]:
    """Ctrl-C ends the process at once in here: torch and numpy may go on with half of themselves where an import hears it."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_by_exception() -> None:
    """From here on SIGTERM leaves nothing half-written."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@app.command()
def serve(
    model: Annotated[
        str | None, typer.Option(help="a name of `flowbrush models`, or several, separated by commas")
    ] = None,
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one", **WHOLE)] = None,
    workers: Annotated[
        int | None, typer.Option(help="workers, each with the model; 0: only while needed", **WHOLE)
    ] = None,
    most_workers: Annotated[int | None, typer.Option(help="so many while sessions wait", **WHOLE)] = None,
    spares: Annotated[
        int | None, typer.Option(help="processes kept for the next workers, with torch loaded", **WHOLE)
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="workers are actors of Ray: auto, or HOST:PORT of the cluster's head")
    ] = None,
    advertise: Annotated[
        str | None, typer.Option(help="URL at which the other gateways of the cluster reach this one")
    ] = None,
    seats: Annotated[
        int | None, typer.Option(help="streams per worker; 0: as many as fit into memory", **WHOLE)
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, …")] = None,
    attention: Annotated[str | None, typer.Option(help="auto, sdpa, cudnn, fa3, xformers or flex")] = None,
    compile: Annotated[
        bool | None, typer.Option(help="compile the model's blocks; warming up takes long")
    ] = None,
    fp8: Annotated[bool | None, typer.Option(help="8-bit linear layers, where the GPU has them")] = None,
    drag: Annotated[str | None, typer.Option(help="auto, or warp: Wan students drag more cheaply")] = None,
    state_dir: Annotated[str | None, typer.Option(help="logs, recordings, sessions to be resumed")] = None,
    record: Annotated[bool | None, typer.Option(help="record sessions")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error")] = None,
    log_json: Annotated[bool | None, typer.Option(help="one JSON object per log line")] = None,
) -> None:
    """Serve the web demo and the API. Every setting can also be given as FLOWBRUSH_NAME, or in .env."""
    from flowbrush.server.run import run
    from flowbrush.server.settings import BadSettings, Settings, load_settings

    flags = {name: value for name, value in locals().items() if value is not None}
    given = {name: flags[name] for name in Settings.model_fields if name in flags}
    try:
        settings = load_settings(**given)
    except BadSettings as error:
        fail(str(error))
    for name in settings.models:
        _check_model(name)
    raise typer.Exit(run(settings))


@app.command()
def render(
    file: Annotated[Path, typer.Argument(help="a session file")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="the MP4 to write; with --frames-only a folder of PNGs")
    ],
    frames_only: Annotated[bool, typer.Option("--frames-only", help="write PNGs instead of a video")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="the first five seconds alone")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace what is there")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, …")] = "auto",
    source: Annotated[Path | None, typer.Option(help="a video that the pictures follow")] = None,
    strength: Annotated[
        float | None, typer.Option(min=0, max=1, help="how closely: 0 to 1; the session's own, or 0.6")
    ] = None,
) -> None:
    """Make the video of a session file."""
    with _at_once():
        from flowbrush.pipelines.play.render import render as render_file

    _end_by_exception()
    try:
        made = render_file(
            file, out, frames_only=frames_only, preview=preview, device=device, overwrite=overwrite, source=source,
            strength=strength,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        fail(_why(error, out))
    for notice in made.notices:
        print(f"flowbrush: {notice}", file=sys.stderr)
    _say(f"{out}: {made.frames} frames, {made.seconds:g} s")


@app.command()
def pull(
    model: Annotated[str, typer.Argument(help="a name of `flowbrush models`")],
    source: Annotated[Path | None, typer.Option("--from", help="use this folder of your own")] = None,
) -> None:
    """Fetch a model's weights from the hub, or name a folder that has them."""
    from flowbrush.models.cards.registry import UnknownModel, card
    from flowbrush.models.loading.hub import PullError, adopt
    from flowbrush.models.loading.hub import pull as fetch_weights

    _end_by_exception()
    try:
        folder = adopt(card(model), source) if source else fetch_weights(card(model), report=_say)
    except (UnknownModel, PullError) as error:
        fail(str(error))
    _say(f"{model}: {folder}")


@app.command()
def models() -> None:
    """List the models: what they can do, what they need, whether their weights are here."""
    from flowbrush.models.cards.listing import describe
    from flowbrush.models.cards.registry import CARDS

    _say("\n\n".join(describe(card) for card in CARDS.values()))


@app.command()
def tracks(
    file: Annotated[
        Path, typer.Argument(help="a track file: .pth (ATI), .npy (Wan-Move) or .json; with --grid a video")
    ],
    size: Annotated[
        str,
        typer.Option(help="of the picture that pixels belong to, as 832x480; of a video: cut to that shape"),
    ] = "",
    visibility: Annotated[Path | None, typer.Option(help="Wan-Move's second file")] = None,
    grid: Annotated[
        str, typer.Option(help="follow so many points of a video, COLUMNSxROWS, such as 8x5")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="the file to write instead of stdout")
    ] = None,
) -> None:
    """Turn a track file of another tool, or the motion of a video, into paths: the JSON for `start.tracks` of a session file."""
    with _at_once():
        from flowbrush.pipelines.media.files import check_output, write_whole
        from flowbrush.pipelines.media.tracks_io import paths

    _end_by_exception()
    pair, points = _pair("size", size, "832x480"), _pair("grid", grid, "8x5")
    if points is not None and visibility is not None:
        fail(
            "--visibility does not go with --grid: it is the second file of a .npy (Wan-Move), and --grid follows a video"
        )
    try:
        if out is not None:
            check_output(out, file, visibility)
        found = paths(_tracks_of(file, pair, visibility, points))
        text = "[" + ",\n ".join(track.model_dump_json(exclude_none=True) for track in found) + "]"
        if out is None:
            _say(text)
        else:
            write_whole(out, text + "\n")
    except (ValueError, OSError) as error:
        fail(_why(error, file if out is None else out))


def _tracks_of(
    file: Path, size: tuple[int, int] | None, visibility: Path | None, points: tuple[int, int] | None
) -> Any:
    """The tracks of a file of another tool, or of so many `points` of a video. Raises ValueError and OSError."""
    with _at_once():
        from flowbrush.pipelines.media import point_tracking
        from flowbrush.pipelines.media.tracks_io import read_tracks

    if points is None:
        return read_tracks(file, size, visibility)
    return point_tracking.follow_video(file, point_tracking.grid(*points), size)


def _why(error: Exception, path: Path) -> str:
    """What is wrong, without the system's number for it; with `path` where the system names no file."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or path}: {error.strerror}"
    return str(error)


def _pair(name: str, given: str, example: str) -> tuple[int, int] | None:
    """Two numbers with an x between them; None where nothing is given."""
    if not given:
        return None
    numbers = re.fullmatch(r"0*([1-9][0-9]{0,8})x0*([1-9][0-9]{0,8})", given)
    if numbers is None:
        fail(f"{name} {given!r}: expected two whole numbers above 0, such as {example}")
    return int(numbers[1]), int(numbers[2])


@app.command(context_settings=_PASS_ON)
def bench(context: typer.Context) -> None:
    """Measure this machine: `flowbrush bench [part …] [--model …]`; --help lists the parts."""
    _run_module("flowbrush.benchmarks.__main__", list(context.args))


@app.command(context_settings=_PASS_ON)
def train(context: typer.Context) -> None:
    """Train a model; arguments as `python -m flowbrush.training` takes them."""
    _load_torch()
    _end_by_exception()
    _run_module("flowbrush.training.__main__", list(context.args))


@app.command(name="eval", context_settings=_PASS_ON)
def evaluate(context: typer.Context) -> None:
    """Evaluate a model; arguments as `python -m flowbrush.training.evaluate` takes them."""
    _load_torch()
    _end_by_exception()
    _run_module("flowbrush.training.evaluate", list(context.args))


def _load_torch() -> None:
    """Where it is installed; if it is not, who needs it says so."""
    with _at_once(), suppress(ImportError):
        import_module("torch")


def _run_module(name: str, args: list[str]) -> Any:
    from importlib.util import find_spec

    if find_spec(name) is None:
        fail(f"{name} is not part of this installation")
    sys.argv = [f"python -m {name}", *args]
    return runpy.run_module(name, run_name="__main__", alter_sys=True)


def _check_model(name: str) -> None:
    from flowbrush.models.cards.registry import UnknownModel, card
    from flowbrush.models.loading.hub import how_to_get

    try:
        found = card(name)
    except UnknownModel as error:
        fail(str(error))
    if not found.available:
        fail(f"the weights of {name} are not here: {how_to_get(found)}")


if __name__ == "__main__":
    main()
