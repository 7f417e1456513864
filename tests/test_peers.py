"""Cleaned instances go to real peers: Orthanc by STOW-RS and C-STORE, dcmtk's storescp, a folder."""

from __future__ import annotations

import json
import shutil
import socket
import stat
import subprocess
import time
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pydicom
import pytest
from pydicom.data import get_testdata_file

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.backend.misbehaviour import parsed
from img_ingestion.cli import main
from img_ingestion.ledger import Ledger
from tests import certificates
from tests.delivering import listening, request_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeInstance

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
BASE = '[incoming]\nsettle_s = 0.0\n[pixels]\npolicy = "rules"\n'
BASIC = "Basic Z2F0ZXdheTp6cS1zZWNyZXQtenE="


@pytest.fixture(autouse=True)
def _pynetdicom() -> None:
    pytest.importorskip("pynetdicom", reason="pynetdicom (requirements-dicom.txt) is not installed")


@pytest.fixture
def home(tmp_path: Path, make_instance: MakeInstance) -> Path:
    """Give a home with three instances of one series, two of them of one patient's second series."""
    customer = tmp_path / "home" / "local_dcm" / "north"
    customer.mkdir(parents=True)
    for number in (1, 2, 3):
        series = "1.2.3" if number == 3 else "1.2.4"
        content = make_instance(
            SOPInstanceUID=f"1.2.3.{number}", SeriesInstanceUID=series, InstanceNumber=number
        )
        (customer / f"dicom_{number}.dcm").write_bytes(content)
    return tmp_path / "home"


def one_pass(home: Path, places: str) -> int:
    (home / "gateway.toml").write_text(BASE + places)
    return main(["--home", str(home)])


def states(home: Path) -> dict[str, list[str]]:
    """Give the states at each destination."""
    with Ledger.open(home / "state") as ledger:
        rows = ledger.connection.execute("SELECT destination, state FROM delivery ORDER BY 1, 2")
        found: dict[str, list[str]] = {}
        for destination, state in rows:
            found.setdefault(destination, []).append(state)
    return found


def due(home: Path) -> None:
    with Ledger.open(home / "state") as ledger:
        ledger.connection.execute("UPDATE delivery SET next_attempt_at = 0")


