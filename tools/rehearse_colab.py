"""Rehearse Colab: run notebooks as Colab would, installed by nothing but their setup cell.

Usage: python tools/rehearse_colab.py [--venv DIRECTORY] [NOTEBOOK ...]

A virtual environment holds what Colab's runtime holds (COLAB below) and not the course. A
snapshot of the working tree becomes a local git repository with the release's tag, and git
is told to fetch the book's URL from there: so the setup cell's own ``%pip install`` runs,
builds the wheel and installs it. Each notebook lies alone in an empty folder, in a kernel
that has a module ``google.colab``, and is executed from its first cell to its last. The
rehearsal fails when a cell raises (a failing `cu.check` raises), or when installing the
course changed one of Colab's own packages.

By default the four notebooks of ``book/code`` are run. The virtual environment is kept and
used again when ``--venv`` names it; PYTHON in the environment names the Python it is made of.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]

# Runtime 2026.07 on Python 3.13; the course's other needs are there too, but are left to its
# own dependencies here, which is the harder case.
PYTHONS = ("python3.13", "python3.12", "python3.11")
COLAB = {
    "tensorflow": "2.20.0",
    "keras": "3.13.2",
    "numpy": "2.1.3",
    "matplotlib": "3.10.0",
    "ipykernel": "6.17.1",
    "ipython": "7.34.0",
}
# What Colab does before the first cell: its kernel has imported google.colab.
KERNEL = (
    "import sys, types; "
    "sys.modules['google.colab'] = types.ModuleType('google.colab'); "
    "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
)


def run(*command: str | Path, **options: object) -> str:
    """Run a command and return its output; what it said is shown when it fails."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def make_environment(folder: Path) -> Path:
    """A virtual environment with Colab's packages in ``folder``; returns its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        names = [os.environ["PYTHON"]] if "PYTHON" in os.environ else PYTHONS
        found = (path for name in names if (path := working_python(name)))
        base = next(found, sys.executable)
        print(f"Making a virtual environment with Colab's packages ({base})...", flush=True)
        run(base, "-m", "venv", folder)
    installed = versions(python)
    missing = [f"{name}=={v}" for name, v in COLAB.items() if installed.get(name) != v]
    if missing:
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *missing)
    return python


def working_python(name: str) -> str | None:
    path = shutil.which(name)
    if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
        return path
    return None


def versions(python: Path) -> dict[str, str]:
    """Versions of the packages that ``python`` has installed."""
    listed = run(python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
    return {package["name"].lower(): package["version"] for package in json.loads(listed)}


def make_repository(folder: Path) -> str:
    """A repository of the working tree as it is, with the release's tag; returns its URL."""
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    identity = ["-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost"]
    run("git", "init", "--quiet", cwd=folder)
    run("git", "add", "--all", "--force", cwd=folder)
    run("git", *identity, "commit", "--quiet", "--message", "Snapshot", cwd=folder)
    run("git", *identity, "tag", f"v{version}", cwd=folder)
    return folder.as_uri()


def repository_url(notebook: nbformat.NotebookNode) -> str:
    """The URL that the setup cell installs from, without release."""
    cells = [cell for cell in notebook.cells if "setup" in cell.metadata.get("tags", [])]
    found = cells and re.search(r"git\+(https://[^\s@\"]+)@v", cells[0].source)
    if not found:
        raise SystemExit("The notebook has no setup cell that installs from a git repository.")
    return found[1]


def rehearse(path: Path, python: Path, repository: str, scratch: Path) -> float:
    """Run one notebook as on Colab and return the seconds it took.

    Raises:
        CellExecutionError: a cell raised.
        SystemExit: the setup cell changed a package of Colab's, or installed nothing.
    """
    notebook = nbformat.read(path, as_version=4)
    uninstall = [python, "-m", "pip", "uninstall", "--quiet", "--yes", "course-utils"]
    subprocess.run(uninstall, capture_output=True, check=True)
    before = versions(python)

    folder = scratch / path.stem
    folder.mkdir()
    (folder / path.name).write_bytes(path.read_bytes())
    kernels = scratch / "kernels"
    (kernels / "colab").mkdir(parents=True, exist_ok=True)
    argv = [str(python), "-c", KERNEL, "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Colab", "language": "python"}
    (kernels / "colab" / "kernel.json").write_text(json.dumps(spec))
    finder = KernelSpecManager(kernel_dirs=[str(kernels)], ensure_native_kernel=False)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": repository_url(notebook),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else Python 3.13 writes a hint to the debugger
    }
    kernel = KernelManager(kernel_name="colab", kernel_spec_manager=finder)
    resources = {"metadata": {"path": str(folder)}}
    started = time.perf_counter()
    try:
        NotebookClient(notebook, km=kernel, timeout=1800, resources=resources).execute(
            env=environment
        )
    finally:
        if kernel.has_kernel:
            kernel.shutdown_kernel(now=True)
    seconds = time.perf_counter() - started

    after = versions(python)
    changed = [f"{n} {before[n]} → {after.get(n)}" for n in COLAB if after.get(n) != before[n]]
    if changed:
        raise SystemExit(f"{path}: installing the course changed {', '.join(changed)}.")
    if "course-utils" not in after:
        raise SystemExit(f"{path}: the setup cell did not install the course.")
    left = sorted(p.name for p in folder.iterdir() if p.name != path.name)
    if left:
        raise SystemExit(f"{path}: the notebook left files behind: {', '.join(left)}.")
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: book/code/*.ipynb")
    parser.add_argument("--venv", type=Path, help="keep the virtual environment here")
    arguments = parser.parse_args()
    notebooks = arguments.notebooks or sorted((ROOT / "book" / "code").glob("*.ipynb"))
    if not notebooks:
        raise SystemExit("There is no notebook in book/code.")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="colab-") as name:
        scratch = Path(name)
        python = make_environment((arguments.venv or scratch / "venv").resolve())
        (scratch / "repository").mkdir()
        repository = make_repository(scratch / "repository")
        for path in notebooks:
            try:
                print(f"{path}: {rehearse(path, python, repository, scratch):.0f} s", flush=True)
            except CellExecutionError as error:
                failed += 1
                message = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
                print(f"{path}: failed\n{message}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
