"""Each device rule of the shipped recipe, on a header and a picture made from the rule itself."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from pydicom.datadict import dictionary_VR, keyword_for_tag

from img_ingestion.deidentify import recipe
from img_ingestion.deidentify.pixels import clean
from img_ingestion.deidentify.pixels.rules import matching
from img_ingestion.errors import NotAdmitted
from img_ingestion.settings import Limits

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from img_ingestion.deidentify.pixels.rules import Criterion, PixelRule
    from tests.conftest import MakeDataset

RULES = recipe.load(Path(__file__).parents[1] / "deid.dicom").pixel_rules
HIDING = [rule for rule in RULES if rule.hide or rule.hide_all]
FLAGGING = [rule for rule in RULES if not (rule.hide or rule.hide_all)]
ROWS, COLUMNS = 0x00280010, 0x00280011
SIZES = {ROWS, COLUMNS}
BRIGHT = 200
NOBODY = "Qx"
"""Stands in no rule."""


def said(criterion: Criterion) -> list[str]:
    """Give the texts that meet a criterion, one for each alternative of its expression."""
    if criterion.test == "equals":
        return [criterion.value]
    if criterion.test == "notcontains":
        return [NOBODY]
    alternatives = re.sub(r"\[(.).*?\]", r"\1", criterion.value).replace("\\", "").split("|")
    assert all(re.search(criterion.value, text, re.IGNORECASE) for text in alternatives)
    return alternatives


def headers(rule: PixelRule) -> list[dict[int, list[str]]]:
    """Give every way in which the rule can be met: an alternative of each of its groups."""
    ways = []
    for chosen in product(
        *[[(one.tag, text) for one in group for text in said(one)] for group in rule.where]
    ):
        header: dict[int, list[str]] = {}
        for tag, text in chosen:
            header.setdefault(tag, []).append(text)
        ways.append(header)
    return ways


def size(rule: PixelRule, header: dict[int, list[str]]) -> tuple[int, int]:
    rows = max((box.bottom for box in (*rule.hide, *rule.keep)), default=0) + 9
    columns = max((box.right for box in (*rule.hide, *rule.keep)), default=0) + 9
    return int(header.get(ROWS, [rows])[0]), int(header.get(COLUMNS, [columns])[0])


def picture(make: MakeDataset, rule: PixelRule, header: dict[int, list[str]]) -> Dataset:
    rows, columns = size(rule, header)
    dataset = make(
        Manufacturer=NOBODY, Modality=NOBODY, ImageType=NOBODY, Rows=rows, Columns=columns,
        BitsAllocated=8, BitsStored=8, HighBit=7, PixelData=bytes([BRIGHT]) * rows * columns,
    )  # fmt: skip
    for tag, texts in header.items():
        if tag not in SIZES:
            joined = texts if dictionary_VR(tag) == "CS" else " ".join(texts)
            setattr(dataset, keyword_for_tag(tag), joined)
    return dataset


def meant(rule: PixelRule, rows: int, columns: int) -> np.ndarray:
    mask = np.full((rows, columns), rule.hide_all)
    for box in rule.hide:
        mask[max(0, box.top) : box.bottom, max(0, box.left) : box.right] = True
    for box in rule.keep:
        mask[max(0, box.top) : box.bottom, max(0, box.left) : box.right] = False
    return mask


def named(rule: PixelRule) -> str:
    return f"line {rule.line}"


def test_there_are_rules_of_both_kinds() -> None:
    assert len(HIDING) > 90
    assert FLAGGING


@pytest.mark.parametrize("rule", HIDING, ids=named)
def test_the_device_is_hidden_exactly_where_the_rule_says(
    make_dataset: MakeDataset, rule: PixelRule
) -> None:
    for header in headers(rule):
        dataset = picture(make_dataset, rule, header)
        cleaned = clean(dataset, (rule,), "rules", Limits())
        pixels = np.frombuffer(dataset.PixelData, np.uint8).reshape(dataset.Rows, dataset.Columns)
        mask = meant(rule, dataset.Rows, dataset.Columns)
        assert mask.any()
        assert not mask.all()
        assert not pixels[mask].any()
        assert (pixels[~mask] == BRIGHT).all()
        assert {region.found_by for region in cleaned.regions} == {rule.label}


@pytest.mark.parametrize("rule", HIDING, ids=named)
def test_the_same_device_with_a_picture_of_another_size_is_left_alone(
    make_dataset: MakeDataset, rule: PixelRule
) -> None:
    header = headers(rule)[0]
    for tag in SIZES & set(header):
        others = {
            text for group in rule.where for one in group if one.tag == tag for text in said(one)
        }
        for other in {"600", "800", "1024", str(int(header[tag][0]) - 1)} - others:
            dataset = picture(make_dataset, rule, header | {tag: [other]})
            assert not matching(rule, dataset)
            dataset.pop("BurnedInAnnotation", None)  # alone it holds the file
            before = dataset.PixelData
            assert clean(dataset, (rule,), "rules", Limits()).regions == ()
            assert dataset.PixelData == before


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_header_that_misses_one_test_is_another_device(
    make_dataset: MakeDataset, rule: PixelRule
) -> None:
    header = headers(rule)[0]
    assert matching(rule, picture(make_dataset, rule, header))
    for group in rule.where:
        dataset = picture(make_dataset, rule, header)
        for one in group:
            if one.test == "notcontains":
                setattr(dataset, keyword_for_tag(one.tag), one.value.split("|")[0])
            elif one.tag in SIZES or dictionary_VR(one.tag) == "DS":
                setattr(dataset, keyword_for_tag(one.tag), 17)
            else:
                setattr(dataset, keyword_for_tag(one.tag), NOBODY)
        assert not matching(rule, dataset)


@pytest.mark.parametrize("rule", FLAGGING, ids=named)
def test_a_device_that_carries_text_nobody_knows_where_is_held(
    make_dataset: MakeDataset, rule: PixelRule
) -> None:
    for header in headers(rule):
        with pytest.raises(NotAdmitted, match=f"line {rule.line}"):
            clean(picture(make_dataset, rule, header), RULES, "all", Limits())


def test_what_a_rule_does_not_know_of_is_still_looked_for(make_dataset: MakeDataset) -> None:
    (rule,) = [one for one in HIDING if one.label == "EPIQ 7G" and one.hide[0].right == 800]
    dataset = picture(make_dataset, rule, {**headers(rule)[0], COLUMNS: ["900"]})
    canvas = np.random.default_rng(4).integers(20, 60, (dataset.Rows, 900), np.uint8)
    for words, top in (("QUILLFEATHER Z", 40), ("ZQ-4711 1951-07-23", 400)):
        cv2.putText(canvas, words, (60, top), cv2.FONT_HERSHEY_SIMPLEX, 1, 230, 2, cv2.LINE_AA)
    dataset.PixelData = canvas.tobytes()
    cleaned = clean(dataset, RULES, "all", Limits())
    assert cleaned.checked
    assert rule.label in {region.found_by for region in cleaned.regions}
    assert {region.found_by for region in cleaned.regions} - {one.label for one in RULES}
    after = np.frombuffer(dataset.PixelData, np.uint8).reshape(canvas.shape)
    assert after[canvas > 150].max() <= 60
    assert (after[500:] == canvas[500:]).all()
