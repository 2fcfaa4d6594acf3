"""Makes the start pictures of the web demo: `python -m training.gallery FOLDER`. Each is a frame of the toy
world.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from training.world.clip import Clip, World, WorldObject

# Name of the file, prompt, scene, seed of the scene, and (object, x, y, size in pixels) with x, y in frame
# sizes.
PICTURES = (
    ("panda", "a panda in the meadow", "meadow", 3, (("panda", 0.36, 0.62, 78),)),
    (
        "beach-ball",
        "a soccer ball and a dog on the beach",
        "beach",
        4,
        (("dog", 0.68, 0.6, 76), ("soccer ball", 0.3, 0.74, 56)),
    ),
    (
        "rocket",
        "a rocket and a yellow star, night sky",
        "night",
        5,
        (("star", 0.74, 0.28, 56), ("rocket", 0.3, 0.6, 80)),
    ),
    (
        "reef",
        "a turtle and a fish, under water",
        "under water",
        6,
        (("fish", 0.7, 0.34, 66), ("turtle", 0.32, 0.6, 78)),
    ),
    ("road", "a car on the road", "road", 7, (("car", 0.34, 0.66, 80),)),
    (
        "penguin",
        "a penguin and a snowman in the snow",
        "snow",
        8,
        (("snowman", 0.72, 0.58, 80), ("penguin", 0.34, 0.64, 76)),
    ),
    (
        "desert",
        "a cactus and a fox in the desert",
        "desert",
        9,
        (("cactus", 0.76, 0.56, 80), ("fox", 0.36, 0.68, 72)),
    ),
    (
        "garden",
        "a butterfly and a sunflower, meadow",
        "meadow",
        11,
        (("sunflower", 0.66, 0.6, 82), ("butterfly", 0.32, 0.34, 66)),
    ),
    ("harbour", "a sailboat at sunset", "sunset", 12, (("sailboat", 0.42, 0.6, 82),)),
    (
        "picnic",
        "an apple, a banana and a cake in the meadow",
        "meadow",
        13,
        (("cake", 0.52, 0.48, 74), ("apple", 0.26, 0.7, 58), ("banana", 0.78, 0.68, 62)),
    ),
)


def main(folder: Path) -> None:
    """Writes the pictures as WebP and `index.json`: prompt → address in the page."""
    world = World()
    folder.mkdir(parents=True, exist_ok=True)
    listed = {}
    for name, prompt, scene, seed, things in PICTURES:
        still = np.zeros(1)
        objects = [
            WorldObject(
                thing,
                np.array([[x * world.width, y * world.height]]),
                still + size,
                still,
                still.astype(bool),
            )
            for thing, x, y, size in things
        ]
        clip = Clip(prompt, scene, objects, np.eye(2, 3)[None])
        frame = world.render(clip, np.random.default_rng(seed))[0].permute(1, 2, 0).numpy()
        Image.fromarray(frame).save(folder / f"{name}.webp", quality=92, method=6)
        listed[prompt] = f"/web/gallery/{name}.webp"
    (folder / "index.json").write_text(json.dumps(listed, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
