"""Start one program as several workers that know each other by TF_CONFIG, and end them all.

On this machine by `run_workers`, on the workers of a running Dask cluster by `run_on_dask`; on a
SLURM cluster nothing needs starting: `configure_from_slurm` reads what SLURM says. Whatever
happens, a worker that dies or a time that is over ends in one sentence and not in a hang, and no
process is left behind.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import distributed

_POLL_SECONDS = 0.1


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """``count`` different TCP ports that nobody listens on at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((host, 0))
        return [one.getsockname()[1] for one in sockets]


def check_port(address: str) -> None:
    """Refuse an address ``host:port`` of this machine on which another program listens.

    Raises:
        ValueError: the port is taken, or the address is not one of this machine.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.socket() as one:
            # As TensorFlow's server does: a port in TIME_WAIT counts as free.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(
            f"This worker cannot listen on {address!r} ({reason}): choose a free port of this "
            "machine in TF_CONFIG."
        ) from None


def configurations(addresses: Sequence[str]) -> list[str]:
    """TF_CONFIG of every worker: the same list of addresses, and the worker's own place in it."""
    cluster = {"worker": list(addresses)}
    return [
        json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}})
        for i in range(len(addresses))
    ]


def run_workers(
    command: Sequence[str], count: int, *, timeout: float, threads: int | None = None
) -> list[str]:
    """Run a command ``count`` times at once on this machine, as workers of one cluster.

    Args:
        command: program and arguments, the same for all workers.
        count: workers; a single one gets no TF_CONFIG.
        timeout: seconds after which all are ended.
        threads: TensorFlow's threads in each worker; by default as many as there are cores.

    Returns:
        what each worker wrote to its standard output.

    Raises:
        RuntimeError: a worker failed (with the last line that it wrote), or the time was over.
    """
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    configs = configurations(addresses) if count > 1 else [""]
    deadline = time.monotonic() + timeout
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_Process(command, config, threads)) for config in configs]
        while any(worker.running() for worker in workers):
            for i, worker in enumerate(workers):
                worker.refuse_failure(f"Worker {i} of {count}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"The workers took more than {timeout:g} s and were ended.")
            time.sleep(_POLL_SECONDS)
        for i, worker in enumerate(workers):
            worker.refuse_failure(f"Worker {i} of {count}")
        return [worker.output() for worker in workers]


def run_on_dask(
    client: "distributed.Client",
    command: Sequence[str],
    *,
    timeout: float,
    threads: int | None = None,
) -> list[str]:
    """Run a command once on every worker of a Dask cluster, as workers of one TensorFlow cluster.

    Dask has started its workers where it was told to, on this machine or on many; here each gets
    one task, which starts the command with its own TF_CONFIG and watches over it.

    Args:
        client: connected to the scheduler.
        command: program and arguments; the program must exist on every machine.
        timeout: seconds after which all are ended.
        threads: as in `run_workers`.

    Returns:
        what each worker wrote to its standard output.

    Raises:
        RuntimeError: as `run_workers`.
    """
    import distributed

    names = sorted(client.scheduler_info(n_workers=-1)["workers"])
    hosts = [urlsplit(name).hostname for name in names]
    ports = [
        client.run(lambda host: free_ports(1, host)[0], host, workers=[name])[name]
        for name, host in zip(names, hosts, strict=True)
    ]
    stop = distributed.Event(f"stop-{time.time_ns()}", client=client)
    configs = configurations([f"{h}:{p}" for h, p in zip(hosts, ports, strict=True)])
    futures = []
    for i, (name, config) in enumerate(zip(names, configs, strict=True)):
        what = (command, config, threads, f"Worker {i} of {len(names)}", timeout, stop)
        futures.append(client.submit(_watch, *what, workers=[name], pure=False))
    try:
        for future in distributed.as_completed(futures):
            future.result()
        return client.gather(futures)
    finally:
        stop.set()
        distributed.wait(futures)


def _watch(
    command: Sequence[str],
    config: str,
    threads: int | None,
    name: str,
    timeout: float,
    stop: "distributed.Event",
) -> str:
    """One worker's process, on the machine of a Dask worker, until it ends or shall end."""
    deadline = time.monotonic() + timeout
    with _Process(command, config, threads) as worker:
        while worker.running() and not stop.is_set():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} took more than {timeout:g} s and was ended.")
            time.sleep(_POLL_SECONDS)
        worker.refuse_failure(name)
        return worker.output()


class _Process:
    """A worker's process and what it writes; whoever leaves the `with` block ends it."""

    def __init__(self, command: Sequence[str], config: str, threads: int | None) -> None:
        environment = os.environ | {"TF_CONFIG": config}
        if not config:
            del environment["TF_CONFIG"]  # an empty one is not JSON, which TensorFlow expects
        if threads is not None:
            names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
            environment |= dict.fromkeys(names, str(threads))
        # Files and not pipes: a pipe that nobody reads blocks its writer when it is full.
        self._out = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by __exit__)
        self._err = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, env=environment, stdout=self._out, stderr=self._err, start_new_session=True
        )

    def __enter__(self) -> "_Process":
        return self

    def running(self) -> bool:
        return self._process.poll() is None

    def refuse_failure(self, name: str) -> None:
        """Raise with the last line of a process that has failed."""
        status = self._process.poll()
        if status:
            lines = self._read(self._err).strip().splitlines() or ["it wrote nothing"]
            raise RuntimeError(f"{name} ended with status {status}: {lines[-1]}")

    def output(self) -> str:
        return self._read(self._out)

    def __exit__(self, *_: object) -> None:
        # The whole group: a worker may have started processes of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._out.close()
        self._err.close()

    @staticmethod
    def _read(file: "tempfile._TemporaryFileWrapper") -> str:
        file.seek(0)
        return file.read()


def configure_from_slurm(resolver: Callable | None = None) -> None:
    """Set TF_CONFIG from the variables that SLURM gives every task of a job step (``srun``).

    Nothing is done outside SLURM, for a single task, or where TF_CONFIG is there already.

    Args:
        resolver: by default `tf.distribute.cluster_resolver.SlurmClusterResolver`.
    """
    tasks = int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))
    if os.environ.get("TF_CONFIG") or "SLURM_PROCID" not in os.environ or tasks < 2:
        return
    if resolver is None:
        import tensorflow as tf

        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver
    gpus = int(os.environ.get("SLURM_GPUS_ON_NODE", 0))
    # Without a GPU the resolver divides by none: so it gets imaginary ones, and sets nothing.
    imaginary = {"gpus_per_node": tasks, "gpus_per_task": 1, "auto_set_gpu": False}
    found = resolver(**({"gpus_per_node": gpus} if gpus else imaginary))
    cluster = found.cluster_spec().as_dict()
    kind, index = found.get_task_info()
    os.environ["TF_CONFIG"] = json.dumps(
        {"cluster": cluster, "task": {"type": kind, "index": index}}
    )
