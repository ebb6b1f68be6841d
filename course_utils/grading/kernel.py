"""A Jupyter kernel inside the sandbox, and no more of it let out than was asked for."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty
from typing import Any

import psutil
import zmq
from jupyter_client import BlockingKernelClient
from nbformat import NotebookNode
from nbformat.v4 import output_from_msg

from course_utils.grading import sandbox
from course_utils.grading.sandbox import RUNTIME, Limits, SandboxError

START_SECONDS = 60.0
LARGEST_MESSAGE = 16 * sandbox.MEGABYTE


class KernelLost(RuntimeError):
    """The kernel is gone; the message says why, in words for the student."""


class TooSlow(RuntimeError):
    """A cell was stopped at its time limit; the kernel is still there."""


class SandboxedKernel:
    """One kernel, one submission: use it as a context.

    Args:
        limits: what it may use.
        unsafe: without a sandbox, in a folder of its own: only for code that you trust.

    Raises:
        SandboxError: no bubblewrap, or it may not do its work here.
    """

    def __init__(self, limits: Limits | None = None, unsafe: bool = False):
        self.limits = limits or Limits()
        self.unsafe = unsafe
        self._lost = ""

    def __enter__(self) -> "SandboxedKernel":
        self._folder = tempfile.TemporaryDirectory(prefix="course-grade-")
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def execute(self, code: str, seconds: float | None = None) -> list[NotebookNode]:
        """Run ``code`` and return its outputs, as a notebook keeps them.

        Args:
            code: what a cell holds.
            seconds: after which it is interrupted; the limit for a cell unless told.

        Raises:
            TooSlow: it was interrupted, and the kernel lives.
            KernelLost: it printed more than allowed, used too much memory, started too many
                processes, left, or did not react to being interrupted.
        """
        deadline = time.monotonic() + (seconds or self.limits.cell)
        request = self._client.execute(code, allow_stdin=False)
        outputs: list[NotebookNode] = []
        printed, interrupted = 0, False
        while True:
            if self._lost or self._process.poll() is not None:
                raise KernelLost(self._lost or "The program ended the kernel that it ran in.")
            if time.monotonic() > deadline:
                if interrupted:
                    self._kill("A cell did not stop when its time was over.")
                    continue
                interrupted, deadline = True, time.monotonic() + 5
                self._interrupt()
            try:
                message = self._client.get_iopub_msg(timeout=0.2)
            except Empty:
                if self._cut_off.poll(0) and not self._ends_within(1.0):
                    # It lives and was cut off: a single message was larger than any may be.
                    self._kill(f"A cell printed more than {self.limits.output:,} bytes.")
                continue
            if message["parent_header"].get("msg_id") != request:
                continue  # threads of earlier cells print late
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind in ("stream", "display_data", "execute_result", "error"):
                printed += len(json.dumps(content))
                if printed > self.limits.output:
                    self._kill(f"A cell printed more than {self.limits.output:,} bytes.")
                    continue
                outputs.append(output_from_msg(message))
        if interrupted:
            raise TooSlow(f"It took longer than {seconds or self.limits.cell:g} s and was stopped.")
        return outputs

    def close(self) -> None:
        """End every process of the sandbox; nothing of it stays."""
        self._kill("The kernel was closed.")
        if hasattr(self, "_client"):
            self._client.stop_channels()
            self._context.destroy(linger=0)
        self._folder.cleanup()

    def _start(self) -> None:
        key = secrets.token_hex(32)
        inside = str(Path(self._folder.name)) if self.unsafe else RUNTIME
        connection = {
            "transport": "ipc",
            "ip": f"{inside}/k",
            "key": key,
            "signature_scheme": "hmac-sha256",
            "kernel_name": "",
            **{
                f"{name}_port": port
                for port, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)
            },
        }
        program = [sys.executable, "-m", "ipykernel_launcher", "-f", f"{inside}/connection.json"]
        program += ["--IPKernelApp.log_level=ERROR", "--HistoryManager.enabled=False"]
        if self.unsafe:
            root = self._start_unprotected(program, connection)
        else:
            root = self._start_sandboxed(program, connection)
        threading.Thread(target=self._watch, daemon=True).start()

        self._context = zmq.Context()
        # What the kernel floods is left in the kernel's own memory.
        self._context.setsockopt(zmq.RCVHWM, 32)
        self._context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
        self._client = BlockingKernelClient(context=self._context)
        self._client.load_connection_info({**connection, "ip": f"{root}{inside}/k"})
        self._client.start_channels(hb=False)
        self._cut_off = self._client.iopub_channel.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        if not self._answers():
            said = self._stderr.read_text(errors="replace").strip().splitlines()
            raise SandboxError(
                "The kernel did not start: "
                + (said[-1] if said else f"no sign of life in {START_SECONDS:g} s")
                + "."
            )

    def _answers(self) -> bool:
        """Wait until it replies, and until what it prints arrives here."""
        deadline = time.monotonic() + START_SECONDS
        replied = printed = False
        while time.monotonic() < deadline and self._process.poll() is None:
            self._client.kernel_info()
            with contextlib.suppress(Empty):
                self._client.get_shell_msg(timeout=0.5)
                replied = True
            with contextlib.suppress(Empty):
                self._client.get_iopub_msg(timeout=0.5)
                printed = True
            if replied and printed:
                return True
        return False

    @property
    def _stderr(self) -> Path:
        return Path(self._folder.name) / "stderr.txt"

    def _start_sandboxed(self, program: list[str], connection: dict[str, Any]) -> str:
        """Start it and return the path under which its files are seen from here."""
        told, tell = os.pipe()
        given, give = os.pipe()
        line = sandbox.command(program, self.limits)
        options = ["--info-fd", str(tell), "--file", str(given), f"{RUNTIME}/connection.json"]
        at = line.index("--chdir")
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                [*line[:at], *options, *line[at:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                pass_fds=(tell, given),
                **sandbox.user(),
            )
        os.close(tell)
        os.close(given)
        with os.fdopen(give, "w") as pipe:
            json.dump(connection, pipe)
        with os.fdopen(told) as pipe:
            said = pipe.read()
        if not said:
            self._process.wait()
            reason = self._stderr.read_text(errors="replace").strip() or "it gave no reason"
            raise SandboxError(
                f"bubblewrap cannot make a sandbox here ({reason}): allow unprivileged user "
                "namespaces, or grade without any protection with --unsafe."
            )
        # The sockets lie on the sandbox's own small disk, where they cannot fill ours.
        return f"/proc/{json.loads(said)['child-pid']}/root"

    def _start_unprotected(self, program: list[str], connection: dict[str, Any]) -> str:
        path = Path(self._folder.name)
        (path / "connection.json").write_text(json.dumps(connection))
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                program,
                cwd=path,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        return ""

    def _watch(self) -> None:
        """Count memory, processes and time of everything inside, and end it when it is too much."""
        end = time.monotonic() + self.limits.wall
        while self._process.poll() is None:
            threads = memory = 0
            try:
                processes = psutil.Process(self._process.pid).children(recursive=True)
            except psutil.Error:
                return
            for process in processes:
                try:
                    threads += process.num_threads()
                    memory += process.memory_info().rss
                except psutil.Error:
                    continue
            if threads > self.limits.processes:
                self._kill(f"It started more than {self.limits.processes} processes or threads.")
            elif memory > self.limits.memory:
                self._kill(f"It used more memory than {self.limits.memory / 2**30:.1f} GiB.")
            elif time.monotonic() > end:
                self._kill(f"It took longer than {self.limits.wall:g} s in all.")
            time.sleep(0.1)

    def _ends_within(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _interrupt(self) -> None:
        message = self._client.session.msg("interrupt_request", {})
        self._client.control_channel.send(message)

    def _kill(self, reason: str) -> None:
        self._lost = self._lost or reason
        process = getattr(self, "_process", None)
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if self.unsafe:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                # The first process of a tree of its own: the system ends the rest with it.
                for child in psutil.Process(process.pid).children():
                    child.kill()
        process.kill()
        process.wait()
