"""What a session does when its slot, its worker or its turn comes or goes."""

from __future__ import annotations

from typing import Any

from flowbrush.errors import ErrorCode
from flowbrush.protocol import Control, Notice, Outline, PromptSet, SessionPaused, SessionRecovering
from flowbrush.server.engine import ipc
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.pending_controls import PendingControl
from flowbrush.server.sessions.phases import Phase
from flowbrush.server.sessions.session import Effects, Session


def slot_given(session: Session, event: on.SlotGiven, now: float) -> Effects:
    session.enter(Phase.OPENING)
    session.opening.forget()
    session.quality.serve(session.settings.steps or event.steps, event.fewest)
    session.reading.needed = event.reads
    return []


def overloaded(session: Session, event: on.Overloaded, now: float) -> Effects:
    effects = session.quality.overload()
    session.pace.rate = session.quality.rate
    return effects


def room_found(session: Session, event: on.RoomFound, now: float) -> Effects:
    effects = session.quality.room()
    session.pace.rate = session.quality.rate
    return effects


def worker_lost(session: Session, event: on.WorkerLost, now: float) -> Effects:
    if not session.seated:
        return []
    effects = probe_lost(session)
    failed = bool(effects) and session.trouble.probe_failed()
    if event.blamed and session.phase is Phase.STEPPING:
        failed |= session.trouble.chunk_failed(session.chunk, lost=True)
    if event.blamed and session.phase is Phase.OPENING:  # a snapshot may be broken: the log is enough
        effects.append(do.Unlink(session.history.drop_snapshots()))
        failed = session.trouble.opening_failed()
    session.without_slot()
    effects.append(do.Tidy(tuple(session.history.snapshots.values()), session.epoch))
    if failed:
        text = "making this stream ended the worker several times"
        return [*effects, *session.failed(ErrorCode.GENERATION_FAILED, text)]
    recovering = SessionRecovering(reason=f"the worker is being replaced: {event.reason}")
    return [
        *effects,
        do.Say(recovering, all=True),
        *([do.Queue(first=True)] if session.presence.there else []),
    ]


def probe_lost(session: Session) -> Effects:
    """What was looked at when the worker was lost is not looked at again: it may be the reason."""
    asked = session.probes.end()
    return [] if asked is None else [outline(asked)]


def turn(session: Session, event: on.Turn, now: float) -> Effects:
    if session.phase is Phase.OPENING and not session.opening.ordered:
        session.opening.order(session.epoch)
        session.jumps.begun(now)
        if (back_to := session.opening.rewind_to) is not None:
            return [do.Order(ipc.Rewind(session.id, session.epoch, back_to))]
        snapshot = session.history.newest_before(session.output.encode_from)
        codec, anyway = str(session.output.codec), session.reading.insists
        return [do.Order(ipc.opening(session.id, session.epoch, session.settings, codec, snapshot, anyway))]
    if session.phase is not Phase.READY or session.jumps.rests:
        return []
    if session.chunk < session.upcoming:
        known = session.known_controls()
        return session.fetch() if known is None else order(session, known, event, now)
    if session.log_lost:
        return session.without_log()
    drained = drain(session, now)
    controls = (*session.quality.entry(), *drained, *session.follow(event.motion))
    session.asked.saw(drained, session.chunk)
    return [*session.history.fix(controls), *order(session, controls, event, now, new=True)]


def probe_turn(session: Session, event: on.ProbeTurn, now: float) -> Effects:
    asked = session.probes.begin() if session.curious else None
    if asked is None:
        return []
    return [do.Order(ipc.Probe(session.id, session.epoch, asked.point, asked.add, asked.remove))]


def outlined(session: Session, event: ipc.Outlined, now: float) -> Effects:
    asked = session.probes.end()
    return [] if asked is None else [outline(asked, event.region, event.label)]


def outline(asked: on.ProbeAsked, region: Any = (), label: str = "") -> do.Say:
    x, y = asked.point
    return do.Say(Outline(id=asked.id, x=x, y=y, region=region, label=label or None))


def fetched(session: Session, event: on.Fetched, now: float) -> Effects:
    if session.fetching == do.Fetch(event.chunk, event.epoch):
        session.fetching, session.fetched = None, event
    return []


def drain(session: Session, now: float) -> tuple[Control, ...]:
    """What the next chunk shows: all that waits, but for points whose time is yet to come and a prompt that is being read."""
    waiting, unread = session.pending.drain(), list[PendingControl]()
    if session.reading.holds(session.chunk):
        unread = [each for each in waiting if isinstance(each.control, PromptSet)]
    else:
        session.reading.shown()
    ready = [each for each in waiting if each not in unread]
    seen, held = session.tracks.place(ready, session.chunk, session.pace.on_screen(now))
    session.pending.hold([*unread, *held])
    for shown in seen:
        session.output.acks.saw(shown, session.chunk)
    return tuple(shown.control for shown in seen)


def order(
    session: Session, controls: tuple[Control, ...], turn: on.Turn, now: float, new: bool = False
) -> Effects:
    session.enter(Phase.STEPPING)
    session.pace.taken(session.chunk, new, now)
    replay_only = session.chunk < session.output.encode_from
    item = ipc.StepItem(
        session.id,
        session.epoch,
        session.chunk,
        ipc.packed(controls),
        replay_only,
        () if replay_only else session.output.keys(session.chunk),
        turn.jpeg and not replay_only,
        None if replay_only else turn.save,
        anyway=session.reading.insists,
    )
    return [do.Order(item)]


