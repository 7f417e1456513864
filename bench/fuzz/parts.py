"""
Fuzz one part of the line: `python bench/fuzz/parts.py header|decoders|words CORPUS [OPTIONS]`.

OPTIONS are libFuzzer's; needs atheris, as `line.py` does.

header
    Any bytes are read as a file, admitted, and searched for what identifies: they are taken or
    held.
decoders
    Any code stream is decoded as any picture: it is that picture or refused, and without its
    remarks it is the same picture, or refused.
words
    Any text is cleaned of a patient: the name and the number are gone, and cleaning again changes
    nothing more.
"""

from __future__ import annotations

import struct
import sys
import warnings
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import atheris

with atheris.instrument_imports(include=["pydicom", "img_ingestion"]):
    from img_ingestion import part10
    from img_ingestion.deidentify import admission, character_sets, identifiers
    from img_ingestion.deidentify.code_streams import BARE
    from img_ingestion.deidentify.free_text import Cleaner
    from img_ingestion.deidentify.text_forms import folded
    from img_ingestion.errors import InstanceError, NotDeidentified, turned_into
    from img_ingestion.instance import Identifiers, ReceivedInstance
    from img_ingestion.pixel_data.codecs import CODECS, decoded
    from img_ingestion.pixel_data.format import SAMPLES, PixelFormat
    from img_ingestion.settings import Limits

import numpy as np
import pydicom
from pydicom.data import get_testdata_files
from pydicom.encaps import generate_frames

SMALL_BYTES = 20_000
LIMITS = Limits(max_unpacked_bytes=1 << 24)
SYNTAXES, COLOURS = tuple(CODECS), tuple(SAMPLES)
PICTURE = struct.Struct(">BBHHBBB")
"""Of syntaxes, of colours, rows, columns, bits allocated and stored, whether signed."""
NAME, NUMBER = "quillfeather", "4711048815"
PATIENT = Cleaner.of(
    Identifiers(frozenset({NAME, "zebedee"}), frozenset({NUMBER}), dates=frozenset({"19510723"}))
)
TEXTS = (
    "Seen by Dr. QUILLFEATHER^ZEBEDEE on 23.07.1951, MRN 4711-048-815",
    "Knie re. ap, Pat. Quill-feather; tel. +49 30 1234567, z.quillfeather@example.org",
    "T2w TSE cor 3mm, c/o Frau Müller-Lüdenscheidt geb. 1.2.60 für Prof. Ó Súilleabháin",
    "山田^太郎 1.2.840.113619.2.5 am 1951-07-23T08:15, 4711 04 88 15",
)


def header(content: bytes) -> None:
    """Read a file as the line does before it looks at its pixels."""
    digest = sha256(content).hexdigest()
    with suppress(InstanceError):
        dataset = part10.read(ReceivedInstance("", "fuzz", Path(), content, digest), LIMITS)
        with turned_into(NotDeidentified, "identifiers"):
            admission.check(dataset)
            identifiers.collect(character_sets.settled(dataset), frozenset())


def decoders(content: bytes) -> None:
    """Decode a code stream as it is and without its remarks."""
    if len(content) < PICTURE.size:
        return
    picture, stream = _picture(content), content[PICTURE.size :]
    syntax = SYNTAXES[content[0] % len(SYNTAXES)]
    if picture.unpacked_bytes > LIMITS.max_unpacked_bytes:
        return
    with suppress(InstanceError):
        cells = decoded(CODECS[syntax], stream, picture).copy()
        assert cells.shape == (picture.rows, picture.columns, picture.samples)
        if syntax in BARE:
            with turned_into(NotDeidentified, "remarks"):
                bare = BARE[syntax](stream)
            assert np.array_equal(decoded(CODECS[syntax], bare, picture), cells)


def words(content: bytes) -> None:
    """Clean a text twice."""
    clean = PATIENT.cleaned(content.decode("utf-8", "replace"))
    left = folded(clean)
    assert NAME not in left.split()
    assert NUMBER not in left.split()
    assert not PATIENT.finds(clean, prose=True)


def _picture(content: bytes) -> PixelFormat:
    _, colour, rows, columns, allocated, stored, signed = PICTURE.unpack_from(content)
    photometric = COLOURS[colour % len(COLOURS)]
    allocated = (1, 8, 16, 32)[allocated % 4]
    stored = 1 + stored % allocated
    return PixelFormat(
        rows=rows or 1,
        columns=columns or 1,
        frames=1,
        samples=SAMPLES[photometric],
        bits_allocated=allocated,
        bits_stored=stored,
        signed=bool(signed & 1),
        photometric=photometric,
        is_float=False,
        high_bit=stored - 1,
    )


def seeds(part: str, corpus: Path) -> None:
    """Put small real inputs into a corpus."""
    corpus.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(TEXTS if part == words.__name__ else ()):
        (corpus / f"text-{number}").write_text(text)
    for path in map(Path, get_testdata_files("*.dcm") if part != words.__name__ else ()):
        content = path.read_bytes()
        if part == header.__name__ and len(content) <= SMALL_BYTES:
            (corpus / sha256(content).hexdigest()[:16]).write_bytes(content)
        elif part == decoders.__name__:
            with suppress(Exception):  # What pydicom cannot read is no seed.
                _coded(pydicom.dcmread(path), corpus)


def _coded(dataset: pydicom.Dataset, corpus: Path) -> None:
    frames = generate_frames(dataset.PixelData, number_of_frames=dataset.get("NumberOfFrames", 1))
    stream = next(frames)
    said = PICTURE.pack(
        SYNTAXES.index(dataset.file_meta.TransferSyntaxUID),
        COLOURS.index(dataset.PhotometricInterpretation),
        dataset.Rows,
        dataset.Columns,
        (1, 8, 16, 32).index(dataset.BitsAllocated),
        dataset.BitsStored - 1,
        dataset.PixelRepresentation,
    )
    if len(stream) <= SMALL_BYTES:
        (corpus / sha256(stream).hexdigest()[:16]).write_bytes(said + stream)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    chosen = {each.__name__: each for each in (header, decoders, words)}[sys.argv.pop(1)]
    seeds(chosen.__name__, Path(sys.argv[1]))
    atheris.Setup(sys.argv, chosen)
    atheris.Fuzz()
