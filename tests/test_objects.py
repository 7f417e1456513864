"""An object store as a source: Ceph's gateway, with every promise of the folder."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from img_ingestion.arrival import Arrival
from img_ingestion.cli import main
from img_ingestion.errors import SettingsError, StorageError
from img_ingestion.home import Home
from img_ingestion.ledger import Ledger
from img_ingestion.review.reach import listed
from img_ingestion.settings_file import load
from img_ingestion.sources import sources
from tests import ceph

if TYPE_CHECKING:
    from img_ingestion.bucket import Bucket
    from tests.ceph import CephGateway
    from tests.conftest import MakeInstance

pytestmark = [
    # boto3's sockets are left to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROOT = Path(__file__).resolve().parents[1]
ODD_KEYS = (
    "north/a/first.dcm",
    "north/Ünï cödé/影像.dcm",
    "north//two+slashes%20&=?.dcm",
    "north/../up.dcm",
    "north/..",
    "north/" + "long" * 200,
    "north/ends in/",
    "north/line\nbreak",
)


@dataclass
class Shop:
    """A home whose customers put their files into a bucket of its own."""

    home: Path
    client: Any
    bucket: str
    endpoint: str

    def settle(self, words: str = "", more: str = "") -> None:
        (self.home / "secret").write_text(ceph.SECRET)
        (self.home / "gateway.toml").write_text(
            '[incoming]\nsettle_s = 0.0\n[pixels]\npolicy = "rules"\n'
            f'[s3]\nurl = "s3://{self.bucket}/in"\nendpoint = "{self.endpoint}"\n'
            f'access_key = "{ceph.ACCESS}"\nsecret_key_file = "secret"\n{words}\n{more}'
        )

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"in/{key}", Body=content)

    def keys(self, prefix: str = "") -> list[str]:
        answer = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return sorted(one["Key"] for one in answer.get("Contents", ()))

    def versioned(self) -> None:
        self.client.put_bucket_versioning(
            Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"}
        )

    def make(self) -> int:
        return main(["--home", str(self.home)])

    def totals(self) -> dict[str, int]:
        with Ledger.open(self.home / "state") as ledger:
            return dict(ledger.totals())

    def originals(self, folder: str = "archive") -> list[bytes]:
        paths = (self.home / folder).rglob("*")
        return sorted(one.read_bytes() for one in paths if one.is_file() and one.suffix != ".json")

    def opened(self) -> Bucket:
        from img_ingestion import bucket  # noqa: PLC0415 (needs boto3)

        return bucket.opened(load(self.home).s3)


@pytest.fixture
def shop(tmp_path: Path, store: CephGateway, request: pytest.FixtureRequest) -> Shop:
    name = "b" + hashlib.sha256(request.node.name.encode()).hexdigest()[:20]
    store.client.create_bucket(Bucket=name)
    (tmp_path / "home").mkdir()
    shop = Shop(tmp_path / "home", store.client, name, store.endpoint)
    shop.settle()
    return shop


@pytest.fixture
def images(make_instance: MakeInstance) -> list[bytes]:
    return [make_instance(SOPInstanceUID=f"1.2.3.{number}") for number in range(10)]


def test_objects_of_any_key_are_taken_once_and_stay_tagged(
    shop: Shop, images: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    for key, content in zip(ODD_KEYS, images, strict=False):
        shop.put(key, content)
    before = shop.keys()
    assert shop.make() == 0
    assert shop.totals() == {"waiting": len(ODD_KEYS)}
    assert shop.originals() == sorted(images[: len(ODD_KEYS)])
    assert main(["--home", str(shop.home), "reconcile"]) == 0
    said = capsys.readouterr().out
    assert "影" not in said
    assert said.count("Scrubbing s3:") == len(ODD_KEYS)
    assert shop.make() == 0
    assert shop.totals() == {"waiting": len(ODD_KEYS)}
    assert shop.keys() == before


def test_what_is_nobodys_or_no_image_is_held(shop: Shop, images: list[bytes]) -> None:
    for key, content in {
        "stray.dcm": images[0],
        "no customer/x.dcm": images[1],
        "north/words.txt": b"no image at all",
        "north/nothing": b"",
        "north/folder/": b"",
    }.items():
        shop.put(key, content)
    shop.settle(more="[limits]\nmax_file_bytes = 200000\n")
    shop.put("north/large.dcm", bytes(200_001))
    assert shop.make() == 3
    assert shop.totals() == {"held": 5}
    assert shop.originals("quarantine") == sorted(
        [images[0], images[1], b"no image at all", b"", bytes(200_001)]
    )
    assert len(shop.keys()) == 6
    assert shop.make() == 0


def test_new_content_under_a_key_is_new_and_the_same_again_a_duplicate(
    shop: Shop, images: list[bytes]
) -> None:
    for content, totals in (
        (images[0], {"waiting": 1}),
        (images[1], {"waiting": 2}),
        (images[0], {"waiting": 2, "duplicate": 1}),
    ):
        shop.put("north/one.dcm", content)
        assert shop.make() == 0
        assert shop.totals() == totals


def test_what_was_listed_is_read_as_it_was_or_not_at_all(shop: Shop, images: list[bytes]) -> None:
    shop.put("north/one.dcm", images[0])
    bucket = shop.opened()
    (pin,) = bucket.listed("in/")
    shop.put("north/one.dcm", images[1])
    assert bucket.opened(pin) is None
    # Even a tag that comes too late does not hide what came after.
    bucket.tag(pin)
    assert shop.make() == 0
    assert shop.originals() == [images[1]]


def test_moved_objects_are_where_the_settings_say(shop: Shop, images: list[bytes]) -> None:
    shop.versioned()
    shop.settle('after = "move"\nafter_held = "move"')
    shop.put("north/one.dcm", images[0])
    shop.put("north/words.txt", b"no image at all")
    assert shop.make() == 3
    assert shop.keys("in/") == []
    taken, held = shop.keys("img-ingestion/taken/"), shop.keys("img-ingestion/held/")
    assert [key.rpartition(".")[0] for key in taken] == ["img-ingestion/taken/north/one.dcm"]
    assert [key.rpartition(".")[0] for key in held] == ["img-ingestion/held/north/words.txt"]
    body = shop.client.get_object(Bucket=shop.bucket, Key=taken[0])["Body"]
    assert body.read() == images[0]


def test_only_the_version_that_was_read_is_deleted(shop: Shop, images: list[bytes]) -> None:
    shop.versioned()
    shop.settle('after = "delete"')
    shop.put("north/one.dcm", images[0])
    (source,) = sources(Home(shop.home), load(shop.home), bytes(32))[1:]
    (arrival,) = source.arrivals()
    assert isinstance(arrival, Arrival)
    shop.put("north/one.dcm", images[1])
    assert source.put_away(arrival, shop.home / "archive" / "one.dcm")
    assert shop.make() == 0
    assert sorted(shop.originals()) == sorted(images[:2])
    assert shop.keys() == []


def test_nothing_is_removed_by_name_where_no_versions_are_kept(
    shop: Shop, images: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    shop.settle('after = "delete"')
    shop.put("north/one.dcm", images[0])
    folder = shop.home / "local_dcm" / "north"
    folder.mkdir(parents=True)
    (folder / "two.dcm").write_bytes(images[1])
    assert shop.make() == 4
    assert "a bucket that keeps versions" in capsys.readouterr().err
    assert shop.keys() == ["in/north/one.dcm"]
    assert shop.totals() == {"waiting": 1}


def test_a_wrong_secret_or_no_store_is_said_and_the_folder_goes_on(
    shop: Shop, images: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shop.home / "local_dcm" / "north"
    folder.mkdir(parents=True)
    shop.put("north/one.dcm", images[0])
    (folder / "two.dcm").write_bytes(images[1])
    (shop.home / "secret").write_text("zq-wrong-zq")
    assert shop.make() == 4
    assert shop.totals() == {"waiting": 1}
    shop.endpoint, there = "http://127.0.0.1:9", shop.endpoint
    shop.settle("timeout_s = 1")
    assert shop.make() == 4
    said = capsys.readouterr()
    assert "SignatureDoesNotMatch" in said.err
    assert "EndpointConnectionError" in said.err
    assert "zq-" not in said.err + said.out
    shop.endpoint = there
    shop.settle()
    assert shop.make() == 0
    assert shop.totals() == {"waiting": 2}


def test_check_says_whether_the_store_answers(shop: Shop, images: list[bytes]) -> None:
    assert listed(load(shop.home).s3) == "answers; nothing is there"
    shop.put("north/one.dcm", images[0])
    assert listed(load(shop.home).s3) == "answers; there are objects"
    shop.settle('after_held = "move"')
    with pytest.raises(SettingsError, match="keeps versions"):
        listed(load(shop.home).s3)
    (shop.home / "secret").write_text("zq-wrong-zq")
    with pytest.raises(StorageError, match="SignatureDoesNotMatch"):
        listed(load(shop.home).s3)


def test_an_upload_in_parts_is_seen_when_it_is_complete(shop: Shop, images: list[bytes]) -> None:
    part = bytes(5 * 1024**2)
    name = {"Bucket": shop.bucket, "Key": "in/north/parts"}
    upload = {**name, "UploadId": shop.client.create_multipart_upload(**name)["UploadId"]}
    done = []
    for number, content in ((1, part), (2, images[0])):
        answer = shop.client.upload_part(**upload, PartNumber=number, Body=content)
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    assert shop.make() == 0
    assert shop.totals() == {}
    shop.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    assert shop.make() == 3
    assert shop.originals("quarantine") == [part + images[0]]
    assert shop.opened().taken(next(shop.opened().listed("in/")))


def test_killed_at_any_time_nothing_is_lost_and_nothing_taken_twice(
    shop: Shop, images: list[bytes]
) -> None:
    for number, content in enumerate(images):
        shop.put(f"customer_{number % 3}/{number}.dcm", content)
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(shop.home)]
    for least in (1, 8):
        # Where what the killed pass did apart is not gone yet, the next one ends at once.
        while len(shop.originals()) < least:
            silent = subprocess.DEVNULL
            with subprocess.Popen(command, stdout=silent, stderr=silent) as program:
                while program.poll() is None and len(shop.originals()) < least:
                    time.sleep(0.005)
                program.kill()
        assert len(shop.originals()) < len(images)
    time.sleep(0.5)
    assert shop.make() == 0
    assert shop.totals() == {"waiting": len(images)}
    assert shop.originals() == sorted(images)
    assert main(["--home", str(shop.home), "reconcile"]) == 0
    bucket = shop.opened()
    assert all(bucket.taken(pin) for pin in bucket.listed("in/"))


def test_more_than_a_page_of_keys_is_listed(shop: Shop) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: shop.put(f"north/{number}", b"x"), range(1_100)))
    pins = list(shop.opened().listed("in/"))
    assert len({pin.key for pin in pins}) == 1_100


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ('endpoint = "http://store.example.org"', "plain http to another machine"),
        ('endpoint = "https://user:word@store.example.org"', "must hold no user"),
        ('access_key = "AKIA"', "access_key and secret_key, or machine_credentials"),
        ('secret_key = "zq-secret-zq"', "a secret does not belong in this file"),
        ('after = "move"\nmoved_to = "in/north"', "moved_to lies below url"),
        ('url = "https://store.example.org/in"', "is not of the form"),
    ],
)
def test_a_setting_that_would_lose_or_show_something_is_refused(
    tmp_path: Path, words: str, said: str
) -> None:
    pytest.importorskip("boto3", reason="boto3 (requirements-s3.txt) is not installed")
    url = "" if words.startswith("url") else 'url = "s3://bucket/in"\n'
    own = "" if "access_key" in words else "machine_credentials = true\n"
    (tmp_path / "gateway.toml").write_text(f"[s3]\n{url}{own}{words}\n")
    with pytest.raises(SettingsError, match=said) as caught:
        load(tmp_path)
    assert "zq-" not in str(caught.value)


def test_without_boto3_the_settings_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("img_ingestion.object_store.find_spec", lambda _: None)
    (tmp_path / "gateway.toml").write_text('[s3]\nurl = "s3://bucket/in"\n')
    with pytest.raises(SettingsError, match=r"pip install -r requirements-s3\.txt"):
        load(tmp_path)
