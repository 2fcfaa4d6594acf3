"""The student compared with its teacher: the same references, few steps against many, on the pixels that live.

The teacher is drawn as it says, the student as it is served and as it says.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flowbrush.models.cards.spec import StudentSpec
from flowbrush.models.loading.plain_pickle import NotPlain, load_plain
from flowbrush.models.motion_channels import FRAMES
from flowbrush.models.motion_latent import unpack
from flowbrush.models.pocket import PocketModel
from flowbrush.models.transformer import CausalTransformer
from flowbrush.training.config import TeacherConfig
from flowbrush.training.evaluation.live import HELD_OUT, noise_of
from flowbrush.training.evaluation.measures import LiveTally
from flowbrush.training.playback import batch_of, draw_made, draw_motion, roll_clip
from flowbrush.training.pool import reference_of
from flowbrush.training.run import MissingStage
from flowbrush.training.stages.base import fill_averages
from flowbrush.training.teacher import sample, teacher_spec
from flowbrush.training.world.living import LivingWorld

STEPS = 12  # of the teacher
KINDS = ("teacher", "student", "student_as_it_says", "bypassed")


def load_teacher(path: Path, student: StudentSpec) -> CausalTransformer:
    """The averaged teacher in a checkpoint of the stage `teacher`, or in a file of its averages alone. Its chunk is the stretch
    that it has learned. Raises ValueError.
    """
    try:
        state = load_plain(path)
        averages = state.get("optimisers", {}).get("teacher", state)
        latent_frames = int(state.get("latent_frames", TeacherConfig.latent_frames))
        network = CausalTransformer(teacher_spec(student, latent_frames))
        fill_averages(network, averages)
    except OSError as error:
        raise ValueError(f"--teacher: {path} cannot be read ({error.strerror})") from error
    except MissingStage as error:
        raise ValueError(f"--teacher: {path} is no teacher of this model's size: {error}") from error
    except Exception as error:
        why = error if isinstance(error, NotPlain) else f"{type(error).__name__}: {error}"
        raise ValueError(
            f"--teacher: {path} is no checkpoint of a teacher ({why}): expected what "
            "`flowbrush train teacher` saves, RUN/teacher/checkpoint.pt"
        ) from error
    return network.eval().requires_grad_(False)


class TeacherComparison:
    """Tallies of both on the same references, clips as long as the stretches that the teacher has learned."""

    def __init__(
        self, model: PocketModel, steps: int, size: tuple[int, int], teacher: CausalTransformer
    ) -> None:
        self.model, self.steps, self.teacher, self.world = model, steps, teacher, LivingWorld(*size)
        self.tallies = {kind: LiveTally() for kind in KINDS}

    def clip(self, seed: int) -> None:
        """Counts one clip."""
        model, frames = self.model, self.teacher.spec.chunk * FRAMES
        clip = self.world.make(np.random.default_rng([HELD_OUT, seed]), frames)
        truth = clip.frames.float() / 255
        with noise_of(seed):
            made = roll_clip(model.student, model.codec, model.text, clip, self.steps)
        with noise_of(seed):
            batch = batch_of(clip, model.codec, model.text, model.student.spec.latent_channels)
            taught = sample(self.teacher, batch, STEPS)[0]
        rigid = reference_of(clip).frames.flatten(0, 1)
        said = [draw_motion(clip, unpack(latents), model.light) for latents in (taught, made)]
        shown = [said[0], draw_made(clip, made, model.light), said[1]]
        for tally, pictures in zip(self.tallies.values(), (*shown, rigid), strict=True):
            tally.add(pictures, rigid, truth)

    def report(self) -> dict[str, dict[str, float]]:
        return {kind: tally.report() for kind, tally in self.tallies.items()}
