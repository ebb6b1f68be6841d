"""A place where a notebook that nobody has read may run: bubblewrap, with limits.

Inside there is no network and no other process; the system, Python and this package can be read
and not written; the home is empty and gone afterwards. The course's sources, the gradebook and
other submissions are not there at all.
"""

import functools
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import course_utils
from course_utils.datasets.registry import folder

MEGABYTE = 2**20
HOME = "/home/student"
RUNTIME = "/run/kernel"

# Limits that a process sets itself before it runs anything: inside the sandbox, since a limit of
# processes counts those of the same user, and outside these are everybody's.
_LIMITED = """
import os, resource, sys
for name, value in zip(("RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CPU"), sys.argv[1:5]):
    resource.setrlimit(getattr(resource, name), (int(value), int(value)))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.execv(sys.argv[5], sys.argv[5:])
"""


class SandboxError(RuntimeError):
    """There is no sandbox to be had here; the message says what to do."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Attributes:
        memory: bytes of all its processes together.
        processes: processes and threads.
        disk: bytes in its home, and as many in /tmp; nothing else can be written.
        cpu: seconds of computing in one process.
        cell: seconds that one cell may take.
        call: seconds that the student's function may take for one hidden input.
        wall: seconds that the whole notebook may take.
        output: bytes that it may print.
    """

    memory: int = 4096 * MEGABYTE
    processes: int = 256
    disk: int = 64 * MEGABYTE
    cpu: int = 600
    cell: float = 60.0
    call: float = 20.0
    wall: float = 900.0
    output: int = 10 * MEGABYTE


@functools.cache
def available() -> bool:
    """Whether bubblewrap is installed and may do its work here: some containers forbid it."""
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        return False
    trial = [bubblewrap, "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def command(program: Sequence[str], limits: Limits) -> list[str]:
    """The command line that runs ``program`` in a sandbox of its own.

    Raises:
        SandboxError: bubblewrap is not installed.
    """
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise SandboxError(
            "Grading needs bubblewrap, which is not installed: on Debian and Ubuntu "
            "'apt install bubblewrap'; or grade without any protection with --unsafe."
        )
    line = [bubblewrap, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    line += ["--proc", "/proc", "--dev", "/dev"]
    for path, size in (
        ("/dev/shm", limits.disk),
        ("/tmp", limits.disk),
        (HOME, limits.disk),
        (RUNTIME, MEGABYTE),
    ):
        line += ["--size", str(size), "--tmpfs", path]
    # After the empty folders: what is read may lie in one of them.
    for path in _readable():
        line += ["--ro-bind", str(path), str(path)]
    for path in ("/bin", "/sbin", "/lib", "/lib64"):  # links into /usr on merged systems
        if os.path.islink(path):
            line += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            line += ["--ro-bind", path, path]
    for path in ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/alternatives", "/etc/fonts"):
        line += ["--ro-bind-try", path, path]
    line += ["--remount-ro", "/dev", "--remount-ro", "/"]  # what is left of them is memory of ours
    environment = {
        "HOME": HOME,
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
    }
    for name, value in environment.items():
        line += ["--setenv", name, value]
    limited = [limits.memory * 2, limits.processes, limits.disk, limits.cpu]
    return [
        *line,
        *("--chdir", HOME, "--", sys.executable, "-c", _LIMITED),
        *(str(value) for value in limited),  # of addresses twice as many: libraries reserve a lot
        *program,
    ]


def user() -> dict[str, object]:
    """Arguments of `subprocess.Popen` for a user with no rights, where one can be had.

    Root is bound by no limit of processes, so root hands over to "nobody", if that user can read
    this Python; an ordinary user stays who he is.
    """
    if os.geteuid() != 0 or not all(_readable_by_all(path) for path in _readable()):
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _readable() -> list[Path]:
    """Python, its packages, this package and its data; never the folder that they lie in."""
    package = Path(course_utils.__file__).parent
    paths = [Path("/usr"), Path(sys.base_prefix), Path(sys.prefix), package, folder()]
    kept: list[Path] = []
    for path in paths:
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def _readable_by_all(path: Path) -> bool:
    return all(one.stat().st_mode & stat.S_IXOTH for one in (path, *path.parents))
