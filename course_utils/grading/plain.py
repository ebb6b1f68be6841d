"""Plain data as text and back: what may cross the border between a student's code and the judge.

Numbers, strings, truth values, None, lists, tuples, dictionaries with string keys, and NumPy
arrays. Nothing that is decoded can run code, and every array is a new one of NumPy's own type, so
that an overridden ``__eq__`` stays where it was written.
"""

import base64
import json
from typing import Any

import numpy as np

ARRAY_TYPES = frozenset(
    ["bool"]
    + [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
    + [f"float{bits}" for bits in (16, 32, 64)]
)


def encode(value: Any) -> str:
    """JSON of ``value``; whatever has ``__array__`` (a Keras tensor) becomes an array.

    Raises:
        ValueError: not plain data; the message names the type.
    """
    return json.dumps(_plain(value))


def decode(text: str) -> Any:
    """The value that `encode` wrote; lists and tuples come back as lists.

    Raises:
        ValueError: not what `encode` writes.
    """
    try:
        return _value(json.loads(text))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"Expected plain data, got something else ({error}).") from error


def _plain(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {"dict": {str(key): _plain(one) for key, one in value.items()}}
    if hasattr(value, "__array__"):
        array = np.ascontiguousarray(value)
        if array.dtype.name in ARRAY_TYPES:
            data = base64.b64encode(array.tobytes()).decode("ascii")
            return {"array": data, "dtype": array.dtype.name, "shape": list(np.shape(value))}
        if array.dtype.kind == "U":
            return _plain(array.tolist())
    raise ValueError(
        "Expected numbers, strings, truth values, None, arrays, or lists, tuples and dictionaries "
        f"of them, got a {type(value).__name__}."
    )


def _value(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_value(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    if "dict" in tree:
        return {key: _value(one) for key, one in tree["dict"].items()}
    if tree["dtype"] not in ARRAY_TYPES:
        raise ValueError(f"Expected an array of numbers, got one of {tree['dtype']!r}.")
    flat = np.frombuffer(base64.b64decode(tree["array"]), dtype=tree["dtype"])
    return flat.reshape(tree["shape"]).copy()
