"""What comes out of `pixel_data`: the stored values, exactly, or nothing at all."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from img_ingestion.errors import InstanceError, NotDecoded, TooLarge
from img_ingestion.pixel_data import frames, pixel_format
from img_ingestion.settings import Limits
from tests.coded import (
    DEFLATED_FRAMES,
    LOSSLESS,
    LOSSY,
    NOISE,
    deflated,
    image,
    jpeg,
    noise,
    reversible_jpeg_2000,
    rle,
    smooth,
)
from tests.reference_viewer import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pydicom import Dataset

    from tests.conftest import MakeDataset

PIXELS = {"PixelData", "FloatPixelData", "DoubleFloatPixelData"}
COSINE = {
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    "1.2.840.10008.1.2.4.53",
    "1.2.840.10008.1.2.4.55",
}
"""Where two right decoders may differ by one: the inverse cosine transformation is not exact."""


def decoded(dataset: Dataset) -> NDArray[Any]:
    return np.stack(list(frames(dataset, Limits())))


def encapsulated(dataset: Dataset, syntax: str, codestreams: list[bytes]) -> Dataset:
    dataset.PixelData = encapsulate(codestreams)
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return dataset


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("kind", "bits"),
    [("u1", 8), ("i1", 8), ("u2", 16), ("i2", 16), ("u2", 12), ("i2", 12), ("u4", 32), ("i4", 32)],
)
def test_native_values_come_back(
    make_dataset: MakeDataset, kind: str, bits: int, syntax: str
) -> None:
    values = noise(kind, bits, (3, 5, 7))
    dataset = make_dataset(**image(values, bits))
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    found = decoded(dataset)
    assert np.array_equal(found[..., 0], values)
    assert found.dtype == values.dtype


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4"])
@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_big_endian_values_come_back(make_dataset: MakeDataset, kind: str, vr: str) -> None:
    values = noise(kind, 8 * int(kind[1]), (3, 3, 3))
    dataset = make_dataset(**image(values, 8 * int(kind[1])))
    content = values.astype(values.dtype.newbyteorder(">")).tobytes()
    if kind[1] == "1" and vr == "OW":
        content = np.frombuffer(content + b"\0", "<u2").astype(">u2").tobytes()
    dataset.PixelData = content
    dataset["PixelData"].VR = vr
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert np.array_equal(decoded(dataset)[..., 0], values)


@pytest.mark.parametrize("kind", ["u2", "i2"])
@pytest.mark.parametrize(("bits", "high"), [(12, 11), (12, 15), (10, 12), (16, 15)])
def test_dirt_around_the_stored_bits_does_not_count(
    make_dataset: MakeDataset, kind: str, bits: int, high: int
) -> None:
    values = noise(kind, bits, (2, 6, 6))
    shift = high + 1 - bits
    mask = ((1 << bits) - 1) << shift
    cells = (values.astype(np.int64) << shift & mask) | (
        NOISE.integers(0, 1 << 16, (2, 6, 6)) & ~mask
    )
    dataset = make_dataset(
        **image(values, bits, HighBit=high, PixelData=cells.astype("<u2").tobytes())
    )
    assert np.array_equal(decoded(dataset)[..., 0], values)


@pytest.mark.parametrize(
    ("kind", "beyond", "is_read_as"), [("u2", 4096, 0), ("i2", 2048, -2048), ("i2", -2049, 2047)]
)
def test_one_value_beyond_the_stored_bits_is_cut(
    make_dataset: MakeDataset, kind: str, beyond: int, is_read_as: int
) -> None:
    values = noise(kind, 12, (1, 6, 6))
    values[0, 0, :2] = (0, 4095) if kind == "u2" else (-2048, 2047)
    assert np.array_equal(decoded(make_dataset(**image(values, 12)))[..., 0], values)
    dirty = values.copy()
    dirty[0, 5, 5], values[0, 5, 5] = beyond, is_read_as
    told = image(values, 12, PixelData=dirty.astype(f"<{kind}").tobytes())
    assert np.array_equal(decoded(make_dataset(**told))[..., 0], values)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_planes_and_pixels_both_give_samples_last(
    make_dataset: MakeDataset, kind: str, planar: int
) -> None:
    values = noise(kind, 8 * int(kind[1]), (2, 4, 6, 3))
    dataset = make_dataset(**image(values, 8 * int(kind[1]), PlanarConfiguration=planar))
    if planar:
        dataset.PixelData = values.transpose(0, 3, 1, 2).tobytes()
    assert np.array_equal(decoded(dataset), values)


@pytest.mark.parametrize("swapped", [False, True])
def test_bits_need_not_start_at_a_byte(make_dataset: MakeDataset, swapped: bool) -> None:  # noqa: FBT001
    values = noise("u1", 1, (5, 3, 5))
    packed = np.packbits(values.ravel(), bitorder="little").tobytes()
    packed += b"\0" * (len(packed) % 2)
    dataset = make_dataset(**image(values, 1, BitsAllocated=1, PixelData=packed))
    if swapped:
        dataset.PixelData = np.frombuffer(packed, "<u2").astype(">u2").tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert np.array_equal(decoded(dataset)[..., 0], values)


def test_subsampled_chrominance_is_spread_to_its_two_pixels(make_dataset: MakeDataset) -> None:
    values = noise("u1", 8, (2, 4, 6, 3))
    values[:, :, 1::2, 1:] = values[:, :, ::2, 1:]
    pairs = np.stack(
        [values[:, :, ::2, 0], values[:, :, 1::2, 0], values[:, :, ::2, 1], values[:, :, ::2, 2]],
        axis=-1,
    )
    for content in (pairs.tobytes(), values.tobytes()):
        dataset = make_dataset(
            **image(values, 8, PhotometricInterpretation="YBR_FULL_422", PixelData=content)
        )
        assert np.array_equal(decoded(dataset), values)
        assert pixel_format(dataset).photometric == "YBR_FULL"


@pytest.mark.parametrize(
    ("keyword", "kind"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")]
)
def test_floating_point_pixels_come_back(
    make_dataset: MakeDataset, keyword: str, kind: str
) -> None:
    values = NOISE.normal(size=(2, 4, 4)).astype(kind)
    absent = dict.fromkeys(("PixelData", "BitsStored", "HighBit", "PixelRepresentation"))
    described = image(values, 8) | absent | {keyword: values.tobytes()}
    dataset = make_dataset(**described)
    assert np.array_equal(decoded(dataset)[..., 0], values)
    assert pixel_format(dataset).is_float


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize(("kind", "bits", "samples"), [("u1", 8, 1), ("u2", 16, 1), ("u1", 8, 3)])
def test_lossless_codestreams_give_back_every_value(
    make_dataset: MakeDataset, syntax: str, kind: str, bits: int, samples: int
) -> None:
    shape = (3, 20, 30) if samples == 1 else (3, 20, 30, samples)
    values = noise(kind, bits, shape)
    dataset = make_dataset(**image(values, bits))
    encapsulated(dataset, syntax, [LOSSLESS[syntax](frame) for frame in values])
    assert np.array_equal(decoded(dataset).reshape(shape), values)
    assert pixel_format(dataset).photometric == ("RGB" if samples == 3 else "MONOCHROME2")


@pytest.mark.parametrize("syntax", [RLELossless, DEFLATED_FRAMES, JPEGLSLossless, JPEGLosslessSV1])
def test_signed_values_come_back_from_unsigned_codestreams(
    make_dataset: MakeDataset, syntax: str
) -> None:
    values = noise("i2", 12, (2, 8, 8))
    dataset = make_dataset(**image(values, 12))
    streams = [LOSSLESS[syntax](frame.view("u2") & 0xFFF) for frame in values]
    assert np.array_equal(decoded(encapsulated(dataset, syntax, streams))[..., 0], values)


@pytest.mark.parametrize(("syntax", "encode"), LOSSY.items())
def test_lossy_codestreams_come_back_nearly(
    make_dataset: MakeDataset, syntax: str, encode: Callable[..., bytes]
) -> None:
    bits = 8 if syntax in {JPEGBaseline8Bit, JPEG2000} else 12
    values = smooth(bits, (2, 32, 32))
    dataset = make_dataset(**image(values, bits))
    inside = bits if syntax in COSINE else 8 * values.dtype.itemsize
    encapsulated(dataset, syntax, [encode(frame, bits=inside) for frame in values])
    difference = np.abs(decoded(dataset)[..., 0].astype(int) - values)
    assert difference.max() <= (1 << bits) // 100


@pytest.mark.parametrize(
    ("declared", "inside", "subsampling", "true"),
    [
        ("RGB", "RGB", None, "RGB"),
        ("YBR_FULL", "YCBCR", None, "YBR_FULL"),
        ("YBR_FULL_422", "YCBCR", "422", "YBR_FULL"),
        ("RGB", "YCBCR", None, "YBR_FULL"),  # JFIF says so
        ("RGB", "YCBCR", "420", "YBR_FULL"),
        ("YBR_FULL_422", "RGB", None, "RGB"),  # the components are named R, G and B
    ],
)
def test_a_jpeg_is_believed_before_the_header(
    make_dataset: MakeDataset, declared: str, inside: str, subsampling: str | None, true: str
) -> None:
    values = np.full((1, 32, 32, 3), (90, 100, 200), np.uint8)
    dataset = make_dataset(**image(values, 8, PhotometricInterpretation=declared))
    told: dict[str, Any] = {
        "colorspace": inside,
        "outcolorspace": inside,
        "subsampling": subsampling,
    }
    encapsulated(dataset, JPEGBaseline8Bit, [jpeg(values[0], level=100, **told)])
    assert pixel_format(dataset).photometric == true
    assert np.abs(decoded(dataset).astype(int) - values).max() <= 1


def test_frames_whose_colours_are_not_the_same_kind_are_refused(make_dataset: MakeDataset) -> None:
    values = np.full((2, 32, 32, 3), (90, 100, 200), np.uint8)
    streams = [
        jpeg(frame, level=100, colorspace=inside, outcolorspace=inside)
        for frame, inside in zip(values, ("RGB", "YCBCR"), strict=True)
    ]
    dataset = encapsulated(make_dataset(**image(values, 8)), JPEGBaseline8Bit, streams)
    with pytest.raises(NotDecoded):
        decoded(dataset)


@pytest.mark.parametrize("declared", ["YBR_RCT", "YBR_ICT"])
def test_the_colour_transformation_of_jpeg_2000_is_undone(
    make_dataset: MakeDataset, declared: str
) -> None:
    values = noise("u1", 8, (1, 16, 16, 3))
    dataset = make_dataset(**image(values, 8, PhotometricInterpretation=declared))
    encapsulated(dataset, JPEG2000Lossless, [reversible_jpeg_2000(values[0], mct=True)])
    assert pixel_format(dataset).photometric == "RGB"
    assert np.array_equal(decoded(dataset), values)


def _twelve_bits(make_dataset: MakeDataset, count: int = 3) -> tuple[Dataset, NDArray[Any]]:
    values = noise("u2", 12, (count, 8, 8))
    return make_dataset(**image(values, 12)), values


def test_pixel_data_that_are_too_short_are_refused(make_dataset: MakeDataset) -> None:
    dataset, _ = _twelve_bits(make_dataset)
    dataset.PixelData = dataset.PixelData[:-2]
    with pytest.raises(NotDecoded):
        decoded(dataset)
    with pytest.raises(NotDecoded):
        pixel_format(dataset)


@pytest.mark.parametrize(
    ("tail", "accepted"), [(b"\1", True), (b"\0" * 512, True), (b"\0\0\1", False)]
)
def test_only_padding_may_follow_the_last_frame(
    make_dataset: MakeDataset,
    tail: bytes,
    accepted: bool,  # noqa: FBT001
) -> None:
    dataset, values = _twelve_bits(make_dataset)
    dataset.PixelData += tail
    if accepted:
        assert np.array_equal(decoded(dataset)[..., 0], values)
    else:
        with pytest.raises(NotDecoded):
            decoded(dataset)


@pytest.mark.parametrize(
    "change",
    [
        {"Rows": None},
        {"Rows": 0},
        {"NumberOfFrames": 0},
        {"BitsAllocated": 12},
        {"BitsStored": 17},
        {"HighBit": 5},
        {"SamplesPerPixel": 3},
        {"PhotometricInterpretation": "HSV"},
        {"PhotometricInterpretation": None},
        {"PixelRepresentation": None},
        {"PixelData": None},
        {"PixelData": b""},
        {"FloatPixelData": b"\0" * 1024},
    ],
)
def test_a_header_that_contradicts_itself_is_refused(
    make_dataset: MakeDataset, change: dict[str, object]
) -> None:
    dataset = make_dataset(**change)
    with pytest.raises(NotDecoded):
        pixel_format(dataset)
    with pytest.raises(NotDecoded):
        decoded(dataset)


def test_native_colour_without_planar_configuration_is_refused(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(**image(noise("u1", 8, (1, 4, 4, 3)), 8))
    del dataset.PlanarConfiguration
    with pytest.raises(NotDecoded):
        decoded(dataset)


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.102", "1.2.3", ""]
)
def test_a_transfer_syntax_without_a_decoder_is_refused(
    make_dataset: MakeDataset, syntax: str
) -> None:
    dataset, _ = _twelve_bits(make_dataset, 1)
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    with pytest.raises(NotDecoded):
        pixel_format(dataset)
    with pytest.raises(NotDecoded):
        decoded(dataset)


@pytest.mark.parametrize("claimed", [2, 4])
@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_the_fragments_must_make_the_number_of_frames(
    make_dataset: MakeDataset, syntax: str, claimed: int
) -> None:
    dataset, values = _twelve_bits(make_dataset)
    encapsulated(dataset, syntax, [LOSSLESS[syntax](frame) for frame in values])
    dataset.NumberOfFrames = claimed
    with pytest.raises(NotDecoded):
        decoded(dataset)


@pytest.mark.parametrize("syntax", [s for s in LOSSLESS if s != DEFLATED_FRAMES])
@pytest.mark.parametrize("shape", [(9, 8), (8, 9), (64, 64), (8, 8, 3)])
def test_a_codestream_that_is_another_picture_is_refused(
    make_dataset: MakeDataset, syntax: str, shape: tuple[int, ...]
) -> None:
    dataset, _ = _twelve_bits(make_dataset, 1)
    encapsulated(dataset, syntax, [LOSSLESS[syntax](noise("u2", 12, shape))])
    with pytest.raises(NotDecoded):
        decoded(dataset)


def test_more_precision_than_the_cells_have_is_refused(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(**image(noise("u1", 8, (1, 8, 8)), 8))
    encapsulated(dataset, JPEGLSLossless, [LOSSLESS[JPEGLSLossless](noise("u2", 12, (8, 8)))])
    with pytest.raises(NotDecoded):
        decoded(dataset)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless])
def test_a_bomb_is_refused_before_anything_is_unpacked(
    make_dataset: MakeDataset, syntax: str
) -> None:
    dataset, values = _twelve_bits(make_dataset, 1)
    if syntax in LOSSLESS:
        encapsulated(dataset, syntax, [LOSSLESS[syntax](values[0])])
    dataset.Rows = dataset.Columns = 60000
    with pytest.raises(TooLarge):
        decoded(dataset)


def test_a_deflated_frame_unpacks_no_further_than_its_frame(make_dataset: MakeDataset) -> None:
    dataset, _ = _twelve_bits(make_dataset, 1)
    encapsulated(dataset, DEFLATED_FRAMES, [deflated(np.zeros((4096, 4096), np.uint16) + 1)])
    with pytest.raises(NotDecoded):
        decoded(dataset)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("syntax", [*LOSSLESS, JPEGBaseline8Bit])
def test_a_cut_codestream_is_refused(make_dataset: MakeDataset, syntax: str, part: float) -> None:
    values = noise("u1", 8, (1, 64, 64))
    dataset = make_dataset(**image(values, 8))
    stream = LOSSLESS.get(syntax, jpeg)(values[0])
    encapsulated(dataset, syntax, [stream[: int(len(stream) * part)]])
    with pytest.raises(NotDecoded):
        decoded(dataset)


def test_a_short_rle_segment_is_refused(make_dataset: MakeDataset) -> None:
    values = noise("u1", 8, (1, 8, 8))
    dataset = make_dataset(**image(values, 8))
    encapsulated(dataset, RLELossless, [rle(values[0])[:-9]])
    with pytest.raises(NotDecoded):
        decoded(dataset)


def test_frames_come_one_by_one_and_only_those_that_are_wanted(make_dataset: MakeDataset) -> None:
    dataset, values = _twelve_bits(make_dataset)
    streams = [LOSSLESS[JPEGLSLossless](frame) for frame in values]
    encapsulated(dataset, JPEGLSLossless, [streams[0], b"\xff\xd8no picture", streams[2]])
    found = list(frames(dataset, Limits(), (1, 3)))
    assert [
        np.array_equal(frame[..., 0], values[k]) for frame, k in zip(found, (0, 2), strict=True)
    ] == [True, True]
    line = frames(dataset, Limits())
    assert np.array_equal(next(line)[..., 0], values[0])
    with pytest.raises(NotDecoded):
        next(line)


def test_a_frame_in_many_fragments_is_one_frame(make_dataset: MakeDataset) -> None:
    dataset, values = _twelve_bits(make_dataset, 2)
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    streams = [LOSSLESS[JPEGLSLossless](frame) for frame in values]
    dataset.PixelData = encapsulate(streams, fragments_per_frame=3)
    dataset["PixelData"].VR = "OB"
    assert len(list(generate_fragments(dataset.PixelData))) == 7
    assert np.array_equal(decoded(dataset)[..., 0], values)


def test_reading_changes_nothing(make_dataset: MakeDataset) -> None:
    for syntax in (ExplicitVRLittleEndian, RLELossless):
        dataset, values = _twelve_bits(make_dataset)
        if syntax == RLELossless:
            encapsulated(dataset, syntax, [rle(frame) for frame in values])
        before = copy.deepcopy(dataset)
        pixel_format(dataset)
        decoded(dataset)
        assert dataset == before
        assert dataset.file_meta == before.file_meta


def test_no_message_quotes_a_value(make_dataset: MakeDataset) -> None:
    dataset = make_dataset()
    dataset.add_new(0x00280008, "LO", "QUILLFEATHER")
    with pytest.raises(NotDecoded) as caught:
        pixel_format(dataset)
    assert "QUILLFEATHER" not in str(caught.value)


def test_a_damaged_codestream_is_refused_or_decoded_and_nothing_else(
    make_dataset: MakeDataset,
) -> None:
    values = noise("u1", 8, (1, 16, 16))
    for syntax, encode in LOSSLESS.items():
        stream = encode(values[0])
        for at in NOISE.integers(0, len(stream), 30):
            damaged = bytearray(stream)
            damaged[at] ^= int(NOISE.integers(1, 256))
            dataset = encapsulated(make_dataset(**image(values, 8)), syntax, [bytes(damaged)])
            try:
                decoded(dataset)
            except InstanceError:
                continue


def pydicom_reads(dataset: Dataset) -> NDArray[Any] | None:
    """Give the stored values as the decoders of pydicom's plug-ins have them, none if they do not."""
    try:
        return pixel_array(dataset, raw=True)
    except Exception:  # noqa: BLE001 - pydicom raises whatever its plug-ins raise
        return None


