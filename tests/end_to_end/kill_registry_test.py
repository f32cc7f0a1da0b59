"""kill -9 of the server at random moments under load from real clients: skopeo pushes and pulls images, a raw client pushes blobs in
one piece and in chunks, manifests, and a tag that moves. After each restart everything that was acknowledged is there with its bytes;
at the end all of it is read once more, and `slipway scrub` finds nothing wrong with anything else.

The seed is printed; SLIPWAY_TEST_SEED=N repeats a run's choices.
"""

import contextlib
import gzip
import http.client
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import harness

ROUNDS = int(os.environ.get("SLIPWAY_TEST_ROUNDS", 20)) // 2
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def write_layout(folder, tag, randomness):
    """An OCI image layout of random layers. Answers its manifest's bytes and its blobs by digest."""
    blobs = {}

    def add(content):
        digest = harness.digest_of(content)
        blobs[digest] = content
        return {"digest": digest, "size": len(content)}

    # Compressed, since skopeo would compress what is not, and push another manifest.
    layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **add(gzip.compress(randomness.randbytes(size), 1))}
              for size in (4096, randomness.randrange(10_000, 60_000), randomness.randrange(100_000, 900_000))]
    config = json.dumps({"architecture": "amd64", "os": "linux",
                         "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}}).encode()
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST,
                           "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **add(config)},
                           "layers": layers}).encode()
    entry = {"mediaType": MANIFEST, **add(manifest), "annotations": {"org.opencontainers.image.ref.name": tag}}
    del blobs[harness.digest_of(manifest)]
    sha256 = folder / "blobs" / "sha256"
    sha256.mkdir(parents=True)
    for content in [manifest, *blobs.values()]:
        (sha256 / harness.digest_of(content).removeprefix("sha256:")).write_bytes(content)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return manifest, blobs


class Client(threading.Thread):
    """Works against the server until it is told to end; what it was promised is in `images`, `blobs` and `tags`."""

    def __init__(self, test, number):
        super().__init__(daemon=True)
        self.server = test.server
        self.folder = test.folder / f"client-{number}-{time.monotonic_ns()}"
        self.folder.mkdir()
        self.random = random.Random(test.random.random())
        self.repository = f"app/client-{number}"
        self.ending = threading.Event()
        self.images = {}  # tag: manifest, blobs
        self.blobs = {}
        self.wrong = []

    def run(self):
        while not self.ending.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, KeyError):
                self.work()

    def end(self):
        self.ending.set()
        self.join(harness.HANG_GUARD)


class Skopeo(Client):
    def skopeo(self, *words):
        """False: it failed, as it may when the server has gone."""
        done = subprocess.run(["skopeo", "--insecure-policy", "copy", "--quiet", *map(str, words)], capture_output=True,
                              timeout=harness.HANG_GUARD)
        return done.returncode == 0

    def work(self):
        tag = f"t{time.monotonic_ns()}"
        layout = self.folder / tag
        manifest, blobs = write_layout(layout, tag, self.random)
        login = f"any:{self.server.token}"
        there = f"docker://{self.server.address}/{self.repository}:{tag}"
        if not self.skopeo("--dest-tls-verify=false", "--dest-creds", login, f"oci:{layout}:{tag}", there):
            return
        self.images[tag] = (manifest, blobs)
        if not self.skopeo("--src-tls-verify=false", "--src-creds", login, there, f"dir:{layout}/pulled"):
            return
        if (layout / "pulled" / "manifest.json").read_bytes() != manifest:
            self.wrong.append(f"{there} was pulled as another manifest")


class Moving:
    """A tag that moves: what it may name."""

    def __init__(self):
        self.candidates = set()  # the last that was acknowledged, and those since whose answer did not come
        self.acknowledged = False


