"""From the hand's time to stream time: where the points of a live drag fall in the next chunk. Pure.

The `t` of a drag point is what the screen showed when the hand was there, which was generated a
while ago. Each track gets one constant shift, so that its motion replays with the hand's own rhythm:
where the hand is when a chunk starts falls on the chunk's last frame. A hand that rests sends nothing;
what is on the screen by then tells how long it has rested. When a hand was held up (a slow chunk, a
pause of the network) and its points would trail by more than a chunk, they are squeezed together once,
and the track is up to date again. No point is ever left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class TrackClock:
    """Of one live track: the shift in use, and the stream time of its newest resolved point."""

    shift_s: float | None = None
    last_s: float | None = None


def resolve(
    times: Sequence[float],
    clock: TrackClock,
    start_s: float,
    chunk_s: float,
    frame_s: float,
    screen_s: float | None = None,
) -> list[float]:
    """Stream times for points with the hand's `times` (not decreasing), of one chunk's batch.

    The chunk to be made covers [start_s, start_s + chunk_s) in frames of `frame_s`; `screen_s` is what the screen shows now, where
    that is known. The result does not decrease, lies at or after `start_s`, and ends at most one chunk after the last frame.
    """
    newest = start_s + chunk_s - frame_s
    if clock.shift_s is None:
        rested = 0.0 if screen_s is None else screen_s - times[-1]
        # Longer than two chunks: this client's times are of another clock.
        clock.shift_s = newest - times[-1] - (rested if 0 < rested < 2 * chunk_s else 0.0)
    earliest = start_s if clock.last_s is None else max(start_s, clock.last_s)
    clock.shift_s += max(0.0, earliest - (times[0] + clock.shift_s))
    resolved = [time + clock.shift_s for time in times]
    if resolved[-1] > newest + chunk_s:
        resolved = _squeeze(times, earliest, max(earliest, newest))
        clock.shift_s = newest - times[-1]
    clock.last_s = resolved[-1]
    return resolved


def _squeeze(times: Sequence[float], first: float, last: float) -> list[float]:
    span = times[-1] - times[0]
    if span <= 0:
        return [last] * len(times)
    return [first + (time - times[0]) * (last - first) / span for time in times]