def agrees_with_pydicom(path: Path) -> str:
    """Say how a file reads: the same, or why not."""
    dataset = read(path)
    theirs = pydicom_reads(dataset)
    try:
        ours = decoded(dataset)
    except InstanceError as error:
        return "neither" if theirs is None else f"only pydicom: {error}"
    if theirs is None:
        return "only we"
    # pydicom takes trailing zeros for more frames when there are enough of them.
    theirs = theirs.reshape(-1)[: ours.size].astype(float)
    allowed = dataset.file_meta.TransferSyntaxUID in COSINE
    return "same" if np.abs(theirs - ours.reshape(-1)).max() <= allowed else "different"


SHIPPED = sorted(
    path
    for path in Path(str(get_testdata_file("CT_small.dcm"))).parent.glob("*.dcm")
    if PIXELS & set(read(path).dir("PixelData"))
)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_file_that_pydicom_ships_reads_the_same(path: Path) -> None:
    assert agrees_with_pydicom(path) in ("same", "neither", "only we")


def test_the_corpus_reads_as_pydicom_reads_it(shared: Path) -> None:
    outcomes = {
        path.name: agrees_with_pydicom(path)
        for path in sorted((shared / "corpus" / "files").iterdir())
        if PIXELS & set(read(path).dir("PixelData"))
    }
    assert {
        name: said for name, said in outcomes.items() if said not in ("same", "neither", "only we")
    } == {}
    assert len([said for said in outcomes.values() if said == "same"]) >= 178 - 5
