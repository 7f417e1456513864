"""Originals that go from `archive/` are in a real object store before, encrypted, and come back."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from img_ingestion import unsealing
from img_ingestion.cli import main
from img_ingestion.errors import SettingsError
from img_ingestion.settings_file import load
from tests import ceph
from tests.faults.gateway import files, sealed_home

if TYPE_CHECKING:
    from pathlib import Path

    from img_ingestion.home import Home
    from tests.ceph import CephGateway

pytestmark = [
    # boto3's sockets are left to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
DAY_S = 86400.0
BUCKET = "originals"


def settle(home: Home, endpoint: str) -> None:
    (home.root / "secret").write_text(ceph.SECRET)
    with (home.root / "gateway.toml").open("a") as settings:
        settings.write(
            f'\n[folder]\npath = "sent"\n[retention.archive]\nkeep_days = 30\n'
            f'[archive_store]\nurl = "s3://{BUCKET}/kept"\nendpoint = "{endpoint}"\ntimeout_s = 5\n'
            f'access_key = "{ceph.ACCESS}"\nsecret_key_file = "secret"\n'
        )


def run(home: Home, *words: str) -> int:
    return main([*words, "--home", str(home.root)])


def test_an_original_goes_when_the_store_has_it_and_can_be_put_back(
    tmp_path: Path, store: CephGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = sealed_home(tmp_path / "home")
    (home.root / "sent").mkdir()
    settings = (home.root / "gateway.toml").read_text()
    settle(home, "http://127.0.0.1:9")
    assert run(home) == 3  # One is half a file.
    kept = {path.relative_to(home.archive): path.read_bytes() for path in files(home.archive)}
    plain = {unsealing.content(home, path) for path in files(home.archive)}
    assert kept
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31 * DAY_S)

    assert run(home, "prune") == 4  # Nobody is there to take them.
    assert len(files(home.archive)) == len(kept)
    (home.root / "gateway.toml").write_text(settings)
    settle(home, store.endpoint)
    store.client.create_bucket(Bucket=BUCKET)
    (plainly,) = files(home.archive)[:1]
    hidden = plainly.read_bytes()
    named = plainly.with_name(plainly.name.replace(".dcm.age", ".Quillfeather.dcm"))
    named.write_bytes(unsealing.content(home, plainly))
    plainly.unlink()
    assert run(home, "prune") == 1  # One is not encrypted, as an older version left it.
    assert files(home.archive) == [named]
    named.unlink()
    plainly.write_bytes(hidden)
    assert run(home, "prune") == 0
    assert files(home.archive) == []
    assert run(home, "reconcile") == 0

    there = {one["Key"] for one in store.client.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert there == {f"kept/{name.as_posix()}" for name in kept}
    for name, original in kept.items():
        key = f"kept/{name.as_posix()}"
        content = store.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert content == original
        (home.archive / name).parent.mkdir(parents=True, exist_ok=True)
        (home.archive / name).write_bytes(content)
    assert {unsealing.content(home, path) for path in files(home.archive)} == plain
    assert run(home, "prune") == 0  # They are let go again.
    assert files(home.archive) == []
    assert run(home, "verify") == 0


def test_check_asks_every_place_where_objects_go_and_puts_nothing_there(
    tmp_path: Path, store: CephGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    home = sealed_home(tmp_path / "home")
    for name in ("seen", "unseen"):
        store.client.create_bucket(Bucket=name)
    everybody = {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket"}
    statement = everybody | {"Resource": "arn:aws:s3:::unseen"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    store.client.put_bucket_policy(Bucket="unseen", Policy=json.dumps(policy))
    (home.root / "secret").write_text(ceph.SECRET)
    (home.root / "other").write_text("zq-wrong-zq")
    own = [
        f'[{section}]\nurl = "s3://{bucket}/kept"\nendpoint = "{store.endpoint}"\n'
        f'access_key = "{ceph.ACCESS}"\nsecret_key_file = "{secret}"\n'
        for section, bucket, secret in (
            ("archive_store", "unseen", "secret"),
            ("objects", "seen", "secret"),
            ("customers.north.objects", "none-such", "secret"),
            ("customers.south.objects", "seen", "other"),
        )
    ]
    with (home.root / "gateway.toml").open("a") as settings:
        settings.write("\n" + "".join(own))

    run(home, "check", "--json")

    lines = map(json.loads, capsys.readouterr().out.splitlines())
    found = {one["name"]: (one["fine"], one["detail"]) for one in lines}
    untried = "not tried: whether we may put objects there"
    assert found["objects of all"] == (True, f"answers; nothing is there; {untried}")
    assert found["archive store of all"] == (True, f"answers; we may not list it; {untried}")
    refused = "object store, asked for its list: "
    assert found["objects of north"] == (False, f"{refused}NoSuchBucket")
    assert found["objects of south"] == (False, f"{refused}SignatureDoesNotMatch")
    assert "archive store of north" not in found
    assert "Contents" not in store.client.list_objects_v2(Bucket="seen")


def test_plain_originals_are_not_handed_to_a_store(tmp_path: Path) -> None:
    pytest.importorskip("boto3", reason="boto3 (requirements-s3.txt) is not installed")
    words = '[archive_store]\nurl = "s3://bucket"\nmachine_credentials = true\n'
    (tmp_path / "gateway.toml").write_text(words)
    with pytest.raises(SettingsError, match="originals go there encrypted only"):
        load(tmp_path)
    recipients = f'[archive]\nrecipients = ["age1{"q" * 58}"]\n'
    (tmp_path / "gateway.toml").write_text(recipients + words)
    assert load(tmp_path).archive_store.bucket == "bucket"
