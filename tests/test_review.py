"""The review page: who may see it, what it shows, and what its decisions do."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from werkzeug.test import Client

from img_ingestion.cli import main
from img_ingestion.deidentify import recipe
from img_ingestion.home import Home
from img_ingestion.lock import only_run
from img_ingestion.review import review_pages
from img_ingestion.review.audit import Trail
from img_ingestion.review.desk import Desk
from img_ingestion.review.device import Device
from img_ingestion.review.overview import Held
from img_ingestion.review.site import Site
from img_ingestion.settings_file import load

if TYPE_CHECKING:
    from pathlib import Path

    from werkzeug.test import TestResponse

    from tests.conftest import MakeInstance

HOST = "127.0.0.1:8642"
ORIGIN = {"Origin": f"http://{HOST}"}
PATIENT = re.compile(r"quill|zebedee|ZQ-?4711|19510723|ACC77|thistle|ottoline", re.IGNORECASE)


@pytest.fixture
def home(tmp_path: Path, make_instance: MakeInstance) -> Path:
    """Give a home that holds two images of one device, and a text file."""
    return holding(tmp_path, make_instance, 16)


def holding(tmp_path: Path, make_instance: MakeInstance, side: int) -> Path:
    """Fill a home so that it holds two images of so many pixels a side."""
    ramp = np.add.outer(np.arange(side), np.arange(side)) * (4095 // (2 * side))
    folder = tmp_path / "local_dcm" / "north"
    folder.mkdir(parents=True)
    (tmp_path / "gateway.toml").write_text("[incoming]\nsettle_s = 0.0\n")
    for number in (1, 2):
        content = make_instance(
            BurnedInAnnotation="YES",
            ManufacturerModelName="Model 7",
            Rows=side,
            Columns=side,
            PixelData=ramp.astype("<u2").tobytes(),
            InstanceNumber=number,
            SOPInstanceUID=f"1.2.826.0.1.3680043.9.9999.1.1.{number}",
        )
        (folder / f"dicom_{number}.dcm").write_bytes(content)
    (folder / "Quillfeather.txt").write_bytes(b"no image at all")
    assert main(["--home", str(tmp_path)]) == 3
    return tmp_path


@pytest.fixture
def site(home: Path) -> Site:
    """Give the site of a review of this home."""
    return Site(Desk(Home(home), load(home)), HOST)


@pytest.fixture
def client(site: Site) -> Client:
    """Give a reviewer who has come in."""
    client = Client(site)
    assert get(client, f"/?token={site.token}").status_code == 303
    return client


def get(client: Client, path: str) -> TestResponse:
    return client.get(path, base_url=f"http://{HOST}")


def post(client: Client, path: str, **form: str) -> TestResponse:
    return client.post(path, base_url=f"http://{HOST}", data=form, headers=ORIGIN)


def images(client: Client) -> list[str]:
    """Give the ids of the held images, by the inbox."""
    text = get(client, "/?by=device").get_data(as_text=True)
    rows = re.findall(r'href="/held/([0-9a-f]{16})">[^<]*</a></td><td>north</td><td>([^<]*)', text)
    return [one for one, made in rows if made == "Example Model 7, 16 x 16"]


def test_the_link_is_good_once_and_nothing_is_shown_without_it(site: Site) -> None:
    link = f"/?token={site.token}"
    stranger, reviewer = Client(site), Client(site)
    assert get(stranger, "/").status_code == 403
    assert get(stranger, "/?token=").status_code == 403
    assert get(reviewer, link).status_code == 303
    assert get(reviewer, "/").status_code == 200
    assert get(stranger, link).status_code == 403


def test_no_other_site_can_ask_in_the_reviewers_name(client: Client) -> None:
    one = images(client)[0]
    assert client.get("/", base_url="http://evil.example").status_code == 421
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        answer = client.post(f"/held/{one}/reject", base_url=f"http://{HOST}", headers=headers)
        assert answer.status_code == 403
    assert one in images(client)
    cookie = client.get_cookie("review", domain="127.0.0.1")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Strict"


def test_nothing_is_cached_nor_loaded_from_elsewhere(client: Client) -> None:
    for path in ("/", f"/held/{images(client)[0]}", "/review.js", "/nonsense"):
        answer = get(client, path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        found = re.findall(r"""(?:src|href|action)="([^"]*)""", answer.get_data(as_text=True))
        assert all(one.startswith(("/", "data:image/png")) for one in found)


def test_a_held_image_is_shown_before_and_after_and_no_name_with_it(client: Client) -> None:
    text = get(client, f"/held/{images(client)[0]}?boxes=0,0,8,4").get_data(as_text=True)
    assert text.count("data:image/png;base64,") == 2
    assert "said to carry burned-in text" in text
    assert "it would be sent" in text
    assert "PatientName" in text
    assert not PATIENT.search(html.unescape(text))


def test_every_frame_can_be_looked_at(home: Path, make_instance: MakeInstance) -> None:
    content = make_instance(
        BurnedInAnnotation="YES", NumberOfFrames=6, PixelData=bytes(6 * 512), SOPInstanceUID="1.2.9"
    )
    (home / "local_dcm" / "north" / "frames.dcm").write_bytes(content)
    assert main(["--home", str(home)]) == 3
    site = Site(Desk(Home(home), load(home)), HOST)
    client = Client(site)
    get(client, f"/?token={site.token}")
    one = next(one.id for one in site.desk.inbox() if one.size == len(content))
    last = get(client, f"/held/{one}?frame=6&boxes=0,0,8,4").get_data(as_text=True)
    assert "frame 6 of 6" in last
    assert ("frame 6 before" in last, "frame 6 after" in last) == (True, True)
    assert ('id="previous"' in last, 'id="next"' in last) == (True, False)


def test_a_drawn_region_is_hidden_in_this_image_and_it_goes_on(client: Client, home: Path) -> None:
    first, second = images(client)
    assert post(client, f"/held/{first}/hide", boxes="").status_code == 409
    answer = post(client, f"/held/{first}/hide", boxes="0,0,8,4")
    assert answer.headers["Location"] == "/?said=1+waiting"
    assert images(client) == [second]
    assert len(list((home / "local_dcm_dicomcleaner" / "north").glob("*.dcm"))) == 1


def test_a_rule_for_the_device_releases_all_that_it_made(client: Client, home: Path) -> None:
    first, _ = images(client)
    preview = get(client, f"/device/{first}?boxes=0,0,8,4").get_data(as_text=True)
    assert preview.count("would be sent") == 2
    assert len(images(client)) == 2
    answer = post(client, f"/device/{first}/rule", boxes="0,0,8,4")
    assert answer.headers["Location"] == "/?said=2+waiting"
    assert images(client) == []
    (rule,) = [
        rule
        for rule in recipe.load(home / "deid.dicom").pixel_rules
        if rule.label == "Reviewed Example Model 7 16 x 16"
    ]
    assert rule.hide[0].right == 8


def test_what_is_accepted_is_decided_by_the_checks_all_the_same(client: Client) -> None:
    first, _ = images(client)
    assert post(client, f"/held/{first}/accept").headers["Location"] == "/?said=1+held"
    assert len(images(client)) == 2


def test_what_is_rejected_stays_in_quarantine_and_leaves_the_inbox(
    client: Client, home: Path
) -> None:
    first, second = images(client)
    assert post(client, f"/held/{first}/reject").status_code == 303
    assert images(client) == [second]
    assert (home / "quarantine" / "north" / f"{first}.dcm").exists()
    assert get(client, f"/held/{first}").status_code == 404


def test_everything_a_reviewer_does_is_in_the_audit_trail(client: Client, home: Path) -> None:
    first, second = images(client)
    post(client, f"/held/{first}/again")
    post(client, f"/held/{second}/reject")
    trail = Trail(home / "state")
    records = [json.loads(line) for line in trail.records()]
    assert [one["what"] for one in records][-4:] == ["again", "release", "file", "reject"]
    assert all(one["by"] for one in records)
    assert trail.checked().broken == ()


def test_a_decision_waits_for_no_pass_and_disturbs_none(client: Client, home: Path) -> None:
    first, _ = images(client)
    with only_run(home / "state"):
        assert get(client, f"/held/{first}").status_code == 200
        answer = post(client, f"/held/{first}/again")
    assert answer.status_code == 409
    assert "another run is at work" in answer.get_data(as_text=True)
    assert first in images(client)


@pytest.mark.parametrize("text", ["1,2,3", "5,5,5,9", "a,b,c,d", "0,0,1,-1", "<script>"])
def test_a_box_that_is_none_is_refused(client: Client, text: str) -> None:
    first = images(client)[0]
    assert get(client, f"/held/{first}?boxes={text}").status_code == 409
    assert post(client, f"/held/{first}/hide", boxes=text).status_code == 409


def test_thousands_of_held_images_are_listed_page_by_page() -> None:
    ones = [
        (Held(f"{number:016x}", "north", "admit", "NotAdmitted", "text", 1, 0.0, ""), made)
        for number in range(450)
        for made in [Device("Example", f"Model {number % 2}", 16, 16)]
    ]
    seen: list[str] = []
    for first in (0, 200, 400):
        text = review_pages.inbox(ones, "device", "", first).decode()
        seen += re.findall(r'href="/held/([0-9a-f]{16})"', text)
        assert ('id="next"' in text, 'id="previous"' in text) == (first < 400, first > 0)
        assert "Example Model 1, 16 x 16 (225)" in text or first == 0
    assert sorted(seen) == [one.id for one, _ in ones]
