"""Plain data crosses the border unchanged, and nothing else does."""

import json

import numpy as np
import pytest

from course_utils.grading import answer, plain


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 2.5, "näher", [1, [2, "three"]], {"a": [1], "dict": {"b": None}}, [], {}],
)
def test_plain_values_come_back(value):
    assert plain.decode(plain.encode(value)) == value


@pytest.mark.parametrize("dtype", sorted(plain.ARRAY_TYPES))
def test_arrays_come_back_with_type_and_shape(dtype):
    array = np.arange(6).reshape(2, 1, 3).astype(dtype)
    back = plain.decode(plain.encode(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_an_array_in_fortran_order_keeps_its_values():
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(plain.decode(plain.encode(array)), array)


def test_an_array_without_dimensions_stays_one():
    assert plain.decode(plain.encode(np.array(2.0))).shape == ()


def test_numbers_of_numpy_become_numbers():
    assert plain.decode(plain.encode([np.int64(3), np.float32(0.5), np.bool_(True)])) == [3, 0.5, 1]


def test_a_subclass_arrives_as_numpys_own_array():
    class Liar(np.ndarray):
        def __eq__(self, other):
            return True

    back = plain.decode(plain.encode(np.zeros(2).view(Liar)))
    assert type(back) is np.ndarray


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda: 1, b"bytes", 1j, np.array([object()])])
def test_other_things_are_refused_by_name(value):
    with pytest.raises(ValueError, match="Expected numbers, strings"):
        plain.encode(value)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        '{"other": 1}',
        '{"array": "AAAA", "dtype": "object", "shape": [1]}',
        '{"array": "AAAA", "dtype": "int8", "shape": [1000000000000]}',
        '{"array": 3, "dtype": "int8", "shape": [1]}',
    ],
)
def test_what_encode_does_not_write_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  several libraries word it
        plain.decode(text)


def outcome(namespace, name, *arguments):
    given = plain.encode(list(arguments)) if arguments else None
    message = json.loads(answer.answer(namespace, name, given)[answer.MIME])
    value = plain.decode(message["value"]) if "value" in message else None
    return message["outcome"], value


def test_every_way_to_answer_is_told_apart():
    def leave(_):
        raise SystemExit

    names = {"x": [1, 2], "double": lambda x: 2 * x, "leave": leave, "odd": lambda x: object()}
    assert outcome(names, "x") == (answer.OK, [1, 2])
    assert outcome(names, "double", 4) == (answer.OK, 8)
    assert outcome(names, "double", 4, 5)[0] == answer.RAISED
    assert outcome(names, "leave", 4)[0] == answer.RAISED
    assert outcome(names, "odd", 4)[0] == answer.NOT_PLAIN
    assert outcome(names, "absent", 4) == (answer.NO_SUCH_NAME, None)
