"""Arithmetic on pictures for the search for text: the second place that knows OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


# A process that cleans is one core; who wants more says `--workers`.
cv2.setNumThreads(1)

FINEST = 3.0
"""Sigma of a Gaussian that a grid still holds."""


def blurred(plane: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Smooth (rows, columns) by a Gaussian of some `sigma` pixels, on a coarser grid."""
    rows, columns = plane.shape
    step = max(round(sigma / FINEST), 1)
    if step == 1:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), FINEST), np.float32)
    grid = (max(columns // step, 1), max(rows // step, 1))
    coarse = cv2.GaussianBlur(cv2.resize(plane, grid, interpolation=cv2.INTER_AREA), (0, 0), FINEST)
    return np.asarray(cv2.resize(coarse, (columns, rows)), np.float32)


def least(plane: NDArray[Any], side: int) -> NDArray[Any]:
    """Give the least value in a square of so many pixels around each pixel."""
    return np.asarray(cv2.erode(plane, np.ones((side, side), np.uint8)), plane.dtype)


def greatest(plane: NDArray[Any], side: int) -> NDArray[Any]:
    """Give the greatest value in a square of so many pixels around each pixel."""
    return np.asarray(cv2.dilate(plane, np.ones((side, side), np.uint8)), plane.dtype)


def scaled(picture: NDArray[np.uint8], columns: int, rows: int) -> NDArray[np.uint8]:
    """Enlarge smoothly, or shrink without losing thin strokes."""
    shrinks = rows * columns < picture.shape[0] * picture.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (columns, rows), interpolation=how), np.uint8)


def patches(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """
    Tell connected patches apart.

    Returns
    -------
    ndarray
        (rows, columns): 0 outside, else the patch's number.
    ndarray
        (patches, 4): left, top, columns and rows of patch 1, 2, ...

    """
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels, np.int32), np.asarray(boxes[1:, :4], np.int32)


def tilted(
    mask: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Give the least rectangle around a mask: centre, long side to the right, short side; x, y."""
    points = np.argwhere(mask)[:, ::-1].astype(np.float32)
    centre, sides, angle = cv2.minAreaRect(points)
    radians = np.deg2rad(angle)
    along = np.array([np.cos(radians), np.sin(radians)], np.float32)
    length, height = sides[0] + 1, sides[1] + 1
    if length < height:
        length, height, along = height, length, np.array([along[1], -along[0]], np.float32)
    if along[0] < 0:
        along = -along
    across = np.array([-along[1], along[0]], np.float32)
    return np.asarray(centre, np.float32) + 0.5, along * length, across * height


def straightened(
    picture: NDArray[np.uint8], corners: NDArray[Any], columns: int, rows: int
) -> NDArray[np.uint8]:
    """Cut a quadrilateral out (top left, top right, bottom right, bottom left) and lay it flat."""
    target = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    flat = cv2.warpPerspective(
        picture, matrix, (columns, rows), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(flat, np.uint8)
