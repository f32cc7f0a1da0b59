"""What a user gets wrong fails the build in class `user`, with the line and the exit status, and the log says so."""

import pathlib
import tempfile
import unittest

import harness

BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'


class BadBuilds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-test."))
        cls.server = cls.enterClassContext(harness.Server(cls.folder / "server"))
        cls.code = harness.Repository(cls.folder / "code")
        cls.code.commit({"busybox": harness.busybox()})
        cls.addClassCleanup(harness.shutil.rmtree, cls.folder, ignore_errors=True)

    def build(self, dockerfile):
        commit = self.code.commit({"Dockerfile": dockerfile})
        submitted = self.server.submit("app/bad", source={"git": {"url": self.code.url, "commit": commit}})
        return self.server.finished(submitted["id"])

    def assert_user_failure(self, build, reason):
        self.assertEqual(build["state"], "failed", build)
        self.assertEqual(build["failure"]["class"], "user", build)
        self.assertEqual(build["failure"]["reason"], reason, build)
        self.assertEqual(len(build["attempts"]), 1, "a user's failure is final at once")
        self.assertNotIn("digest", build)

    def test_unknown_commit(self):
        missing = "0123456789abcdef0123456789abcdef01234567"
        submitted = self.server.submit("app/bad", source={"git": {"url": self.code.url, "commit": missing}})
        build, log = self.server.finished(submitted["id"])
        self.assert_user_failure(build, "commit_not_found")
        self.assertIn(missing, build["failure"]["message"])
        self.assertIn(missing, log)

    def test_dockerfile_that_does_not_parse(self):
        build, log = self.build("FROM scratch\nCOPI busybox /bin/\n")
        self.assert_user_failure(build, "dockerfile_invalid")
        self.assertIn("COPI", build["failure"]["message"])
        self.assertIn("2", build["failure"]["message"], "the line")
        self.assertIn("COPI", log)

    def test_missing_copy_source(self):
        build, log = self.build(BASE + "COPY nowhere.txt /\n")
        self.assert_user_failure(build, "copy_source_missing")
        self.assertIn("nowhere.txt", build["failure"]["message"])
        self.assertIn("nowhere.txt", log)

    def test_failing_run(self):
        build, log = self.build(BASE + "RUN echo about to fail && exit 42\n")
        self.assert_user_failure(build, "step_failed")
        self.assertEqual(build["failure"]["exit_code"], 42)
        self.assertIn("exit 42", build["failure"]["message"])
        self.assertIn("about to fail", log)
        self.assertIn("exit status 42", log)

    def test_missing_dockerfile(self):
        commit = self.code.commit({"Dockerfile": BASE})
        submitted = self.server.submit("app/bad", dockerfile="deploy/Dockerfile",
                                       source={"git": {"url": self.code.url, "commit": commit}})
        build, log = self.server.finished(submitted["id"])
        self.assert_user_failure(build, "dockerfile_missing")
        self.assertIn("deploy/Dockerfile", log)

    def test_missing_base_image(self):
        build, log = self.build(f"FROM {self.server.address}/app/never-pushed:1\n")
        self.assert_user_failure(build, "base_image_not_found")
        self.assertIn("never-pushed", log)

    def test_the_server_goes_on(self):
        build, log = self.build(BASE + "RUN echo all is well\n")
        self.assertEqual(build["state"], "succeeded", log)
        self.assertIn("all is well", log)


if __name__ == "__main__":
    unittest.main()
