"""Line one, on real folders: outputs, archive, quarantine, ledger."""

from __future__ import annotations

import base64
import json
import os
import resource
import stat
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from img_ingestion.deidentify import recipe
from img_ingestion.errors import InstanceError, SettingsError, StorageError
from img_ingestion.home import Home
from img_ingestion.ingest import ingest
from img_ingestion.ledger import Ledger
from img_ingestion.outcome import STEPS, Ingested
from img_ingestion.settings import (
    CustomerSettings,
    Incoming,
    Limits,
    Pixels,
    Profile,
    Rendering,
    Settings,
    Vault,
)

if TYPE_CHECKING:
    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.ledger import Outgoing
    from tests.conftest import MakeInstance

AT_ONCE = Settings(incoming=Incoming(settle_s=0, give_up_s=0))


@pytest.fixture(scope="module")
def site() -> Recipe:
    return recipe.load(Path(__file__).parents[1] / "deid.dicom")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


def _drop(home: Home, place: str, content: bytes) -> Path:
    path = home.local_dcm / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _real(name: str) -> bytes:
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def _pass(home: Home, site: Recipe, settings: Settings = AT_ONCE, *files: Path) -> list[Ingested]:
    with Ledger.open(home.state) as ledger:
        return list(ingest(home, settings, site, ledger, files))


def _waiting(home: Home) -> list[Outgoing]:
    with Ledger.open(home.state) as ledger:
        return ledger.waiting(now=0)


