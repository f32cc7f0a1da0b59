"""SIGSTOP of a worker with all its processes at points of its road, its replacement, and SIGCONT: the build ends once, by the other.

Usage: frozen_worker.py [--points N]

The local backend would kill a worker that it replaces, frozen or not. So the workers here run where it does not reach them, as they
would on a node that was cut off: what the backend starts is a stand-in that tells this test of its token and then only waits.
--points N takes N of the worker's points (fault_injector.c) by a seed, which is printed; SLIPWAY_TEST_SEED=N repeats a choice.
"""

import argparse
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import threading

import harness
import machine
from kill_points import alike, expect

# Long enough for a worker that calls on a busy machine; what sanitizers slow down has more.
SILENCE = 2 if float(os.environ.get("SLIPWAY_TEST_MEMORY_FACTOR", 1)) == 1 else 10
CONFIGURATION = (f"  layer_cache: off\n  silence_timeout: {SILENCE}s\n  start_timeout: {3 * SILENCE}s\n"
                 "  backends: [{name: local, type: local, slots: 8, isolation: off}]\n")
DOCKERFILE = ('FROM scratch\nCOPY busybox /bin/busybox\n'
              'RUN ["/bin/busybox", "sh", "-c", "/bin/busybox head -c 100000 /dev/urandom > /random; echo it ran"]\n')


class Server(machine.Machine):
    """Its program is another file as soon as it runs: what its backend starts from then on is the stand-in."""

    def __init__(self, folder):
        super().__init__(folder, CONFIGURATION)
        self.program = folder / "slipway"
        shutil.copy(harness.SLIPWAY, self.program)
        self.started = folder / "started"
        os.mkfifo(self.started)

    def command(self):
        return [str(self.program), *super().command()[1:]]

    def environment(self):
        return dict(os.environ)

    def start(self):
        super().start()
        stand_in = self.folder / "stand-in"
        stand_in.write_text(f'#!/bin/sh\necho "$$ $*" > {self.started}\nexec sleep infinity\n')
        stand_in.chmod(0o755)
        stand_in.rename(self.program)
        return self


class Worker:
    """A worker program beyond the backend's reach, and the stand-in that the backend takes for it."""

    def __init__(self, server, line, number, environment):
        stand_in, *words = line.split()
        self.stand_in = int(stand_in)
        folder = server.folder / f"worker-{number}"
        folder.mkdir()
        token = folder / "token"
        shutil.copy(words[words.index("--token-file") + 1], token)
        self.process = subprocess.Popen(
            [harness.SLIPWAY, "worker", "--server", words[words.index("--server") + 1], "--token-file", token, "--once",
             "--work-dir", folder / "work"],
            env={**os.environ, **environment, "SLIPWAY_WORKER": str(folder)}, start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=open(folder / "output", "ab"), stderr=subprocess.STDOUT)

    def freeze(self):
        """True: it has come to its point and stands still, with all below it. False: it ended before."""
        if os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT).si_code != os.CLD_STOPPED:
            return False
        self.frozen = []
        while new := [pid for pid in [self.process.pid, *self.descendants()] if pid not in self.frozen]:
            for pid in new:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            self.frozen += new
        return True

    def descendants(self):
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found[1:]

    def thaw(self):
        for pid in self.frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.process.wait(harness.HANG_GUARD)
        left = [pid for pid in self.frozen if pathlib.Path(f"/proc/{pid}").exists()]
        expect(left == [], "the thawed worker left processes:", left)

    def wait(self):
        self.process.wait(harness.HANG_GUARD)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.stand_in, signal.SIGKILL)


