import json
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from course_utils import cluster

# A worker that says who it is; the second one dies, the first would wait for it for ever.
WHO = "import os; print(os.environ.get('TF_CONFIG'))"
SECOND_DIES = """
import json, os, pathlib, sys, time
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
pathlib.Path(sys.argv[1], str(index)).write_text(str(os.getpid()))
while not pathlib.Path(sys.argv[1], "0").exists() or not pathlib.Path(sys.argv[1], "0").read_text():
    time.sleep(0.01)
if index == 1:
    sys.exit("line one\\nout of memory")
time.sleep(600)
"""


def python(code, *arguments):
    return [sys.executable, "-c", code, *map(str, arguments)]


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_free_ports_are_different_and_free():
    ports = cluster.free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        cluster.check_port(f"127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["127.0.0.1:none", "127.0.0.1:70000", "192.0.2.1:4000"])
def test_an_address_on_which_nobody_can_listen_is_refused(address):
    with pytest.raises(ValueError, match=f"cannot listen on '{address}'.*choose a free port"):
        cluster.check_port(address)


def test_a_port_that_is_taken_is_refused():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ValueError, match="cannot listen on"):
            cluster.check_port(f"127.0.0.1:{other.getsockname()[1]}")


def test_every_worker_gets_all_addresses_and_its_own_place():
    outputs = cluster.run_workers(python(WHO), 3, timeout=60)
    configs = [json.loads(output) for output in outputs]
    assert [config["task"] for config in configs] == [
        {"type": "worker", "index": i} for i in range(3)
    ]
    assert len(set(configs[0]["cluster"]["worker"])) == 3
    assert all(config["cluster"] == configs[0]["cluster"] for config in configs)


def test_a_single_worker_gets_no_configuration(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "of somebody else")
    assert cluster.run_workers(python(WHO), 1, timeout=60) == ["None\n"]


def test_a_worker_that_dies_ends_the_others(tmp_path):
    with pytest.raises(RuntimeError) as caught:
        cluster.run_workers(python(SECOND_DIES, tmp_path), 2, timeout=60)
    assert str(caught.value) == "Worker 1 of 2 ended with status 1: out of memory"
    assert not is_running(int((tmp_path / "0").read_text()))


def test_time_that_is_over_ends_a_worker_and_what_it_started(tmp_path):
    child = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); "
    child += "open(sys.argv[1], 'w').write(str(p.pid)); p.wait()"
    begin = time.monotonic()
    with pytest.raises(RuntimeError, match=r"took more than 2 s and were ended"):
        cluster.run_workers(python(child, tmp_path / "pid"), 1, timeout=2)
    assert time.monotonic() - begin < 30
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):  # until the system has collected it
        try:
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                break
        except FileNotFoundError:
            break
        time.sleep(0.05)
    else:
        raise AssertionError("The worker's own process still runs.")


# --- Dask (two processes of its own, several seconds) -------------------------------------


@pytest.fixture(scope="module")
def dask_client():
    distributed = pytest.importorskip("distributed")
    place = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(**place, silence_logs=50) as local,
        distributed.Client(local) as client,
    ):
        yield client


def test_every_dask_worker_runs_the_command_once(dask_client):
    configs = [json.loads(o) for o in cluster.run_on_dask(dask_client, python(WHO), timeout=60)]
    assert [config["task"]["index"] for config in configs] == [0, 1]
    assert configs[0]["cluster"] == configs[1]["cluster"]
    assert len(set(configs[0]["cluster"]["worker"])) == 2


def test_a_failure_on_one_dask_worker_ends_the_other(dask_client, tmp_path):
    with pytest.raises(RuntimeError, match="Worker 1 of 2 ended with status 1: out of memory"):
        cluster.run_on_dask(dask_client, python(SECOND_DIES, tmp_path), timeout=60)
    assert not is_running(int((tmp_path / "0").read_text()))


# --- SLURM -------------------------------------------------------------------------------


@pytest.fixture
def slurm(monkeypatch):
    for name in ("TF_CONFIG", "CUDA_VISIBLE_DEVICES", "SLURM_GPUS_ON_NODE"):
        monkeypatch.setenv(name, "")  # so that what the code sets is undone
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLURM_PROCID", "2")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    monkeypatch.setenv("SLURM_STEP_NODELIST", "gpu[08-09]")
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "2(x2)")
    return monkeypatch


ADDRESSES = ["gpu08:8888", "gpu08:8889", "gpu09:8888", "gpu09:8889"]


def test_slurm_variables_become_tf_config(slurm):
    cluster.configure_from_slurm()
    assert json.loads(os.environ["TF_CONFIG"]) == {
        "cluster": {"worker": ADDRESSES},
        "task": {"type": "worker", "index": 2},
    }
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_slurm_tasks_on_one_node_share_its_gpus(slurm):
    slurm.setenv("SLURM_GPUS_ON_NODE", "4")
    cluster.configure_from_slurm()
    assert json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"] == ADDRESSES
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"  # the first task of the second node


@pytest.mark.parametrize(
    ("name", "value"), [("SLURM_STEP_NUM_TASKS", "1"), ("TF_CONFIG", "there already")]
)
def test_slurm_is_left_alone_for_one_task_or_a_given_configuration(slurm, name, value):
    slurm.setenv(name, value)
    cluster.configure_from_slurm()
    assert os.environ.get("TF_CONFIG") == (value if name == "TF_CONFIG" else None)