def _totals(home: Home) -> Counter[str]:
    with Ledger.open(home.state) as ledger:
        return ledger.totals()


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _tree(root: Path) -> dict[Path, tuple[int, int, bytes]]:
    """Take every byte below a folder, with modes and dates."""
    return {
        path: (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in root.rglob("*")
    }


def test_a_file_becomes_a_clean_instance_a_picture_its_base64_and_work(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    original = make_instance()
    _drop(home, "customer_1/deep/image_1.ima", original)
    (told,) = _pass(home, site)
    png = (home.cleaned / "customer_1" / "cleaned-image_1.png").read_bytes()
    text = (home.encoded / "customer_1" / "cleaned-image_1.png.txt").read_bytes()
    assert _files(home.cleaned) == [
        "customer_1/cleaned-image_1.dcm",
        "customer_1/cleaned-image_1.png",
    ]
    assert base64.b64decode(text, validate=True) == png
    assert Image.open(BytesIO(png)).size == (16, 16)
    assert (told.outcome, told.shown) == ("waiting", "./local_dcm/customer_1/image_1.dcm")
    assert told.encoded == (("cleaned-image_1.png", len(text)),)
    (outgoing,) = _waiting(home)
    assert [image.data.read_bytes() for image in outgoing.images] == [text]
    (kept,) = _files(home.archive)
    assert kept.endswith(f"/{told.id}.image_1.ima")
    assert (home.archive / kept).read_bytes() == original
    assert _files(home.local_dcm) == []


def test_everything_that_is_written_is_for_our_own_account_alone(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, "customer_1/image_1.dcm", make_instance())
    _drop(home, "customer_1/no dicom", b"text")
    before = os.umask(0)
    try:
        _pass(home, site)
    finally:
        os.umask(before)
    ours = [path for path in home.root.rglob("*") if home.local_dcm not in (path, *path.parents)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in ours if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in ours if path.is_dir()} == {0o700}


def test_several_frames_are_numbered_and_one_is_not(home: Home, site: Recipe) -> None:
    _drop(home, "customer_1/image_1.dcm", _real("SC_rgb_rle_2frame.dcm"))
    (told,) = _pass(home, site, AT_ONCE.model_copy(update={"pixels": Pixels(policy="rules")}))
    names = ["cleaned-image_1.f0001.png", "cleaned-image_1.f0002.png"]
    assert [name for name, _ in told.encoded] == names
    assert _files(home.cleaned / "customer_1") == ["cleaned-image_1.dcm", *names]
    (outgoing,) = _waiting(home)
    assert [image.data.name for image in outgoing.images] == [f"{name}.txt" for name in names]
    first = AT_ONCE.model_copy(
        update={"pixels": Pixels(policy="rules"), "rendering": Rendering(frames="first")}
    )
    _drop(home, "customer_2/image_1.dcm", _real("SC_rgb_rle_2frame.dcm"))
    (told,) = _pass(home, site, first)
    assert [name for name, _ in told.encoded] == ["cleaned-image_1.png"]


def test_what_cannot_be_cleaned_is_held_with_a_plain_reason_and_leaves_no_output(
    home: Home, site: Recipe
) -> None:
    _drop(home, "customer_1/Quillfeather^Zebedee.dcm", b"no DICOM, but ZQ-4711")
    (told,) = _pass(home, site)
    assert (told.outcome, told.code, told.plain) == ("held", "NotDicom", "not DICOM")
    assert _files(home.cleaned) == _files(home.encoded) == _files(home.archive) == []
    assert _files(home.quarantine) == [f"customer_1/{told.id}.dcm", f"customer_1/{told.id}.json"]
    reason = (home.quarantine / "customer_1" / f"{told.id}.json").read_text()
    assert set(json.loads(reason)) == {"id", "code", "step", "reason", "time", "sha256", "size"}
    assert "Quillfeather" not in reason + repr(told)


def test_a_poisoned_file_does_not_stop_the_next_one(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, "customer_1/1", make_instance()[:-100])
    _drop(home, "customer_1/2", os.urandom(1000))
    _drop(home, "customer_1/3", make_instance())
    assert [told.outcome for told in _pass(home, site)] == ["held", "held", "waiting"]


def test_what_lies_in_no_customers_folder_is_held(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, "image.dcm", make_instance())
    (told,) = _pass(home, site)
    assert (told.customer, told.code) == ("_unassigned", "NotAdmitted")
    assert _files(home.quarantine) == [f"_unassigned/{told.id}.dcm", f"_unassigned/{told.id}.json"]


def test_the_same_content_is_work_once_for_each_customer(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    for place in ("customer_1/image_1", "customer_1/image_2", "customer_2/image_1"):
        _drop(home, place, make_instance())
    told = _pass(home, site)
    assert [one.outcome for one in told] == ["waiting", "duplicate", "waiting"]
    _drop(home, "customer_1/again", make_instance())
    assert [one.outcome for one in _pass(home, site)] == ["duplicate"]
    assert [one.customer for one in _waiting(home)] == ["customer_1", "customer_2"]
    assert len(_files(home.archive)) == 4
    assert _totals(home) == Counter(waiting=2, duplicate=2)


def test_two_files_of_the_same_name_have_outputs_of_their_own(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, "customer_1/a/image.dcm", make_instance(InstanceNumber=1))
    _drop(home, "customer_1/b/image.dcm", make_instance(InstanceNumber=2))
    first, second = _pass(home, site)
    assert first.shown == "./local_dcm/customer_1/image.dcm"
    assert second.shown == f"./local_dcm/customer_1/image-{second.id[:8]}.dcm"
    assert len(_files(home.cleaned)) == 4
    data = [image.data.read_bytes() for one in _waiting(home) for image in one.images]
    assert [one.order for one in _waiting(home)] == [1, 2]
    assert len(data) == 2


def test_other_pixels_under_the_same_instance_uid_are_kept_and_flagged(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, "customer_1/a.dcm", make_instance())
    _drop(home, "customer_1/b.dcm", make_instance(PixelData=bytes(512)))
    _drop(home, "customer_2/a.dcm", make_instance())
    _drop(home, "customer_2/b.dcm", make_instance(SOPInstanceUID="1.2.826.0.1.3680043.9.9999.7"))
    told = _pass(home, site)
    assert [one.outcome for one in told] == ["waiting"] * 4
    assert ["SOP Instance UID" in one.reason for one in told] == [False, True, False, False]
    assert len(_waiting(home)) == 4
    with Ledger.open(home.state) as ledger:
        rows = ledger.connection.execute("SELECT count(*) FROM file WHERE reason <> ''")
        assert rows.fetchone() == (1,)


def test_an_output_on_the_disk_that_the_ledger_does_not_know_is_not_overwritten(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    (home.encoded / "customer_1").mkdir()
    foreign = home.encoded / "customer_1" / "cleaned-image.png.txt"
    foreign.write_bytes(b"somebody's")
    _drop(home, "customer_1/image.dcm", make_instance())
    (told,) = _pass(home, site)
    assert foreign.read_bytes() == b"somebody's"
    assert told.shown == f"./local_dcm/customer_1/image-{told.id[:8]}.dcm"


def test_under_another_policy_the_same_content_is_new_work(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, "customer_1/image.dcm", make_instance())
    _pass(home, site)
    _drop(home, "customer_1/image.dcm", make_instance())
    other = AT_ONCE.model_copy(update={"profile": Profile(retain_device_identity=True)})
    assert [one.outcome for one in _pass(home, site, other)] == ["waiting"]
    assert len(_waiting(home)) == 2


def test_instances_leave_in_the_order_of_instance_number(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    for number in (10, 2, 1):
        _drop(home, f"customer_1/image_{number}.dcm", make_instance(InstanceNumber=number))
    _pass(home, site)
    assert [one.order for one in _waiting(home)] == [1, 2, 10]


def test_a_pass_over_nothing_new_does_nothing(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, "customer_1/image.dcm", make_instance())
    _pass(home, site)
    before = _tree(home.root)
    assert _pass(home, site) == []
    assert {path: kept[2] for path, kept in _tree(home.root).items()} == {
        path: kept[2] for path, kept in before.items()
    }


def test_a_rehearsal_tells_the_same_and_changes_no_byte(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, "customer_1/image_1.dcm", make_instance())
    _drop(home, "customer_1/image_2.dcm", make_instance())
    _drop(home, "customer_1/no dicom", b"text")
    # A file's id is made under the ledger's key, and a rehearsal makes none that stays.
    Ledger.open(home.state).connection.close()
    before = _tree(home.root)
    with Ledger.rehearsal(home.state) as ledger:
        rehearsed = list(ingest(home, AT_ONCE, site, ledger))
    assert _tree(home.root) == before
    real = _pass(home, site)
    assert [one.outcome for one in rehearsed] == ["waiting", "duplicate", "held"]
    assert [(one.outcome, one.shown, one.encoded) for one in real[:2]] == [
        (one.outcome, one.shown, one.encoded) for one in rehearsed[:2]
    ]
    after = _tree(home.root)
    _drop(home, "customer_1/image_3.dcm", make_instance())
    with Ledger.rehearsal(home.state) as ledger:
        assert [one.outcome for one in ingest(home, AT_ONCE, site, ledger)] == ["duplicate"]
    assert {path for path in _tree(home.root) if path not in after} == {
        home.local_dcm / "customer_1" / "image_3.dcm"
    }


def test_a_full_disk_stops_the_pass_and_the_next_one_resumes(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    noise = np.random.default_rng(0).integers(0, 4096, (128, 128), dtype="<u2")
    first = _drop(
        home,
        "customer_1/image.dcm",
        make_instance(Rows=128, Columns=128, PixelData=noise.tobytes()),
    )
    Ledger.open(home.state).connection.close()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Room for the picture and its base64, none for the instance.
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, before[1]))
    try:
        (told,) = _pass(home, site)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (told.outcome, told.plain) == ("stuck", "writing: File too large")
    assert first.exists()
    assert _files(home.cleaned) == _files(home.encoded) == _files(home.archive) == []
    assert [one.outcome for one in _pass(home, site)] == ["waiting"]


def test_no_file_is_taken_when_room_runs_low(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    path = _drop(home, "customer_1/image.dcm", make_instance())
    scarce = AT_ONCE.model_copy(update={"limits": Limits(min_free_bytes=2**62)})
    with pytest.raises(StorageError, match="min_free_bytes"):
        _pass(home, site, scarce)
    assert path.exists()
    assert _totals(home) == Counter()


def test_what_identifies_is_in_the_archive_the_quarantine_and_the_vault_only(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, "customer_1/Quillfeather/Quillfeather^Zebedee_ZQ-4711.dcm", make_instance())
    (told,) = _pass(home, site)
    outside = [
        path
        for path in home.root.rglob("*")
        if home.archive not in path.parents and home.local_dcm not in path.parents
    ]
    for marker in (
        b"quillfeather",
        b"zebedee",
        b"zq-4711",
        b"acc77",
        b"1.2.826.0.1.3680043.9.9999",
    ):
        assert marker not in repr(told).lower().encode()
        for path in outside:
            assert marker not in bytes(path).lower()
            if path.is_file() and path.name != "vault.sqlite":
                assert marker not in path.read_bytes().lower(), path.suffix


def test_without_the_vault_nothing_is_remembered(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, "customer_1/image.dcm", make_instance())
    forgetful = CustomerSettings(vault=Vault(enabled=False))
    _pass(home, site, AT_ONCE.model_copy(update={"customers": {"customer_1": forgetful}}))
    assert not (home.state / "vault.sqlite").exists()


def test_a_long_name_is_cut_to_what_a_file_system_takes(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    _drop(home, f"customer_1/{'ü' * 127}x", make_instance())
    (told,) = _pass(home, site)
    (kept,) = home.archive.rglob(f"{told.id}.*")
    assert len(bytes(kept.relative_to(kept.parent))) == 255


def test_what_is_no_file_is_told_and_left(home: Home, site: Recipe) -> None:
    (home.local_dcm / "customer_1").mkdir()
    os.mkfifo(home.local_dcm / "customer_1" / "fifo")
    assert [(one.outcome, one.plain) for one in _pass(home, site)] == [
        ("skipped", "not a regular file")
    ]


def test_only_the_named_files_are_taken(
    home: Home, site: Recipe, make_instance: MakeInstance
) -> None:
    named = _drop(home, "customer_1/image_1.dcm", make_instance())
    other = _drop(home, "customer_1/image_2.dcm", make_instance(InstanceNumber=2))
    assert len(_pass(home, site, AT_ONCE, named)) == 1
    assert other.exists()
    with Ledger.open(home.state) as ledger, pytest.raises(SettingsError):
        ingest(home, AT_ONCE, site, ledger, [home.root / "elsewhere.dcm"])


def test_real_files_come_out_readable_and_whole(home: Home, site: Recipe) -> None:
    for name in ("CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm"):
        _drop(home, f"customer_1/{name}", _real(name))
    assert [one.outcome for one in _pass(home, site)] == ["waiting"] * 3
    for path in home.cleaned.rglob("*.dcm"):
        clean = pydicom.dcmread(path)
        picture = Image.open(BytesIO(path.with_suffix(".png").read_bytes()))
        assert picture.size == (clean.Columns, clean.Rows)
        assert clean.pixel_array.shape == (clean.Rows, clean.Columns)


def test_every_error_of_an_instance_belongs_to_a_step() -> None:
    assert set(STEPS) == {kind.__name__ for kind in InstanceError.__subclasses__()}
