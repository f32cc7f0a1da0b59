"""A build that eats memory or fills the disk ends by its own limit, told apart from a RUN that fails, and nothing of it stays."""

import pathlib
import unittest

import harness

BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
MEMORY = 512  # MiB; buildah itself needs some of it
DISK = 256


class LimitsTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(harness.Folder())
        self.server = harness.Server(self.folder / "server")
        with open(self.server.folder / "config.yaml", "a") as config:
            config.write(f"  backends: [{{type: local, slots: 1, memory: {MEMORY}MiB, disk: {DISK}MiB}}]\n")
        self.enterContext(self.server)
        self.code = harness.Repository(self.folder / "code")
        self.code.commit({"busybox": harness.busybox()})

    def build(self, dockerfile):
        commit = self.code.commit({"Dockerfile": BASE + dockerfile})
        submitted = self.server.submit("app/web", source={"git": {"url": self.code.url, "commit": commit}})
        return self.server.finished(submitted["id"])

    def assert_own_fault(self, build, log, reason, limit):
        """Final at the first try."""
        self.assertEqual(build["state"], "failed", log)
        self.assertEqual((build["failure"]["class"], build["failure"]["reason"]), ("user", reason), log)
        self.assertIn(f"{limit} MiB", build["failure"]["message"])
        self.assertEqual(len(build["attempts"]), 1)

    def assert_nothing_stays(self):
        self.assertEqual(self.server.workers_after(), [])
        self.assertNotIn(str(self.server.data), pathlib.Path("/proc/mounts").read_text())

    def test_memory(self):
        build, log = self.build("RUN tail /dev/zero\n")
        if "limited one by one, not together" in self.server.log():  # each process then meets its own limit
            self.assertEqual(build["failure"]["reason"], "step_failed", log)
            return
        self.assert_own_fault(build, log, "out_of_memory", MEMORY)
        self.assertGreater(build["attempts"][0]["usage"]["peak_memory_bytes"], MEMORY * 2**20 * 3 // 4)
        # Many that are small together are as one that is large: each would fit.
        part = MEMORY * 2**20 // 4
        build, log = self.build(
            "RUN set -o pipefail; for i in 1 2 3 4 5 6 7 8; do "
            f"(head -c {part} /dev/zero | tail -c {part} | (sleep 2; cat >/dev/null)) || touch /killed & done; wait; test ! -e /killed\n")
        self.assert_own_fault(build, log, "out_of_memory", MEMORY)
        self.assert_nothing_stays()
        worker = build["attempts"][0]["worker"]
        self.assertEqual([str(left) for left in pathlib.Path("/sys/fs/cgroup").rglob(worker)], [])

    def test_disk(self):
        build, log = self.build(f"RUN dd if=/dev/zero of=/large bs=1M count={2 * DISK}\n")
        self.assert_own_fault(build, log, "out_of_disk", DISK)
        # What was deleted while open counts too; the RUN just cannot write.
        build, log = self.build("RUN exec 3>/large; rm /large; cat /dev/zero >&3\n")
        self.assertEqual((build["state"], build["failure"]["class"]), ("failed", "user"), log)
        build, log = self.build("RUN dd if=/dev/zero of=/small bs=1M count=8\n")
        self.assertEqual(build["state"], "succeeded", log)
        self.assert_nothing_stays()


if __name__ == "__main__":
    unittest.main()
