"""`/v1/realtime/video`: streams for clients that speak vLLM-Omni's protocol of that name.

Everything behind this language is the project's own: sessions, their records, quotas and limits. A client that is gone does not
come back, as there, so its session ends with its connection.
"""

from __future__ import annotations

import logging
from functools import partial

from starlette.websockets import WebSocket

from flowbrush.errors import CloseCode, ErrorCode, ProtocolError
from flowbrush.protocol import Error, Playhead, Pong, SessionStart, SessionStop
from flowbrush.server.delivery.delivery import Outbox
from flowbrush.server.http.context import Context
from flowbrush.server.http.identity import Identity
from flowbrush.server.http.realtime_away import Away
from flowbrush.server.http.relay import Elsewhere, Link
from flowbrush.server.http.talk import Handle, Wire, begin, talk
from flowbrush.server.http.uploads import Busy
from flowbrush.server.realtime.client_messages import (
    ImageReference,
    SessionInteraction,
    SessionPing,
    SessionPlayback,
    Start,
    event_id_of,
    parse_start,
)
from flowbrush.server.realtime.conversation import Conversation, NotTaken
from flowbrush.server.realtime.server_messages import Failure, VideoStart
from flowbrush.server.realtime.timeline import Timeline
from flowbrush.server.realtime.translate import frames_of, of_theirs, picture, session_start
from flowbrush.server.realtime.wire import COMPLETED, Mp4Wire
from flowbrush.server.sessions.commands import REFUSED_S, Commands
from flowbrush.server.sessions.refused import Refused, served
from flowbrush.server.sessions.session_host import SessionHost
from flowbrush.server.store.images import BadImage

log = logging.getLogger(__name__)


async def serve_realtime(socket: WebSocket, context: Context) -> None:
    """One connection of such a client, which is one video."""
    await talk(socket, context, Realtime(context))


class Realtime:
    """The language of vLLM-Omni, for one connection."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._frames: int | None = None
        self._wire: Mp4Wire
        self._conversation: Conversation

    async def begin(self, text: str, asked: float, identity: Identity) -> tuple[SessionHost, Outbox]:
        """A new session. Raises Refused, OverQuota, NotAllowed; Elsewhere where another gateway has a seat, and this one none."""
        try:
            start, ignored = parse_start(text)
            if ignored:
                log.warning("fields of session.start that mean nothing here: %s", ", ".join(ignored[:8]))
            model = served(start.model, self._context.settings.models)
            link = await self._context.relay.better(model, "/v1/realtime/video", identity)
            if link is not None:
                raise Elsewhere(link)
            image = await self._image(start.image_reference, identity)
            asked_for = session_start(start, model, image)
        except ProtocolError as error:
            raise Refused.of(error) from None
        live, outbox = await begin(self._context, identity, asked_for, asked)
        live.tied = True
        self._frames = frames_of(start, live.meta.fps)
        outbox.say(VideoStart(request_id=live.id, config=_config(live, start, asked_for, self._frames)))
        return live, outbox

    async def _image(self, reference: ImageReference | None, identity: Identity) -> str | None:
        """The id of the upload that a reference names or brings. Raises ProtocolError, Refused and OverQuota."""
        data = picture(reference) if reference is not None else None
        if reference is None or data is None:
            return reference.file_id if reference is not None else None
        try:
            return await self._context.uploads.keep(identity, data)
        except BadImage as error:
            text, field = f"image_reference: {error}", "image_reference.image_url"
            raise ProtocolError(ErrorCode.INVALID_VALUE, text, field=field) from None
        except Busy:
            text = "others are uploading: try again"
            raise Refused(ErrorCode.BUSY, text, CloseCode.TRY_LATER, retryable=True) from None
        except (OSError, MemoryError) as error:
            log.error("a start image was not kept: %s", error)
            text = "the image cannot be kept: the server has no room for it"
            raise Refused(ErrorCode.BUSY, text, CloseCode.TRY_LATER, retryable=True) from None

    def conversation(self, live: SessionHost, outbox: Outbox, identity: Identity) -> tuple[Handle, Wire]:
        """Interactions become controls; what the session says and shows becomes their messages and MP4."""
        meta, size = live.meta, (live.meta.width, live.meta.height)
        timeline = Timeline(live.session.chunk_s)
        end = partial(self._context.service.end, live, COMPLETED)
        self._wire = Mp4Wire(live.id, size, meta.fps, self._frames, timeline, end)
        self._conversation = Conversation(live.id, size, meta.fps, timeline)
        return _Commands(self._context, live, outbox, self._conversation).handle, self._wire

    def error(self, error: Error) -> Failure:
        """Theirs: without what they have no field for."""
        wait_s = error.retry_after_s
        return Failure(
            code=error.code, message=error.message, retry_after_s=wait_s, field=of_theirs(error.field)
        )

    def left(self, live: SessionHost) -> None:
        """Nobody can come back to the session: it ends."""
        if not live.closed:
            self._context.service.end(live, "left")

    async def relayed(self, socket: WebSocket, link: Link) -> None:
        """The session speaks the project's own protocol there; the video goes on here, where it began."""
        await self._context.relay.pump(socket, link, Away(self._wire, self._conversation).ways)


class _Commands:
    """Carries out the messages of one connection whose session is here."""

    def __init__(
        self, context: Context, live: SessionHost, outbox: Outbox, conversation: Conversation
    ) -> None:
        self._metrics = context.service.metrics
        self._commands = Commands(context.service, live, outbox)
        self._live, self._outbox, self._conversation = live, outbox, conversation

    def handle(self, data: str | bytes) -> float:
        """One message. Whatever is wrong with it is answered by an `error`. Returns what it costs elsewhere (seconds)."""
        if self._live.closed:
            return 0.0
        try:
            self._carry_out(data)
        except (ProtocolError, NotTaken) as error:
            self._metrics.errors.labels(error.code).inc()
            self._outbox.say(self._conversation.refusal(error, event_id_of(data)))
            return REFUSED_S
        return 0.0

    def _carry_out(self, data: str | bytes) -> None:
        match self._conversation.read(data):
            case SessionInteraction(interaction=interaction):
                event_id, asked = self._conversation.asked(interaction)
                for control in asked:
                    self._commands.carry_out(control)
                self._outbox.say(self._conversation.accepted(event_id, interaction, asked))
            case SessionPlayback(position_seconds=position):
                self._commands.carry_out(Playhead(pts=position, buffered=0.0))
            case SessionPing():
                self._outbox.answer(Pong(sent_us=0))
            case _:
                self._commands.carry_out(SessionStop())


def _config(
    live: SessionHost, start: Start, asked_for: SessionStart, frames: int | None
) -> dict[str, str | int | float]:
    """What will be made, with every default filled in."""
    meta = live.meta
    made = {
        "model": meta.model,
        "prompt": asked_for.prompt,
        "width": meta.width,
        "height": meta.height,
        "fps": meta.fps,
        "num_frames": frames,
        "num_inference_steps": meta.start.steps,
        "seed": meta.start.seed,
    }
    return {name: value for name, value in made.items() if value is not None}
