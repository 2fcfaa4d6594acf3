"""Start images: any picture, cut to the model's shape."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from flowbrush.pipelines.requests import Frames


def fit_image(image: Frames, width: int, height: int) -> Tensor:
    """RGB uint8 [H, W, 3] → [1, 3, height, width] in -1..1, scaled and centre-cropped."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"a start image must be RGB uint8 [H, W, 3], not {image.dtype} {list(image.shape)}")
    picture = ImageOps.fit(Image.fromarray(image), (width, height), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    return pixels.float().div(127.5).sub(1)
