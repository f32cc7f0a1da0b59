"""Workers that wait for a build: real ones, that take one build each, isolated as any other, and never outlive their server."""

import os
import pathlib
import select
import signal
import unittest

import harness

DOCKERFILE = ('FROM scratch\nCOPY busybox /bin/busybox\n'
              'RUN ["/bin/busybox", "sh", "-c", "/bin/busybox cat /proc/self/uid_map; /bin/busybox env"]\n')


class WarmWorkerTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(harness.Folder())
        self.code = harness.Repository(self.folder / "code")
        self.commit = self.code.commit({"busybox": harness.busybox(), "Dockerfile": DOCKERFILE})

    def serve(self, name="server", warm=1):
        server = harness.Server(self.folder / name)
        config = server.folder / "config.yaml"
        config.write_text(config.read_text() + "  layer_cache: off\n"
                          f"  backends: [{{name: local, type: local, slots: 2, warm: {warm}}}]\n")
        return self.enterContext(server)

    def idle(self, server):
        """The one that waits, once there is one."""
        for _ in range(harness.HANG_GUARD * 50):
            busy = server.workers(idle=False)
            if waiting := [pid for pid in server.workers() if pid not in busy]:
                return waiting[0]
            select.select([], [], [], 0.02)
        raise AssertionError("none waits: " + server.log())

    def build(self, server):
        submitted = server.submit("app/web", source={"git": {"url": self.code.url, "commit": self.commit}})
        build, log = server.finished(submitted["id"])
        self.assertEqual(build["state"], "succeeded", log + server.log())
        self.assertEqual(len(build["attempts"]), 1, build)
        return build, log

    def ended(self, pid):
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        self.assertEqual(select.select([process], [], [], harness.HANG_GUARD)[0], [process], "it does not end")
        os.close(process)

    def test_each_takes_one_build_and_ends(self):
        server = self.serve()
        seen = set()
        for _ in range(3):
            waiting = self.idle(server)
            self.assertNotIn(waiting, seen)
            seen.add(waiting)
            for file in ("cmdline", "environ"):
                self.assertNotIn(b"slpr_", pathlib.Path(f"/proc/{waiting}/{file}").read_bytes())
            self.build(server)
            self.ended(waiting)
        self.assertIn("worker registered", server.log())
        self.assertNotIn("replaced", server.log())

    def test_its_builds_see_what_others_see(self):
        server = self.serve()
        self.idle(server)
        _, seen = self.build(server)
        _, expected = self.build(self.serve("cold", warm=0))
        self.assertEqual(self.step(seen), self.step(expected))
        self.assertTrue(any(line.startswith("PATH=") for line in self.step(seen)), seen)

    def step(self, log):
        """What the RUN printed."""
        lines = log.splitlines()
        begin = next(number for number, line in enumerate(lines) if line.startswith("STEP 3/3"))
        end = next(number for number, line in enumerate(lines) if line.startswith("COMMIT "))
        return sorted(line for line in lines[begin + 1:end] if not line.startswith(("HOSTNAME=", "==> ")))  # each build's own

    def test_dead_and_frozen_ones_cost_nothing(self):
        server = self.serve()
        for sent in (signal.SIGSTOP, signal.SIGKILL):
            waiting = self.idle(server)
            os.kill(waiting, sent)
            self.build(server)
            self.ended(waiting)

    def test_they_end_with_their_server(self):
        server = self.serve()
        waiting = self.idle(server)
        server.kill()
        self.ended(waiting)
        server.start()
        waiting = self.idle(server)
        self.assertEqual(len(list((server.data / "workers/local").iterdir())), 1, "of the earlier one nothing is left")
        self.build(server)
        waiting = self.idle(server)
        server.stop()
        self.ended(waiting)


if __name__ == "__main__":
    unittest.main()
