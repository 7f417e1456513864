"""A decoder that aborts, hangs, or takes too much costs one file, and leaves nothing to read."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import signal
import time
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from img_ingestion.apart import Apart
from img_ingestion.deidentify import recipe
from img_ingestion.errors import InstanceError, NotDecoded, TooLarge
from img_ingestion.home import Home
from img_ingestion.ingest import ingest
from img_ingestion.ledger import Ledger
from img_ingestion.settings import Incoming, Limits, Pixels, Settings
from tests.faults.gateway import ROOT, files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import MakeDataset, MakeInstance

TIGHT = Limits(max_memory_bytes=256 * 1024**2, max_cpu_s=1, max_wall_s=60)
UNPACKED = 1 << 28


def _misbehaving(  # noqa: C901 (a list of misdeeds)
    request: Mapping[str, Any], content: bytes
) -> Mapping[str, Any]:
    """Do to the process what bad decoders do."""
    match request["do"]:
        case "abort":
            os.abort()
        case "crash":
            ctypes.string_at(0)
        case "exit":
            os._exit(0)
        case "raise":
            raise LookupError("Quillfeather")
        case "spin":
            while True:
                pass
        case "hang":
            time.sleep(60)
        case "hoard":
            return {"hoarded": len(bytearray(1024**3))}
        case "say":
            os.write(1, b"Quillfeather")
            os.write(2, b"Quillfeather")
    return {"content": len(content), "process": os.getpid()}


@pytest.mark.parametrize(
    ("do", "kind", "words", "limits"),
    [
        ("abort", NotDecoded, "SIGABRT", {}),
        ("crash", NotDecoded, "SIGSEGV", {}),
        ("exit", NotDecoded, "exit status 0", {}),
        ("raise", NotDecoded, "exit status 1", {}),
        ("hoard", NotDecoded, "exit status 1", {}),
        ("spin", TooLarge, "max_cpu_s", {}),
        ("hang", TooLarge, "max_wall_s", {"max_wall_s": 0.5}),
    ],
)
def test_what_goes_wrong_apart_costs_one_request(
    do: str, kind: type[InstanceError], words: str, limits: dict[str, float]
) -> None:
    with Apart(_misbehaving) as apart:
        before = apart.ask({"do": ""}, b"x", TIGHT)
        with pytest.raises(kind, match=words) as caught:
            apart.ask({"do": do}, b"x", TIGHT.model_copy(update=limits))
        assert not apart.alive
        assert "Quillfeather" not in str(caught.value)
        after = apart.ask({"do": ""}, bytes(1 << 20), TIGHT)
    assert after["content"] == 1 << 20
    assert before["process"] != after["process"]


def test_without_the_process_apart_a_decoder_takes_the_program_with_it() -> None:
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _misbehaving({"do": "abort"}, b"")
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGABRT


def test_one_process_serves_many_requests() -> None:
    with Apart(_misbehaving) as apart:
        assert len({apart.ask({"do": ""}, b"", TIGHT)["process"] for _ in range(20)}) == 1


def test_nothing_of_it_reaches_the_terminal_or_a_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most[1], most[1]))
    try:
        with Apart(_misbehaving) as apart:
            apart.ask({"do": "say"}, b"Quillfeather", TIGHT)
            with pytest.raises(NotDecoded):
                apart.ask({"do": "abort"}, b"Quillfeather", TIGHT)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, most)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_it_does_not_outlive_a_program_that_is_killed() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        process = Apart(_misbehaving).ask({"do": ""}, b"", TIGHT)["process"]
        os.write(writing, str(process).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    process = int(os.read(reading, 20))
    for one in (reading, writing):
        os.close(one)
    until = time.monotonic() + 10
    while Path(f"/proc/{process}").exists():
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        if state in "ZX":
            break
        assert time.monotonic() < until
        time.sleep(0.01)


def _bombs(make_dataset: MakeDataset, make_instance: MakeInstance) -> dict[str, bytes]:
    plain = make_dataset()
    plain.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    out = BytesIO()
    pydicom.dcmwrite(out, plain, enforce_file_format=True)
    deflated = out.getvalue()
    start = deflated.index(b"1.2.840.10008.1.2.1.99") + 22
    while deflated[start : start + 2] == b"\x02\0":
        start += 8 + int.from_bytes(deflated[start + 6 : start + 8], "little")
    private = b"\x09\0\x10\x10OB\0\0" + UNPACKED.to_bytes(4, "little") + bytes(UNPACKED)
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = deflated[:start] + packer.compress(private) + packer.flush()
    huge = make_dataset(Rows=40000, Columns=40000, BitsAllocated=16)
    huge.file_meta.TransferSyntaxUID = RLELossless
    segment = (2).to_bytes(4, "little") + b"\x40\0\0\0\x80\0\0\0" + bytes(52)
    huge.PixelData = encapsulate([segment + b"\x81\0" * 200_000])
    huge["PixelData"].VR = "OB"
    huge["PixelData"].is_undefined_length = True
    out = BytesIO()
    pydicom.dcmwrite(out, huge, enforce_file_format=True)
    whole = make_instance()
    body = whole.index(b"\x08\0\x08\0CS")
    items = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    return {
        "1 deflated from far more": bomb,
        "2 a picture that claims to be": out.getvalue(),
        "3 sequences in sequences": whole[:body] + items * 3000,
        "4 a sane one": whole,
    }


def test_bombs_are_held_and_the_pass_goes_on(
    tmp_path: Path, make_dataset: MakeDataset, make_instance: MakeInstance
) -> None:
    home = Home(tmp_path)
    home.prepare()
    (home.local_dcm / "north").mkdir()
    for name, content in _bombs(make_dataset, make_instance).items():
        (home.local_dcm / "north" / name).write_bytes(content)
    (home.local_dcm / "north" / "0 sparse").touch()
    os.truncate(home.local_dcm / "north" / "0 sparse", UNPACKED)
    limits = Limits(max_memory_bytes=UNPACKED, max_cpu_s=60, min_free_bytes=0)
    limits = limits.model_copy(update={"max_file_bytes": 64 * 1024**2})
    settings = Settings(
        incoming=Incoming(settle_s=0, give_up_s=0), limits=limits, pixels=Pixels(policy="rules")
    )
    with Ledger.open(home.state) as ledger:
        told = list(ingest(home, settings, recipe.load(ROOT / "deid.dicom"), ledger))
    assert [one.outcome for one in told] == ["held"] * 4 + ["waiting"]
    assert {one.code for one in told[:3]} == {"TooLarge"}
    assert next(path.name for path in files(home.cleaned)).startswith("cleaned-")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 2 * UNPACKED // 1024
