"""The Python client: `async with flowbrush.connect(url, model=..., prompt=...) as stream`."""

from __future__ import annotations

from collections.abc import Sequence
from ssl import SSLContext

from flowbrush.arguments import checked
from flowbrush.client_messages import (
    ALL_CODECS,
    Fps,
    FrameNumber,
    ModelName,
    Seed,
    SessionStart,
    Side,
    SourceFields,
    Steps,
    Token,
)
from flowbrush.controls import TrackBegin
from flowbrush.rest import ImageLike, Server, TokenLike
from flowbrush.stream import PromptLike, Stream, to_prompts
from flowbrush.viewer import FrameKind

NONE_YET = -1  # as `last_frame`: no frame has come
TO_BE_UPLOADED = "to-be-uploaded"  # stands for the picture's id until the server has given one


@checked
def connect(
    url: str = "http://localhost:8000",
    *,
    model: ModelName | None = None,
    prompt: PromptLike | None = None,
    seed: Seed | None = None,
    image: ImageLike | None = None,
    width: Side | None = None,
    height: Side | None = None,
    fps: Fps | None = None,
    steps: Steps | None = None,
    paused: bool = False,
    tracks: Sequence[TrackBegin] = (),
    source: SourceFields | None = None,
    codecs: Sequence[str] = ALL_CODECS,
    resume: Token | None = None,
    last_frame: FrameNumber = NONE_YET,
    api_key: str | None = None,
    token: TokenLike | None = None,
    ssl: SSLContext | None = None,
    frames: FrameKind = "numpy",
    realtime: bool = True,
) -> Stream:
    """A stream, to be opened with `async with`. `prompt` is a text or a list of (text, weight).

    `model` is one that the server has loaded; left out, its first.
    `image` is an encoded image or the path of one; with it no prompt is needed. `width` and `height` are one of the
    model's sizes; left out, the one that fits the image. With a `source` the stream waits for its first frame, and needs no
    prompt either: `Source(stream, source)` sends its frames. `tracks` are there from the first chunk on. `ssl` is a
    context that trusts the server's certificate, for one of its own making. `resume` continues a session by its
    token, or starts one from a branch: `last_frame` is the last frame received, model, prompt and so on are the
    session's own. `token`, in place of `api_key`, is one of `POST /v1/tokens`. It lasts a minute, and is shown anew when a
    connection was lost: give a function for a stream that is to outlive that.
    Raises TypeError and ValueError for arguments that the protocol does not allow.
    """
    if resume is not None:
        start = SessionStart(resume=resume, last_frame=last_frame, codecs=tuple(codecs))
    elif last_frame != NONE_YET:
        raise ValueError("last_frame goes with resume: leave it out for a new session")
    else:
        start = SessionStart(
            model=model,
            prompts=to_prompts(prompt) if prompt is not None else None,
            seed=seed,
            image=TO_BE_UPLOADED if image is not None else None,
            width=width,
            height=height,
            fps=fps,
            steps=steps,
            paused=paused,
            tracks=tuple(tracks),
            source=source,
            codecs=tuple(codecs),
        )
    return Stream(
        Server.from_url(url, api_key, ssl, token), start, image=image, frames=frames, realtime=realtime
    )