class Raw(Client):
    """Blobs in one piece and in chunks, image manifests, and a tag that moves without pause."""

    def __init__(self, test, number):
        super().__init__(test, number)
        self.moving = test.moving.setdefault(self.repository, Moving())

    def work(self):
        manifest, blobs = write_layout(self.folder / str(time.monotonic_ns()), "raw", self.random)
        for content in blobs.values():
            if self.push(content) != 201:
                return
            self.blobs[harness.digest_of(content)] = content
        self.moving.candidates.add(manifest)
        answer = self.server.request("PUT", f"/v2/{self.repository}/manifests/moving", manifest, {"Content-Type": MANIFEST})
        if answer.status == 201:
            self.moving.candidates = {manifest}
            self.moving.acknowledged = True

    def push(self, content):
        if self.random.random() < 0.5:
            return self.server.push_blob(self.repository, content).status
        location = self.server.request("POST", f"/v2/{self.repository}/blobs/uploads/").fields["Location"]
        at = 0
        while at < len(content):
            piece = content[at:at + self.random.randrange(1, 200_000)]
            answer = self.server.request("PATCH", location, piece)
            if answer.status != 202:
                return answer.status
            location = answer.fields["Location"]
            at += len(piece)
        return self.server.request("PUT", f"{location}?digest={harness.digest_of(content)}").status


class KillRegistryTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.seed = int(os.environ.get("SLIPWAY_TEST_SEED", random.SystemRandom().randrange(1_000_000)))
        self.random = random.Random(self.seed)
        self.server = harness.Server(self.folder / "server")
        self.promised = []  # the clients of all rounds
        self.moving = {}  # by repository

    def test_rounds(self):
        with self.server:
            for number in range(ROUNDS):
                moment = self.random.uniform(0.2, 1.5)
                with self.subTest(round=number, seed=self.seed):
                    self.one_round(moment)
            images, blobs = self.check(self.promised)
            print(f"seed {self.seed}: {ROUNDS} rounds, {images} images and {blobs} blobs acknowledged, none lost", flush=True)
            self.assertGreater(images, 0)
            self.assertGreater(blobs, ROUNDS)
            self.scrub(images + blobs)
            self.server.stop()

    def scrub(self, least):
        """All that lies in the store is as it should be, also what nobody was promised."""
        result = json.loads(harness.run(harness.SLIPWAY, "scrub", "--url", f"http://{self.server.address}",
                                        "--token", self.server.token, "--output", "json"))["result"]
        self.assertGreater(result["blobs"], least)
        found = {kind: result[kind] for kind in ("quarantined", "unreadable", "broken_rows", "damaged", "broken")}
        self.assertEqual(found, {"quarantined": 0, "unreadable": 0, "broken_rows": 0, "damaged": [], "broken": []})

    def one_round(self, moment):
        clients = [Skopeo(self, 0), Skopeo(self, 1), Raw(self, 2), Raw(self, 3)]
        for client in clients:
            client.start()
        time.sleep(moment)  # the moment is what the test is about; nothing waits for something here
        for client in clients:
            client.ending.set()
        self.server.kill()
        for client in clients:
            client.end()
        self.server.start()
        self.check(clients)
        self.promised += clients
        for client in clients:
            shutil.rmtree(client.folder)

    def check(self, clients):
        images = blobs = 0
        for client in clients:
            self.assertEqual(client.wrong, [])
            for tag, (manifest, parts) in client.images.items():
                images += 1
                self.assert_there(client.repository, f"manifests/{tag}", {manifest})
                for digest, content in parts.items():
                    self.assert_there(client.repository, f"blobs/{digest}", {content})
            for digest, content in client.blobs.items():
                blobs += 1
                self.assert_there(client.repository, f"blobs/{digest}", {content})
        for repository, moving in self.moving.items():
            answer = self.server.request("GET", f"/v2/{repository}/manifests/moving", fields={"Accept": "*/*"})
            if moving.acknowledged or answer.status != 404:
                self.assertIn(answer.body, moving.candidates)
        return images, blobs

    def assert_there(self, repository, what, contents):
        answer = self.server.request("GET", f"/v2/{repository}/{what}", fields={"Accept": "*/*"})
        self.assertEqual(answer.status, 200, f"{repository}/{what} was acknowledged and is lost")
        self.assertIn(answer.body, contents, f"{repository}/{what} has other bytes")


if __name__ == "__main__":
    unittest.main()
