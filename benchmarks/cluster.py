"""What a cluster costs: frames a second of several streams whose worker is an actor of Ray, against a process, in one run.

A server of each kind is up, and they are measured in turn, so that what else the machine does meanwhile meets both. Ray is
one that runs on this machine, or one that the server starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from flowbrush.benchmarks.card import finish, machine, print_card, print_table
from flowbrush.benchmarks.local_server import arguments, server, within
from flowbrush.benchmarks.sessions import rate

ENGINES = {"process": "", "ray": "auto"}


def main(argv: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = arguments(__doc__, "flowbrush bench cluster")
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--rounds", type=int, help="default 7, with --quick 1")
    parser.add_argument("--seconds", type=float, help="for each measurement (default 10, with --quick 6)")
    args = parser.parse_args(argv)
    if args.url:
        parser.error("this part compares servers of its own: leave --url out")
    rounds, seconds = args.rounds or (1 if args.quick else 7), args.seconds or (6.0 if args.quick else 10.0)
    facts = machine()
    settings = {"model": args.model, "seconds": seconds, "streams": args.streams, "rounds": rounds}
    print_card("Through Ray", facts, settings)
    rates: dict[str, list[float]] = {name: [] for name in ENGINES}
    with ExitStack() as both:
        urls = {
            name: both.enter_context(server(args, seats=args.streams, cluster=cluster)).url
            for name, cluster in ENGINES.items()
        }
        for turn in range(rounds):
            for name in ENGINES if turn % 2 == 0 else reversed(ENGINES):
                work = rate(urls[name], args.model, args.prompt, args.streams, seconds)
                rates[name].append(sum(within(120 + 2 * seconds, work)))
    middle = {name: median(found) for name, found in rates.items()}
    rows = [
        (name, *found, middle[name], f"{middle[name] / middle['process']:.2f}x")
        for name, found in rates.items()
    ]
    heads = [f"round {turn + 1}" for turn in range(rounds)]
    print_table(("workers", *heads, "frames/s, median", "of process"), rows)
    share = round(middle["ray"] / middle["process"], 3)
    finish("cluster", facts, settings, {"fps": {k: round(v, 2) for k, v in middle.items()}, "share": share})


if __name__ == "__main__":
    main()
