"""When a file was last changed, as the history of the repository tells it.

The sitemap, the citations and the feed name days. A file's own time is that of the checkout, and
today's date would make every build another; so where there is no history (an archive, or a clone
of only the last commit, to which every file is new), there is no date.
"""

import functools
import subprocess
from pathlib import Path


def parse(log: str) -> dict[str, str]:
    """Path -> time of its newest commit, out of ``git log --format=%x01%cI --name-only``."""
    dates: dict[str, str] = {}
    for commit in log.split("\x01")[1:]:
        time, *paths = filter(None, commit.splitlines())
        for path in paths:
            dates.setdefault(path, time)
    return dates


@functools.cache
def last_changes(root: Path) -> dict[str, str]:
    """Absolute path -> ISO 8601 time of its last change, for every file with a history."""

    def git(*arguments: str) -> str:
        command = ["git", "-c", "core.quotePath=false", "-C", str(root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    try:
        if git("rev-parse", "--is-shallow-repository").strip() == "true":
            return {}
        log = git("log", "--format=%x01%cI", "--name-only", "--relative")
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {str(root / path): time for path, time in parse(log).items()}
