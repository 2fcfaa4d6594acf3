"""The session machine: an event comes in, effects go out. No I/O, no clock, no task.

It alone changes a session. It never waits: what needs the world is an effect (`effects.py`), and what becomes of it is an event
(`events.py`). `docs/inside.md` has the table of events, phases and effects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowbrush.errors import ProtocolError
from flowbrush.server.engine import ipc
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions import of_client, of_upkeep, of_worker
from flowbrush.server.sessions.phases import Phase
from flowbrush.server.sessions.refused import answer_to
from flowbrush.server.sessions.session import Effects, Session

HANDLERS: dict[type, Callable[[Session, Any, float], Effects]] = {
    on.Attached: of_client.attached,
    on.Detached: of_client.detached,
    on.Given: of_client.given,
    on.PauseAsked: of_client.pause,
    on.ResumeAsked: of_client.resume,
    on.StepAsked: of_client.step,
    on.RewindAsked: of_client.rewind,
    on.ResetAsked: of_client.reset,
    on.Recalled: of_client.recalled,
    on.ProbeAsked: of_client.probe_asked,
    on.Reported: of_client.reported,
    on.KeyWanted: of_client.key_wanted,
    on.SlotGiven: of_worker.slot_given,
    on.Turn: of_worker.turn,
    on.ProbeTurn: of_worker.probe_turn,
    on.Fetched: of_worker.fetched,
    on.Overloaded: of_worker.overloaded,
    on.RoomFound: of_worker.room_found,
    on.ChunkFailed: of_worker.chunk_failed,
    on.WorkerLost: of_worker.worker_lost,
    ipc.Opened: of_worker.opened,
    ipc.OpenFailed: of_worker.open_failed,
    ipc.Rewound: of_worker.rewound,
    ipc.Outlined: of_worker.outlined,
    ipc.WasRead: of_worker.was_read,
    ipc.Unread: of_worker.unread,
    ipc.Made: of_worker.made,
    ipc.Encoded: of_worker.encoded,
    ipc.Saved: of_worker.saved,
    ipc.StreamFailed: of_worker.stream_failed,
    on.Tick: of_upkeep.tick,
    on.Written: of_upkeep.written,
    on.LogLate: of_upkeep.log_late,
    on.Failed: of_upkeep.effect_failed,
    on.RecordingStopped: of_upkeep.recording_stopped,
    on.EndAsked: of_upkeep.end_asked,
    on.Stopping: of_upkeep.stopping,
}

LAST = (on.EndAsked, on.Stopping)
"""Nothing is carried out behind these."""


def handle(session: Session, event: Any, now: float) -> Effects:
    """What the event leads to, in the order in which it is to be done; nothing when the session is over.

    Raises ProtocolError for what a client may not ask; nothing has changed then.
    """
    if session.phase is Phase.DONE:
        return of_worker.unkept(event)
    if session.jumps.wait(event, now, session.pace.stands):
        return _waited(session, now)
    before: Effects = []
    if isinstance(event, LAST):  # what came earlier counts, and is in the log
        session.jumps.hurry()
        before = _waited(session, now)
    return [*before, *HANDLERS[type(event)](session, event, now), *_waited(session, now)]


def _waited(session: Session, now: float) -> Effects:
    """What is carried out now of the commands that waited for a picture; one that cannot be is answered by an error."""
    if session.phase is Phase.DONE:
        return []
    effects: Effects = []
    waited = session.jumps.take(now)
    while waited:
        event = waited.pop(0)
        try:
            effects += HANDLERS[type(event)](session, event, now)
        except ProtocolError as error:
            effects += [do.Say(answer_to(error)), do.Count("errors", label=str(error.code))]
        if session.jumps.recalling:
            session.jumps.put_back(waited)
            break
    return effects
