"""kill -9 at every point of a build's road, one after the other: the build ends exactly once.

Usage: kill_points.py server|worker [--warm] [--part N/M] [--points N]

A road's points (fault_injector.c) are counted while a build goes its way undisturbed: from a signed webhook over the lease, the worker,
its log, its pushes and its end to the notification and the compressed log. Then a build goes the same way for each point, and the
process that comes to it is killed there; the server is started again as soon as it is missed. --part takes every M-th point, so that
several runs share the work; with --warm a worker waits for the build; --points N takes N of them by a seed, which is printed; SLIPWAY_TEST_SEED=N repeats a choice.
"""

import argparse
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import random
import re
import signal
import sys
import threading

import harness
import machine
import receiver

CONFIGURATION = ("  layer_cache: off\n  backends: [{{name: local, type: local, slots: 2, warm: {warm}}}]\n"
                 "outgoing: {{allowed: [127.0.0.1]}}\n")
LARGE = 200_000  # bytes: more than what is kept as metadata, so that a blob becomes a file


def expect(holds, *what):
    if not holds:
        raise AssertionError(" ".join(str(part) for part in what))


def alike(log):
    """A log's lines without what is another build's alone: its ids, digests, sizes, numbers of attempts, times of steps."""
    log = re.sub(r"(?m)^(==> .* took ).*$", r"\1so long", log)
    log = re.sub(r"(?i)\b(sha256:)?[0-9a-f]{12,}\b", "HEX", log)
    log = re.sub(r"(?i)\b01[0-9a-hjkmnp-tv-z]{24}(-\d+)?", "ID", log)
    return re.sub(r"\d+ bytes", "N bytes", log).splitlines(keepends=True)


