"""What the server knows of one stream, and the steps that it can take. No I/O, no clock, no task.

Which event leads to which step the machine says (`machine.py`): nobody else changes a session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.pipelines.requests import StreamSettings
from flowbrush.protocol import (
    Codec,
    Control,
    Error,
    Notice,
    SessionDone,
    SessionPaused,
)
from flowbrush.server.engine.ipc import SourceChunk
from flowbrush.server.sessions import effects as do
from flowbrush.server.sessions import events as on
from flowbrush.server.sessions.asked import Asked
from flowbrush.server.sessions.followed import Followed
from flowbrush.server.sessions.history import History
from flowbrush.server.sessions.jumps import Jumps
from flowbrush.server.sessions.opening import Opening
from flowbrush.server.sessions.output import Output
from flowbrush.server.sessions.pace import Pace
from flowbrush.server.sessions.pending_controls import PendingControls
from flowbrush.server.sessions.phases import NEXT, SEATED, Phase
from flowbrush.server.sessions.presence import Presence
from flowbrush.server.sessions.probes import Probes
from flowbrush.server.sessions.quality import Quality
from flowbrush.server.sessions.reading import Reading
from flowbrush.server.sessions.tracks import Tracks
from flowbrush.server.sessions.trouble import Trouble
from flowbrush.server.sessions.welcome import Welcome

URGENT = float("-inf")
Effects = list[Any]


@dataclass(frozen=True)
class Terms:
    """How long a session may go without what keeps it alive (seconds)."""

    resume_s: float = 60.0
    """a token holds for so long after its connection is gone"""
    paused_s: float = 60.0
    """a paused session keeps its slot for so long while others wait"""
    idle_s: float = 0.0
    """a paused session that hears nothing from its client ends after so long; 0: never"""
    longest_s: float = 0.0
    """no session lasts longer; 0: without an end"""


class Session:
    """All that the server knows of one stream, apart from sockets and files."""

    def __init__(
        self,
        id: str,
        settings: StreamSettings,
        chunk_frames: int,
        codecs: tuple[Codec, ...],
        expected_s: float,
        terms: Terms = Terms(),
        paused: bool = False,
        notices: tuple[Notice, ...] = (),
    ) -> None:
        """`codecs` are those that the client can play and the server can make, the preferred one first; `expected_s` is a first
        guess of how long a chunk takes. `notices` are said when the stream exists.
        """
        self.id, self.settings, self.terms = id, settings, terms
        self.codecs = codecs
        self.chunk_s = chunk_frames / settings.fps
        self.phase = Phase.WAITING
        self.epoch = 0
        self.chunk = 0
        """the next chunk that the worker's state can make"""
        self.first_frame = 0
        """where this session began: later than 0 for a branch of another"""
        self.presence = Presence()
        self.welcome = Welcome(notices)
        self.last_id = 0
        self.history = History()
        self.output = Output(chunk_frames, settings.fps, codecs[0])
        self.pace = Pace(expected_s, self.chunk_s, paused)
        self.quality = Quality(settings.fps)
        self.trouble = Trouble()
        self.stepping: on.StepAsked | None = None
        """a `session.step` that is still to be answered"""
        self.probes = Probes()
        self.recorded: int | None = None
        """its chunks before this one are in its recording (None: none is)"""
        self.opening = Opening()
        self.fetching: do.Fetch | None = None
        """what is being read from the journal"""
        self.fetched: on.Fetched | None = None
        self.pending = PendingControls()
        self.reading = Reading()
        self.jumps = Jumps()
        self.tracks = Tracks(self.chunk_s, 1 / settings.fps, settings.tracks)
        self.followed = Followed()
        self.asked = Asked(settings.prompts)

    @property
    def upcoming(self) -> int:
        """The next chunk whose controls are still open."""
        return self.history.asked

    @property
    def first_chunk(self) -> int:
        """The chunk that this session began with."""
        return self.first_frame // self.output.chunk_frames

    @property
    def seated(self) -> bool:
        """Whether it holds a slot."""
        return self.phase in SEATED

    @property
    def away_since(self) -> float | None:
        """Since when its client is away; None while it is there."""
        return self.presence.away_since

    @property
    def alone(self) -> bool:
        """Whether the next chunk is to be made in a batch of its own: it has failed before, or it is much work."""
        return self.trouble.suspects(self.chunk) or self.tracks.heavy

    @property
    def doubt(self) -> tuple[int, int]:
        """How much less its next chunk is trusted than others', who go first: it has ended a worker. Of two that were made together
        then the one that has run for longer is trusted more.
        """
        doubt = self.trouble.doubt(self.chunk) if self.phase is Phase.READY else 0
        return (doubt, -self.chunk) if doubt else (0, 0)

    @property
    def behind(self) -> bool:
        """Whether its worker's state is not where the stream stands, as after a rewind: what it shows is of another place."""
        stepping = self.phase is Phase.STEPPING
        return self.phase is Phase.OPENING or self.chunk + stepping < self.upcoming

    @property
    def awaits_log(self) -> bool:
        """Whether the next chunk's controls are being read from the journal."""
        return self.fetching == do.Fetch(self.chunk, self.epoch)

    @property
    def log_lost(self) -> bool:
        """Whether the disk takes nothing of the log, and memory keeps as much of it as it may."""
        return bool(self.trouble.log_error) and self.history.too_far_behind

    @property
    def curious(self) -> bool:
        """Whether something is to be outlined, and the worker has the state for it."""
        return bool(self.probes) and self.phase is Phase.READY

    def due(self, now: float) -> float | None:
        """When its worker should next do something for it; None when it wants nothing."""
        urgent = URGENT if self.reading.until is None else self.reading.until
        if self.phase is Phase.OPENING and not self.opening.ordered:
            return urgent if self.presence.there else None
        if self.phase is not Phase.READY or self.awaits_log:
            return None
        if self.jumps.rests:
            return self.jumps.due
        if self.chunk < self.upcoming:
            return urgent  # known already, and somebody waits for what comes after
        return self.pace.due(self.chunk * self.chunk_s, now)

    def stands(self, now: float) -> bool:
        """Whether no chunk is wanted: it is paused, or waits for its client to say what it shows."""
        return self.pace.stands or self.pace.awaits_report(self.chunk * self.chunk_s, now)

    def check_made(self, chunk: int, id: int | None = None) -> None:
        """Raises ProtocolError when the client has not got all of `chunk` yet."""
        made = self.output.chunks
        if chunk >= made:
            text = f"chunk {chunk} is not made yet: {made} chunks are, counted from 0"
            raise ProtocolError(ErrorCode.REWIND_OUT_OF_RANGE, text, field="chunk", id=id)

    def check_reachable(self, chunk: int, id: int | None = None) -> None:
        """Raises ProtocolError when the stream cannot be brought to the end of `chunk`, for its log has lost what led there."""
        if not self.history.can_reach(chunk):
            first, last = self.history.lost or (0, 0)
            text = f"chunks {first} to {last} of the session's log are lost: it cannot go back to the end of chunk {chunk}"
            raise ProtocolError(ErrorCode.REWIND_OUT_OF_RANGE, text, field="chunk", id=id)

    def check_sent(self, last_frame: int) -> None:
        """Raises ProtocolError when a client comes back that says it has a frame which it was never sent."""
        most = self.output.most
        if most is not None and last_frame >= most:
            expected = f"-1 to {most - 1}, the last frame that was sent" if most else "-1, no frame was sent"
            text = f"last_frame is {last_frame}: expected the index of the last frame received, {expected}"
            raise ProtocolError(ErrorCode.OUT_OF_RANGE, text, field="last_frame")

    def enter(self, phase: Phase) -> None:
        """Moves to another phase; raises RuntimeError for a way that does not exist."""
        if phase not in NEXT[self.phase]:
            raise RuntimeError(f"session {self.id} cannot go from {self.phase} to {phase}")
        self.phase = phase

    def restored(self, chunk: int, controls: tuple[Control, ...]) -> None:
        """Before the first event: the journal has these controls at `chunk`."""
        self.history.asked = max(self.history.asked, chunk + 1)
        self.tracks.restored(controls, chunk)
        self.asked.saw(controls, chunk)
        self.quality.restored(controls)
        for id in [each.id for each in controls if each.id is not None]:
            self.last_id = max(self.last_id, id)
            self.output.acks.restored(id, chunk)

    def taken_up(
        self, first_frame: int, snapshots: dict[int, str], epoch: int, sent: int | None = None
    ) -> None:
        """Before the first event: it lived in another process, which has `sent` so many frames, or is the branch of another
        session.
        """
        self.output.most = sent
        self.first_frame = self.output.frame = first_frame
        self.history.snapshots, self.epoch, self.welcome.known = snapshots, epoch + 1, True
        self.output.discontinuity = True
        self.tracks.cut(self.history.asked)

    def say_ready(self) -> Effects:
        """The client learns, once, that the stream exists."""
        if self.welcome.said or not self.presence.there:
            return []
        return self.welcome.say(self.upcoming, self.pace.paused)

    def known_controls(self) -> tuple[Control, ...] | None:
        """The controls of the next chunk, which is in the log; None where they are still to be fetched."""
        fetched, self.fetched = self.fetched, None
        if fetched is not None and (fetched.epoch, fetched.chunk) == (self.epoch, self.chunk):
            return fetched.controls
        return self.history.in_memory(self.chunk)

    def fetch(self) -> Effects:
        """They are read from the journal."""
        self.fetching = do.Fetch(self.chunk, self.epoch)
        return [self.fetching]

    def without_log(self) -> Effects:
        """Nothing more of the log can be kept."""
        text = f"the session's log cannot be written: {self.trouble.log_error}"
        return self.failed(ErrorCode.INTERNAL, text)

    def ask_to_read(self) -> Effects:
        """The prompt that waits is read, so that the chunk that shows it does not have to wait."""
        if self.phase not in (Phase.READY, Phase.STEPPING):
            return []
        texts = self.reading.ask(self.pending.prompt, self.upcoming)
        return [] if texts is None else [do.Read(texts)]

    def queue_again(self) -> Effects:
        """One that gave its slot up while it was paused wants one again."""
        return [do.Queue(first=True)] if self.phase is Phase.WAITING else []

    def follow(self, motion: SourceChunk | None) -> tuple[Control, ...]:
        """What the client's video does to the picture in the next chunk, by the server's own tracks."""
        start = self.chunk * self.chunk_s
        given = self.followed.controls(motion, self.tracks.alive, start, 1 / self.settings.fps)
        for control in given:
            self.tracks.impose(control, self.chunk)
        return tuple(given)

    def overtake_step(self) -> Effects:
        """Answers a `session.step` that another command ends before its chunks are made: who asked waits for it."""
        step, self.stepping = self.stepping, None
        if step is None or step.id is None:
            return []
        return [do.Say(SessionPaused(id=step.id, chunk=self.upcoming))]

    def cut(self, chunks: int) -> Effects:
        """Forgets everything from chunk `chunks` on."""
        answered = self.overtake_step()
        files = [do.CutFiles(chunks)] if self.history.asked > chunks else []
        gone = self.history.cut(chunks)
        self.tracks.cut(chunks)
        self.asked.cut(chunks)
        self.followed.forget()
        self.quality.cut()
        lost = self.output.cut(chunks) + [id for waiting in self.pending.drain() for id in waiting.ids]
        self.first_frame = min(self.first_frame, self.output.frame)
        self.pace.stop_steps(self.output.pts)
        text = "the control was given before the stream went back and is not shown"
        notices = [do.Say(Notice(code="control_discarded", message=text, id=id)) for id in lost]
        return [*answered, *files, do.Unlink(gone), do.ForgetSent(boxes=True), *notices]

    def reopen(self, rewind_to: int | None = None) -> Effects:
        """The state at the worker is not the one that is wanted. A newer wish takes an older one's place."""
        self.epoch += 1
        self.output.jump()
        self.pace.not_ready()
        self.quality.restart()
        self.reading.stop()
        if self.seated:
            self.enter(Phase.OPENING)
            self.opening.rewind_to = rewind_to
        return []

    def without_slot(self) -> None:
        """The slot, and the state in it, are gone."""
        self.enter(Phase.WAITING)
        self.epoch += 1
        self.output.jump()
        self.pace.not_ready()
        self.jumps.forget()
        self.reading.stop()
        self.opening.forget()

    def give_up(self) -> Effects:
        """Others need the slot more."""
        self.without_slot()
        return [do.Leave()]

    def failed(self, code: ErrorCode, message: str) -> Effects:
        """It cannot go on, and says why."""
        bad_start = code is ErrorCode.INVALID_VALUE
        close = CloseCode.BAD_START if bad_start else CloseCode.INTERNAL
        return self.end(str(code), close, error=(code, message))

    def end(
        self, reason: str, code: int, id: int | None = None, error: tuple[ErrorCode, str] | None = None
    ) -> Effects:
        """It ends: everybody is told, and everything given back."""
        self.enter(Phase.DONE)
        effects: Effects = []
        if error is not None:
            retryable = error[0] is ErrorCode.BUSY
            effects.append(do.Say(Error(code=error[0], message=error[1], retryable=retryable)))
            effects.append(do.Count("errors", label=str(error[0])))
        done = SessionDone(
            id=id,
            chunks=self.output.chunks,
            frames=self.output.frame,
            reason=reason,
            recording=None,
            log=f"/v1/sessions/{self.id}/log",
        )
        return [*effects, *self.history.append(last=True), do.Say(done, all=True), do.End(code, reason)]
