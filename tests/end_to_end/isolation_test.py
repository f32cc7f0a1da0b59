"""A build is hostile: what it tries against the server, against other builds and against the machine comes to nothing."""

import os
import pathlib
import subprocess
import unittest

import harness

USERS = 1_900_000_000  # of nobody: not those of the servers that other tests run
BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'


class IsolateTest(unittest.TestCase):
    """`slipway isolate`, by which a worker runs buildah: what a program in there sees that has left its chroot."""

    def setUp(self):
        self.folder = self.enterContext(harness.Folder())
        self.data = self.folder / "data"
        self.own = self.data / "workers" / "local" / "one"
        self.other = self.data / "workers" / "local" / "two"
        for folder in (self.own, self.other):
            folder.mkdir(parents=True)
            (folder / "secret").write_text("hunter2")
        (self.data / "admin.token").write_text("hunter2")
        os.chown(self.own, USERS, USERS)
        os.chown(self.own / "secret", USERS, USERS)

    def isolated(self, script, *options):
        return subprocess.run(
            [harness.SLIPWAY, "isolate", "--users", str(USERS), "--hide", str(self.data), "--folder", str(self.own), *options,
             "/bin/sh", "-c", script], cwd=self.own, capture_output=True, text=True, timeout=harness.HANG_GUARD)

    def test_it_is_root_of_nothing(self):
        done = self.isolated("id -u; pwd; cat secret; touch made; cat /proc/self/uid_map")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split(), ["0", str(self.own), "hunter2", "0", str(USERS), "65536"])
        self.assertEqual((self.own / "made").stat().st_uid, USERS, "root in there is nobody out here")
        self.assertNotEqual(self.isolated("cat /etc/shadow").returncode, 0)

    def test_it_sees_nothing_of_the_server_and_of_other_builds(self):
        for path in (self.data / "admin.token", self.other / "secret", self.other):
            self.assertTrue(path.exists())
            done = self.isolated(f"ls {path}")
            self.assertIn("No such file", done.stderr, path)
        done = self.isolated(f"find {self.folder} -name secret -o -name admin.token")
        self.assertEqual(done.stdout.split(), [str(self.own / "secret")])

    def test_it_sees_no_process_but_its_own(self):
        done = self.isolated("ls -d /proc/[0-9]*; kill -9 %d; cat /proc/%d/environ" % (os.getpid(), os.getpid()))
        self.assertNotIn(f"/proc/{os.getpid()}\n", done.stdout)
        self.assertIn("/proc/1\n", done.stdout)
        self.assertLess(len(done.stdout.splitlines()), 10, done.stdout)
        self.assertIn("No such process", done.stderr)

    def test_nothing_outlives_it(self):
        marker = f"sleep-{os.getpid()}"
        (self.own / marker).symlink_to("/bin/sleep")
        done = self.isolated(f"(setsid ./{marker} 1000 &) ; (setsid sh -c './{marker} 1000 &') ; ls -d /proc/[0-9]* | wc -l")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.running(marker), [])

    def test_it_ends_with_whoever_started_it(self):
        marker = f"sleep-{os.getpid()}-more"
        (self.own / marker).symlink_to("/bin/sleep")
        process = subprocess.Popen(
            [harness.SLIPWAY, "isolate", "--users", str(USERS), "--hide", str(self.data), "--folder", str(self.own), "/bin/sh", "-c",
             f"setsid ./{marker} 1000 & echo up; exec ./{marker} 1000"], cwd=self.own, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"up\n")
        process.kill()
        process.wait(harness.HANG_GUARD)
        process.stdout.read()  # until the last of them has ended
        process.stdout.close()
        self.assertEqual(self.running(marker), [])

    def running(self, marker):
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if marker.encode() in (entry / "cmdline").read_bytes():
                        found.append(entry.name)
                except OSError:
                    pass
        return found

    def test_its_processes_are_counted(self):
        done = self.isolated("i=0; while [ $i -lt 60 ]; do sleep 100 & i=$((i+1)); done; echo never", "--processes", "20")
        self.assertNotIn("never", done.stdout)
        self.assertIn("fork", done.stderr.lower())

    def test_its_memory_is_limited(self):
        script = "python3 -c 'bytearray(400 << 20); print(\"never\")'"
        self.assertIn("never", self.isolated(script).stdout)
        done = self.isolated(script, "--memory", str(200 << 20))
        self.assertIn("MemoryError", done.stderr)

    def test_a_machine_that_does_not_allow_it_is_told_of(self):
        done = subprocess.run([harness.SLIPWAY, "isolate", "--users", "4294967000", "true"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("users 4294967000", done.stderr)


class BuildTest(unittest.TestCase):
    """The same from a RUN, all the way."""

    def setUp(self):
        self.folder = self.enterContext(harness.Folder())
        self.server = self.enterContext(harness.Server(self.folder / "server"))
        self.code = harness.Repository(self.folder / "code")
        self.code.commit({"busybox": harness.busybox()})

    def build(self, dockerfile):
        commit = self.code.commit({"Dockerfile": BASE + dockerfile})
        submitted = self.server.submit("app/web", source={"git": {"url": self.code.url, "commit": commit}})
        return self.server.finished(submitted["id"])

    def test_what_a_run_tries(self):
        self.assertNotIn("not isolated", self.server.log())
        build, log = self.build(
            "RUN cat /proc/self/uid_map; echo processes $(ls -d /proc/[0-9]* | wc -l)\n"
            "RUN grep -l -F SLIPWAY /proc/[0-9]*/environ; cat /proc/1/environ; true\n"
            "RUN nc -w 5 169.254.169.254 80 </dev/null; echo nc said $?\n"
            "RUN (setsid sleep 1000 &) ; true\n")
        self.assertEqual(build["state"], "succeeded", log)
        self.assertRegex(log, r"0 +1[0-9]{9} +65536")
        processes = int(log.split("\nprocesses ")[1].split()[0])
        self.assertLess(processes, 20, log)
        self.assertIn("/proc/1/environ': Permission denied", log)
        self.assertIn("can't connect to remote host (169.254.169.254): Permission denied", log)
        self.assertNotIn("nc said 0", log)


class RoutingRuleTest(unittest.TestCase):
    """The rule that keeps builds from 169.254.0.0/16 is there while the server is, once, and goes with it."""

    def setUp(self):
        self.server = harness.Server(self.enterContext(harness.Folder()) / "server")
        place = 2166136261  # FNV-1a of the workers' folder tells its place from those of other servers
        for byte in f"{self.server.data}/workers/local".encode():
            place = (place ^ byte) * 16777619 % 2**32
        self.place = str(5300 + place % 10000)

    def rules(self):
        listed = [line for line in harness.run("ip", "rule", "list").splitlines() if line.split(":")[0] == self.place]
        for line in listed:
            self.assertIn("169.254.0.0/16", line)
            self.assertIn("prohibit", line)
        return len(listed)

    def test_it_goes_at_an_orderly_stop_and_comes_again(self):
        self.assertEqual(self.rules(), 0)
        with self.server as server:
            self.assertNotIn("builds can reach", server.log())
            self.assertEqual(self.rules(), 1)
            server.stop()
            self.assertEqual(self.rules(), 0)
            server.start()
            server.kill()  # leaves it behind
            self.assertEqual(self.rules(), 1)
            server.start()  # finds it there
            self.assertEqual(self.rules(), 1)
            server.stop()
            self.assertEqual(self.rules(), 0)


if __name__ == "__main__":
    unittest.main()
