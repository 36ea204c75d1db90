"""Images of single discs, rotated to horizontal, with the heat map of a grade."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.discs import Disc, DiscGrade, GradeName
from spinealign.imaging.render import heat_colours
from spinealign.lumbar.crops import CROP_SHAPE


def disc_picture(
    grey: NDArray[np.uint8],
    disc: Disc,
    heatmap: NDArray[np.float32] | None = None,
    enlargement: float = 2.0,
) -> NDArray[np.uint8]:
    """Cut one disc with its neighbours out of a picture: front to the left, sacrum below.

    Parameters
    ----------
    grey : ndarray of uint8, shape (H, W)
        The whole image, from `imaging.render.to_display`.
    heatmap : ndarray of float32, shape (h, w), optional
        0..1 over the crop, such as `DiscGrade.heatmap`; laid over the picture.
    enlargement : float
        Picture pixels that a pixel of the network's crop becomes, along each axis.

    Returns
    -------
    ndarray of uint8, shape (h', w', 3)
        Red, green, blue; the crop's shape times `enlargement`.
    """
    rows, cols = (round(side * enlargement) for side in CROP_SHAPE)
    cut = cv2.warpAffine(
        grey,
        _to_image(disc, enlargement),
        (cols, rows),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    picture = cv2.cvtColor(cut, cv2.COLOR_GRAY2RGB)
    if heatmap is None:
        return np.asarray(picture, np.uint8)
    larger = cv2.resize(heatmap, (cols, rows), interpolation=cv2.INTER_LINEAR)
    colours = heat_colours(np.asarray(larger, np.float32))
    alpha = colours[..., 3:].astype(np.float32) / 255
    return np.asarray(np.rint(picture * (1 - alpha) + colours[..., :3] * alpha), np.uint8)


def leading_grade(disc: Disc) -> DiscGrade | None:
    """Return the grade that says most of a disc, or None without grades.

    The finding reported with the highest probability; without one, Pfirrmann's grade.
    """
    present = [g for g in disc.grades if g.name is not GradeName.PFIRRMANN and g.value is True]
    if present:
        return max(present, key=lambda grade: grade.probabilities[-1])
    return disc.grade(GradeName.PFIRRMANN)


def _to_image(disc: Disc, enlargement: float) -> NDArray[np.float64]:
    """Return the affine matrix (2, 3) from enlarged crop indices to image indices."""
    matrix = np.array(disc.crop_to_image, np.float64).reshape(2, 3)
    linear, offset = matrix[:, :2], matrix[:, 2]
    # The middle of a pixel lies half a pixel from its edge at either size.
    shift = np.full(2, 0.5 / enlargement - 0.5)
    return np.concatenate([linear / enlargement, (offset + linear @ shift)[:, None]], axis=1)