class Road:
    LOSS = {"server": "server_lost", "worker": "worker_lost"}

    def __init__(self, folder, kind, warm, seed):
        self.folder, self.kind = folder, kind
        self.random = random.Random(seed)
        self.server = machine.Machine(folder / "server", CONFIGURATION.format(warm=int(warm)))
        self.code = harness.Repository(folder / "code")

    def prepare(self, taker):
        self.taker = taker
        answer = self.server.request("POST", "/api/v1/repositories/app/web/triggers",
                                     {"provider": "custom", "git": {"url": self.code.url}})
        expect(answer.status == 201, answer.body)
        self.trigger = answer.json()
        answer = self.server.request("POST", "/api/v1/admin/notifications", {"url": taker.url})
        expect(answer.status == 201, answer.body)
        self.notification = answer.json()
        self.reference, self.length = None, None
        self.length = self.one_build(0)
        expect(self.length > 0, "no point was reached: is the injector loaded?")

    # ---- one build, and what is killed on its way ----

    def one_build(self, point):
        """How many points there were on its way; the process that came to `point` was killed there."""
        commit = self.code.commit({"content": self.random.randbytes(LARGE), "Dockerfile": "FROM scratch\nCOPY content /\n"})
        self.server.faults.begin_road(self.kind, point)
        build_id = self.patiently(lambda: self.submit(commit))
        log = self.patiently(lambda: self.server.follow(build_id))
        self.patiently(lambda: self.settle(build_id))
        reached = self.server.faults.end_road(self.kind)
        build = self.server.build(build_id)
        self.check_end(build)
        self.check_log(build, log)
        self.check_image(build, commit)
        self.check_nothing_is_left()
        return reached

    def patiently(self, call):
        """What the call answers, however often the server has to be started again."""
        while True:
            try:
                return call()
            except (OSError, http.client.HTTPException) as error:
                expect(self.kind == "server", "nobody killed the server, and yet:", repr(error), self.server.log()[-4000:])
                status = self.server.process.wait(harness.HANG_GUARD)
                expect(status == -signal.SIGKILL, "the server ended with", status, self.server.log()[-4000:])
                self.server.process.stdout.close()
                with contextlib.suppress(AssertionError):  # it may be killed before it listens
                    self.server.start()

    def submit(self, commit):
        body = json.dumps({"commit": commit, "ref": "refs/heads/main", "default_branch": "main"}).encode()
        signature = hmac.new(self.trigger["secret"].encode(), body, hashlib.sha256).hexdigest()
        answer = self.server.request("POST", "/" + self.trigger["hook_url"].split("/", 3)[3], body, {
            "Content-Type": "application/json", "X-Hub-Signature-256": "sha256=" + signature, "X-Slipway-Delivery": commit}, token="")
        expect(answer.status == 202, answer.status, answer.body)
        return answer.json()["builds"][0]["id"]

    def settle(self, build_id):
        """Until all that follows from the build's end is done: it is told, its worker is gone, its log is a blob."""
        self.eventually(lambda: self.told("finished", build_id) and not self.pending())
        self.eventually(lambda: all(name.startswith("idle-") for name in self.left("workers/local")))
        self.operate("tidy-builds")

    def operate(self, kind):
        operation = self.server.request("POST", f"/api/v1/admin/{kind}", {})
        expect(operation.status in (202, 409), operation.body)
        if operation.status == 202:
            self.server.request("GET", f"/api/v1/admin/operations/{operation.json()['id']}?follow=true")

    def eventually(self, holds):
        """Nobody tells of these ends: they are looked for until they are there."""
        for _ in range(harness.HANG_GUARD * 50):
            if holds():
                return
            self.server.request("GET", "/healthz", token="")  # a server that was killed is missed
            threading.Event().wait(0.02)
        raise AssertionError("it does not come to an end: " + self.server.log()[-4000:])

    def told(self, what, build_id):
        with self.taker.came:
            events = [request.json() for request in self.taker.requests]
        return {event["id"] for event in events if event["type"] == "slipway.build." + what and event["subject"] == build_id}

    def pending(self):
        path = f"/api/v1/admin/notifications/{self.notification['id']}/deliveries"
        return [delivery for delivery in self.server.request("GET", path).json()["deliveries"] if delivery["state"] == "pending"]

    def left(self, part):
        return [entry.name for entry in (self.server.data / part).iterdir()]

    # ---- what must hold ----

    def check_end(self, build):
        *earlier, last = [(attempt.get("outcome"), attempt.get("reason")) for attempt in build["attempts"]]
        expect(build["state"] == "succeeded" and last == ("succeeded", None), build, self.server.log()[-4000:])
        expect(earlier in ([], [("lost", self.LOSS[self.kind])]), build, self.server.log()[-4000:])
        expect(build.get("failed_attempts", 0) == (len(earlier) if self.kind == "worker" else 0), "the server's loss costs no try:", build)
        for what, times in (("queued", 1), ("started", None), ("finished", 1)):
            told = self.told(what, build["id"])
            expect(len(told) == (times or len(told) or 1), what, "was told as", told)
        repeated = [other["id"] for other in self.server.request("GET", "/api/v1/builds?limit=1000").json()["builds"]
                    if other["source"] == build["source"]]
        expect(repeated == [build["id"]], "one delivery is one build:", repeated)

    def check_log(self, build, followed):
        log = self.server.follow(build["id"])
        expect(log.endswith(followed) or self.kind == "server", "followed and stored log differ:", followed, log)
        *earlier, last = re.split(r"slipway: attempt \d+ starts on local\n", log)
        if self.reference is None:
            self.reference = alike(log)
        expect(alike(last) == self.reference, "the log has a hole or a repeat:", log, "".join(self.reference))
        for part in earlier:
            lines = alike(part)
            own = [line for line in lines if not line.startswith("slipway: attempt")]
            expect(len(lines) == len(own) + 1, "the end of the attempt is told once:", log)
            # The last line of a killed worker may be cut off.
            expect(own[:-1] == self.reference[:len(own[:-1])], "the lost attempt's log has a hole or a repeat:", log)

    def check_image(self, build, commit):
        for tag in ("latest", "main", commit[:7]):
            manifest = self.server.request("GET", f"/v2/app/web/manifests/{tag}", fields={"Accept": "*/*"})
            expect(manifest.status == 200 and harness.digest_of(manifest.body) == build["digest"], tag, manifest.body)
        content = manifest.json()
        for descriptor in [content["config"], *content["layers"]]:
            blob = self.server.request("GET", f"/v2/app/web/blobs/{descriptor['digest']}")
            expect(blob.status == 200 and harness.digest_of(blob.body) == descriptor["digest"], descriptor, blob.status)

    def check_nothing_is_left(self):
        expect(self.server.workers(idle=False) == [], "workers are left:", self.server.workers(idle=False))
        queue = self.server.request("GET", "/api/v1/queue").json()
        expect(all(tenant["running"] == 0 and tenant["queued"] == 0 for tenant in queue["tenants"]), queue)
        expect(all(backend["running"] == 0 for backend in queue["backends"]), queue)


    def check_uploads_go(self):
        """What a killed push began could go on for the uploads' lifetime. After it the collector takes it."""
        self.server.stop()
        with open(self.server.folder / "config.yaml", "a") as file:
            file.write("registry: {upload_lifetime: 1s}\n")
        self.server.start()
        self.eventually(lambda: self.operate("gc") or not self.left("staging"))


def choose(road, part, number):
    which, parts = part
    points = [point for point in range(1, road.length + 1) if point % parts == which - 1]
    return sorted(road.random.sample(points, min(number, len(points)))) if number else points


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("road", choices=machine.Faults.ROADS)
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--part", type=lambda text: tuple(map(int, text.split("/"))), default=(1, 1), metavar="N/M")
    parser.add_argument("--points", type=int, default=0, metavar="N")
    options = parser.parse_args()
    seed = int(os.environ.get("SLIPWAY_TEST_SEED", random.SystemRandom().randrange(1_000_000)))
    print(f"SLIPWAY_TEST_SEED={seed}", flush=True)
    with harness.Folder() as folder, receiver.Receiver() as taker:
        road = Road(folder, options.road, options.warm, seed)
        with road.server:
            road.prepare(taker)
            points, killed, failed = choose(road, options.part, options.points), 0, 0
            for point in points:
                try:
                    killed += road.one_build(point) >= point
                except AssertionError as error:
                    failed += 1
                    print(f"point {point} of the {road.kind}'s {road.length}: {error}", flush=True)
            road.check_uploads_go()
            road.server.stop()
    print(f"{len(points)} of the {road.kind}'s {road.length} points, {killed} kills")
    # The number of points differs a little from build to build: a log may go out in one piece or in two.
    if killed < len(points) * 3 // 4:
        failed += 1
        print(f"only {killed} of {len(points)} points were reached")
    print(f"{len(points) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
