"""
Peak memory where it must not grow: `python bench/flat_memory.py [--files N]`.

Prints what the doors and the processes that they start need at most for one object of 10 frames
and of 1,000 (512 x 512 of 16 bits, JPEG 2000: 5 MB and 524 MB unpacked), and by how much the peak
of a process rises that posts a series of 300 MB to a server on loopback.

`--files N` makes one pass with two workers over N small CT slices, each of another patient, with
the embedded backend at the end: resident MB of the pass and of each worker, every tenth of them.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from base64 import b64encode
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from socket import create_server
from threading import Thread
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import EnhancedCTImageStorage, JPEG2000Lossless

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion import png_header
from img_ingestion.backend import EmbeddedBackend
from img_ingestion.destinations.backend import destination
from img_ingestion.instance import Parcel, ParcelImage
from img_ingestion.render.png_file import png
from img_ingestion.settings import Backend

if TYPE_CHECKING:
    from socket import socket

SIDE = 512
IMAGES, IMAGE_BYTES, PART = 12, 19_000_000, 30_000
"""Of the series: 304 MB of base64."""
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n"
    b'{"success": "ok"}'
)


def instance(frames: int) -> bytes:
    """Give an object of so many frames as a Part 10 file."""
    rows = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE) >> 4
    streams = [
        bytes(imagecodecs.jpeg2k_encode(rows + number, level=0, codecformat="j2k"))
        for number in range(frames)
    ]
    dataset, root = Dataset(), "1.2.826.0.1.3680043.9.9999.8"
    dataset.SOPClassUID, dataset.SOPInstanceUID = EnhancedCTImageStorage, f"{root}.1.1.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{root}.1", f"{root}.1.1"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Nemo^Flat", "N1", "CT"
    dataset.Rows = dataset.Columns = SIDE
    dataset.NumberOfFrames, dataset.SamplesPerPixel = frames, 1
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelData = encapsulate(streams)
    dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def passed(frames: int) -> tuple[int, int]:
    """Give the pictures that a pass makes of the object, and the peak of its processes in MB."""
    with tempfile.TemporaryDirectory() as folder:
        incoming = Path(folder, "local_dcm", "flat")
        incoming.mkdir(parents=True)
        (incoming / "one.dcm").write_bytes(instance(frames))
        Path(folder, "gateway.toml").write_text(
            '[incoming]\nsettle_s = 0.0\n[pixels]\npolicy = "rules"\n'
        )
        command = [sys.executable, ROOT / "ingestion.py", "--home", folder]
        subprocess.run(command, check=False, capture_output=True)
        made = len(list(Path(folder, "local_dcm_dicomcleaner").rglob("*.png")))
    return made, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


def swallow(listener: socket) -> None:
    """Take one request whole, keep nothing of it, and say that all is well."""
    stream, _ = listener.accept()
    with stream, stream.makefile("rb") as request:
        left = 0
        while line := request.readline().strip().lower():
            if line.startswith(b"content-length:"):
                left = int(line.split(b":")[1])
        while left and (chunk := request.read(min(left, 1 << 16))):
            left -= len(chunk)
        stream.sendall(ANSWER)


def posted() -> tuple[int, int]:
    """Post a series, and give its bytes and the rise of this process's peak in MB."""
    start = png(np.zeros((4, 6, 1), np.uint8))[: png_header.LENGTH]
    words = {
        "sopClassUid": "1.2.840.10008.5.1.4.1.1.7", "height": 4, "width": 6, "rescaleSlope": 1,
        "rescaleIntercept": 0.0, "photometricInterpretation": "MONOCHROME2", "samplesPerPixel": 1,
        "bitsAllocated": 8, "bitsStored": 8, "highBit": 7,
    }  # fmt: skip
    study = {"studyInstanceUid": "2.25.1", "accessionNumber": "A", "patientId": "P"}
    with tempfile.TemporaryDirectory() as folder, create_server(("127.0.0.1", 0)) as listener:
        data = Path(folder, "one.png.txt")
        with data.open("wb") as stream:
            # In parts, so that making it does not need what posting it should not need.
            stream.write(b64encode(start + bytes(-len(start) % 3)))
            for _ in range(IMAGE_BYTES // PART):
                stream.write(b64encode(bytes(PART)))
            stream.write(b64encode(png_header.END))
        images = tuple(
            ParcelImage(words | {"imageInstanceUid": f"2.25.3{number}"}, data)
            for number in range(IMAGES)
        )
        ids = tuple(f"{number:016x}" for number in range(IMAGES))
        parcel = Parcel("flat", ids, "0" * 64, study, {"seriesInstanceUid": "2.25.2"}, images)
        server = Thread(target=swallow, args=(listener,))
        server.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with destination(Backend(url=url)) as there:
            there.deliver(parcel)
        server.join()
        rise = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        return IMAGES * data.stat().st_size, rise // 1024


def dropped(folder: Path, files: int) -> None:
    """Let so many slices arrive, of patients, studies and instances of their own."""
    slice_ = pydicom.dcmread(str(get_testdata_file("CT_small.dcm", download=False)))
    folder.mkdir(parents=True)
    for number in range(files):
        slice_.PatientName, slice_.PatientID = f"Nemo{number}^Flat", f"N{number}"
        for level, keyword in enumerate(("Study", "Series", "SOP"), 1):
            uid = f"1.2.826.0.1.3680043.9.9999.8.{level}.{number}"
            slice_[f"{keyword}InstanceUID"].value = uid
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID
        slice_.save_as(folder / f"{number:06}.dcm")


def resident(process: int) -> list[int]:
    """Give the resident MB of a process and of those that it started, in their order."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    found = []
    for one in (process, *map(int, children)):
        with suppress(OSError):
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
            found += [int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")]
    return found


def whole_line(files: int) -> None:
    """Print what a pass and its workers have resident, as it goes."""
    with tempfile.TemporaryDirectory() as place, EmbeddedBackend(Path(place, "received")) as url:
        home = Path(place, "home")
        dropped(home / "local_dcm" / "flat", files)
        (home / "gateway.toml").write_text(
            f'[incoming]\nsettle_s = 0.0\n[pixels]\npolicy = "rules"\n[backend]\nurl = "{url}"\n'
        )
        command = [sys.executable, "-u", ROOT / "ingestion.py", "--home", home, "--workers", "2"]
        entered = sent = 0
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None  # noqa: S101 - it was asked for above
            for line in running.stdout:
                entered += line.startswith("Scrubbing")
                sent += line.startswith("Sending")
                if line.startswith("Scrubbing") and not entered % (files // 10):
                    mine, *others = resident(running.pid)
                    what = f"{entered:>7} entered, {sent:>7} sent: {mine} MB the pass"
                    print(f"{what}; {others} MB the workers, and who carries parcels", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, metavar="N", help="only a pass over N files")
    if files := parser.parse_args().files:
        whole_line(files)
        return
    # The series first: what was needed once for the encoder would hide what it needs.
    size, rise = posted()
    sys.stdout.write(f"series of {size // 10**6} MB posted: the peak rises by {rise} MB\n")
    for frames in (10, 1000):
        made, peak = passed(frames)
        sys.stdout.write(f"{frames} frames, {made} pictures: {peak} MB at most\n")


if __name__ == "__main__":
    main()
