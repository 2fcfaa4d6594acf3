"""A camera in space, as vLLM-Omni's clients steer it, as one that pans, zooms and rolls over a picture.

The scene is taken to stand one unit in front of the camera, whose picture is one unit wide there: a unit to the right is a frame's
width, an angle is as far as the arc at that distance, and a unit forward makes everything e times as large. Rotation about the
axis of view is roll.
"""

from __future__ import annotations

import math

from flowbrush.controls import CameraSet
from flowbrush.server.realtime.client_messages import Camera, Quaternion, Vector

LATENT_FRAMES = 4
"""Frames of the picture for which a velocity is applied once."""


def camera_set(camera: Camera, fps: float, aspect: float) -> CameraSet:
    """The control that does this to a picture of `aspect` heights in a width.

    Raises ValidationError for what is too far, or too fast.
    """
    rate = fps / LATENT_FRAMES if camera.mode == "velocity" else 1.0
    right, up, forward = (rate * each for each in camera.data.translation)
    pitch, yaw, roll = (rate * each for each in turned(camera.data.rotation))  # about right, up, forward
    control = {
        "mode": camera.mode,
        "pan": (right + yaw, (pitch - up) * aspect),
        "zoom": forward / math.log(2.0),
        "roll": -math.degrees(
            roll
        ),  # about the axis of view the scene's +X turns to +Y, which is anticlockwise
    }
    return CameraSet.model_validate(control)


def turned(rotation: Quaternion) -> Vector:
    """The rotation as its axis times its angle (radians, at most half a turn)."""
    size = math.hypot(*rotation)
    x, y, z, w = (each / size for each in rotation)
    if w < 0:  # the same rotation, the short way round
        x, y, z, w = -x, -y, -z, -w
    sine = math.hypot(x, y, z)
    scale = 2.0 if sine < 1e-9 else 2.0 * math.atan2(sine, w) / sine
    return x * scale, y * scale, z * scale
