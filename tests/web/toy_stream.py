"""One session of the stream double: a toy world, its history, and the encoder."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from toy_world import CHUNK, FPS, HEIGHT, WIDTH, ToyWorld

from flowbrush.packets import Flag, Packet, pack
from flowbrush.protocol import Codec

PICTURE = "/web/gallery/beach-ball.webp"
MODEL: dict[str, Any] = {
    "name": "toy",
    "title": "Toy",
    "width": WIDTH,
    "height": HEIGHT,
    "fps": FPS,
    "capabilities": {
        "text": True,
        "image": True,
        "drag": True,
        "pin": True,
        "path": True,
        "camera": True,
        "rewind": True,
        "probe": True,
    },
    "sizes": [[WIDTH, HEIGHT], [HEIGHT, WIDTH], [256, 256]],
    "examples": ["a ball on stripes", "a ball at night", {"prompt": "a beach ball", "image": PICTURE}],
}


class ToyStream:
    """One session: a toy world, its history, the encoder, and what came from the client."""

    def __init__(
        self, start: Any, size: tuple[int, int], codec_string: str, grabs: Callable[[], bool]
    ) -> None:
        """`start` is its `session.start`; `grabs` says whether hands get hold of the ball."""
        self.codec_string = codec_string
        self.grabs = grabs
        self.model = start.model
        words = " + ".join(prompt.text for prompt in start.prompt_list)
        self.world = ToyWorld(words, size)
        self.history = {-1: self.world.copy()}
        self.codec = Codec.H264 if Codec.H264 in start.known_codecs else Codec.JPEG
        self.paused = start.paused
        self.steps = 0
        self.step_id: int | None = None
        self.inbox: list[Any] = []
        self.last_id = 0  # of the controls that came
        self.shown_id = 0  # of those that the newest chunk shows
        self.playhead: tuple[float, float] | None = None  # pts, buffered
        self.began = time.monotonic()
        self.jumps = 0
        self.jump = self.want_key = False
        self.packets: list[bytes] = []
        self._open_encoder()

    def _open_encoder(self) -> None:
        self.encoder = av.codec.CodecContext.create("libx264" if self.codec == Codec.H264 else "mjpeg", "w")
        self.encoder.width, self.encoder.height = self.world.size
        self.encoder.pix_fmt = "yuv420p" if self.codec == Codec.H264 else "yuvj420p"
        self.encoder.time_base, self.encoder.framerate = Fraction(1, FPS), Fraction(FPS)
        self.encoder.thread_count = 1
        if self.codec == Codec.H264:
            params = {"x264-params": "keyint=64:scenecut=0:repeat-headers=1", "profile": "baseline"}
            self.encoder.options = {"preset": "superfast", "tune": "zerolatency", "crf": "18", **params}
        self.encoder.open()
        self.encoded = 0

    def ready(self) -> dict[str, Any]:
        return {
            **{"type": "session.ready", "protocol": 1, "session": "toy-1", "resume_token": "toy-token"},
            **{"model": self.model, "width": self.world.size[0], "height": self.world.size[1]},
            **{"fps": FPS, "chunk_frames": CHUNK},
            "codec": self.codec.value,
            "codec_string": self.codec_string if self.codec == Codec.H264 else "",
            "last_id": self.last_id,
            "prompts": self.prompts,
            "capabilities": MODEL["capabilities"],
            "examples": MODEL["examples"],
            "limits": {},
        }

    @property
    def prompts(self) -> list[dict[str, Any]]:
        return [{"text": self.world.prompt, "weight": 1}] if self.world.prompt else []

    def due(self) -> bool:
        """Whether the next chunk must start, so that the buffer does not run dry."""
        if self.paused:
            return self.steps > 0
        end = self.world.chunk * CHUNK / FPS
        if self.playhead is None:
            return end <= time.monotonic() - self.began  # nobody plays: real time
        return end - self.playhead[0] <= 0.12 + CHUNK / FPS * 0.5

    def make(self) -> tuple[list[bytes], list[dict[str, Any]]]:
        began = time.monotonic()
        controls, self.inbox = self.inbox, []
        held = []
        for control in controls:
            missed = control.type == "track.begin" and not self.grabs()
            if not missed and self.world.control(control):
                held.append({"type": "track.held", "track": control.track, "region": self.world.region()})
            self.shown_id = control.id or self.shown_id
        chunk = self.world.chunk
        first = chunk * CHUNK
        frames = self.world.make_chunk()
        self.history[chunk] = self.world.copy()
        packets = [self._encode(frame, chunk, first + index, began) for index, frame in enumerate(frames)]
        ms = (time.monotonic() - began) * 1000
        applied = [
            {"type": "control.applied", "id": c.id, "chunk": chunk, "frame": first} for c in controls if c.id
        ]
        self.steps = max(0, self.steps - 1)
        info = {
            "type": "chunk", "chunk": chunk, "first_frame": first, "frames": CHUNK, "pts": first / FPS,
            "generate_ms": ms * 0.6, "decode_ms": ms * 0.2, "encode_ms": ms * 0.2, "queue_ms": 0.1,
            "prompt": self.world.prompt,
        }  # fmt: skip
        return packets, [*held, *applied, info]

    def _encode(self, rgb: Any, chunk: int, frame: int, began: float) -> bytes:
        picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
            format=self.encoder.pix_fmt, threads=1
        )
        picture.pts = self.encoded
        picture.time_base = self.encoder.time_base
        if self.jump or self.want_key:
            picture.pict_type = av.video.frame.PictureType.I
        self.encoded += 1
        (encoded,) = self.encoder.encode(picture)
        packet = Packet(
            codec=self.codec,
            flags=self._flags(encoded.is_keyframe, frame),
            chunk=chunk,
            frame=frame,
            control_id=self.shown_id,
            pts_us=round(frame / FPS * 1e6),
            age_us=round((time.monotonic() - began) * 1e6),
            payload=bytes(encoded),
        )
        self.jump = self.want_key = False
        return pack(packet)

    def _flags(self, key: bool, frame: int) -> Flag:
        last = Flag.LAST_OF_CHUNK if frame % CHUNK == CHUNK - 1 else Flag(0)
        return (Flag.KEY if key else Flag(0)) | last | (Flag.DISCONTINUITY if self.jump else Flag(0))

    def go_to(self, chunk: int) -> None:
        self.world = self.history[chunk].copy()
        self.history = {index: world for index, world in self.history.items() if index <= chunk}
        self.inbox.clear()
        self.jumps += 1
        self.playhead = (self.world.chunk * CHUNK / FPS, 0.0)
        self.jump = True

    def rewind(self, chunk: int) -> dict[str, Any]:
        """Back to the end of a chunk; the answer."""
        if chunk not in self.history:
            return {"type": "error", "code": "rewind_out_of_range", "message": "not made yet"}
        self.go_to(chunk)
        self.packets = self.packets[: (chunk + 1) * CHUNK]
        return {"type": "session.rewound", "chunk": chunk, "prompts": self.prompts}
