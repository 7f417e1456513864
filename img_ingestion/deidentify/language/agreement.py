"""Whether deid's parser understood a recipe as we did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from img_ingestion.deidentify.language.elements import keyword_tag
from img_ingestion.deidentify.language.text import HEADER
from img_ingestion.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from img_ingestion.deidentify.language import Script
    from img_ingestion.deidentify.pixels.rules import PixelRule


def check_agreement(script: Script, parsed: Mapping[str, Any]) -> None:
    """
    Compare every statement of a recipe with what deid's parser made of it.

    Parameters
    ----------
    script : Script
        Our reading.
    parsed : mapping
        deid's: `header` a list of actions, `filter` a mapping of lists of labels.

    Raises
    ------
    SettingsError
        They differ; names the first line where they do.

    """
    ours = [(one.line, one.text.split()) for one in script.statements if one.section == HEADER]
    theirs = [
        [rule["action"], rule["field"], *rule.get("value", "").split()]
        for rule in parsed.get(HEADER, ())
    ]
    _compare(ours, theirs, "statements of %header")
    sections = {one.line: one.section.removeprefix("filter ") for one in script.statements}
    for section in dict.fromkeys(sections[rule.line] for rule in script.pixel_rules):
        rules = [rule for rule in script.pixel_rules if sections[rule.line] == section]
        labels = [_of_deid(label) for label in parsed["filter"].get(section, ())]
        _compare([(rule.line, _of_ours(rule)) for rule in rules], labels, f"labels of {section}")


def _compare(ours: Sequence[tuple[int, object]], theirs: Sequence[object], what: str) -> None:
    for (line, mine), other in zip(ours, theirs, strict=False):
        if mine != other:
            raise SettingsError(f"line {line}: deid reads this otherwise than it stands there")
    if len(ours) != len(theirs):
        raise SettingsError(f"line 1: deid reads {len(theirs)} of the {len(ours)} {what}")


def _of_ours(rule: PixelRule) -> tuple[object, ...]:
    """Give what a label says in a form to compare: its tests in order, its boxes sorted."""
    tests = [(test.test, test.tag) for group in rule.where for test in group]
    values = [test.value for group in rule.where for test in group if test.value]
    boxes = [(0, "all")] if rule.hide_all else []
    for kept, sides in ((0, rule.hide), (1, rule.keep)):
        boxes += [(kept, f"{box.left},{box.top},{box.right},{box.bottom}") for box in sides]
    return tests, values, sorted(boxes)


def _of_deid(label: Mapping[str, Any]) -> tuple[object, ...]:
    """Give what deid makes of a label, in the same form."""
    groups = label["filters"]
    tests = [
        (test, keyword_tag(field))
        for group in groups
        for test, field in zip(group["action"], group["field"], strict=True)
    ]
    values = [value for group in groups for value in group["value"]]
    return tests, values, sorted((kept, sides) for kept, sides in label["coordinates"])
