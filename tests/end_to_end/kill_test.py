"""kill -9 of the worker, the server or both at random moments of a build, twenty rounds: after the restart every acknowledged
thing is there, and the build ends exactly once.

The seed is printed; SLIPWAY_TEST_SEED=N repeats a run's choices.
"""

import contextlib
import http.client
import os
import pathlib
import random
import shutil
import signal
import socket
import tempfile
import threading
import time
import unittest

import harness

ROUNDS = int(os.environ.get("SLIPWAY_TEST_ROUNDS", 20))
STEPS = 6
DOCKERFILE = (
    'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
    # Each step takes some tenths of a second, so that most moments of a build lie in its middle.
    + "".join(f"RUN echo step-{step}-begins && sleep 0.2 && echo step-{step}-ends\n" for step in range(STEPS))
)


class Pusher(threading.Thread):
    """Pushes small blobs without pause and remembers which ones were acknowledged."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server = server
        self.random = random.Random(seed)
        self.acknowledged = {}
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            content = self.random.randbytes(self.random.choice([100, 5_000, 70_000]))
            with contextlib.suppress(OSError, http.client.HTTPException, KeyError):
                if self.server.push_blob("app/pushed", content).status == 201:
                    self.acknowledged[harness.digest_of(content)] = content

    def end(self):
        self.ending.set()
        self.join(harness.HANG_GUARD)


class KillTest(unittest.TestCase):
    rounds = ROUNDS
    layer_cache = "off"  # each round runs every step

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.seed = int(os.environ.get("SLIPWAY_TEST_SEED", random.SystemRandom().randrange(1_000_000)))
        print(f"SLIPWAY_TEST_SEED={self.seed}", flush=True)
        self.random = random.Random(self.seed)
        self.server = harness.Server(self.folder / "server")
        config = self.server.folder / "config.yaml"
        config.write_text(config.read_text() + f"  layer_cache: {self.layer_cache}\n")
        self.code = harness.Repository(self.folder / "code")
        self.commit = self.code.commit({"busybox": harness.busybox(), "Dockerfile": DOCKERFILE})
        self.ended = {}

    def test_rounds(self):
        with self.server:
            length = self.measure_a_build()
            for number in range(self.rounds):
                victim = self.random.choice(["worker", "server", "both"])
                moment = self.random.uniform(0, length)
                with self.subTest(round=number, victim=victim, moment=round(moment, 3), seed=self.seed):
                    self.one_round(victim, moment)
            self.assertEqual(self.server.workers_after(), [], "no worker is left behind")
            self.server.stop()

    def measure_a_build(self):
        """How long a build takes that nobody disturbs: where the random moments lie."""
        started = time.monotonic()
        build, log = self.server.finished(self.submit())
        self.assertEqual(build["state"], "succeeded", log)
        self.ended[build["id"]] = build
        return time.monotonic() - started

    def submit(self):
        return self.server.submit("app/web", source={"git": {"url": self.code.url, "commit": self.commit}})["id"]

    def one_round(self, victim, moment):
        pusher = Pusher(self.server, self.random.random())
        pusher.start()
        build_id = self.submit()
        self.watch(build_id, moment)
        if victim in ("server", "both"):
            self.server.kill()
        if victim in ("worker", "both"):
            for worker in self.server.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
        pusher.end()
        if victim in ("server", "both"):
            self.server.start()

        build, log = self.server.finished(build_id)
        self.check_build(build, log, victim)
        self.check_pushed(pusher.acknowledged)
        self.check_earlier_builds()

    def watch(self, build_id, moment):
        """Reads the log, as a person would, until the moment has come or the build has ended."""
        until = time.monotonic() + moment
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.sendall(f"GET /api/v1/builds/{build_id}/log?follow=true HTTP/1.1\r\nHost: {self.server.address}\r\n"
                               f"Authorization: Bearer {self.server.token}\r\nConnection: close\r\n\r\n".encode())
            while (left := until - time.monotonic()) > 0:
                connection.settimeout(left)
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(65536):
                        return

    def check_build(self, build, log, victim):
        self.assertEqual(build["state"], "succeeded", f"{build}\n{log}\n{self.server.log()[-4000:]}")
        outcomes = [attempt.get("outcome") for attempt in build["attempts"]]
        self.assertEqual(outcomes.count("succeeded"), 1, build)
        self.assertEqual(outcomes[-1], "succeeded", build)
        self.assertNotIn(None, outcomes, build)
        if victim == "server":
            self.assertNotIn("lost", outcomes, f"losing the server costs the build no attempt: {build}")
        self.check_log(log)
        self.check_image(build["digest"])
        self.ended[build["id"]] = build

    def check_log(self, log):
        last = log.rsplit("step-0-begins", 1)[-1]
        for step in range(1, STEPS):
            self.assertEqual(last.count(f"step-{step}-begins\n"), 1, f"the log has a hole or a repeat:\n{log}")

    def check_image(self, digest):
        manifest = self.server.request("GET", "/v2/app/web/manifests/latest", fields={"Accept": "*/*"})
        self.assertEqual(manifest.status, 200)
        self.assertEqual(harness.digest_of(manifest.body), digest)
        content = manifest.json()
        for descriptor in [content["config"], *content["layers"]]:
            blob = self.server.request("GET", f"/v2/app/web/blobs/{descriptor['digest']}")
            self.assertEqual(blob.status, 200)
            self.assertEqual(harness.digest_of(blob.body), descriptor["digest"])

    def check_pushed(self, acknowledged):
        for digest, content in acknowledged.items():
            blob = self.server.request("GET", f"/v2/app/pushed/blobs/{digest}")
            self.assertEqual((blob.status, blob.body == content), (200, True), f"{digest} was acknowledged and is lost")

    def check_earlier_builds(self):
        listed = self.server.request("GET", "/api/v1/builds?limit=1000").json()["builds"]
        self.assertEqual({build["id"] for build in listed}, set(self.ended), "each submit is one build")
        for build in listed:
            self.assertEqual(build, self.ended[build["id"]])


if __name__ == "__main__":
    unittest.main()
