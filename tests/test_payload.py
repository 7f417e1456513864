"""The contract's words are true of what is sent, or the image is held."""

from __future__ import annotations

import json
import tracemalloc
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from img_ingestion import payload, png_header
from img_ingestion.contract import request_fault
from img_ingestion.errors import NotDescribed
from img_ingestion.instance import ParcelImage
from img_ingestion.spliced import CHUNK
from img_ingestion.upload_body import checked, upload_body
from tests.delivering import SERIES, STUDY, fields, parcel, picture, png

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from img_ingestion.instance import Picture

UIDS = st.integers(0, 2**128 - 1).map(lambda number: f"2.25.{number}")
CODES = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=1, max_size=16)
SHAPES = [(1, 8), (1, 16), (3, 8)]
PHOTOMETRIC = {1: ["MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"], 3: ["RGB", "YBR_FULL"]}


def clean(**elements: object) -> Dataset:
    """Give a clean data set as far as the payload looks at it."""
    dataset = Dataset()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.1", "2.25.2"
    dataset.SOPInstanceUID, dataset.SOPClassUID = "2.25.3", "1.2.840.10008.5.1.4.1.1.7"
    dataset.AccessionNumber, dataset.PatientID = "A1B2", "P1Q2"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Draw a true picture."""
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    samples, bits = draw(st.sampled_from(SHAPES))
    stored = draw(st.integers(2, bits))
    return picture(
        png=png(rows, columns, samples, bits),
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        photometric_interpretation=draw(st.sampled_from(PHOTOMETRIC[samples])),
        bits_allocated=bits,
        bits_stored=stored,
        high_bit=stored - 1,
        rescale_slope=float(draw(st.integers(1, 2**15))),
        rescale_intercept=draw(st.floats(-1e9, 1e9)),
    )


@given(
    picture=pictures(),
    uids=st.tuples(UIDS, UIDS, UIDS),
    codes=st.tuples(CODES, CODES),
    age=st.text("0123456789YMWDymwd .-/", max_size=6),
)
def test_every_body_that_we_make_keeps_the_contract(
    picture: Picture, uids: tuple[str, str, str], codes: tuple[str, str], age: str
) -> None:
    dataset = clean(
        StudyInstanceUID=uids[0],
        SeriesInstanceUID=uids[1],
        SOPInstanceUID=uids[2],
        AccessionNumber=codes[0],
        PatientID=codes[1],
    )
    dataset.add_new(0x00101010, "LO", age)
    body = {
        "study": payload.study_fields(dataset),
        "series": payload.series_fields(dataset),
        "images": [
            payload.image_fields(dataset, picture) | {"data": b64encode(picture.png).decode()}
        ],
    }
    assert request_fault(json.dumps(body, allow_nan=False).encode()) == ""


FALSE: dict[str, Callable[[Picture], object]] = {
    "rows": lambda one: one.rows + 1,
    "columns": lambda one: one.columns + 1,
    "samples_per_pixel": lambda one: 4 - one.samples_per_pixel,
    "photometric_interpretation": lambda one: (
        "YBR_FULL_422" if one.samples_per_pixel == 3 else "RGB"
    ),
    "bits_allocated": lambda one: 24 - one.bits_allocated,
    "bits_stored": lambda one: one.bits_allocated + 1,
    "high_bit": lambda one: one.high_bit - 1,
    "rescale_slope": lambda one: one.rescale_slope + 0.5,
    "rescale_intercept": lambda _: float("nan"),
    "png": lambda one: one.png[:-1],
}


@given(picture=pictures(), lie=st.sampled_from(sorted(FALSE)))
def test_a_picture_that_is_not_what_it_says_is_held(picture: Picture, lie: str) -> None:
    changes: dict[str, Any] = {lie: FALSE[lie](picture)}
    with pytest.raises(NotDescribed):
        payload.image_fields(clean(), replace(picture, **changes))


@pytest.mark.parametrize(
    "slope", [0.0, -1.0, 0.5, 1.5, 0.9999999, float("inf"), float("nan"), -float("inf")]
)
def test_a_slope_that_the_contract_cannot_say_holds_the_image(slope: float) -> None:
    with pytest.raises(NotDescribed, match="Rescale Slope"):
        payload.image_fields(clean(), picture(rescale_slope=slope))


def test_the_slope_and_the_samples_are_integers_in_the_json() -> None:
    words = json.loads(json.dumps(payload.image_fields(clean(), picture(rescale_slope=2.0))))
    assert words["rescaleSlope"] == 2
    assert isinstance(words["rescaleSlope"], int)
    assert isinstance(words["samplesPerPixel"], int)


def test_an_intercept_tells_the_offset_of_signed_values() -> None:
    words = payload.image_fields(clean(), picture(rescale_intercept=-1024.5))
    assert words["rescaleIntercept"] == -1024.5


@pytest.mark.parametrize("coding", ["YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420"])
def test_a_png_is_never_said_to_be_subsampled_or_transformed(coding: str) -> None:
    colour = picture(png=png(samples=3), samples_per_pixel=3, photometric_interpretation=coding)
    with pytest.raises(NotDescribed):
        payload.image_fields(clean(), colour)


@pytest.mark.parametrize(
    ("age", "said"),
    [
        ("058Y", "058Y"),
        ("58", "058Y"),
        ("58Y", "058Y"),
        (" 058Y ", "058Y"),
        ("058y", "058Y"),
        ("000Y", "000Y"),
        ("023M", "001Y"),
        ("024M", "002Y"),
        ("051W", "000Y"),
        ("053W", "001Y"),
        ("364D", "000Y"),
        ("366D", "001Y"),
        ("089Y", "089Y"),
        ("090Y", "090Y"),
        ("101Y", "090Y"),
        ("999Y", "090Y"),
    ],
)
def test_an_age_is_told_in_whole_years_and_above_89_as_90(age: str, said: str) -> None:
    dataset = clean()
    dataset.add_new(0x00101010, "LO", age)
    assert payload.study_fields(dataset)["patientAge"] == said


@pytest.mark.parametrize(
    "age", ["", "Y", "old", "-05Y", "5.5Y", "1234Y", "\u0665\u0668Y", "58 years"]
)
def test_an_age_of_no_use_is_left_out(age: str) -> None:
    dataset = clean()
    dataset.add_new(0x00101010, "LO", age)
    assert "patientAge" not in payload.study_fields(dataset)


def test_an_absent_age_is_left_out() -> None:
    assert payload.study_fields(clean()) == {
        "studyInstanceUid": "2.25.1",
        "accessionNumber": "A1B2",
        "patientId": "P1Q2",
    }


@pytest.mark.parametrize("keyword", ["AccessionNumber", "PatientID", "StudyInstanceUID"])
@pytest.mark.parametrize("value", ["", " ", None, ["1", "2"]])
def test_what_would_merge_patients_is_held(keyword: str, value: Any) -> None:  # noqa: ANN401
    with pytest.raises(NotDescribed, match=keyword):
        payload.study_fields(clean(**{keyword: value}))


def test_an_absent_series_or_instance_uid_is_held() -> None:
    with pytest.raises(NotDescribed):
        payload.series_fields(Dataset())
    with pytest.raises(NotDescribed):
        payload.image_fields(Dataset(), picture())


def test_the_body_is_the_json_that_its_parts_make_and_as_long_as_it_says(tmp_path: Path) -> None:
    three = parcel(tmp_path, 3)
    body = checked(three)
    text = b"".join(body)
    assert len(text) == len(body)
    assert json.loads(text) == {
        "study": STUDY,
        "series": SERIES,
        "images": [{**image.fields, "data": image.data.read_text()} for image in three.images],
    }
    assert b"".join(body) == text


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda _: b"",
        lambda data: data[:-4],
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: data[:60] + b'"' + data[61:],
        lambda data: b"=" + data[1:],
        lambda _: b64encode(png(5, 6)),
        lambda _: b64encode(png(samples=3)),
        lambda _: b64encode(b"GIF89a" + bytes(60)),
    ],
    ids=["empty", "cut", "odd", "newline", "quote", "padding", "size", "samples", "kind"],
)
def test_data_that_are_not_the_described_png_hold_the_image(spoilt: Any, tmp_path: Path) -> None:  # noqa: ANN401
    one = parcel(tmp_path)
    data = one.images[0].data
    data.write_bytes(spoilt(data.read_bytes()))
    with pytest.raises(NotDescribed):
        checked(one)


@pytest.mark.parametrize("beyond", range(3))
def test_data_longer_than_what_is_in_hand_are_looked_at_to_their_end(
    beyond: int, tmp_path: Path
) -> None:
    one = parcel(tmp_path)
    small, text = png(), one.images[0].data
    header, end = small[: png_header.LENGTH], png_header.END
    good = b64encode(header + bytes(2 * CHUNK // 4 * 3 - len(header) + beyond) + end)
    text.write_bytes(good)
    assert checked(one)
    for place, wrong in ((CHUNK - 2, b"=="), (CHUNK - 1, b"="), (CHUNK, b"\n"), (CHUNK + 9, b"-")):
        text.write_bytes(good[:place] + wrong + good[place + len(wrong) :])
        with pytest.raises(NotDescribed):
            checked(one)


def test_data_that_are_gone_hold_the_image(tmp_path: Path) -> None:
    one = parcel(tmp_path)
    one.images[0].data.unlink()
    with pytest.raises(NotDescribed, match="gone"):
        checked(one)


@pytest.mark.parametrize("change", [b"", b"AAAA"])
def test_data_that_change_while_they_are_sent_end_the_request(
    change: bytes, tmp_path: Path
) -> None:
    one = parcel(tmp_path)
    body = checked(one)
    data = one.images[0].data
    data.write_bytes(change + data.read_bytes()[: -4 if not change else None])
    with pytest.raises(NotDescribed, match="changed"):
        b"".join(body)


def test_words_that_break_the_contract_are_not_sent(tmp_path: Path) -> None:
    one = parcel(tmp_path)
    wrong = ParcelImage(fields(rescaleSlope=0.5), one.images[0].data)
    with pytest.raises(NotDescribed, match=r"images\[0\]\.rescaleSlope: type"):
        checked(one._replace(images=(wrong,)))


def test_a_hundred_megabytes_are_checked_and_streamed_in_flat_memory(tmp_path: Path) -> None:
    large = parcel(tmp_path, 4)
    start = png()[: png_header.LENGTH]
    for image in large.images:
        image.data.write_bytes(b64encode(start + bytes(19_000_000) + png_header.END))
    tracemalloc.start()
    try:
        sent = sum(len(chunk) for chunk in checked(large))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent == len(upload_body(large)) > 100_000_000
    assert peak < 16 * 1024 * 1024
