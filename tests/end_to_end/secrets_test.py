"""A secret goes from the command line into one RUN, and nowhere else."""

import os
import pathlib
import subprocess
import unittest

import harness

SECRET = "correct-horse-battery-staple"
PASSWORD = "open-sesame-mumble"
DOCKERFILE = (
    'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
    "RUN --mount=type=secret,id=npm sha256sum < /run/secrets/npm && echo said $(cat /run/secrets/npm)\n"
    "RUN echo again && test ! -s /run/secrets/npm\n"
)


class SecretsTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(harness.Folder())
        self.server = self.enterContext(harness.Server(self.folder / "server"))
        self.code = harness.Repository(self.folder / "code")
        self.code.commit({"busybox": harness.busybox(), "Dockerfile": DOCKERFILE})
        (self.folder / "npm").write_text(SECRET + "\n")

    def submit(self, *words, secret=None):
        secret = secret or f"id=npm,src={self.folder / 'npm'}"
        return subprocess.run(
            [harness.SLIPWAY, "build", "submit", "app/web", *words, "--secret", secret, "--follow", "--url",
             f"http://{self.server.address}", "--output", "json"],
            env={**os.environ, "SLIPWAY_TOKEN": self.server.token, "NPM": SECRET}, capture_output=True, text=True,
            timeout=harness.HANG_GUARD)

    def assert_built_and_nowhere(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        build = harness.json.loads(done.stdout)
        self.assertEqual(build["secrets"], [{"id": "npm"}])
        log = self.server.follow(build["id"])
        # With and without the line break that the file ends with.
        sums = [harness.digest_of(text.encode())[7:] for text in (SECRET, SECRET + "\n")]
        self.assertTrue(any(one in log for one in sums), log)
        self.assertIn("said ***\n", log)
        self.assert_nowhere(SECRET)
        self.pull(build["digest"])

    def assert_nowhere(self, text):
        """Not in what the server keeps: its rows, its blobs, its own log, the workers' folders."""
        self.assertNotIn(text, self.server.log())
        found = subprocess.run(["grep", "--recursive", "--binary-files=text", "--files-with-matches", text, self.server.data],
                               capture_output=True, text=True)
        self.assertEqual(found.stdout, "")

    def pull(self, digest):
        harness.run("skopeo", "copy", "--quiet", "--src-tls-verify=false", "--src-creds", f"me:{self.server.token}",
                    f"docker://{self.server.address}/app/web@{digest}", f"dir:{self.folder}/pulled")
        for file in (self.folder / "pulled").iterdir():
            content = subprocess.run(["gzip", "-cdf", file], capture_output=True, check=True).stdout
            self.assertNotIn(SECRET.encode(), content, file)

    def test_with_a_context(self):
        self.assert_built_and_nowhere(self.submit("--context", self.code.folder))

    def test_with_git_and_from_the_environment(self):
        self.assert_built_and_nowhere(self.submit("--git", self.code.url, secret="id=npm,env=NPM"))

    def test_a_secret_that_cannot_be_read_is_told(self):
        done = self.submit("--context", self.code.folder, secret=f"id=npm,src={self.folder}/nowhere")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nowhere", done.stderr)
        done = self.submit("--context", self.code.folder, secret="npm")
        self.assertIn("id=ID,src=FILE", done.stderr)

    def test_a_password_in_the_git_url_is_in_no_build(self):
        """Nothing listens there; what counts is where the URL went."""
        url = f"https://ada:{PASSWORD}@127.0.0.1:1/app.git"
        (self.server.folder / "config.yaml").write_text(
            (self.server.folder / "config.yaml").read_text().replace("[file]", "[file, https]"))
        self.server.stop()
        self.server.start()
        build = self.server.submit("app/web", source={"git": {"url": url}})
        self.assertEqual(build["source"]["git"]["url"], "https://127.0.0.1:1/app.git")
        self.server.request("POST", f"/api/v1/builds/{build['id']}/cancel")
        log = self.server.follow(build["id"])
        self.assertNotIn(PASSWORD, log)
        self.assert_nowhere(PASSWORD)
        self.assertEqual(self.server.request("POST", f"/api/v1/builds/{build['id']}/retry").status, 409)


if __name__ == "__main__":
    unittest.main()
