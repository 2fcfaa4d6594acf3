"""Joint guidance by text and motion (MotionStream §3.1, eq. 2), for teachers."""

from __future__ import annotations

from torch import Tensor


def joint_guidance(
    full: Tensor, without_text: Tensor, without_motion: Tensor, text_weight: float, motion_weight: float
) -> Tensor:
    """Three predictions of one network, given both conditions or all but one, combined into the guided
    one.

    They may be velocities or clean latents, all of one shape: the factors add up to 1, so either gives the
    same. Raises ValueError unless the weights are not negative and not both 0.
    """
    if min(text_weight, motion_weight) < 0 or text_weight + motion_weight == 0:
        raise ValueError(
            f"guidance weights {text_weight:g} (text) and {motion_weight:g} (motion): "
            "expected none below 0 and not both 0"
        )
    share = text_weight / (text_weight + motion_weight)
    base = share * without_text + (1 - share) * without_motion
    return base + text_weight * (full - without_text) + motion_weight * (full - without_motion)
