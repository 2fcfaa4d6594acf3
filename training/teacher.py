"""The bidirectional teacher: all latent frames of a clip at once, from the first one, a caption and the
tracks.

It is the student's network with one chunk that holds the whole clip. The first latent frame is given clean.
Where a student gets the end of its own past, the teacher gets the end of that frame in every place: as it
was, and moved along the tracks from where each was first seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models.codecs.pocket import PocketCodec
from models.track_encoder import HAS_PAST
from models.transformer import CausalTransformer, MotionInput
from pipelines.guidance import joint_guidance
from pipelines.holds import EMPTY
from pipelines.motion import TrackWindow, motion_input, past_latents
from pipelines.schedule import clean_from, euler, levels
from training.forcing import Batch, cast

BLANK_MOTION = 0.1  # share of clips without tracks in training, for guidance


@dataclass
class Task:
    """What a teacher or critic is told about B clips: the `first` latent frame [B, C, h, w], text [B, L,
    D], motion.
    """

    first: Tensor
    text: Tensor
    motion: MotionInput


def hidden(windows: TrackWindow, rows: Tensor) -> TrackWindow:
    """The windows with all tracks of the marked `rows` [B * T] out of sight."""
    return replace(windows, visible=windows.visible & ~rows.view(-1, 1, 1))


def task(codec: PocketCodec, batch: Batch, id_dim: int, windows: TrackWindow | None = None) -> Task:
    """The task of continuing the first latent frames of `batch` along `windows` (its own where None)."""
    windows = windows or batch.windows
    size, count = len(batch.latents), batch.latents.shape[2]
    rows, columns = batch.latents.shape[-2:]
    first = batch.latents[:, :, 0]
    here = motion_input(codec, windows, None, id_dim, rows, columns)
    here.guide[:, HAS_PAST] = 1  # there is something to go on from
    whole = since_seen(windows, count)
    plain, followed = past_latents(codec, first.repeat_interleave(count, 0), whole, [EMPTY] * (size * count))

    def back(x: Tensor) -> Tensor:
        return x[:, :, 0].unflatten(0, (size, count)).transpose(1, 2)  # [B, channels, T, h, w]

    return Task(
        first, batch.text, MotionInput(back(here.code), back(here.guide), back(plain), back(followed))
    )


def since_seen(windows: TrackWindow, count: int) -> TrackWindow:
    """Windows [B * T] whose place in the past is where each track was first seen, at the end of the first
    latent frame or after.

    Rows of the first latent frame do not move.
    """
    xy = windows.xy.unflatten(0, (-1, count))  # [B, T, N, 1 + PACKED, 2]
    visible = windows.visible.unflatten(0, (-1, count))
    path, seen = (
        xy[:, :, :, 1:].transpose(1, 2).flatten(2, 3),
        visible[:, :, :, 1:].transpose(1, 2).flatten(2, 3),
    )
    packed = windows.xy.shape[2] - 1
    path, seen = (
        path[:, :, packed - 1 :],
        seen[:, :, packed - 1 :],
    )  # from the end of the first latent frame on
    index = seen.int().argmax(2)[..., None, None].expand(-1, -1, 1, 2)  # [B, N, 1, 2]
    begin, ever = path.gather(2, index), seen.any(2)  # [B, N, 1, 2], [B, N]
    moved, shown = xy.clone(), visible.clone()
    moved[:, :, :, :1] = begin[:, None]
    moved[:, 0, :, 1:] = begin
    shown[:, :, :, 0] = ever[:, None]
    return replace(windows, xy=moved.flatten(0, 1), visible=shown.flatten(0, 1))


def predict_clean(network: CausalTransformer, noisy: Tensor, level: Tensor, given: Task) -> Tensor:
    """Clean latents [B, C, T, h, w] that `network` sees in `noisy`, all but the first frame at `level`
    [B].
    """
    weight = network.reference
    timestep = level[:, None].repeat(1, noisy.shape[2]) * 1000
    timestep[:, 0] = 0
    latents = torch.cat([given.first[:, :, None], noisy[:, :, 1:]], 2)
    rope = network.rope_table(noisy.shape[2], *noisy.shape[-2:])
    text = network.text_keys_values(given.text.to(weight))
    motion = cast(given.motion, weight.dtype, weight.device)
    out, _ = network(latents.to(weight.dtype), timestep, text, rope, motion=motion)
    clean = clean_from(out.float(), latents, level.view(-1, 1, 1, 1, 1), network.spec.prediction)
    return torch.cat([given.first[:, :, None], clean[:, :, 1:]], 2)


def draw_levels(size: int, shift: float, device: torch.device) -> Tensor:
    """Noise levels [B] in 0.02..1, `shift` > 1 towards noise."""
    even = torch.rand(size, device=device) * 0.98 + 0.02
    return shift * even / (1 + (shift - 1) * even)


def flow_loss(
    network: CausalTransformer, truth: Tensor, level: Tensor, given: Task, channel_weight: Tensor
) -> tuple[Tensor, float]:
    """Flow matching towards `truth` [B, C, T, h, w] at `level` [B]. Returns the loss and the plain
    weighted error.
    """
    noise = level.view(-1, 1, 1, 1, 1)
    noisy = (1 - noise) * truth + noise * torch.randn_like(truth)
    clean = predict_clean(network, noisy, level, given)
    error = ((clean - truth)[:, :, 1:].square() * channel_weight.view(1, -1, 1, 1, 1)).mean((1, 2, 3, 4))
    return (error / (level + 0.15)).mean(), float(error.detach().mean())


def teacher_loss(
    network: CausalTransformer,
    codec: PocketCodec,
    batch: Batch,
    mask: float,
    shift: float,
    channel_weight: Tensor,
) -> tuple[Tensor, float]:
    """The teacher's training loss: tracks hidden in a share `mask` of latent frames (MotionStream §3.1)
    and in some clips.
    """
    assert network.spec.motion is not None
    size, count = len(batch.latents), batch.latents.shape[2]
    device = batch.latents.device
    rows = torch.rand(size, count, device=device) < mask
    rows[:, 0] = False
    rows |= torch.rand(size, 1, device=device) < BLANK_MOTION
    given = task(codec, batch, network.spec.motion.id_dim, hidden(batch.windows, rows.flatten()))
    return flow_loss(network, batch.latents, draw_levels(size, shift, device), given, channel_weight)


@dataclass
class Guided:
    """A frozen teacher with joint guidance for one batch."""

    teacher: CausalTransformer
    full: Task
    without_text: Task
    without_motion: Task
    text_weight: float
    motion_weight: float

    @classmethod
    def of(
        cls,
        teacher: CausalTransformer,
        codec: PocketCodec,
        batch: Batch,
        empty: Tensor,
        text_weight: float,
        motion_weight: float,
    ) -> Guided:
        """`empty` [1, L, D] are the text tokens of no prompt."""
        assert teacher.spec.motion is not None
        full = task(codec, batch, teacher.spec.motion.id_dim)
        nowhere = hidden(
            batch.windows, torch.ones(len(batch.windows.ids), dtype=torch.bool, device=empty.device)
        )
        still = task(codec, batch, teacher.spec.motion.id_dim, nowhere)
        silent = Task(full.first, empty.expand_as(full.text), full.motion)
        return cls(teacher, full, silent, still, text_weight, motion_weight)

    @torch.no_grad()
    def clean(self, noisy: Tensor, level: Tensor) -> Tensor:
        """The guided clean latents."""
        full, without_text, without_motion = (
            predict_clean(self.teacher, noisy, level, t)
            for t in (self.full, self.without_text, self.without_motion)
        )
        return joint_guidance(full, without_text, without_motion, self.text_weight, self.motion_weight)

    def sample(self, steps: int) -> Tensor:
        """A clip [B, C, T, h, w] in `steps` denoising steps."""
        first = self.full.first
        noisy = torch.randn(
            *first.shape[:2], self.full.motion.code.shape[2], *first.shape[2:], device=first.device
        )
        ladder = levels(steps)
        clean = noisy
        for level, following in zip(ladder, [*ladder[1:], 0.0], strict=True):
            clean = self.clean(noisy, torch.full((len(first),), level, device=first.device))
            noisy = euler(noisy, clean, level, following)
        return clean
