"""The stream: every control and command under its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, SkipValidation

from flowbrush import limits
from flowbrush.acks import Ack
from flowbrush.arguments import Listed, checks_arguments, valid
from flowbrush.client_messages import (
    Fps,
    Probe,
    Seed,
    SessionPause,
    SessionReset,
    SessionResume,
    SessionRewind,
    SessionStep,
    Side,
    SourceFields,
    StepChunks,
    Strength,
)
from flowbrush.controls import (
    CameraSet,
    Grid,
    Pan,
    Point,
    Prompt,
    Prompts,
    PromptSet,
    PromptText,
    Roll,
    TracksClear,
    Transition,
    Zoom,
)
from flowbrush.errors import FlowbrushError
from flowbrush.messages import Chunk, Coordinate, Seconds, TrackKind
from flowbrush.rest import ImageLike
from flowbrush.server_messages import (
    Outline,
    SessionPaused,
    SessionRestarted,
    SessionResumed,
    SessionRewound,
)
from flowbrush.session import Session
from flowbrush.source import Source
from flowbrush.tracks import Drag, Places, Track, Way
from flowbrush.wording import in_python

PromptLike = Annotated[str | Sequence[tuple[str, float]], SkipValidation]  # to_prompts tells what is wrong
RegionLike = Annotated[Sequence[Places], Listed]
TimedPlace = Annotated[tuple[Seconds, Coordinate, Coordinate], Listed]
TimedPlaces = Annotated[Sequence[TimedPlace], Listed, Field(min_length=1)]
TransitionChunks = Annotated[int, Field(ge=0, le=limits.MAX_TRANSITION_CHUNKS)]


def to_prompts(prompt: PromptLike) -> tuple[Prompt, ...]:
    """A text, or (text, weight) pairs, as prompts of the protocol. Raises TypeError and ValueError for anything else."""
    if isinstance(prompt, str):
        return (Prompt(text=valid(PromptText, prompt, "prompt")),)
    try:
        pairs = [{"text": text, "weight": weight} for text, weight in prompt]
    except (TypeError, ValueError):
        raise TypeError(f"prompt is {in_python(prompt)}: give a text, or a list of (text, weight)") from None
    prompts: tuple[Prompt, ...] = valid(Prompts, pairs, "prompt")
    return prompts


def _taking(grid: Grid | None, region: RegionLike | None, add: Places, remove: Places) -> dict[str, Any]:
    """What a track takes, as fields; those that are not there are None."""
    return {"grid": grid, "region": region, "add": tuple(add) or None, "remove": tuple(remove) or None}


@checks_arguments
class Stream(Session):
    """A session of one's own: frames, and controls. Made by `connect`.

    Controls return an `Ack` once the server has accepted them; `await ack.applied` waits for the pixels. What
    the server refuses raises ServerError. A lost connection is resumed for up to a minute; controls that were
    not answered are sent again then.
    """

    # ---- controls ----

    async def set_prompt(
        self,
        prompt: PromptLike,
        *,
        transition_chunks: TransitionChunks | None = None,
        method: Literal["linear", "slerp"] = "linear",
    ) -> Ack:
        """New prompt from the next chunk on, blended in over `transition_chunks` chunks if given."""
        transition = Transition(chunks=transition_chunks, method=method) if transition_chunks else None
        prompts = to_prompts(prompt)
        ack = await self.control(PromptSet(prompts=prompts, transition=transition))
        self._start = self._start.model_copy(update={"prompts": prompts, "prompt": None})
        return ack

    async def set_image(self, image: ImageLike) -> None:
        """Upload an image and start over from it: a new session, same settings, the present prompt."""
        if self._start.resume is not None:
            raise FlowbrushError(
                "a resumed session cannot start over from an image: connect anew with image="
            )
        async with self._replacing:  # one after the other
            self._check_open()
            await self._start_over(image=await self._server.upload(image))

    async def probe(self, x: Coordinate, y: Coordinate, *, add: Places = (), remove: Places = ()) -> Outline:
        """What a hand would take at (x, y): polygons, empty for nothing, and a label where it has a name.

        `add` and `remove` are points that correct it. Costs the stream nothing. Raises ServerError (unsupported)
        for models that cannot tell.
        """
        async with self._probing:  # of several questions a server answers the latest only
            return await self._command(
                Probe(x=x, y=y, add=tuple(add) or None, remove=tuple(remove) or None), Outline
            )

    def drag(
        self,
        x: Coordinate,
        y: Coordinate,
        *,
        grid: Grid | None = None,
        region: RegionLike | None = None,
        add: Places = (),
        remove: Places = (),
    ) -> Drag:
        """Take hold of what is at (x, y): `async with stream.drag(x, y) as hand: await hand.move(…)`.

        What that is the server finds, corrected by the points of `add` and `remove`; or `region` says it: polygons
        of (x, y), as in the answer of `probe`. The event `track.held` tells what was taken.
        """
        taking = _taking(grid, region, add, remove)
        return Drag(self, "drag", [Point(t=self.now, x=x, y=y)], **taking)

    async def drag_along(
        self,
        points: Way,
        seconds: Seconds,
        *,
        grid: Grid | None = None,
        region: RegionLike | None = None,
        add: Places = (),
        remove: Places = (),
    ) -> Ack:
        """Drag from the first point through all others within `seconds`, then let go. Gives the first ack."""
        async with self.drag(*points[0], grid=grid, region=region, add=add, remove=remove) as hand:
            await hand.move_along(points, seconds)
        return hand.ack

    def pin(
        self,
        x: Coordinate,
        y: Coordinate,
        *,
        grid: Grid | None = None,
        region: RegionLike | None = None,
        add: Places = (),
        remove: Places = (),
    ) -> Track:
        """Keep what is at (x, y) where it is, until the track is released. What that is: as with `drag`."""
        taking = _taking(grid, region, add, remove)
        return Track(self, "pin", [Point(t=self.now, x=x, y=y)], **taking)

    def path(
        self,
        points: TimedPlaces,
        *,
        grid: Grid | None = None,
        region: RegionLike | None = None,
        add: Places = (),
        remove: Places = (),
    ) -> Track:
        """A whole trajectory of (t, x, y), played from the next chunk on; `t` in seconds from 0."""
        taking = _taking(grid, region, add, remove)
        return Track(self, "path", [Point(t=t, x=x, y=y) for t, x, y in points], **taking)

    async def clear_tracks(self, *kinds: TrackKind) -> Ack:
        """Remove all tracks, or those of the kinds named."""
        return await self.control(TracksClear(kinds=kinds or None))

    async def camera(
        self,
        *,
        pan: Annotated[tuple[Pan, Pan], Listed] = (0.0, 0.0),
        zoom: Zoom = 0.0,
        roll: Roll = 0.0,
        mode: Literal["velocity", "target"] = "velocity",
    ) -> Ack:
        """Move the camera; the units are those of `flowbrush.protocol.CameraSet`."""
        return await self.control(CameraSet(mode=mode, pan=pan, zoom=zoom, roll=roll))

    def follow(
        self,
        width: Side,
        height: Side,
        *,
        strength: Strength = 0.6,
        fps: Fps = 16.0,
        codec: Literal["jpeg", "h264"] = "jpeg",
        use: Literal["picture", "tracks"] = "picture",
    ) -> Source:
        """Follow a video of one's own: `async with stream.follow(640, 480) as source: await source.send(frame)`.

        Its frames are `width` × `height` pixels, about `fps` a second; `strength` 0..1 is how closely the picture follows. The
        server keeps the latest frames only. With `use` "tracks" its motion moves the picture, and its pictures are not shown.
        """
        fields = SourceFields(codec=codec, width=width, height=height, fps=fps, strength=strength, use=use)
        return Source(self, fields)

    # ---- the session ----

    async def pause(self) -> SessionPaused:
        """Stop after the chunk under way."""
        return await self._command(SessionPause(), SessionPaused)

    async def resume(self) -> SessionResumed:
        """Go on after a pause."""
        return await self._command(SessionResume(), SessionResumed)

    async def step(self, chunks: StepChunks = 1) -> SessionPaused:
        """While paused: generate so many chunks; answered when they are made, or when another command ends it before.

        Frames must be read meanwhile: no more than 2 s are made ahead of what was read, so a longer step waits for its reader.
        """
        return await self._command(SessionStep(chunks=chunks), SessionPaused)

    async def rewind(self, chunk: Chunk) -> SessionRewound:
        """Go back to the end of `chunk`, any that was made; frames of later chunks that were not yet read are gone."""
        return await self._command(SessionRewind(chunk=chunk), SessionRewound)

    async def reset(self, seed: Seed | None = None) -> SessionRestarted:
        """Start over with the same settings."""
        return await self._command(SessionReset(seed=seed), SessionRestarted)
