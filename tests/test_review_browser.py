"""The review page in a real Chromium: drawn on with the mouse, decided on with the keyboard."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.test_review import holding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.conftest import MakeInstance

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium")
PLAIN = ["--no-sandbox", "--disable-gpu"]
"""Containers have neither the name spaces nor the graphics that Chromium would like."""


@contextmanager
def browser() -> Iterator[Page]:
    """Give a page of a Chromium without a window; it has to load nothing from elsewhere."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    problems: list[str] = []
    with api.sync_playwright() as playing:
        chromium = playing.chromium.launch(executable_path=CHROMIUM, args=PLAIN)
        page = chromium.new_page(viewport={"width": 1200, "height": 900}, color_scheme="light")
        page.on("console", lambda said: problems.append(said.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda asked: problems.extend(_elsewhere(asked.url)))
        yield page
        chromium.close()
    assert problems == []


def _elsewhere(url: str) -> list[str]:
    return [] if url.startswith(("http://127.0.0.1:", "data:image/png")) else [url]


@contextmanager
def review(home: Path) -> Iterator[str]:
    """Serve a review; give the address that it prints."""
    command = [sys.executable, "ingestion.py", "review", "--home", str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        try:
            yield serving.stdout.readline().split()[1]
        finally:
            serving.terminate()
            assert serving.wait(30) == 0


@pytest.fixture
def home(tmp_path: Path, make_instance: MakeInstance) -> Path:
    return holding(tmp_path, make_instance, 320)


def shot(page: Page, home: Path, name: str) -> None:
    """Keep a screenshot; `REVIEW_SCREENSHOTS=docs` renews those of the pages."""
    folder = Path(os.environ.get("REVIEW_SCREENSHOTS", home))
    page.screenshot(path=folder / f"review-{name}.png")


def draw(page: Page, right: float, bottom: float) -> None:
    """Draw a region from the upper left corner; sides in parts of the picture's."""
    box = page.locator("#drawn").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * right, box["y"] + box["height"] * bottom, steps=4)
    page.mouse.up()


def test_a_reviewer_can_do_it_all_in_a_real_browser(home: Path) -> None:
    with browser() as page, review(home) as url:
        page.goto(url)
        assert page.text_content("h1") == "Held: 3"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 17, 17)"
        shot(page, home, "inbox")

        page.click("text=sort by device")
        page.locator("tr", has_text="Model 7").locator("a").first.click()
        page.wait_for_url(re.compile("/held/"))
        draw(page, 1 / 2, 1 / 4)
        assert re.fullmatch(r"\d+,\d+,\d+,\d+", page.input_value("#boxes"))
        assert page.locator("#drawn rect").count() == 1

        page.keyboard.press("b")
        page.keyboard.press("Control+A")
        page.keyboard.type("0,0,160,40")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("boxes="))
        assert "would be sent" in str(page.text_content("#verdict"))
        assert page.locator("figure img").count() == 2
        shot(page, home, "image")

        page.click("#device")
        assert page.locator("figure img").count() == 2
        shot(page, home, "device")
        page.click("#rule")
        assert page.text_content("[role=status]") == "2 waiting"
        assert page.text_content("h1") == "Held: 1"

        page.locator("table a").first.click()
        page.wait_for_url(re.compile("/held/"))
        page.keyboard.press("r")
        page.wait_for_selector("text=Held: 0")
    assert len(list((home / "local_dcm_dicomcleaner" / "north").glob("*.dcm"))) == 2


def test_what_is_decided_by_keyboard_alone_is_done(home: Path) -> None:
    with browser() as page, review(home) as url:
        page.goto(url)
        page.goto(url.split("?", maxsplit=1)[0] + "?by=device")
        page.keyboard.press("Tab")
        while "/held/" not in str(page.evaluate("document.activeElement.href")):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("held"))
        page.keyboard.press("i")
        page.wait_for_selector("text=Held: 3")
        page.go_back()
        page.wait_for_url(re.compile("/held/"))
        page.keyboard.press("r")
        page.wait_for_selector("text=1 rejected")
        assert page.text_content("h1") == "Held: 2"
