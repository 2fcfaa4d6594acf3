"""Which chunk shows which interaction: where it begins, in which chunks it is at work, where it is done. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from flowbrush.server.realtime.client_messages import Interaction

TARGET_S = 1.0
"""A camera has all but reached its target after so long."""

UNTIL_REPLACED = None
REMEMBERED = 1024
"""Event ids that are not taken a second time: the newest."""


@dataclass
class _Running:
    """An interaction: the id of its last control, and for each kind of change the chunks that it still takes."""

    event_id: str
    last: int
    parts: dict[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """Event ids of a chunk."""

    started: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()


class Timeline:
    """The interactions of one session."""

    def __init__(self, chunk_s: float) -> None:
        """`chunk_s`: how long a chunk lasts (seconds)."""
        self._chunk_s = chunk_s
        self._queued: list[_Running] = []
        self._running: list[_Running] = []
        self._known: dict[str, None] = {}

    def knows(self, event_id: str) -> bool:
        """Whether an interaction of this id came already."""
        return event_id in self._known

    def queued(self, event_id: str, interaction: Interaction, last: int) -> None:
        """An interaction was accepted; its last control has the id `last`."""
        self._known[event_id] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        self._queued.append(_Running(event_id, last, self._parts(interaction)))

    def shown(self, control: int) -> Shown:
        """The next chunk shows every control up to `control`."""
        begun = [each for each in self._queued if each.last <= control]
        self._queued = [each for each in self._queued if each.last > control]
        self._running += begun
        for index, each in enumerate(self._running):
            newer = {kind for later in self._running[index + 1 :] for kind in later.parts}
            each.parts = {
                kind: left for kind, left in each.parts.items() if kind not in newer or kind == "tracks"
            }
        active = tuple(each.event_id for each in self._running if each.parts)
        for each in self._running:
            counted = {kind: left if left is None else left - 1 for kind, left in each.parts.items()}
            each.parts = {kind: left for kind, left in counted.items() if left is None or left > 0}
        done = tuple(each.event_id for each in self._running if not each.parts)
        self._running = [each for each in self._running if each.parts]
        return Shown(tuple(each.event_id for each in begun), active, done)

    def _parts(self, interaction: Interaction) -> dict[str, int | None]:
        parts: dict[str, int | None] = {}
        event = interaction.event
        given = event.multi_modal_data
        if event.prompt is not None:
            parts["prompt"] = max(1, interaction.transition_chunks or 0)
        if given is not None and given.tracks is not None:
            parts["tracks"] = 1
        if given is not None and given.camera is not None:
            lasting = given.camera.mode == "velocity"
            parts["camera"] = UNTIL_REPLACED if lasting else max(1, round(TARGET_S / self._chunk_s))
        return parts
