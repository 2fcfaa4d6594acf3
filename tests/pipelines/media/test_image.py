"""Start images are cut to the model's shape."""

from __future__ import annotations

import numpy as np
import pytest

from flowbrush.pipelines.media.image import fit_image


def test_values_go_from_minus_one_to_one() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, :, 0] = 255
    fitted = fit_image(image, 30, 20)
    assert fitted.shape == (1, 3, 20, 30)
    assert float(fitted[:, 0].min()) == 1.0 and float(fitted[:, 1:].max()) == -1.0


@pytest.mark.parametrize(("height", "width"), [(100, 400), (400, 100), (7, 9)])
def test_any_shape_is_cut_around_its_centre(height: int, width: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    image[height // 3 : -(height // 3), width // 3 : -(width // 3)] = 255
    fitted = fit_image(image, 40, 30)
    assert fitted.shape == (1, 3, 30, 40)
    assert float(fitted[0, 0, 15, 20]) > 0.9


@pytest.mark.parametrize(
    "bad", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), float)]
)
def test_what_is_no_picture_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="RGB uint8"):
        fit_image(bad, 40, 30)
