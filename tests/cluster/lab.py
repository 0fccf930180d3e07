"""An app whose runs are actors on a Ray cluster of three nodes, all of them on this machine: a head that computes
nothing, and two that do."""

import os
import signal
import time
from contextlib import suppress
from functools import cache

import pytest

from ssmviz.runs.backends import VARIABLES
from ssmviz.runs.locks import holder
from ssmviz.runs.records import ACTIVE
from tests.runs.lab import Lab, wait_until

FAULTS = {  # a node that says nothing is given up after six seconds instead of twenty
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 5000,
    "health_check_failure_threshold": 6,
}
STORE = 80 * 1024**2
ADDRESS = "SSMVIZ_TEST_CLUSTER"  # for processes that tests start


@cache
def cluster():
    """Started once, ended with the tests."""
    ray = pytest.importorskip("ray", reason="needs the extra `cluster`")
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    small = {"object_store_memory": STORE, "include_dashboard": False}
    head = {**small, "num_cpus": 0, "_system_config": FAULTS}
    found = patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
    for _ in range(2):
        patiently(lambda: found.add_node(num_cpus=1, object_store_memory=STORE))
    ray.init(found.address, log_to_driver=False, logging_level="ERROR")
    os.environ[ADDRESS] = found.address
    return found


def patiently(start):
    """Ray gives a node half a minute to start, which a busy machine may not have."""
    for _ in range(3):
        try:
            return start()
        except Exception as error:  # noqa: BLE001 - Ray has no name for it
            late = error
    raise late


def stop():
    """End the cluster, if there is one."""
    if cluster.cache_info().currsize:
        import ray

        ray.shutdown()
        cluster().shutdown()
        cluster.cache_clear()
        del os.environ[ADDRESS]


class RayLab(Lab):
    """See the module. The process that works on a run is its actor's."""

    resumed_within = 30.0  # a new process, which imports what it needs; seconds where nothing else runs
    restart_steps = 1000

    def open(self):
        os.environ[VARIABLES["backend"]] = "ray"
        os.environ[VARIABLES["address"]] = os.environ.get(ADDRESS) or cluster().address
        return super().open()

    def close(self):
        import ray

        left = super().close()
        for name in self.actors():  # a test has failed: the next one needs the room
            with suppress(ValueError):
                ray.kill(ray.get_actor(name, namespace=self.namespace()))
        for name in ("backend", "address"):
            os.environ.pop(VARIABLES[name], None)
        return left

    def left(self):
        """Ray takes a moment to end what it was told to end."""
        end = time.monotonic() + 15.0
        while (left := super().left() + self.actors()) and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def actors(self):
        """Names of the actors of this store that live."""
        from ray.util import list_named_actors

        ours = [each for each in list_named_actors(all_namespaces=True) if each["namespace"] == self.namespace()]
        return [each["name"] for each in ours]

    def namespace(self):
        path = self.store.root / "cluster.id"
        return path.read_text() if path.exists() else ""

    def actor(self, run):
        """Of the newest attempt, None when there is none."""
        import ray

        from ssmviz.runs.backends.ray_actors import name_of

        try:
            return ray.get_actor(name_of(self.store.run(run)), namespace=self.namespace())
        except ValueError:
            return None

    def worker(self, run):
        import ray

        return ray.get(wait_until(lambda: self.actor(run), "an actor").place.remote())[1]

    def kill_worker(self, run):
        os.kill(self.worker(run), signal.SIGKILL)

    def kill_everything(self):
        pids = [self.worker(row.id) for row in self.store.runs_in(ACTIVE)]
        self.groups.add(holder(self.store.root / "launcher.lock"))
        self.client._closed.set()
        for leader in self.groups - {None}:
            os.killpg(leader, signal.SIGKILL)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.client._app_lock.release()
        wait_until(lambda: self.left() == [], "everything to be dead")
