"""
The two networks, run on this machine's processor: the only place that knows onnxruntime.

Their weights, PP-OCRv6-small, lie in the installed package `rapidocr`; none of its code is run.
They are loaded when the first picture is looked at, and once a process.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from img_ingestion.errors import NotDeidentified, SettingsError, turned_into

if TYPE_CHECKING:
    from numpy.typing import NDArray

DETECTOR, RECOGNISER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
STRIDE = 32
"""The detector halves a picture five times."""
LETTER_HEIGHT = 48
"""Rows of the line that the recogniser reads."""


def require() -> None:
    """
    See whether the networks are there, without loading them.

    Raises
    ------
    SettingsError
        Something is not installed; says what.

    """
    for package in ("onnxruntime", "rapidocr"):
        if find_spec(package) is None:
            raise SettingsError(_advice(f"{package} is not installed"))
    for name in (DETECTOR, RECOGNISER):
        if not _weights(name).is_file():
            raise SettingsError(_advice(f"{name} is missing from the package rapidocr"))


def text_likelihood(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """
    Say of each pixel how likely it belongs to text.

    Parameters
    ----------
    picture : ndarray
        (rows, columns, 3), 8 bits.

    Returns
    -------
    ndarray
        (rows, columns), 0 to 1.

    """
    rows, columns = picture.shape[:2]
    below, beside = -rows % STRIDE, -columns % STRIDE
    padded = np.pad(picture, ((0, below), (0, beside), (0, 0)), mode="edge")
    found = _run(DETECTOR, _planes(padded)[np.newaxis])
    return np.asarray(found[0, 0, :rows, :columns], np.float32)


def reading(line: NDArray[np.uint8]) -> tuple[str, float]:
    """
    Read an upright line of text.

    Parameters
    ----------
    line : ndarray
        (48, columns, 3), 8 bits.

    Returns
    -------
    str, float
        What stands there, and how sure that is: the mean over its letters, 0 to 1.

    """
    return _spelled(_run(RECOGNISER, _planes(line)[np.newaxis])[0])


def _planes(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give what the networks were trained on: (3, rows, columns), -1 to 1."""
    levels = np.float32(2 / 255) * picture.astype(np.float32) - np.float32(1)
    return np.ascontiguousarray(levels.transpose(2, 0, 1))


def _spelled(steps: NDArray[np.float32]) -> tuple[str, float]:
    """Read (steps, 1 + letters): the likeliest of each step, repeats and blanks left out."""
    letters = _alphabet()
    likeliest = steps.argmax(axis=1)
    kept = [
        step
        for step, letter in enumerate(likeliest)
        if letter and (step == 0 or letter != likeliest[step - 1])
    ]
    sure = steps.max(axis=1)[kept].mean() if kept else 0.0
    return "".join(letters[likeliest[step]] for step in kept), float(sure)


def _run(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    with turned_into(NotDeidentified, "looking for text"):
        found = _session(name).run(None, {"x": values})[0]
        return np.asarray(found, np.float32)


@cache
def _session(name: str) -> Any:  # noqa: ANN401 - onnxruntime has no types
    # From 1.29 on onnxruntime reports to its maker unless told not to; the pin is below that,
    # and this holds where somebody has lifted it.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 - a pass without pictures does not load it

    options = onnxruntime.SessionOptions()
    # One thread: the pass decides how many processes work. Memory is kept between the tiles; to
    # give it back costs a fourth of the time.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        _weights(name).read_bytes(), options, providers=["CPUExecutionProvider"]
    )


@cache
def _alphabet() -> tuple[str, ...]:
    """Give the recogniser's letters by number; 0 is the blank, the last one the space."""
    listed = _session(RECOGNISER).get_modelmeta().custom_metadata_map["character"]
    return ("", *listed.splitlines(), " ")


def _weights(name: str) -> Path:
    found = find_spec("rapidocr")
    if found is None or found.origin is None:
        raise SettingsError(_advice("rapidocr is not installed"))
    return Path(found.origin).parent / "models" / name


def _advice(what: str) -> str:
    return (
        f'{what}: text in the pixels cannot be looked for. Run "pip install -r requirements.txt"'
        ' with the Python that starts this program, or choose [pixels] policy = "rules".'
    )