def opened(session: Session, event: ipc.Opened, now: float) -> Effects:
    if not session.opening.answered(event.epoch) or event.epoch != session.epoch:
        return []  # it was superseded meanwhile: the next turn asks for what is wanted now
    session.opening.rewind_to = None
    session.chunk = event.chunk
    session.reading.went_on()
    session.trouble.opened(now)
    session.enter(Phase.READY)
    return [*session.say_ready(), *session.ask_to_read()]


def open_failed(session: Session, event: ipc.OpenFailed, now: float) -> Effects:
    if not session.opening.answered(event.epoch) or event.epoch != session.epoch:
        return []
    if event.bad_request:
        return session.failed(ErrorCode.INVALID_VALUE, event.message)
    if session.trouble.opening_failed():
        text = f"the stream cannot be started: {event.message}"
        return session.failed(ErrorCode.GENERATION_FAILED, text)
    return [do.Unlink(session.history.drop_snapshots())]


def rewound(session: Session, event: ipc.Rewound, now: float) -> Effects:
    if not session.opening.answered(event.epoch) or event.epoch != session.epoch:
        return []
    session.opening.rewind_to = None
    if event.ok:
        session.chunk = session.upcoming
        session.enter(Phase.READY)
    return []


def was_read(session: Session, event: ipc.WasRead, now: float) -> Effects:
    if event.epoch != session.epoch:
        return []
    session.reading.done(event.texts)
    return session.ask_to_read()


def unread(session: Session, event: ipc.Unread, now: float) -> Effects:
    if session.phase is Phase.OPENING:
        session.opening.answered(event.epoch)
    if event.epoch != session.epoch or session.phase not in (Phase.OPENING, Phase.STEPPING):
        return []
    if session.phase is Phase.STEPPING:
        session.enter(Phase.READY)
        session.pace.not_ready()
        session.output.not_made()
    session.reading.miss(event.texts, now)
    return [do.Read(event.texts)]


def made(session: Session, event: ipc.Made, now: float) -> Effects:
    if event.epoch != session.epoch or session.phase is not Phase.STEPPING:
        return []
    session.enter(Phase.READY)
    session.chunk = event.chunk + 1
    session.reading.went_on()
    if not event.replay_only:
        session.jumps.made()
    waited = session.pace.made(now)
    if waited.slow is not None:
        session.quality.made(waited.slow)
    told = [] if event.replay_only else notices(session, event)
    return [*told, *session.output.made(event, waited.seconds * 1e3)]


def notices(session: Session, made: ipc.Made) -> Effects:
    """What the person should know of a chunk; of its prompts those should who look on, and who come later."""
    told = [Notice(code=n.code, message=n.message, id=n.id, prompt=n.prompt) for n in made.notices]
    for notice in told:
        if notice.prompt is not None:
            session.asked.told(notice)
    return [do.Say(notice, all=notice.prompt is not None) for notice in told]


def encoded(session: Session, event: ipc.Encoded, now: float) -> Effects:
    if event.epoch != session.epoch:
        return []
    before = session.output.frame
    effects = session.output.encoded(event, session.pace.began(event.chunk, now), session.quality.rate)
    if session.output.frame > before:
        session.jumps.shown(now)
        first = event.frame % session.output.chunk_frames == 0
        if session.pace.sent(event.chunk, session.output.pts, first, now):
            effects.append(do.Count("misses"))
    step = session.stepping
    if event.last and step is not None and session.pace.stands and event.chunk + 1 == session.upcoming:
        effects.append(do.Say(SessionPaused(id=step.id, chunk=event.chunk + 1)))
        session.stepping = None
    return effects


def saved(session: Session, event: ipc.Saved, now: float) -> Effects:
    if event.epoch != session.epoch:
        return unkept(event)
    return [do.Unlink(session.history.saved(event.chunk, event.path))]


def chunk_failed(session: Session, event: on.ChunkFailed, now: float) -> Effects:
    if session.phase is not Phase.STEPPING:
        return []
    session.enter(Phase.READY)
    session.output.not_made()
    if session.trouble.chunk_failed(session.chunk):
        text = f"this chunk could not be made: {event.message}"
        return session.failed(ErrorCode.GENERATION_FAILED, text)
    return []


def stream_failed(session: Session, event: ipc.StreamFailed, now: float) -> Effects:
    if event.epoch != session.epoch or not session.seated:
        return []
    effects: Effects = []
    if event.encoder:
        effects += other_codec(session)
    if session.trouble.chunk_failed(event.chunk):
        text = f"this chunk was lost: {event.message}"
        return session.failed(ErrorCode.GENERATION_FAILED, text)
    recovering = SessionRecovering(reason="a chunk was lost; it is made again")
    return [do.Say(recovering, all=True), *effects, *session.reopen()]


def other_codec(session: Session) -> Effects:
    """The encoder is stuck or broken: the next codec that the client plays takes its place, where there is one."""
    if len(session.codecs) < 2:
        return []
    session.codecs = session.codecs[1:]
    session.output.codec = session.codecs[0]
    return [do.ReplaceCodec(session.codecs[0])]


def unkept(event: Any) -> Effects:
    """A snapshot of a past that is over is of no use."""
    return [do.Unlink((event.path,))] if isinstance(event, ipc.Saved) else []
