"""The student's side of a hidden call: runs inside the sandbox, knows nothing of the tests."""

import json
from typing import Any

from course_utils.grading import plain

MIME = "application/vnd.course-utils.answer"
NO_SUCH_NAME, NOT_PLAIN, RAISED, OK = "no such name", "not plain data", "raised", "ok"


def answer(namespace: dict[str, Any], name: str, arguments: str | None) -> dict[str, str]:
    """``namespace[name]``, called with the encoded arguments if there are any, as a message.

    Whatever happens is an answer: also ``sys.exit`` and results that are not plain.

    Returns:
        A MIME bundle of one entry: JSON with ``outcome`` and, with "ok", ``value`` (encoded).
    """
    return {MIME: json.dumps(_outcome(namespace, name, arguments))}


def _outcome(namespace: dict[str, Any], name: str, arguments: str | None) -> dict[str, str]:
    if name not in namespace:
        return {"outcome": NO_SUCH_NAME}
    try:
        value = namespace[name]
        if arguments is not None:
            value = value(*plain.decode(arguments))
    except KeyboardInterrupt:  # the judge's patience is at an end
        raise
    except BaseException as error:
        return {"outcome": RAISED, "value": plain.encode(f"{type(error).__name__}: {error}"[:2000])}
    try:
        return {"outcome": OK, "value": plain.encode(value)}
    except BaseException as error:
        return {"outcome": NOT_PLAIN, "value": plain.encode(str(error)[:2000])}
