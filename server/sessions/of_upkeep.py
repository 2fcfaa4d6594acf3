"""What a session does as time passes, and when something that it asked for could not be done."""

from __future__ import annotations

from flowbrush.errors import CloseCode, ErrorCode
from flowbrush.protocol import Error, Notice
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.refused import reason
from flowbrush.server.sessions.session import Effects, Session


def tick(session: Session, event: on.Tick, now: float) -> Effects:
    lasted_s, quiet_s = session.presence.tick(now)
    if 0 < session.terms.longest_s < lasted_s:
        text = f"a session lasts {session.terms.longest_s:g} s here: start a new one"
        return [do.Say(Notice(code="longest", message=text)), *session.end("longest", CloseCode.DONE)]
    if not session.presence.there:
        if quiet_s > session.terms.resume_s:
            return session.end("expired", CloseCode.DONE)
        return session.give_up() if event.waiting and session.seated else []
    if not session.pace.stands:
        return []
    if 0 < session.terms.idle_s < quiet_s:
        text = f"paused for {quiet_s:.0f} s without a word: start a new session, or render its log"
        return [do.Say(Notice(code="idle", message=text)), *session.end("idle", CloseCode.DONE)]
    if event.waiting and session.seated and quiet_s > session.terms.paused_s:
        text = "others wait: the slot of this paused session is lent to them until it goes on"
        return [do.Say(Notice(code="slot_lent", message=text)), *session.give_up()]
    return []


def written(session: Session, event: on.Written, now: float) -> Effects:
    session.history.written(event.chunks)
    session.tracks.written(session.history.on_disk)
    effects: Effects = [*session.history.append()]
    if session.trouble.log_written():
        text = "the session's log is written again; nothing of it is lost"
        effects.append(do.Say(Notice(code="log_resumed", message=text)))
    if event.lost is not None:
        session.history.lose(*event.lost)
        first, last = event.lost
        text = (
            f"somebody else has cut the session's log, chunks {first} to {last} of it are lost: the stream goes on, "
            f"but its log ends before chunk {first}, and a restarted server would go on there"
        )
        effects.append(do.Say(Notice(code="log_lost", message=text)))
    return effects


def log_late(session: Session, event: on.LogLate, now: float) -> Effects:
    return not_written(session, "the disk does not answer")


def effect_failed(session: Session, event: on.Failed, now: float) -> Effects:
    match event.effect:
        case do.CatchUp(frame):
            return redo(session, frame)
        case do.Append():
            session.history.not_written()
            return not_written(session, reason(event.error))
        case do.Fetch() if event.effect == session.fetching and session.awaits_log:
            return session.failed(
                ErrorCode.INTERNAL, f"the session's log cannot be read again: {reason(event.error)}"
            )
        case do.Recall() if event.effect == session.jumps.recalling:
            return not_rewound(session, event.error)
        case do.Queue(first=False):
            return no_room(session, reason(event.error))
        case do.Show() | do.Say() | do.SayReady() | do.Order() | do.Queue():
            return session.failed(
                ErrorCode.INTERNAL, f"this session cannot go on: {type(event.error).__name__}"
            )
    return []  # what else fails costs a recording, a snapshot or a figure, not the stream


def not_rewound(session: Session, error: Exception) -> Effects:
    """What the stream was to go back to cannot be told: it goes on."""
    asked = session.jumps.give_up()
    text = f"the session's log cannot be read again, so the stream goes on where it is: {reason(error)}"
    return [do.Say(Error(code=ErrorCode.INTERNAL, message=text, id=asked.id))]


def no_room(session: Session, why: str) -> Effects:
    """Nobody more can wait. One that has a token may come back later."""
    if not session.welcome.known:
        return session.end("busy", CloseCode.TRY_LATER, error=(ErrorCode.BUSY, why))
    error = Error(code=ErrorCode.BUSY, message=why, retryable=True)
    return [do.Say(error), do.Part(CloseCode.TRY_LATER, ErrorCode.BUSY)]


def not_written(session: Session, why: str) -> Effects:
    first = session.trouble.log_not_written(why)
    if session.log_lost:
        return session.without_log()
    if first:
        text = f"the session's log cannot be written for now and is kept in memory: {why}"
        return [do.Say(Notice(code="log_delayed", message=text))]
    return []


def recording_stopped(session: Session, event: on.RecordingStopped, now: float) -> Effects:
    return [do.Say(Notice(code="recording_stopped", message=f"the recording stopped: {event.why}"))]


def end_asked(session: Session, event: on.EndAsked, now: float) -> Effects:
    return session.end(event.reason, event.code, event.id, event.error)


def stopping(session: Session, event: on.Stopping, now: float) -> Effects:
    """What waits becomes the next chunk's, so that the journal holds it."""
    waiting = session.pending.drain()
    if waiting:
        seen, held = session.tracks.place(waiting, session.upcoming)
        lines = session.history.fix(tuple(each.control for each in seen + held), last=True)
    else:
        lines = session.history.append(last=True)
    text = "the server stops; resume when it is back"
    return [*lines, do.SaveSettings(stops=True), do.Close(CloseCode.GOING_AWAY, text)]


def redo(session: Session, frame: int) -> Effects:
    """What the client lacks is not kept: it is made again, from the state before it."""
    recorded = session.recorded if session.recorded is None else max(session.recorded, session.first_chunk)
    session.output.continue_from(frame, recorded)
    session.pace.restart(frame / session.settings.fps)
    return [do.ForgetSent(boxes=False), *session.reopen()]
