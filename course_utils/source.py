"""`show_source`: a page shows the very code that runs."""

import inspect
from collections.abc import Callable

from IPython.display import Code, display


def show_source(*objects: Callable | type) -> None:
    """Display the source of functions or classes, highlighted, as the package holds it.

    Args:
        objects: functions or classes written in Python.

    Raises:
        TypeError: an object has no Python source (a built-in, or a value).
    """
    sources = []
    for item in objects:
        try:
            sources.append(inspect.getsource(inspect.unwrap(item)).rstrip())
        except (TypeError, OSError):
            raise TypeError(
                f"show_source expects functions or classes written in Python, not {item!r}."
            ) from None
    display(Code("\n\n\n".join(sources), language="python"))