class Road:
    def __init__(self, folder, seed):
        self.random = random.Random(seed)
        self.server = Server(folder / "server")
        self.code = harness.Repository(folder / "code")
        self.commit = self.code.commit({"busybox": harness.busybox(), "Dockerfile": DOCKERFILE})
        self.workers = []
        self.came = threading.Condition()
        self.first_environment = {}
        threading.Thread(target=self.start_workers, daemon=True).start()

    def start_workers(self):
        """Starts a worker for each stand-in, the first of a round with the injector."""
        with os.fdopen(os.open(self.server.started, os.O_RDWR)) as started:  # for writing too: so it has no end
            for line in started:
                with self.came:
                    environment, self.first_environment = self.first_environment, {}
                    self.workers.append(Worker(self.server, line, len(self.workers), environment))
                    self.came.notify_all()

    def next_worker(self, known):
        with self.came:
            expect(self.came.wait_for(lambda: len(self.workers) > known, harness.HANG_GUARD), "no worker was started")
            return self.workers[known]

    def one_build(self, point):
        """How many points the first worker came to; at `point` it stood still until another had ended its build."""
        self.server.faults.begin_road("worker", point, signal.SIGSTOP)
        self.first_environment = self.server.faults.environment()
        known = len(self.workers)
        build_id = self.server.submit("app/web", source={"git": {"url": self.code.url, "commit": self.commit}})["id"]
        first = self.next_worker(known)
        frozen = first.freeze()
        log = self.server.follow(build_id)
        seen = self.seen(build_id)
        reached = self.server.faults.end_road("worker")
        if frozen:
            first.thaw()
        for worker in self.workers[known:]:
            worker.wait()
        self.check(seen[0], log, frozen)
        expect(self.seen(build_id) == seen, "what the thawed worker did changed something:", seen, self.seen(build_id))
        return reached

    def seen(self, build_id):
        """All that a worker could change."""
        stored = re.findall(r"^slipway_(?:blobs|manifests|tags|stored_bytes|blob_bytes)\b.*$",
                            self.server.request("GET", "/metrics", token="").body.decode(), re.MULTILINE)
        expect(stored, "no metrics of what is stored")
        log = self.server.request("GET", f"/api/v1/builds/{build_id}/log").body.decode()
        tags = self.server.request("GET", "/api/v1/repositories/app/web/tags").json()
        return self.server.build(build_id), log, tags, stored

    def check(self, build, log, frozen):
        *earlier, last = [attempt["outcome"] for attempt in build["attempts"]]
        expect(build["state"] == "succeeded" and last == "succeeded" and set(earlier) <= {"lost"}, build, log)
        tag = self.server.request("GET", "/v2/app/web/manifests/latest", fields={"Accept": "*/*"})
        expect(harness.digest_of(tag.body) == build["digest"], build, tag.body)
        log = re.sub(r"/worker-\d+/", "/worker/", log)
        parts = [alike(part) for part in re.split(r"slipway: attempt \d+ starts on local\n", log)]
        expect(len(parts) == len(build["attempts"]), log)
        for part in parts[:-1]:
            expect([line for line in part if line.startswith("slipway: ")] == part[-1:], "its end is told once, and last:", log)
            known = [line for line in part[:-2] if line not in parts[-1]]  # its last line may be cut off
            expect(known == [], "a lost attempt's log has what the next one's has not:", known, log)
        expect(parts[-1].count("it ran\n") == 1, log)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=0, metavar="N")
    options = parser.parse_args()
    seed = int(os.environ.get("SLIPWAY_TEST_SEED", random.SystemRandom().randrange(1_000_000)))
    print(f"SLIPWAY_TEST_SEED={seed}", flush=True)
    with harness.Folder() as folder:
        road = Road(folder, seed)
        with road.server:
            length = road.one_build(0)
            points = range(1, length + 1)
            if options.points:
                points = sorted(road.random.sample(points, min(options.points, length)))
            replaced, failed = 0, 0
            for point in points:
                known = len(road.workers)
                try:
                    road.one_build(point)
                except AssertionError as error:
                    failed += 1
                    print(f"point {point} of {length}: {error}", flush=True)
                replaced += len(road.workers) - known > 1
    print(f"{len(points)} of the worker's {length} points, {replaced} workers replaced")
    if replaced == 0:
        failed += 1
    print(f"{len(points) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
