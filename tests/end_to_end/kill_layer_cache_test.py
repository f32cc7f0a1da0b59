"""kill_test with the layer cache: what a killed worker left in it, or lost of it, changes no image."""

import io
import tarfile
import unittest

import harness
import kill_test

STEPS = 4
DOCKERFILE = (
    'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
    'RUN echo kept >> /steps\n'  # of every round
    "COPY round /round\n"
    + "".join(f"RUN echo step-{step}-begins && cat /round >> /steps && sleep 0.1\n" for step in range(STEPS))
)


class KillLayerCacheTest(kill_test.KillTest):
    rounds = min(kill_test.ROUNDS, 8)
    layer_cache = "7d"

    def submit(self):
        self.round = getattr(self, "round", 0) + 1
        self.commit = self.code.commit({"busybox": harness.busybox(), "Dockerfile": DOCKERFILE, "round": f"{self.round}\n"})
        return super().submit()

    def check_log(self, log):
        """A step whose layer an attempt left in the cache is not run again: each runs once at most in the last one."""
        last = log.rsplit("slipway: attempt ", 1)[-1]
        for step in range(STEPS):
            self.assertLessEqual(last.count(f"step-{step}-begins\n"), 1, f"the log has a repeat:\n{log}")
            self.assertGreaterEqual(log.count(f"step-{step}-begins\n"), 1, f"the log has a hole:\n{log}")

    def check_image(self, digest):
        super().check_image(digest)
        manifest = self.server.request("GET", f"/v2/app/web/manifests/{digest}", fields={"Accept": "*/*"}).json()
        steps = None
        for layer in manifest["layers"]:
            blob = self.server.request("GET", f"/v2/app/web/blobs/{layer['digest']}").body
            with tarfile.open(fileobj=io.BytesIO(blob)) as archive:
                for entry in archive:
                    if entry.name == "steps":
                        steps = archive.extractfile(entry).read().decode()
        self.assertEqual(steps, "kept\n" + f"{self.round}\n" * STEPS, "the layers are this round's, each once")


if __name__ == "__main__":
    unittest.main()
