"""The receiver: what was answered with success is there and whole, and nobody else gets in."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.filereader import read_file_meta_info
from pydicom.uid import AllTransferSyntaxes, ExplicitVRLittleEndian

from img_ingestion.cli import main
from img_ingestion.errors import SettingsError
from img_ingestion.settings_file import load
from tests import certificates

# Orthanc as test_peers runs it.
from tests.test_peers import BASIC, orthanc  # noqa: F401 (a fixture)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeInstance

pynetdicom = pytest.importorskip(
    "pynetdicom", reason="pynetdicom (requirements-dicom.txt) is not installed"
)

# The sockets of pynetdicom as a sender are left to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROOT = Path(__file__).resolve().parents[1]
TITLES = '[receiver]\ntitles = { CT1 = "north", "MR 2" = "south" }\n'
SYNTAXES = (
    *("CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm"),
    *("MR_small_jpeg_ls_lossless.dcm", "JPEG-lossy.dcm", "JPEG2000.dcm", "image_dfl.dcm"),
)


def real(name: str) -> Path:
    return Path(str(get_testdata_file(name, download=False)))


@dataclass
class Receiving:
    """A receiver at work."""

    home: Path
    program: subprocess.Popen[str]
    port: int

    def files(self, customer: str = "north") -> list[Path]:
        return sorted((self.home / "local_dcm" / customer).iterdir())

    def end(self, number: int = signal.SIGTERM) -> list[dict[str, Any]]:
        """End it; give what it said."""
        self.program.send_signal(number)
        said, _ = self.program.communicate(timeout=60)
        return [json.loads(line) for line in said.splitlines()]


@contextmanager
def receiving(home: Path, words: str = TITLES, prefix: str = "") -> Iterator[Receiving]:
    home.mkdir(exist_ok=True)
    (home / "gateway.toml").write_text(words)
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home), "receive"]
    shell = f'{prefix} exec "$@"'
    with subprocess.Popen(
        ["bash", "-c", shell, "bash", *command, "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    ) as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        try:
            where = json.loads(line)["listening"]
            yield Receiving(home, program, int(where.rpartition(":")[2]))
        finally:
            program.kill()


def storescu(
    port: int, path: Path, title: str = "CT1", options: tuple[str | Path, ...] = ()
) -> subprocess.Popen[bytes]:
    # pynetdicom brings a program of the same name into the venv.
    program = shutil.which("storescu", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if program is None:
        pytest.skip("storescu (Debian's dcmtk) is not installed")
    names = ("-aet", title, "-aec", "IMG_INGESTION")
    null = subprocess.DEVNULL
    command = [program, *names, *options, "127.0.0.1", str(port), path]
    return subprocess.Popen(command, stdout=null, stderr=null)


def associated(port: int, contexts: list[Any], title: str = "CT1") -> Any:  # noqa: ANN401 (untyped)
    entity = pynetdicom.AE(ae_title=title)
    return entity.associate("127.0.0.1", port, contexts=contexts, ae_title="IMG_INGESTION")


def sent(port: int, paths: list[Path], title: str = "CT1") -> list[int]:
    """Send files as their bytes are, over one association; give the statuses."""
    metas = [read_file_meta_info(path) for path in paths]
    pairs = dict.fromkeys((one.MediaStorageSOPClassUID, one.TransferSyntaxUID) for one in metas)
    contexts = [pynetdicom.build_context(*pair) for pair in pairs]
    association = associated(port, contexts, title)
    statuses = [association.send_c_store(path) for path in paths]
    association.release()
    return [int(one.Status) if "Status" in one else -1 for one in statuses]


def posted(port: int, path: str, content: bytes, method: str = "POST") -> Any:  # noqa: ANN401 (JSON)
    request = Request(f"http://127.0.0.1:{port}{path}", content, method=method)
    request.add_header("Authorization", BASIC)
    with urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def dataset_bytes(path: Path) -> bytes:
    content = path.read_bytes()
    stream = BytesIO(content[132:])
    pydicom.filereader._read_file_meta_info(stream)
    return content[132 + stream.tell() :]


@pytest.fixture(autouse=True)
def _as_they_are(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("pynetdicom._config.STORE_SEND_CHUNKED_DATASET", True)
    yield
    gc.collect()


def test_every_transfer_syntax_is_written_as_it_was_received(tmp_path: Path) -> None:
    paths = [real(name) for name in SYNTAXES]
    with receiving(tmp_path / "home") as receiver:
        assert sent(receiver.port, paths) == [0] * len(paths)
        said = receiver.end()
    written = receiver.files()
    assert [dataset_bytes(path) for path in written] == [dataset_bytes(path) for path in paths]
    assert [pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in written] == [
        pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in paths
    ]
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    assert [one["received"]["stored"] for one in said] == [len(paths)]
    assert receiver.program.returncode == 128 + signal.SIGTERM


def test_every_storage_class_and_every_transfer_syntax_is_taken(tmp_path: Path) -> None:
    classes = pynetdicom.AllStoragePresentationContexts
    asked_for = [
        pynetdicom.build_context(one.abstract_syntax, AllTransferSyntaxes[number % 20])
        for number, one in enumerate(classes)
    ]
    every = [
        pynetdicom.build_context("1.2.840.10008.5.1.4.1.1.2", one) for one in AllTransferSyntaxes
    ]
    with receiving(tmp_path / "home") as receiver:
        for contexts in (asked_for[:120], asked_for[120:], every):
            association = associated(receiver.port, contexts)
            assert len(association.accepted_contexts) == len(contexts)
            association.release()


def test_a_pass_takes_what_was_received_and_says_nothing_of_the_patient(
    tmp_path: Path, make_instance: MakeInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Quillfeather.dcm"
    path.write_bytes(make_instance(PatientName="Quillfeather^Zed"))
    with receiving(tmp_path / "home") as receiver:
        assert sent(receiver.port, [path, path]) == [0, 0]
        said = receiver.end()
    assert len(receiver.files()) == 2
    assert "Quill" not in json.dumps(said) + str(receiver.files())
    words = TITLES + '[incoming]\nsettle_s = 0.0\n[pixels]\npolicy = "rules"\n'
    (tmp_path / "home" / "gateway.toml").write_text(words)
    assert main(["--home", str(tmp_path / "home")]) == 0
    assert "2 seen: 0 sent, 1 waiting, 0 held, 1 duplicate" in capsys.readouterr().out


def test_only_known_titles_get_in_and_each_to_its_own_customer(tmp_path: Path) -> None:
    with receiving(tmp_path / "home") as receiver:
        for title, status in (("CT1", 0), ("MR 2", 0), ("CT2", 1), ("ct1", 1)):
            process = storescu(receiver.port, real("MR_small.dcm"), title=title)
            assert process.wait() == status
        said = receiver.end()
    assert (len(receiver.files("north")), len(receiver.files("south"))) == (1, 1)
    words = [one["rejected"]["rejected"] for one in said if "rejected" in one]
    assert words == ["its AE title is not in receiver.titles"] * 2


def test_the_called_title_can_say_whose_images_they_are(tmp_path: Path) -> None:
    words = 'customer_by = "called"\ntitles = { IMG_INGESTION = "west" }\n'
    with receiving(tmp_path / "home", f"[receiver]\n{words}") as receiver:
        assert sent(receiver.port, [real("MR_small.dcm")], title="ANYBODY") == [0]
        contexts = [pynetdicom.build_context("1.2.840.10008.5.1.4.1.1.4")]
        entity = pynetdicom.AE(ae_title="ANYBODY")
        other = entity.associate("127.0.0.1", receiver.port, contexts=contexts, ae_title="OTHER")
        assert other.is_rejected
    assert len(receiver.files("west")) == 1


def test_another_address_is_rejected(tmp_path: Path) -> None:
    with receiving(tmp_path / "home", f'{TITLES}hosts = ["192.0.2.0/24"]\n') as receiver:
        assert associated(receiver.port, pynetdicom.VerificationPresentationContexts).is_rejected


def test_an_echo_is_answered(tmp_path: Path) -> None:
    with receiving(tmp_path / "home") as receiver:
        association = associated(receiver.port, pynetdicom.VerificationPresentationContexts)
        assert association.send_c_echo().Status == 0
        association.release()
        assert receiver.end() == []


def test_fifty_at_once_and_a_hundred_in_a_row_are_all_there(tmp_path: Path) -> None:
    path = real("MR_small.dcm")
    with receiving(tmp_path / "home") as receiver:
        at_once = [storescu(receiver.port, path) for _ in range(50)]
        assert [one.wait() for one in at_once] == [0] * 50
        contexts = pynetdicom.VerificationPresentationContexts
        for _ in range(100):
            association = associated(receiver.port, contexts)
            assert association.is_established
            association.release()
        said = receiver.end()
    assert len(receiver.files()) == 50
    assert sum(one["received"]["stored"] for one in said) == 50


def test_killed_midway_everything_that_was_answered_is_there_and_nothing_half(
    tmp_path: Path, make_instance: MakeInstance
) -> None:
    answered: list[str] = []

    def send(sender: int, port: int) -> None:
        contexts = [pynetdicom.build_context("1.2.840.10008.5.1.4.1.1.2", ExplicitVRLittleEndian)]
        association = associated(port, contexts)
        for number in range(10_000):
            uid = f"1.2.3.{sender}.{number}"
            dataset = pydicom.dcmread(BytesIO(make_instance(SOPInstanceUID=uid)))
            try:
                status = association.send_c_store(dataset)
            except RuntimeError:
                return
            if status.get("Status") != 0:
                return
            answered.append(uid)

    with receiving(tmp_path / "home") as receiver:
        senders = [Thread(target=send, args=(one, receiver.port)) for one in range(6)]
        for sender in senders:
            sender.start()
        while len(answered) < 60:
            time.sleep(0.01)
        receiver.end(signal.SIGKILL)
        for sender in senders:
            sender.join()
    there = [pydicom.dcmread(one) for one in receiver.files() if one.suffix == ".dcm"]
    assert all(one.PixelData for one in there)
    assert set(answered) <= {str(one.SOPInstanceUID) for one in there}
    left = receiver.files()[0].with_name(".in-hand-0123456789abcdef")
    left.write_bytes(b"half")
    with receiving(tmp_path / "home") as receiver:
        assert not left.exists()
        assert len(receiver.files()) == len(there)


def test_a_full_disk_is_said_and_leaves_nothing_half(tmp_path: Path) -> None:
    with receiving(tmp_path / "home", prefix="ulimit -f 20;") as receiver:
        paths = [real("CT_small.dcm"), real("MR_small.dcm"), real("CT_small.dcm")]
        assert sent(receiver.port, paths) == [0xA700, 0, 0xA700]
        assert len(receiver.files()) == 1
        assert receiver.end()[0]["received"]["refused"] == 2
    with receiving(tmp_path / "home", f"{TITLES}[limits]\nmin_free_bytes = {2**60}\n") as receiver:
        assert sent(receiver.port, [real("MR_small.dcm")]) == [0xA700]
        assert len(receiver.files()) == 1


def test_what_is_above_a_limit_is_refused_and_the_next_one_taken(tmp_path: Path) -> None:
    paths = [real("CT_small.dcm"), real("MR_small.dcm")]
    with receiving(tmp_path / "home", f"{TITLES}[limits]\nmax_file_bytes = 20000\n") as receiver:
        assert sent(receiver.port, paths) == [0xA700, 0]
    assert len(receiver.files()) == 1


def test_asked_to_end_it_lets_an_association_end(tmp_path: Path) -> None:
    path = real("MR_small.dcm")
    with receiving(tmp_path / "home") as receiver:
        contexts = [pynetdicom.build_context("1.2.840.10008.5.1.4.1.1.4", ExplicitVRLittleEndian)]
        association = associated(receiver.port, contexts)
        receiver.program.terminate()
        time.sleep(0.5)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", receiver.port), timeout=5)
        assert association.send_c_store(path).Status == 0
        association.release()
        assert receiver.program.wait(30) == 128 + signal.SIGTERM
    assert len(receiver.files()) == 1


def test_with_tls_nothing_plain_gets_in_and_the_silent_hold_nobody_up(tmp_path: Path) -> None:
    folder = certificates.made(tmp_path)
    words = (
        f'tls = true\ncertificate = "{folder}/right.pem"\ncertificate_key = "{folder}/right.key"\n'
    )
    with receiving(tmp_path / "home", TITLES + words) as receiver:
        silent = socket.create_connection(("127.0.0.1", receiver.port))
        storescu(receiver.port, real("MR_small.dcm")).wait()
        assert not (tmp_path / "home" / "local_dcm" / "north").exists()
        trusting = ("+tla", "+cf", folder / "right.pem")
        assert storescu(receiver.port, real("MR_small.dcm"), options=trusting).wait() == 0
        silent.close()
    assert len(receiver.files()) == 1


def test_a_second_receiver_of_a_home_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving(tmp_path / "home"):
        assert main(["--home", str(tmp_path / "home"), "receive", "--port", "0"]) == 6
    assert "another run is at work" in capsys.readouterr().err


def test_what_orthanc_sends_is_received(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    http, _ = request.getfixturevalue("orthanc")
    with receiving(tmp_path / "home", '[receiver]\ntitles = { ORTHANC = "north" }\n') as receiver:
        peer = ["IMG_INGESTION", "127.0.0.1", receiver.port]
        posted(http, "/modalities/gateway", json.dumps(peer).encode(), "PUT")
        paths = [real(name) for name in SYNTAXES[:4]]
        ids = [posted(http, "/instances", path.read_bytes())["ID"] for path in paths]
        answer = posted(http, "/modalities/gateway/store", json.dumps(ids).encode())
        assert answer["FailedInstancesCount"] == 0
    uids = [str(pydicom.dcmread(path).SOPInstanceUID) for path in receiver.files()]
    assert sorted(uids) == sorted(str(pydicom.dcmread(path).SOPInstanceUID) for path in paths)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ('address = "0.0.0.0"', "address is not loopback"),
        ('address = "example.org"', "must be an IP address"),
        ('hosts = ["everybody"]', "must be addresses or networks"),
        ('titles = { CT1 = "../north" }', "a customer is letters"),
        ('titles = { "A TITLE OF SEVENTEEN" = "north" }', "receiver.titles"),
        ("tls = true", "certificate: TLS needs one"),
    ],
)
def test_a_setting_that_would_let_strangers_in_is_refused(
    tmp_path: Path, words: str, said: str
) -> None:
    (tmp_path / "gateway.toml").write_text(f"[receiver]\n{words}\n")
    with pytest.raises(SettingsError, match=said):
        load(tmp_path)


def test_without_titles_nobody_may_send(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path), "receive"]) == 2
    assert "receiver.titles is empty" in capsys.readouterr().err
