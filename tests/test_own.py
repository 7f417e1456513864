"""Many identifying numbers are found where each by itself would be."""

from __future__ import annotations

import random

import pytest

from img_ingestion.deidentify.own import FEW, Numbers
from img_ingestion.deidentify.text_forms import Squeezed

LETTERS = "0012279ab"
"""Few, so that numbers overlap and share beginnings."""


def _number(chance: random.Random, shortest: int) -> str:
    return "".join(chance.choices(LETTERS, k=chance.randint(shortest, 12)))


def _text(chance: random.Random, numbers: list[str]) -> str:
    pieces = [*chance.sample(numbers, 3), *("".join(chance.choices(LETTERS, k=8)) for _ in "abc")]
    chance.shuffle(pieces)
    text = chance.choice((" ", "", "-", ", ")).join(pieces)
    at = chance.randrange(len(text))
    return f"{text[:at]} {text[at:]}"


@pytest.mark.parametrize("shortest", [1, 2, 4, 6])
def test_many_numbers_are_found_where_each_alone_is(shortest: int) -> None:
    chance = random.Random(shortest)  # noqa: S311 - the same each time
    for count in (FEW // 2, FEW + 1, 400):
        numbers = [_number(chance, shortest) for _ in range(count)]
        alone = [Numbers.of([each]) for each in sorted(set(numbers))]
        many = Numbers.of(numbers)
        for _ in range(20):
            text = _text(chance, numbers)
            squeezed = Squeezed.of(text)
            expected = sorted(span for each in alone for span in each.spans(text, squeezed))
            assert sorted(many.spans(text, squeezed)) == expected


def test_of_no_numbers_none_is_found() -> None:
    assert not list(Numbers.of(["", "-"]).spans("4711", Squeezed.of("4711")))
