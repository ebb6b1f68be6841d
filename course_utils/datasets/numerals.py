"""Numbers in Chinese and in English: a translation of which every sentence has one right answer.

Chinese counts in groups of four digits (万 is 10⁴, 亿 is 10⁸), English in groups of three
(thousand, million). 十二万三千, "twelve times ten thousand, three thousand", is "one hundred
twenty three thousand": which word a digit becomes depends on a character further on.

Both spellings follow one convention each. Chinese: a run of zeros between two digits is read as
one 零, except at the end of a group of four; 10 to 19 at the very beginning are 十, 十一, ...,
elsewhere 一十, 一十一, ...; 二, never 两. English: American, without "and" and without hyphens.
"""

from collections.abc import Iterable, Sequence

import numpy as np

LIMIT = 10**9
PADDING, START, END = 0, 1, 2
# The characters and their romanization, for readers and for fonts that have no Chinese.
PINYIN = {
    **{"零": "líng", "一": "yī", "二": "èr", "三": "sān", "四": "sì", "五": "wǔ", "六": "liù"},
    **{"七": "qī", "八": "bā", "九": "jiǔ", "十": "shí", "百": "bǎi", "千": "qiān"},
    **{"万": "wàn", "亿": "yì"},
}
CHINESE_CHARACTERS = ("<padding>", *PINYIN)

_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen")
_TEENS += ("eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ENGLISH_WORDS = (
    "<padding>",
    "<start>",
    "<end>",
    *_ONES,
    *_TEENS,
    *_TENS,
    "hundred",
    "thousand",
    "million",
)

_SPLITS = ("train", "validation", "test")
_DIGITS, _PLACES, _GROUPS = "零一二三四五六七八九", ("", "十", "百", "千"), ("", "万", "亿")


def number_to_chinese(number: int) -> str:
    """A number below 10⁹ in Chinese characters.

    >>> number_to_chinese(100_500)
    '十万零五百'

    Raises:
        ValueError: not a whole number from 0 to 10⁹ - 1.
    """
    _check_number(number)
    text, zero_before = "", False
    for place in reversed(range(9)):
        digit = number // 10**place % 10
        if digit:
            if zero_before and text:
                text += "零"
            text += _DIGITS[digit] + _PLACES[place % 4]
        zero_before = digit == 0
        if place and place % 4 == 0 and number // 10**place % 10_000:
            # The group's name ends the run of zeros: 十万五千, not 十万零五千.
            text, zero_before = text + _GROUPS[place // 4], False
    text = text or "零"
    return text[1:] if text.startswith("一十") else text


def number_to_english(number: int) -> str:
    """A number below 10⁹ in English words.

    >>> number_to_english(100_500)
    'one hundred thousand five hundred'

    Raises:
        ValueError: not a whole number from 0 to 10⁹ - 1.
    """
    _check_number(number)
    words = []
    for size, name in ((10**6, "million"), (10**3, "thousand"), (1, "")):
        hundreds, rest = divmod(number // size % 1000, 100)
        words += [_ONES[hundreds], "hundred"] if hundreds else []
        if rest >= 20:
            words += [_TENS[rest // 10 - 2], *([_ONES[rest % 10]] if rest % 10 else [])]
        elif rest:
            words.append((_ONES + _TEENS)[rest])
        words += [name] if name and hundreds + rest else []
    return " ".join(words or ["zero"])


def numerals(
    split: str, count: int, *, digits: tuple[int, int] = (1, 7), zeros: float = 0.3, seed: int = 0
) -> np.ndarray:
    """Draw numbers of a split. A number belongs to one split only, whatever the seed.

    The number of digits is drawn first, all lengths alike: numbers drawn evenly below 10⁷ would
    nearly all have seven digits, and hardly any a run of zeros.

    Args:
        split: ``"train"`` (eight tenths of all numbers), ``"validation"`` or ``"test"``.
        count: how many; a number may come more than once.
        digits: fewest and most digits, 1 to 9.
        zeros: probability of a zero at every place but the first.
        seed: the same seed draws the same numbers.

    Returns:
        int64 ``(count,)``, each at least 1.

    Raises:
        ValueError: an unknown split, a count below 1, digits outside 1 to 9, or one digit outside
            the training split, which holds them all.
    """
    if split not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(_SPLITS)}, not {split!r}.")
    fewest, most = digits
    if count < 1 or not 1 <= fewest <= most <= 9:
        raise ValueError(
            "count must be at least 1 and digits two numbers from 1 to 9 in order, "
            f"not {count} and {digits}."
        )
    if split != "train" and most == 1:
        raise ValueError(f"The {split} split holds no number of one digit: ask for two or more.")
    generator = np.random.default_rng((seed, _SPLITS.index(split)))
    found = np.empty(0, np.int64)
    while len(found) < count:
        drawn = generator.integers(1, 10, (4 * count, most))
        drawn[:, 1:][generator.random((4 * count, most - 1)) < zeros] = 0
        lengths = generator.integers(fewest, most + 1, 4 * count)
        drawn[np.arange(most) >= lengths[:, None]] = 0
        numbers = drawn @ 10 ** np.arange(most)[::-1] // 10 ** (most - lengths)
        found = np.concatenate([found, numbers[split_of(numbers) == split]])
    return found[:count]


def split_of(numbers: np.ndarray) -> np.ndarray:
    """The split of every number, by a hash of it (Knuth's multiplicative one, modulo 10)."""
    tenth = (np.asarray(numbers, np.uint64) * np.uint64(2654435761) >> np.uint64(16)) % 10
    return np.where(tenth < 8, "train", np.where(tenth == 8, "validation", "test"))


def encode_chinese(numbers: Iterable[int], length: int = 18) -> np.ndarray:
    """Ids of `CHINESE_CHARACTERS`, int32 ``(count, length)``, padded with zeros at the end.

    Raises:
        ValueError: a number that has more characters than ``length``.
    """
    character = {text: i for i, text in enumerate(CHINESE_CHARACTERS)}
    return _rows([[character[c] for c in number_to_chinese(int(n))] for n in numbers], length)


def encode_english(numbers: Iterable[int], length: int = 16) -> np.ndarray:
    """Ids of `ENGLISH_WORDS` with an end after the last word, int32 ``(count, length)``.

    Raises:
        ValueError: a number that has more words, with its end, than ``length``.
    """
    word = {text: i for i, text in enumerate(ENGLISH_WORDS)}
    rows = [[*(word[w] for w in number_to_english(int(n)).split()), END] for n in numbers]
    return _rows(rows, length)


def decode_english(ids: np.ndarray) -> list[str]:
    """Words of every row up to the first end or padding."""
    texts = []
    for row in np.asarray(ids):
        stop = np.flatnonzero((row == END) | (row == PADDING))
        texts.append(" ".join(ENGLISH_WORDS[i] for i in (row[: stop[0]] if len(stop) else row)))
    return texts


def _rows(rows: Sequence[Sequence[int]], length: int) -> np.ndarray:
    longest = max(map(len, rows), default=0)
    if longest > length:
        raise ValueError(f"length must be at least {longest} for these numbers, not {length}.")
    ids = np.full((len(rows), length), PADDING, np.int32)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids


def _check_number(number: int) -> None:
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
        raise ValueError(f"number must be a whole number, not {number!r}.")
    if not 0 <= number < LIMIT:
        raise ValueError(f"number must lie in 0..{LIMIT - 1}, not {number}.")