def cleaned(home: Path) -> dict[str, bytes]:
    """Give the pixel data of each cleaned instance, by UID."""
    files = (home / "local_dcm_dicomcleaner" / "north").glob("*.dcm")
    read = [pydicom.dcmread(path) for path in files]
    return {str(one.SOPInstanceUID): one.PixelData for one in read}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running(program: list[str], port: int) -> Iterator[None]:
    """Run a server until the end of the block."""
    silent = subprocess.DEVNULL
    with subprocess.Popen(program, stdout=silent, stderr=silent) as process:
        try:
            for _ in range(300):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield
        finally:
            process.terminate()


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    # pynetdicom brings a program of the same name into the venv.
    program = shutil.which("storescp", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    if program is None:
        pytest.skip("storescp (Debian's dcmtk) is not installed")
    port = free_port()
    folder.mkdir(exist_ok=True)
    with running([program, *options, "--output-directory", str(folder), str(port)], port):
        yield port


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Run an Orthanc with DICOMweb; give its ports for HTTP and DICOM."""
    program = shutil.which("Orthanc")
    if program is None or not PLUGIN.exists():
        pytest.skip("Debian's orthanc and orthanc-dicomweb are not installed")
    folder, http, dicom = tmp_path_factory.mktemp("orthanc"), free_port(), free_port()
    configuration = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": http,
        "DicomPort": dicom,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"gateway": "zq-secret-zq"},
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True},
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with running([program, str(folder / "orthanc.json")], http):
        yield http, dicom


def asked(port: int, path: str, method: str = "GET") -> Any:  # noqa: ANN401 (JSON)
    request = Request(
        f"http://127.0.0.1:{port}{path}", method=method, headers={"Authorization": BASIC}
    )
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def pixels_at(port: int) -> dict[str, bytes]:
    """Give the pixel data of each instance that Orthanc has, by UID; and clear it."""
    found = {}
    for one in asked(port, "/instances"):
        request = Request(f"http://127.0.0.1:{port}/instances/{one}/file")
        request.add_header("Authorization", BASIC)
        with urlopen(request, timeout=30) as answer:
            content = pydicom.dcmread(BytesIO(answer.read()))
        found[str(content.SOPInstanceUID)] = content.PixelData
        asked(port, f"/instances/{one}", "DELETE")
    return found


def stow_words(home: Path, http: int) -> str:
    (home / "password").write_text("zq-secret-zq")
    return (
        f'[stow]\nurl = "http://127.0.0.1:{http}/dicom-web"\nuser = "gateway"\n'
        'password_file = "password"\n'
    )


def test_orthanc_gets_every_instance_by_stow_rs(home: Path, orthanc: tuple[int, int]) -> None:
    assert one_pass(home, stow_words(home, orthanc[0])) == 0
    assert states(home) == {"stow": ["sent"] * 3}
    assert pixels_at(orthanc[0]) == cleaned(home)


@pytest.mark.parametrize("way", ["stow", "store"])
def test_instances_without_pictures_reach_orthanc(
    tmp_path: Path, orthanc: tuple[int, int], way: str
) -> None:
    home, kinds = (
        tmp_path / "home",
        ("rtplan.dcm", "rtstruct.dcm", "test-SR.dcm", "waveform_ecg.dcm"),
    )
    (home / "local_dcm" / "north").mkdir(parents=True)
    for kind in kinds:
        source = str(get_testdata_file(kind, download=False))
        shutil.copyfile(source, home / "local_dcm" / "north" / kind)
    peer = f'[store]\nhost = "127.0.0.1"\nport = {orthanc[1]}\ncalled_aet = "ORTHANC"\n'
    assert one_pass(home, peer if way == "store" else stow_words(home, orthanc[0])) == 0
    assert states(home) == {way: ["sent"] * len(kinds)}
    found = asked(orthanc[0], "/instances?expand")
    ours = (home / "local_dcm_dicomcleaner" / "north").glob("*.dcm")
    got = {one["MainDicomTags"]["SOPInstanceUID"] for one in found}
    assert got == {str(pydicom.dcmread(path).SOPInstanceUID) for path in ours}
    for one in found:
        asked(orthanc[0], f"/instances/{one['ID']}", "DELETE")


def test_the_same_instances_again_are_no_fault(home: Path, orthanc: tuple[int, int]) -> None:
    words = stow_words(home, orthanc[0])
    assert one_pass(home, words) == 0
    with Ledger.open(home / "state") as ledger:
        ledger.connection.execute("UPDATE delivery SET state = 'waiting'")
        ledger.connection.execute("UPDATE file SET state = 'waiting'")
    assert one_pass(home, words) == 0
    assert len(pixels_at(orthanc[0])) == 3


def test_orthanc_gets_every_instance_by_c_store(home: Path, orthanc: tuple[int, int]) -> None:
    words = f'[store]\nhost = "127.0.0.1"\nport = {orthanc[1]}\ncalled_aet = "ORTHANC"\n'
    assert one_pass(home, words) == 0
    assert states(home) == {"store": ["sent"] * 3}
    assert pixels_at(orthanc[0]) == cleaned(home)


def test_a_wrong_ae_title_leaves_a_backlog_waiting(
    home: Path, orthanc: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    words = f'[store]\nhost = "127.0.0.1"\nport = {orthanc[1]}\ncalled_aet = "WRONG"\n'
    for _ in range(4):
        # On a busy machine an association may time out instead: that one is asked again.
        one_pass(home, words + "max_images = 1\n")
        if states(home) == {"store": ["waiting"] * 3}:
            break
        with Ledger.open(home / "state") as ledger:
            ledger.connection.execute("UPDATE delivery SET next_attempt_at = 0")
    assert states(home) == {"store": ["waiting"] * 3}
    assert "look at the AE titles" in capsys.readouterr().out


def test_storescp_gets_every_instance_by_c_store(home: Path, tmp_path: Path) -> None:
    with storescp(tmp_path / "scp", "+xa") as port:
        assert one_pass(home, f'[store]\nhost = "127.0.0.1"\nport = {port}\n') == 0
    got = [pydicom.dcmread(path) for path in (tmp_path / "scp").iterdir()]
    assert {str(one.SOPInstanceUID): one.PixelData for one in got} == cleaned(home)


@pytest.fixture(scope="module")
def folder_of_certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.made(tmp_path_factory.mktemp("certificates"))


@contextmanager
def storescp_tls(folder: Path, keys: Path, name: str, *options: str) -> Iterator[int]:
    own = [str(keys / f"{name}.key"), str(keys / f"{name}.pem")]
    trusted = ["--add-cert-file", str(keys / "ours.pem")]
    with storescp(folder, "+xa", "--enable-tls", *own, *trusted, *options) as port:
        yield port


def test_c_store_over_tls_with_certificates_of_both_sides(
    home: Path, tmp_path: Path, folder_of_certificates: Path
) -> None:
    keys = folder_of_certificates
    with storescp_tls(tmp_path / "scp", keys, "right") as port:
        words = f'[store]\nhost = "127.0.0.1"\nport = {port}\ntls = true\n'
        words += f'ca_file = "{keys}/right.pem"\n'
        own = f'client_cert = "{keys}/ours.pem"\nclient_key = "{keys}/ours.key"\n'
        assert one_pass(home, words + own) == 0
    got = [pydicom.dcmread(path) for path in (tmp_path / "scp").iterdir()]
    assert {str(one.SOPInstanceUID): one.PixelData for one in got} == cleaned(home)


NOT_TRUSTED = {
    "another CA": ("right", "elsewhere", "tls ours"),
    "another host": ("elsewhere", "elsewhere", "tls ours"),
    "expired": ("over", "right", "tls ours"),
    "no certificate of ours": ("right", "right", "tls"),
    "no TLS": ("right", "right", ""),
}


@pytest.mark.parametrize("case", NOT_TRUSTED)
def test_nothing_is_stored_where_one_side_cannot_trust_the_other(
    case: str, home: Path, tmp_path: Path, folder_of_certificates: Path
) -> None:
    keys, (server, trusted, has) = folder_of_certificates, NOT_TRUSTED[case]
    with storescp_tls(tmp_path / "scp", keys, server) as port:
        words = f'[store]\nhost = "127.0.0.1"\nport = {port}\ntimeout_s = 5\n'
        if "tls" in has:
            words += f'tls = true\nca_file = "{keys}/{trusted}.pem"\n'
        if "ours" in has:
            words += f'client_cert = "{keys}/ours.pem"\nclient_key = "{keys}/ours.key"\n'
        assert one_pass(home, words) == 5
    assert states(home) == {"store": ["waiting"] * 3}
    assert list((tmp_path / "scp").iterdir()) == []


def test_a_peer_that_aborts_or_is_not_there_leaves_everything_waiting(
    home: Path, tmp_path: Path
) -> None:
    with storescp(tmp_path / "scp", "--abort-after") as port:
        words = f'[store]\nhost = "127.0.0.1"\nport = {port}\ntimeout_s = 5\n'
        assert one_pass(home, words) == 5
    assert states(home) == {"store": ["waiting"] * 3}
    due(home)
    assert one_pass(home, words) == 5
    assert states(home) == {"store": ["waiting"] * 3}


def test_a_peer_that_takes_no_such_syntax_holds_the_instances(home: Path, tmp_path: Path) -> None:
    with storescp(tmp_path / "scp", "+xi") as port:
        words = f'[store]\nhost = "127.0.0.1"\nport = {port}\n'
        assert one_pass(home, words) == 3
    assert states(home) == {"store": ["held"] * 3}


def test_a_folder_gets_every_instance_for_its_owner_alone(home: Path, tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    assert one_pass(home, '[folder]\npath = "../share"\n') == 0
    files = list((tmp_path / "share").glob("north/2.25.*/2.25.*/2.25.*.dcm"))
    assert {path.stem: pydicom.dcmread(path).PixelData for path in files} == cleaned(home)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_share_that_is_not_mounted_is_not_filled_from_below(home: Path, tmp_path: Path) -> None:
    words = '[folder]\npath = "../share"\n'
    assert one_pass(home, words) == 5
    assert not (tmp_path / "share").exists()
    (tmp_path / "share").mkdir()
    due(home)
    assert one_pass(home, words) == 0


def test_each_of_several_destinations_has_a_state_of_its_own(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "share").mkdir()
    script = [parsed("status=503")]
    with EmbeddedBackend(tmp_path / "received", script) as url, storescp(tmp_path / "scp") as port:
        words = (
            f'[backend]\nurl = "{url}"\n[folder]\npath = "../share"\n'
            f'[store]\nhost = "127.0.0.1"\nport = {port}\n'
        )
        assert one_pass(home, words) == 5
    assert states(home) == {
        "backend": ["waiting"] * 3,
        "folder": ["sent"] * 3,
        "store": ["sent"] * 3,
    }
    said = capsys.readouterr().out
    assert "images to folder, written" in said
    assert said.splitlines()[-1] == "3 seen: 0 sent, 3 waiting, 0 held, 0 duplicate"
    due(home)
    with EmbeddedBackend(tmp_path / "received") as url:
        # The peer is gone by now: it is not asked again.
        assert one_pass(home, words.replace(words.split('"')[1], url)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "3 seen: 3 sent, 0 waiting, 0 held, 0 duplicate"
    )


def test_a_destination_that_is_taken_out_of_the_settings_holds_nothing_up(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "share").mkdir()
    words = '[folder]\npath = "../share"\n'
    assert one_pass(home, f'{words}[store]\nhost = "127.0.0.1"\nport = {free_port()}\n') == 5
    assert one_pass(home, words) == 0
    with Ledger.open(home / "state") as ledger:
        assert ledger.totals() == {"sent": 3}


def test_each_customer_has_destinations_of_its_own(
    home: Path, tmp_path: Path, make_instance: MakeInstance
) -> None:
    (tmp_path / "share").mkdir()
    (home / "local_dcm" / "south").mkdir()
    (home / "local_dcm" / "south" / "dicom_9.dcm").write_bytes(make_instance())
    assert one_pass(home, '[customers.south.folder]\npath = "../share"\n') == 0
    assert states(home) == {"folder": ["sent"]}


def stowed(home: Path, answer: str) -> int:
    """Make a pass to a server that gives this answer to everything."""

    def behave(stream: socket.socket) -> None:
        request_read(stream)
        stream.sendall(answer.encode())

    with listening(behave) as address:
        return one_pass(home, f'[stow]\nurl = "http://{address}"\n')


def response(status: str, content: object) -> str:
    text = json.dumps(content)
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/dicom+json\r\nConnection: close\r\n"
        f"Content-Length: {len(text)}\r\n\r\n{text}"
    )


def failed(reason: int) -> object:
    return {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [reason]}}]}}


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        (response("202 Accepted", failed(0x0122)), "held", "DestinationRefused"),
        (response("409 Conflict", failed(0xA700)), "waiting", "DestinationBusy"),
        (response("409 Conflict", failed(0xC000)), "held", "DestinationRefused"),
        (response("409 Conflict", {}), "held", "DestinationRefused"),
        (response("409 Conflict", "words"), "held", "DestinationRefused"),
        (response("200 OK", {}), "held", "DestinationShut"),
        (response("200 OK", ["words"]), "held", "DestinationShut"),
        (response("200 OK", {"00081199": "words"}), "held", "DestinationShut"),
        (response("503 Busy", {}), "waiting", "DestinationBusy"),
    ],
)
def test_what_a_dicomweb_server_says_of_an_instance_is_heard(
    home: Path, answer: str, state: str, code: str
) -> None:
    stowed(home, answer)
    with Ledger.open(home / "state") as ledger:
        rows = ledger.connection.execute("SELECT DISTINCT state, code FROM delivery").fetchall()
    assert (state, code) in rows


def test_without_pynetdicom_the_settings_say_what_to_install(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("img_ingestion.peers.find_spec", lambda _: None)
    assert one_pass(home, '[store]\nhost = "127.0.0.1"\n') == 2
    said = capsys.readouterr().err
    assert "store: host: C-STORE needs pynetdicom; pip install -r requirements-dicom.txt" in said


def test_nothing_identifies_in_what_the_peers_get(
    home: Path, tmp_path: Path, make_instance: MakeInstance
) -> None:
    (tmp_path / "share").mkdir()
    (home / "local_dcm" / "north" / "Quillfeather.dcm").write_bytes(make_instance())
    one_pass(home, '[folder]\npath = "../share"\n')
    for path in (tmp_path / "share").rglob("*"):
        assert "Quill" not in path.name
        assert path.is_dir() or b"Quill" not in path.read_bytes()
