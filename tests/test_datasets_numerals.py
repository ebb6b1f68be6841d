"""Numerals: both spellings against known values and against readers that work the other way."""

import numpy as np
import pytest

from course_utils.datasets import (
    CHINESE_CHARACTERS,
    ENGLISH_WORDS,
    decode_english,
    encode_chinese,
    encode_english,
    number_to_chinese,
    number_to_english,
    numerals,
)
from course_utils.datasets.numerals import split_of

KNOWN = {
    0: ("零", "zero"),
    10: ("十", "ten"),
    12: ("十二", "twelve"),
    20: ("二十", "twenty"),
    101: ("一百零一", "one hundred one"),
    110: ("一百一十", "one hundred ten"),
    1_002: ("一千零二", "one thousand two"),
    1_020: ("一千零二十", "one thousand twenty"),
    10_000: ("一万", "ten thousand"),
    10_010: ("一万零一十", "ten thousand ten"),
    100_500: ("十万零五百", "one hundred thousand five hundred"),
    105_000: ("十万五千", "one hundred five thousand"),
    123_000: ("十二万三千", "one hundred twenty three thousand"),
    1_000_000: ("一百万", "one million"),
    1_010_000: ("一百零一万", "one million ten thousand"),
    10_000_001: ("一千万零一", "ten million one"),
    100_000_000: ("一亿", "one hundred million"),
    100_010_000: ("一亿零一万", "one hundred million ten thousand"),
    800_005_195: (
        "八亿零五千一百九十五",
        "eight hundred million five thousand one hundred ninety five",
    ),
}


def read_chinese(text):
    """Left to right: a unit multiplies what stands before it; no rule about zeros is used."""
    total = group = digit = 0
    for character in text:
        if character in "十百千":
            group += (digit or 1) * 10 ** ("十百千".index(character) + 1)
            digit = 0
        elif character in "万亿":
            total += (group + digit) * {"万": 10**4, "亿": 10**8}[character]
            group = digit = 0
        else:
            digit = "零一二三四五六七八九".index(character)
    return total + group + digit


def read_english(text):
    values = dict(zip(ENGLISH_WORDS[3:23], range(20), strict=True))
    values |= dict(zip(ENGLISH_WORDS[23:31], range(20, 100, 10), strict=True))
    total = group = 0
    for word in text.split():
        if word == "hundred":
            group *= 100
        elif word in ("thousand", "million"):
            total, group = total + group * {"thousand": 10**3, "million": 10**6}[word], 0
        else:
            group += values[word]
    return total + group


@pytest.mark.parametrize(("number", "spellings"), KNOWN.items())
def test_known_numbers(number, spellings):
    assert (number_to_chinese(number), number_to_english(number)) == spellings


def test_what_is_written_can_be_read_again():
    some = numerals("test", 3000, digits=(1, 9), zeros=0.6)
    for number in [*range(1200), *map(int, some)]:
        assert read_chinese(number_to_chinese(number)) == number
        assert read_english(number_to_english(number)) == number


def test_zeros_are_read_once_and_never_at_the_end_of_a_group():
    for number in map(int, numerals("train", 3000, digits=(4, 9), zeros=0.6)):
        text = number_to_chinese(number)
        assert "零零" not in text
        assert not any(pair in text for pair in ("零万", "零亿", "零十", "零百", "零千"))
        assert not text.endswith("零")


def test_splits_share_no_number_and_have_the_sizes_they_should():
    drawn = {
        split: set(numerals(split, 5000).tolist()) for split in ("train", "validation", "test")
    }
    assert not drawn["train"] & drawn["test"]
    assert not drawn["train"] & drawn["validation"]
    assert not drawn["validation"] & drawn["test"]
    shares = split_of(np.arange(100_000))
    assert abs((shares == "train").mean() - 0.8) < 0.01
    assert abs((shares == "test").mean() - 0.1) < 0.01


def test_lengths_are_drawn_alike_and_zeros_as_often_as_asked():
    numbers = numerals("train", 7000, digits=(1, 7), zeros=0.3)
    lengths = np.bincount([len(str(n)) for n in numbers], minlength=8)[1:]
    assert lengths.min() > 0.8 * 1000
    rest = "".join(str(n)[1:] for n in numbers)
    assert abs(rest.count("0") / len(rest) - 0.3) < 0.02


def test_the_same_seed_draws_the_same_numbers():
    np.testing.assert_array_equal(numerals("train", 50, seed=3), numerals("train", 50, seed=3))
    assert (numerals("train", 50, seed=3) != numerals("train", 50, seed=4)).any()


def test_ids_hold_the_text_and_one_end():
    numbers = [0, 123_000, 999_999_999]
    source, target = encode_chinese(numbers), encode_english(numbers)
    assert (source.shape, target.shape, target.dtype) == ((3, 18), (3, 16), np.int32)
    text = "".join(CHINESE_CHARACTERS[i] for i in source[1] if i)
    assert text == "十二万三千"
    assert ((target == 2).sum(axis=1) == 1).all()
    assert decode_english(target) == [number_to_english(n) for n in numbers]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: number_to_chinese(10**9), "must lie in"),
        (lambda: number_to_english(-1), "must lie in"),
        (lambda: number_to_english(1.5), "whole number"),
        (lambda: numerals("tests", 3), "split must be one of"),
        (lambda: numerals("test", 3, digits=(3, 10)), "digits"),
        (lambda: numerals("test", 3, digits=(1, 1)), "no number of one digit"),
        (lambda: encode_chinese([123_456], length=5), "length must be at least 10"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
