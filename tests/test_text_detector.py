"""Text that stands in the stored values is found and hidden, and the search stays at home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from img_ingestion.deidentify import pixels
from img_ingestion.deidentify.pixels import clean, search
from img_ingestion.deidentify.pixels.hide import hide
from img_ingestion.deidentify.pixels.rules import Box, PixelRule
from img_ingestion.deidentify.pixels.text import Wanted, models, still_readable
from img_ingestion.deidentify.pixels.text.along import whole_lines
from img_ingestion.deidentify.pixels.text.changes import changed
from img_ingestion.deidentify.pixels.text.deciding import decided
from img_ingestion.deidentify.pixels.text.harmless import objection
from img_ingestion.deidentify.pixels.text.likelihood import closer, likelihood
from img_ingestion.deidentify.pixels.text.lines import Line, lines
from img_ingestion.deidentify.pixels.text.parts import merged, parts
from img_ingestion.deidentify.pixels.text.reading import Reading, is_line, is_text
from img_ingestion.deidentify.pixels.text.views import surroundings
from img_ingestion.errors import NotVerified, SettingsError
from img_ingestion.instance import Identifiers, Region
from img_ingestion.pixel_data import frames
from img_ingestion.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from tests.conftest import MakeDataset

ROOT = Path(__file__).parents[1]
NAME = "QUILLFEATHER ZEBEDEE"


def ink(
    rows: int, columns: int, text: str = NAME, at: tuple[int, int] = (20, 60)
) -> NDArray[np.bool_]:
    """Give where the strokes of a text are, (rows, columns) of bool."""
    page = np.zeros((rows, columns), np.uint8)
    cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1, cv2.LINE_8)
    strokes: NDArray[np.bool_] = page > 0
    return strokes


def noise(rows: int, columns: int) -> NDArray[np.int64]:
    """Give grey tissue without text: 900 to 1100."""
    values = np.random.default_rng(1).normal(0, 1, (rows, columns))
    smooth = cv2.GaussianBlur(values, (0, 0), 6)
    return np.asarray(1000 + smooth * 100 / np.abs(smooth).max(), np.int64)


def image(make_dataset: MakeDataset, *pictures: NDArray[Any], **elements: object) -> Dataset:
    """Make a 12-bit image of these frames."""
    rows, columns = pictures[0].shape
    data = np.stack(pictures).astype("<u2").tobytes()
    return make_dataset(
        Rows=rows, Columns=columns, NumberOfFrames=len(pictures), PixelData=data, **elements
    )


def left_over(dataset: Dataset, strokes: NDArray[np.bool_], frame: int = 0) -> float:
    """Give the share of the strokes that is not black now, or stands beside what is not."""
    values = list(frames(dataset, Limits()))[frame][..., 0]
    black = 4095 if dataset.PhotometricInterpretation == "MONOCHROME1" else 0
    seen = cv2.dilate((values != black).astype(np.uint8), np.ones((3, 3))) > 0
    return float(seen[strokes].mean())


@pytest.mark.parametrize(
    ("level", "window"),
    [
        pytest.param(2000, (1000, 400), id="white"),
        pytest.param(0, (1000, 400), id="black"),
        pytest.param(4000, (1000, 400), id="above the window"),
        pytest.param(1100, (3000, 100), id="below the window"),
    ],
)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_name_is_hidden_wherever_its_values_lie(
    make_dataset: MakeDataset, level: int, window: tuple[int, int], photometric: str
) -> None:
    picture, strokes = noise(160, 400), ink(160, 400)
    picture[strokes] = level
    dataset = image(
        make_dataset,
        picture,
        WindowCenter=window[0] - 1024,
        WindowWidth=window[1],
        PhotometricInterpretation=photometric,
    )
    cleaned = clean(dataset, (), "all", Limits())
    assert cleaned.regions
    assert left_over(dataset, strokes) < 0.05


def test_a_name_above_a_flat_patch_beyond_the_window_is_hidden(make_dataset: MakeDataset) -> None:
    picture, strokes = noise(160, 400), ink(160, 400)
    picture[35:75, 10:380] = 3900
    picture[strokes] = 4000
    dataset = image(make_dataset, picture, WindowCenter=-24, WindowWidth=400)
    clean(dataset, (), "all", Limits())
    assert left_over(dataset, strokes) < 0.05


def test_letters_of_a_quarter_of_the_picture_are_hidden(make_dataset: MakeDataset) -> None:
    page = np.zeros((300, 700), np.uint8)
    cv2.putText(page, "ZEBEDEE", (40, 190), cv2.FONT_HERSHEY_SIMPLEX, 4, 255, 14, cv2.LINE_AA)
    picture = noise(300, 700)
    picture[page > 0] = 2000
    dataset = image(make_dataset, picture)
    clean(dataset, (), "all", Limits())
    assert left_over(dataset, page > 0) < 0.05


@pytest.mark.parametrize("turns", [1, 3])
def test_a_name_that_runs_up_or_down_is_hidden(make_dataset: MakeDataset, turns: int) -> None:
    picture, strokes = np.rot90(noise(160, 400), turns).copy(), np.rot90(ink(160, 400), turns)
    picture[strokes] = 2000
    dataset = image(make_dataset, picture)
    clean(dataset, (), "all", Limits())
    assert left_over(dataset, strokes) < 0.05


@pytest.mark.parametrize("degrees", [12, -20, 40])
def test_a_slanted_name_is_hidden(make_dataset: MakeDataset, degrees: int) -> None:
    turn = cv2.getRotationMatrix2D((200, 150), degrees, 1)
    page = ink(300, 400, at=(70, 150)).astype(np.uint8) * 255
    strokes = cv2.warpAffine(page, turn, (400, 300)) > 100
    picture = noise(300, 400)
    picture[strokes] = 2000
    dataset = image(make_dataset, picture)
    clean(dataset, (), "all", Limits())
    assert left_over(dataset, strokes) < 0.05


def test_a_name_that_has_grown_together_with_the_anatomy_is_hidden(
    make_dataset: MakeDataset,
) -> None:
    """The detector marks the outlines and the name as one patch, far too large for a line."""
    picture, strokes = noise(400, 400), ink(400, 400, at=(90, 210))
    for axes in ((60, 90), (110, 50), (150, 150)):
        outline = np.zeros((400, 400), np.uint8)
        cv2.ellipse(outline, (200, 200), axes, 20, 0, 360, 1, 3)
        picture[outline > 0] += 300
    picture[strokes] = 2000
    dataset = image(make_dataset, picture)
    clean(dataset, (), "all", Limits())
    assert left_over(dataset, strokes) < 0.05


def test_a_name_in_the_second_frame_only_is_hidden(make_dataset: MakeDataset) -> None:
    first, second, strokes = noise(160, 400), noise(160, 400), ink(160, 400)
    second[strokes] = 2000
    dataset = image(make_dataset, first, second, first)
    clean(dataset, (), "all", Limits())
    assert left_over(dataset, strokes, frame=1) < 0.05


def test_a_part_that_does_not_change_is_looked_at_once_and_every_other_part_is_seen() -> None:
    still = np.zeros((300, 500, 1), np.uint8)
    moving = still.copy()
    moving[200, 450] = 1
    looked_at = [(number, part) for number, _, part in changed([still, still, moving, still])]
    assert [number for number, _ in looked_at] == [3, 4]
    for _, part in looked_at:
        assert part.left <= 450 - 64 < 450 + 49 < part.right
        assert part.top <= 200 - 64 < 200 < part.bottom
        assert part.right - part.left < 300


def test_what_overlaps_is_looked_at_once() -> None:
    marked = np.zeros((640, 640), np.bool_)
    marked[10, 10] = marked[10, 140] = marked[600, 600] = True
    assert sorted(parts(marked, 64), key=lambda box: box.left) == [
        Box(0, 0, 256, 128),
        Box(512, 512, 640, 640),
    ]
    assert merged([Box(0, 0, 10, 10), Box(2, 2, 8, 8), Box(0, 40, 10, 50)]) == [
        Box(0, 0, 10, 10),
        Box(0, 40, 10, 50),
    ]


def test_only_what_may_be_print_is_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.full((320, 640, 3), 60, np.uint8)
    picture[ink(320, 640)] = 200
    sizes = []
    look = models.text_likelihood

    def noted(part: NDArray[np.uint8]) -> NDArray[np.float32]:
        sizes.append(part.shape[:2])
        return look(part)

    monkeypatch.setattr(models, "text_likelihood", noted)
    seen = closer(picture, likelihood(picture), 1.5)
    assert seen.shape == (480, 960)
    assert seen[60:90, 60:300].max() > 0.9
    assert sizes[0] == (320, 640)
    assert sum(rows * columns for rows, columns in sizes[1:]) < seen.size / 2


def test_lines_that_begin_where_two_tiles_meet_are_lines_each() -> None:
    page = np.full((300, 1300), 120, np.uint8)
    page[60:260, 994:1246] = 255
    for number, text in enumerate(("DOE JANE", "36802128", "16-02-1958")):
        at = (1006, 100 + 50 * number)
        cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 0, 2, cv2.LINE_AA)
    found = lines(np.repeat(page[..., np.newaxis], 3, axis=2))
    assert len(found) == 3
    assert all(line.length > 3 * line.height for line in found)


def test_without_text_no_pixel_changes(make_dataset: MakeDataset) -> None:
    dataset = image(make_dataset, noise(160, 400))
    before = dataset.PixelData
    assert clean(dataset, (), "all", Limits()).regions == ()
    assert dataset.PixelData == before


def test_a_device_rule_does_not_switch_the_search_off(make_dataset: MakeDataset) -> None:
    picture, strokes = noise(160, 400), ink(160, 400)
    picture[strokes] = 2000
    dataset = image(make_dataset, picture)
    elsewhere = PixelRule("a device", 7, "burned_in", (), hide=(Box(300, 120, 320, 140),))
    cleaned = clean(dataset, (elsewhere,), "all", Limits())
    assert {region.found_by for region in cleaned.regions} == {"a device", "text"}
    assert left_over(dataset, strokes) < 0.05


def test_the_second_look_sees_the_name_before_and_nothing_after(make_dataset: MakeDataset) -> None:
    picture = noise(160, 400)
    picture[ink(160, 400)] = 2000
    dataset = image(make_dataset, picture)
    wanted = Wanted(unread=True)
    assert still_readable(dataset, Limits(), wanted, ())
    clean(dataset, (), "all", Limits())
    assert still_readable(dataset, Limits(), wanted, ()) == ()


def _nothing(_: Dataset, regions: Sequence[Region], __: Limits) -> tuple[Region, ...]:
    return tuple(regions)


def _half(dataset: Dataset, regions: Sequence[Region], limits: Limits) -> tuple[Region, ...]:
    left = [one._replace(right=(one.left + one.right) // 2) for one in regions]
    hide(dataset, left, limits)
    return tuple(regions)


@pytest.mark.parametrize("broken", [_nothing, _half])
def test_a_name_that_hiding_leaves_holds_the_file(
    make_dataset: MakeDataset,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[Dataset, Sequence[Region], Limits], tuple[Region, ...]],
) -> None:
    picture = noise(160, 400)
    picture[ink(160, 400)] = 2000
    for hiding in (pixels, search):
        monkeypatch.setattr(hiding, "hide", broken)
    with pytest.raises(NotVerified):
        clean(image(make_dataset, picture), (), "all", Limits())


def test_small_print_in_a_patch_far_beyond_the_picture_is_hidden(make_dataset: MakeDataset) -> None:
    picture, strokes = noise(160, 400), ink(160, 400)
    picture[42:66, 16:300] = 3900
    picture[strokes] = 3985
    dataset = image(make_dataset, picture)
    clean(dataset, (), "all", Limits())
    assert left_over(dataset, strokes) < 0.05


def test_ink_on_a_ground_of_one_value_is_shown_however_little_it_differs() -> None:
    picture = noise(160, 400)
    picture[:, ::80] = 4095
    picture[42:66, 16:300] = 1300
    picture[48:60, 30:280:9] = 1340
    shown = surroundings(picture[..., np.newaxis].astype(np.float32))[..., 2]
    assert (shown[48:60, 30:280:9] > 250).all()
    assert (shown[48:60, 31:280:9] < 130).all()


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_is_hidden_as_far_as_its_ink_goes(*, turned: bool) -> None:
    picture = noise(100, 400)
    picture[ink(100, 400)] = 2000
    picture[10, 300:] = 2000
    part = Box(1000, 2000, 1400, 2100)
    found = Region(1100, 2042, 1180, 2066, "text")
    if turned:
        picture, part = picture.T, Box(2000, 1000, 2100, 1400)
        found = Region(2042, 1100, 2066, 1180, "text")
    (whole,) = whole_lines([found], picture.astype(np.float32), part)
    ends = (whole.top, whole.bottom) if turned else (whole.left, whole.right)
    columns = 1000 + np.flatnonzero(ink(100, 400).any(axis=0))
    assert ends[0] <= columns[0]
    assert columns[-1] < ends[1] <= columns[-1] + 10
    across = (whole.left, whole.right) if turned else (whole.top, whole.bottom)
    assert across == (2042, 2066)


def test_the_border_of_a_film_is_no_rest_of_a_line() -> None:
    picture = noise(100, 400)
    picture[50:54] = 2000
    found = Region(100, 42, 180, 66, "text")
    assert list(whole_lines([found], picture.astype(np.float32), Box(0, 0, 400, 100))) == [found]


@pytest.mark.parametrize("at", [(2, 14), (190, 158)])
def test_a_name_at_the_border_of_a_flat_page_is_hidden(
    make_dataset: MakeDataset, at: tuple[int, int]
) -> None:
    picture, strokes = np.full((160, 400), 3000), ink(160, 400, at=at)
    picture[strokes] = 200
    dataset = image(make_dataset, picture)
    clean(dataset, (), "all", Limits())
    assert left_over(dataset, strokes) < 0.05


def test_a_line_of_any_script_is_told_from_a_mark() -> None:
    assert is_line(Line(10, 10, 90, 30, score=0.92))
    assert not is_line(Line(10, 10, 40, 30, score=0.92))
    assert not is_line(Line(10, 10, 90, 30, score=0.6))
    assert not is_text(Reading("", 0.0), Line(10, 10, 90, 30, score=0.8))
    assert is_text(Reading("XY", 0.8), Line(10, 10, 30, 30, score=0.7))
    assert not is_text(Reading("XY", 0.8), Line(10, 10, 30, 30, score=0.6))


def test_a_short_line_that_is_sure_is_hidden_unread_on_every_kind_of_image() -> None:
    page, whole = np.zeros((200, 200, 3), np.uint8), Box(0, 0, 200, 200)
    short, long = Line(20, 20, 70, 40, score=0.95), Line(20, 20, 90, 40, score=0.75)
    for unread in (True, False):
        wanted = Wanted(unread=unread)
        assert decided((page,), [short], whole, wanted).hidden
        assert bool(decided((page,), [long], whole, wanted).hidden) is unread


def test_what_goes_on_with_a_line_is_of_that_line() -> None:
    name = Line(10, 10, 90, 30, score=0.9)
    assert Line(94, 11, 106, 29, score=0.9).follows(name)
    assert not Line(94, 40, 106, 58, score=0.9).follows(name)
    assert not Line(120, 11, 132, 29, score=0.9).follows(name)
    upwards = Line(10, 10, 30, 90, score=0.9)
    assert Line(11, 94, 29, 106, score=0.9).follows(upwards)
    assert not Line(34, 40, 46, 58, score=0.9).follows(upwards)


def test_a_part_of_a_line_is_as_high_as_the_line() -> None:
    name = Line(10, 10, 90, 30, score=0.9)
    assert Line(114, 11, 126, 29, score=0.3).is_torn_from(name)
    assert not Line(134, 11, 146, 29, score=0.3).is_torn_from(name)
    assert not Line(94, 5, 140, 60, score=0.3).is_torn_from(name)
    assert not Line(94, 17, 99, 22, score=0.3).is_torn_from(name)


def test_a_letter_alone_says_of_nobody_who_it_is() -> None:
    assert not is_text(Reading("L", 0.99), Line(10, 10, 30, 30, score=0.9))


def test_two_letters_that_fill_a_tiny_picture_are_what_it_shows(make_dataset: MakeDataset) -> None:
    picture, strokes = np.full((24, 48), 900), ink(24, 48, "TS", at=(10, 18))
    picture[strokes] = 2000
    assert not clean(image(make_dataset, picture), (), "all", Limits()).regions


def test_the_same_picture_gives_the_same_regions(make_dataset: MakeDataset) -> None:
    picture = noise(160, 400)
    picture[ink(160, 400)] = 2000
    first, second = (
        clean(image(make_dataset, picture), (), "all", Limits()).regions for _ in range(2)
    )
    assert first == second


def _program(code: str, *, strace: tuple[str, ...] = (), home: Path) -> str:
    done = subprocess.run(
        [*strace, sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "HOME": str(home), "TMPDIR": str(home)},
    )
    return done.stdout + done.stderr


LOOK = """
import numpy
from img_ingestion.deidentify.pixels.text import models
models.text_likelihood(numpy.zeros((64, 64, 3), numpy.uint8))
models.reading(numpy.zeros((48, 96, 3), numpy.uint8))
"""


def test_looking_writes_no_file_and_calls_nobody(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    home = tmp_path / "home"
    home.mkdir()
    watch = ("strace", "-f", "-qq", "-o", str(trace), "-e", "trace=%file,%network")
    assert _program(LOOK, strace=watch, home=home) == ""
    assert list(home.rglob("*")) == []
    lines = trace.read_text(errors="replace").splitlines()
    assert any("PP-OCRv6_det" in line for line in lines)
    writing = ("O_WRONLY", "O_RDWR", "O_CREAT", "mkdir", "rename", "unlink", "symlink")
    written = [
        line for line in lines if any(word in line for word in writing) and "= -1" not in line
    ]
    assert not [
        line
        for line in written
        if "/dev/" not in line and ".pyc" not in line and "__pycache__" not in line
    ]
    calling = ("connect(", "sendto(", "sendmsg(", "resolv.conf")
    assert not [line for line in lines if any(word in line for word in calling)]


def test_the_networks_are_not_loaded_before_a_picture_is_there(tmp_path: Path) -> None:
    code = (
        "import sys; from img_ingestion.deidentify import require; "
        "from img_ingestion.settings import Settings; require(Settings()); "
        "print('onnxruntime' in sys.modules)"
    )
    assert _program(code, home=tmp_path).strip() == "False"


def test_a_missing_network_is_told_before_any_file_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from img_ingestion.deidentify import require  # noqa: PLC0415 - beside what it is asked for
    from img_ingestion.deidentify.pixels.text import models  # noqa: PLC0415
    from img_ingestion.settings import Pixels, Settings  # noqa: PLC0415

    (tmp_path / "rapidocr").mkdir()
    (tmp_path / "rapidocr" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert models.DETECTOR
    with pytest.raises(SettingsError, match="pip install -r"):
        require(Settings())
    require(Settings(pixels=Pixels(policy="rules")))


OWN = Identifiers(
    names=frozenset({"sag", "quillfeather"}),
    numbers=frozenset({"120400"}),
    dates=frozenset({"19510723"}),
)


@pytest.mark.parametrize(
    "text",
    [
        "L",
        "AP",
        "PA LAT",
        "LAO30",
        "MI 0.8",
        "TIS 0.4",
        "Fr 32 Hz",
        "15cm",
        "Gain 60%",
        "120 kVp",
        "W 400 L 40",
        "W400L40",
        "2D",
        "HGen",
        "C 61",
        "FOV 24cm",
        "10 mm",
        "85 mA",
        "THK 5.0",
        "Zoom 1.2",
        "+ Dist 1.43 cm",
        "SUPINE",
        "MI0.8 TIS0.4",
        "F0V 24cm",
        "LA0 30",
        "SUP INE",
    ],
)
def test_sides_scales_and_technique_are_harmless(text: str) -> None:
    assert objection(Reading(text, 0.95), OWN) == ""
    assert objection(Reading(text, 0.6), OWN)


@pytest.mark.parametrize(
    "text",
    [
        "QUILLFEATHER",
        "SAG",
        "Sag 2D",
        "07/23/51",
        "23.07.1951",
        "1951-07-23",
        "23 Jul 1951",
        "05:32:55",
        "12345678",
        "A1234567",
        "LI",
        "Name: LI, E.",
        "120 400",
        "W 120 L 400",
        "DR MALL",
        "MRN 1234",
        "ST MARY HOSPITAL",
        "Tel 348 052",
        "448 Oak Ave",
        "1951",
        "+49 962 7178039",
        "125-98-445",
        "DOB 3 4 51",
        "10.12.20",
        "3/2",
        "李娜",
        "W 120 L 401",
        "23 07 51",
        "+49 721",
    ],
)
def test_whatever_is_not_known_to_be_harmless_is_hidden(text: str) -> None:
    assert objection(Reading(text, 0.99), OWN)


def test_identifiers_hides_the_name_and_keeps_the_measure(make_dataset: MakeDataset) -> None:
    name, measure = ink(200, 400, at=(20, 50)), ink(200, 400, "+ Dist 1.43 cm", at=(120, 150))
    picture = noise(200, 400)
    picture[name | measure] = 2000
    dataset = image(make_dataset, picture)
    clean(dataset, (), "identifiers", Limits(), Identifiers(names=frozenset({"quillfeather"})))
    assert left_over(dataset, name) < 0.05
    assert left_over(dataset, measure) > 0.95
