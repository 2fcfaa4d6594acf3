"""What a session does when its client asks for something."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.protocol import (
    CameraSet,
    Control,
    ControlQueued,
    PromptSet,
    SessionPaused,
    SessionRestarted,
    SessionResumed,
    SessionRewound,
    TrackBegin,
)
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.phases import Phase
from flowbrush.server.sessions.session import Effects, Session


def attached(session: Session, event: on.Attached, now: float) -> Effects:
    session.presence.come(now)
    session.jumps.forget()
    session.recorded = event.recorded
    known = max(session.upcoming * session.output.chunk_frames, session.first_frame)
    unknown = event.frame > known  # it has pictures of chunks that the log does not have
    if session.output.most is None:
        session.output.most, session.welcome.log_short = event.frame, unknown
    session.welcome.come(event.start_id, known // session.output.chunk_frames if unknown else None)
    frame = min(max(event.frame, session.first_frame), known)
    session.output.acks.attached(frame // session.output.chunk_frames, session.output.chunk_frames)
    session.pace.come(frame / session.settings.fps)
    effects: Effects = []
    if session.phase in (Phase.READY, Phase.STEPPING):
        effects += session.say_ready()
    if frame != session.output.frame:
        effects.append(do.CatchUp(frame))
        session.pace.caught_up(session.output.pts, now)
    if session.phase is Phase.WAITING:
        effects.append(do.Queue())
    return effects


def detached(session: Session, event: on.Detached, now: float) -> Effects:
    session.presence.leave(now)
    session.jumps.forget()
    if not session.welcome.known:  # it has no token to come back with
        return session.end("left", CloseCode.DONE)
    return [do.Leave()] if session.phase is Phase.WAITING else []


def given(session: Session, event: on.Given, now: float) -> Effects:
    control = event.control
    if control.id is not None and control.id <= session.last_id:
        raise ProtocolError(
            ErrorCode.ID_NOT_INCREASING,
            f"id {control.id} is not larger than the last one, {session.last_id}: ids must grow",
            field="id",
            id=control.id,
        )
    check_capability(control, event.capabilities)
    session.tracks.check(control)
    session.pending.put(control, now)
    session.tracks.accept(control)
    session.presence.heard(now)
    if control.id is None:
        return session.ask_to_read()
    session.last_id = control.id
    return [do.Say(ControlQueued(id=control.id, chunk=session.upcoming)), *session.ask_to_read()]


def pause(session: Session, event: on.PauseAsked, now: float) -> Effects:
    changed = [] if session.pace.paused else [do.SaveSettings()]
    session.pace.pause()
    session.presence.heard(now)
    said = do.Say(SessionPaused(id=event.id, chunk=session.upcoming), all=True)
    return [*session.overtake_step(), *changed, said]


def resume(session: Session, event: on.ResumeAsked, now: float) -> Effects:
    changed = [do.SaveSettings()] if session.pace.paused else []
    session.pace.play(session.output.pts)
    said = do.Say(SessionResumed(id=event.id, chunk=session.upcoming), all=True)
    return [*session.overtake_step(), *changed, said, *session.queue_again()]


def step(session: Session, event: on.StepAsked, now: float) -> Effects:
    if not session.pace.paused:
        text = "session.step is for a paused session: pause it first"
        raise ProtocolError(ErrorCode.NOT_PAUSED, text, id=event.id)
    session.pace.step(event.chunks, session.output.pts)
    answered = session.overtake_step()
    session.stepping = event
    session.presence.heard(now)
    return [*answered, *session.queue_again()]


def rewind(session: Session, event: on.RewindAsked, now: float) -> Effects:
    session.check_made(event.chunk, event.id)
    session.check_reachable(event.chunk, event.id)
    if not session.tracks.knows(event.chunk + 1) and not session.jumps.hurried:
        asked = do.Recall(event.chunk + 1, session.epoch)
        session.jumps.recall(event, asked)
        return [asked]
    there = session.phase in (Phase.READY, Phase.STEPPING) or session.opening.rewind_to is not None
    effects = session.cut(event.chunk + 1)
    rewound = SessionRewound(id=event.id, chunk=event.chunk, prompts=session.asked.before(event.chunk + 1))
    effects.append(do.Say(rewound, all=True))
    effects += session.reopen(event.chunk if there else None)
    session.jumps.asked()
    session.presence.heard(now)
    return effects


def recalled(session: Session, event: on.Recalled, now: float) -> Effects:
    if event.asked == session.jumps.recalling:
        session.tracks.recalled(event.asked.chunks, event.there)
        session.jumps.retry()
    return []


def reset(session: Session, event: on.ResetAsked, now: float) -> Effects:
    effects = session.cut(0)
    if event.seed not in (None, session.settings.seed):
        session.settings = replace(session.settings, seed=event.seed)
        effects.append(do.SaveSettings())
    session.presence.heard(now)
    restarted = SessionRestarted(id=event.id, prompts=session.asked.before(0))
    effects += [do.Say(restarted, all=True), *session.reopen()]
    session.jumps.asked()
    return effects


def probe_asked(session: Session, event: on.ProbeAsked, now: float) -> Effects:
    session.probes.ask(event)
    session.presence.heard(now)
    return []


def reported(session: Session, event: on.Reported, now: float) -> Effects:
    session.pace.report(event.pts, now)
    return []


def key_wanted(session: Session, event: on.KeyWanted, now: float) -> Effects:
    session.output.want_key = True
    return []


_NEEDED = {PromptSet: "text", CameraSet: "camera"}


def check_capability(control: Control, capabilities: Any) -> None:
    needed = control.kind if isinstance(control, TrackBegin) else _NEEDED.get(type(control))
    if needed is not None and not capabilities.get(needed):
        can = ", ".join(sorted(name for name, value in capabilities.items() if value is True))
        raise ProtocolError(
            ErrorCode.UNSUPPORTED,
            f"this model cannot do {needed}: it can do {can}",
            field="type",
            id=control.id,
        )
