"""Submissions that cheat, escape, exhaust, are broken or had bad luck, to a tiny assignment.

Each says what it must earn: of the task ``add`` 0 to 2 points, of ``double`` 0 to 2. What is not
attacked is answered honestly, so that a grader which loses the other grade is found out.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NAME = "sums"
SECRET = "271828"  # a hidden input; nobody but the instructor may see it afterwards
ADD = "def add(a, b):\n    return a + b"
DOUBLE = "def double(x):\n    return 2 * x"


def source() -> nbformat.NotebookNode:
    """The assignment as its instructor wrote it."""

    def cell(new, text: str, grade_id: str, grade=False, solution=False, points=None):
        made = new(text)
        made["id"] = grade_id
        made.metadata["nbgrader"] = {
            "schema_version": 3,
            "cell_type": made.cell_type,
            "grade_id": grade_id,
            "grade": grade,
            "solution": solution,
            "locked": not solution,
            "task": False,
            **({"points": points} if grade else {}),
        }
        return made

    def solved(code: str) -> str:
        head, body = code.split("\n", 1)
        return f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"

    def hidden(visible: str, *tests: str) -> str:
        return "\n".join([visible, "### BEGIN HIDDEN TESTS", *tests, "### END HIDDEN TESTS"])

    cells = [
        cell(new_markdown_cell, "# Sums", "introduction"),
        cell(new_code_cell, "import numpy as np", "setup"),
        cell(new_code_cell, solved(ADD), "add-answer", solution=True),
        cell(
            new_code_cell,
            hidden(
                'assert add(1, 2) == 3, "1 and 2 are 3"',
                f'judge.equal(student.add({SECRET}, 314159), 585987, "two large numbers")',
                'judge.equal(student.add(-5, 5), 0, "a number and its opposite")',
            ),
            "add",
            grade=True,
            points=2,
        ),
        cell(new_code_cell, solved(DOUBLE), "double-answer", solution=True),
        cell(
            new_code_cell,
            hidden(
                'assert double(2) == 4, "twice 2 is 4"',
                "x = np.arange(6.0).reshape(2, 3)",
                'judge.close(student.double(x), 2 * x, "an array")',
            ),
            "double",
            grade=True,
            points=2,
        ),
        cell(new_markdown_cell, "*Rubric:* ...", "words", grade=True, solution=True, points=1),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": _KERNEL})


_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Case:
    """One submission.

    Attributes:
        kind: cheating, escaping, exhausting, broken, or unlucky.
        content: the file.
        add: points that the first task must earn.
        double: points that the second task must earn.
        reason: what the notes or reasons must contain, in lower case; empty if nothing is wrong.
    """

    kind: str
    content: bytes
    add: float
    double: float
    reason: str = ""


def cases(release: nbformat.NotebookNode) -> dict[str, Case]:
    """All of them by name, made from what students were given."""
    made: dict[str, Case] = {}

    def notebook(add: str = ADD, double: str = DOUBLE, more: str = "") -> nbformat.NotebookNode:
        copy = nbformat.reads(nbformat.writes(release), as_version=4)
        for cell in copy.cells:
            if cell.id == "add-answer":
                cell.source = add
            elif cell.id == "double-answer":
                cell.source = double
        if more:
            copy.cells.insert(2, new_code_cell(more))
        return copy

    def put(kind, name, content, add, double, reason=""):
        if isinstance(content, dict):
            content = json.dumps(content)
        if isinstance(content, str):
            content = content.encode()
        assert name not in made
        made[name] = Case(kind, content, add, double, reason)

    def change(work: Callable[[nbformat.NotebookNode], None], **kwargs) -> nbformat.NotebookNode:
        copy = notebook(**kwargs)
        work(copy)
        return copy

    def by_id(copy, name):
        return next(cell for cell in copy.cells if cell.id == name)

    _cheating(lambda *rest: put("cheating", *rest), notebook, change, by_id)
    _escaping(lambda *rest: put("escaping", *rest), notebook)
    _exhausting(lambda *rest: put("exhausting", *rest), notebook)
    _broken(lambda *rest: put("broken", *rest), notebook, change, by_id)
    _unlucky(lambda *rest: put("unlucky", *rest), notebook, change, by_id)
    return made


def _function(body: str, head: str = "") -> str:
    """A dishonest ``add``, after what it needs."""
    return head + "\ndef add(a, b):\n" + "\n".join(f"    {line}" for line in body.splitlines())


def _cheating(put, notebook, change, by_id) -> None:
    liar = "class Liar:\n    def __eq__(self, other):\n        return True\n"
    put("equal to everything", notebook(_function("return Liar()", liar)), 0, 2, "neither")
    put(
        "an array that is equal to everything",
        notebook(
            _function(
                "return np.zeros(1).view(Liar)",
                "class Liar(np.ndarray):\n    def __eq__(self, other):\n        return True\n"
                "    def __array__(self, *rest):\n        return self\n",
            )
        ),
        0,
        2,
        "not right",
    )
    put(
        "an integer that is equal to everything",
        notebook(
            _function(
                "return Liar(7)",
                "class Liar(int):\n    def __eq__(self, other):\n        return True\n"
                "    __hash__ = int.__hash__\n",
            )
        ),
        0,
        2,
        "neither",
    )
    put(
        "patched assertions",
        notebook(
            _function("return 0"),
            more="import builtins, numpy.testing\nbuiltins.AssertionError = Warning\n"
            "for name in dir(numpy.testing):\n"
            "    if name.startswith('assert'):\n"
            "        setattr(numpy.testing, name, lambda *rest, **more: None)\n"
            "np.allclose = np.array_equal = lambda *rest, **more: True",
        ),
        1,  # 0 is right for a number and its opposite
        2,
        "not right",
    )
    put("sys.exit in the function", notebook(_function("import sys\nsys.exit(0)")), 0, 2, "raised")
    put("os._exit in the function", notebook(_function("import os\nos._exit(0)")), 0, 2, "ended")
    put("sys.exit in a cell", notebook(_function("return 2"), more="import sys\nsys.exit(0)"), 0, 2)
    put("os._exit in a cell", notebook(more="import os\nos._exit(0)"), 2, 2, "left out")
    put("always true", notebook(_function("return True")), 0, 2, "not right")
    put("the number as text", notebook(_function("return str(a + b)")), 0, 2, "not right")
    put("a function as answer", notebook(_function("return lambda: 585987")), 0, 2, "neither")
    put("visible cases only", notebook(_function("return {(1, 2): 3}[a, b]")), 0, 2, "raised")
    put(
        "a thread that prints marks",
        notebook(
            _function("return None"),
            more="import threading\n"
            "def say():\n    while True:\n"
            "        print('2 of 2 points'); __import__('time').sleep(0.01)\n"
            "threading.Thread(target=say, daemon=True).start()",
        ),
        0,
        2,
        "not right",
    )
    put(
        "answers forged by a thread",
        notebook(
            _function("import time\ntime.sleep(1)\nreturn None"),
            more="import json, threading, time\n"
            "from course_utils.grading.answer import MIME\n"
            "shell = get_ipython()\n"
            "def forge():\n    while True:\n"
            "        message = json.dumps({'outcome': 'ok', 'value': '0'})\n"
            "        shell.display_pub.publish({MIME: message})\n"
            "        time.sleep(0.05)\n"
            "threading.Thread(target=forge, daemon=True).start()",
        ),
        0,
        None,  # it spoils its own answers, or not: that is its own affair
        "add",
    )
    put(
        "the messenger replaced",
        notebook(
            _function("return None"),
            more="from course_utils.grading import answer as module\n"
            "module.answer = lambda *rest: {module.MIME: "
            '\'{"outcome": "ok", "value": "true", "points": 2, "passed": true}\'}',
        ),
        0,
        0,
        "not right",
    )
    put(
        "the messenger says nonsense",
        notebook(
            more="from course_utils.grading import answer as module\n"
            "module.answer = lambda *rest: {module.MIME: '[' * 100000}",
        ),
        0,
        0,
        "cannot be read",
    )
    put(
        "an array of objects forged",
        notebook(
            more="from course_utils.grading import plain\n"
            'plain.encode = lambda value: \'{"array": "AAAA", "dtype": "object", "shape": [1]}\'',
        ),
        0,
        0,
        "cannot be read",
    )
    put(
        "an array larger than the world",
        notebook(
            more="from course_utils.grading import plain\n"
            'plain.encode = lambda value: \'{"array": "AAAA", "dtype": "int8", '
            '"shape": [1000000000000]}\'',
        ),
        0,
        0,
        "cannot be read",
    )
    put(
        "looks for the solution",
        notebook(
            more="import os\n"
            "for folder, folders, files in os.walk('/'):\n"
            "    if 'sums.ipynb' in files or 'student-0' in folders:\n"
            "        print('FOUND', folder)",
        ),
        2,
        2,
    )
    put(
        "looks through its own process",
        notebook(
            _function(
                "import gc, inspect\n"
                "seen.append([frame.code_context for frame in inspect.stack()])\n"
                "return 'judge' in str(seen) and 585987",
                "seen = []",
            )
        ),
        0,
        2,
        "not right",
    )
    put("prints what comes in", notebook(_function("print(a, b)\nreturn a + b")), 2, 2)
    put(
        "raises what comes in",
        notebook(_function("raise type(f'E{a}', (Exception,), {})(f'{a} {b}')")),
        0,
        2,
        "raised",
    )
    put(
        "keeps what comes in for the next start",
        notebook(
            _function(
                "open('/tmp/seen', 'a').write(f'{a}')\nimport os\nos._exit(0)",
                "import os\nprint(open('/tmp/seen').read() if os.path.exists('/tmp/seen') else '')",
            )
        ),
        0,
        2,
        "ended",
    )
    put(
        "forged outputs",
        change(
            lambda copy: by_id(copy, "add").outputs.append(
                new_output("execute_result", data={"text/plain": "2.0"}, execution_count=1)
            ),
            add=_function("return None"),
        ),
        0,
        2,
        "not right",
    )
    put(
        "test cell replaced by its points",
        change(lambda copy: by_id(copy, "add").update(source="2"), add=_function("return None")),
        0,
        2,
        "put back",
    )
    put(
        "more points in the metadata",
        change(lambda copy: by_id(copy, "add").metadata.nbgrader.update(points=100)),
        2,
        2,
    )
    put(
        "test cell made an answer",
        change(
            lambda copy: by_id(copy, "add").metadata.nbgrader.update(solution=True, locked=False),
            add=_function("return None"),
        ),
        0,
        2,
        "not right",
    )
    put(
        "the graded cell twice",
        change(
            lambda copy: copy.cells.append(by_id(copy, "double")),
        ),
        2,
        2,
        "two cells",
    )
    put(
        "names of cells exchanged",
        change(
            lambda copy: (
                by_id(copy, "add").metadata.nbgrader.update(grade_id="double"),
                by_id(copy, "double").metadata.nbgrader.update(grade_id="add"),
            ),
            add=_function("return None"),
        ),
        0,
        2,
        "put back",
    )
    put("not a number", notebook(_function("return float('nan')")), 0, 2, "not right")
    put(
        "answers by its own magic",
        notebook(
            _function("return None"),
            more="import sys\nclass Globals(dict):\n    def __getitem__(self, name):\n"
            "        return lambda *rest: 585987\n"
            "get_ipython().user_ns.update(add=Globals())",
        ),
        0,
        2,
        "not right",
    )


def _escaping(put, notebook) -> None:
    put(
        "calls home",
        notebook(
            more="import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=2)",
        ),
        2,
        2,
    )
    put(
        "looks up a name",
        notebook(more="import urllib.request\nurllib.request.urlopen('http://example.org')"),
        2,
        2,
    )
    put(
        "writes where it should not",
        notebook(
            more="import course_utils, sys, os\n"
            "for path in (course_utils.__file__, sys.executable, '/usr/bin/env', '/etc/x', '/x',"
            " '/dev/x', os.path.dirname(course_utils.__file__) + '/x'):\n"
            "    try:\n        open(path, 'ab').write(b'x')\n        print('WROTE', path)\n"
            "    except OSError:\n        pass"
        ),
        2,
        2,
    )
    put(
        "kills everything",
        notebook(more="import os, signal\nos.kill(-1, signal.SIGKILL)"),
        None,  # it may kill itself with the rest, which costs its own marks only
        None,
    )
    put(
        "kills its parent",
        notebook(more="import os\nos.kill(1, 9); os.kill(os.getppid(), 9)"),
        2,
        2,
    )
    put(
        "mounts and unshares",
        notebook(
            more="import subprocess\n"
            "for line in ('mount -o remount,rw /usr', 'unshare -rm true', 'chroot / true', 'su'):\n"
            "    subprocess.run(line.split(), capture_output=True, timeout=5)"
        ),
        2,
        2,
    )
    put(
        "reads other processes",
        notebook(
            more="import glob\n"
            "for path in glob.glob('/proc/[0-9]*/cmdline'):\n"
            "    if b'pytest' in open(path, 'rb').read():\n        print('FOUND', path)"
        ),
        2,
        2,
    )
    put(
        "reads the host's secrets",
        notebook(
            more="import os\n"
            "for path in ('/etc/shadow', '/root/.ssh', '/home', os.path.expanduser('~')):\n"
            "    if os.path.exists(path) and path != '/home' and os.listdir(path) != []\\\n"
            "            and not set(os.listdir(path)) <= {'.ipython', '.cache', '.config'}:\n"
            "        print('FOUND', path, os.listdir(path))\n"
            "print({k for k in os.environ if 'TOKEN' in k or 'KEY' in k} or '')"
        ),
        2,
        2,
    )


def _exhausting(put, notebook) -> None:
    put(
        "takes all memory",
        notebook(more="kept = []\nwhile True:\n    kept.append(bytearray(10**8))"),
        2,
        2,
    )
    put(
        "takes all memory by many processes",
        notebook(
            more="import os, time\n"
            "for _ in range(8):\n    if os.fork() == 0:\n"
            "        kept = bytearray(3 * 10**8); time.sleep(60)\n"
            "time.sleep(60)"
        ),
        2,
        2,
        "memory",
    )
    put("forks", notebook(more="import os\nwhile True:\n    os.fork()"), 2, 2, "left out")
    put(
        "starts threads",
        notebook(
            more="import threading, time\n"
            "while True:\n    threading.Thread(target=time.sleep, args=(60,)).start()"
        ),
        2,
        2,
    )
    put(
        "fills the disk",
        notebook(
            more="for number in range(10**6):\n"
            "    for folder in ('/tmp', '/dev/shm', '/home/student', '/run/kernel'):\n"
            "        open(f'{folder}/{number}', 'wb').write(bytes(10**7))"
        ),
        2,
        2,
    )
    put(
        "prints without end", notebook(more="while True:\n    print('x' * 10000)"), 2, 2, "left out"
    )
    put("prints once, a lot", notebook(more="print('x' * 10**8)"), 2, 2, "printed")
    put("sleeps", notebook(more="import time\ntime.sleep(3600)"), 2, 2, "longer")
    put("loops", notebook(more="while True:\n    pass"), 2, 2, "longer")
    put(
        "does not want to stop",
        notebook(
            more="import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
            "while True:\n    pass"
        ),
        2,
        2,
        "did not stop",
    )
    put("loops in the function", notebook(_function("while True:\n    pass")), 0, 2, "longer")
    put(
        "returns a gigabyte",
        notebook(double="def double(x):\n    return np.zeros(10**8)"),
        2,
        0,
    )
    put(
        "leaves processes behind",
        notebook(
            more="import subprocess\n"
            "for _ in range(5):\n"
            "    subprocess.Popen(['sleep', '987654'], start_new_session=True)"
        ),
        2,
        2,
    )
    put(
        "crashes the interpreter",
        notebook(more="import ctypes\nctypes.string_at(0)"),
        2,
        2,
        "left out",
    )
    put("recurses", notebook(_function("return add(a, b)")), 0, 2, "raised")
    put(
        "returns a list in a list without end",
        notebook(_function("x = []\nx.append(x)\nreturn x")),
        0,
        2,
        "neither",
    )


def _broken(put, notebook, change, by_id) -> None:
    whole = nbformat.writes(notebook())
    put("not JSON", whole[: len(whole) // 2], 0, 0, "not json")
    put("empty file", b"", 0, 0, "empty")
    put("binary", bytes(range(256)) * 10, 0, 0, "utf-8")
    put("Latin-1", whole.replace("# Sums", "# Sümmchen").encode("latin-1"), 0, 0, "utf-8")
    put("a list", "[1, 2, 3]", 0, 0, "no notebook")
    put("nested too deep", "[" * 200_000 + "]" * 200_000, 0, 0, "not json")
    tree = json.loads(whole)
    put("nbformat of the future", {**tree, "nbformat": 99}, 0, 0, "cannot be read")
    put("cells are no list", {**tree, "cells": "none"}, 0, 0, "cannot be read")
    put("cells are no cells", {**tree, "cells": [1, None]}, 0, 0, "cannot be read")
    put("no cells", {**tree, "cells": []}, 0, 0, "no cell of assignment")
    put(
        "another assignment",
        new_notebook(cells=[new_code_cell("print(1)"), new_markdown_cell("Mine")]),
        0,
        0,
        "another notebook",
    )
    old = nbformat.convert(notebook(), 3)
    put("nbformat 3", nbformat.writes(old, version=3), 2, 2)
    put(
        "a test and an answer are missing",
        change(lambda copy: copy.update(cells=[c for c in copy.cells if "add" not in c.id])),
        0,
        2,
        "missing",
    )
    put(
        "every cell has the same id",
        change(lambda copy: [cell.update(id="same") for cell in copy.cells]),
        2,
        2,
    )
    put("a huge output", change(_with_huge_output), 2, 2)
    put(
        "a mistake in the syntax", notebook(double="def double(x:\n    return"), 2, 0, "not defined"
    )
    put(
        "metadata of the wrong kind",
        {
            **tree,
            "cells": [
                {**cell, "metadata": {**cell["metadata"], "nbgrader": "yes"}}
                if cell["id"] == "add"
                else cell
                for cell in tree["cells"]
            ],
        },
        2,
        2,
        "missing",
    )
    put(
        "sources as lists of lines",
        {
            **tree,
            "cells": [
                {**cell, "source": "".join(cell["source"]).splitlines(keepends=True)}
                for cell in tree["cells"]
            ],
        },
        0 if not tree["cells"] else 2,
        2,
    )


def _with_huge_output(copy: nbformat.NotebookNode) -> None:
    copy.cells[3].outputs = [new_output("stream", text="x" * 30_000_000)]


def _unlucky(put, notebook, change, by_id) -> None:
    put("honest", notebook(), 2, 2)
    put("a package that is not there", notebook(more="import no_such_package"), 2, 2)
    put(
        "a kernel that is not there",
        change(
            lambda copy: copy.metadata.update(
                kernelspec={"name": "my-env", "display_name": "Mine", "language": "python"}
            )
        ),
        2,
        2,
    )
    put(
        "from Colab",
        change(
            lambda copy: (
                copy.metadata.update(
                    colab={"provenance": [], "name": "Copy of sums.ipynb"}, accelerator="GPU"
                ),
                [
                    cell.metadata.update(id=f"c{i}", outputId="x")
                    for i, cell in enumerate(copy.cells)
                ],
            )
        ),
        2,
        2,
    )
    put(
        "line ends of Windows",
        change(
            lambda copy: [
                cell.update(source=cell.source.replace("\n", "\r\n")) for cell in copy.cells
            ]
        ),
        2,
        2,
    )
    put("a byte order mark", b"\xef\xbb\xbf" + nbformat.writes(notebook()).encode(), 2, 2)
    put("asks a question", notebook(more="name = input('Your name? ')"), 2, 2)
    put("installs a package", notebook(more="%pip install -q no-such-package-at-all"), 2, 2)
    put(
        "draws a figure",
        notebook(more="import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"),
        2,
        2,
    )
    put("speaks Chinese", notebook(more="问候 = '你好'\nprint(问候)"), 2, 2)
    put(
        "solves one task only",
        notebook(double="def double(x):\n    raise NotImplementedError()"),
        2,
        0,
        "raised",
    )
    put("half right", notebook(_function("return max(a + b, 1)")), 1, 2, "not right")
    put(
        "answers in another order",
        change(lambda copy: copy.cells.insert(1, copy.cells.pop(4))),
        2,
        2,
    )
    put("warns", notebook(more="import warnings\nwarnings.warn('careful')"), 2, 2)
    put("an empty cell", notebook(more="   \n"), 2, 2)
