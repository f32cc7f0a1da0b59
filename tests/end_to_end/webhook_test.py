"""From a signed push to an image that a real client pulls; and what is not signed builds nothing."""

import hashlib
import hmac
import json
import pathlib
import shutil
import tempfile
import unittest

import harness

DOCKERFILE = (
    'FROM scratch\nARG GREETING=unset\nLABEL com.example.kind="test"\nCOPY busybox /bin/busybox\n'
    'RUN ["/bin/busybox", "--install", "-s", "/bin"]\nRUN echo "$GREETING" > /greeting && cat /greeting\n'
)


class WebhookTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.server = self.enterContext(harness.Server(self.folder / "server"))
        self.code = harness.Repository(self.folder / "code")
        self.commit = self.code.commit({"busybox": harness.busybox(), "Dockerfile": DOCKERFILE}, "Say hello\n\nIn two lines.")
        self.code.commit({"Dockerfile": "FROM scratch\nRUN this is a later commit, which must not be built\n"})
        answer = self.server.request("POST", "/api/v1/repositories/app/web/triggers",
                                     {"provider": "github", "git": {"url": self.code.url}})
        self.assertEqual(answer.status, 201, answer.body)
        self.trigger = answer.json()

    def payload(self):
        return json.dumps({
            "ref": "refs/heads/main", "before": "0" * 40, "after": self.commit, "deleted": False,
            "repository": {"full_name": "ada/hello", "default_branch": "main", "clone_url": "https://elsewhere.example.com/evil.git"},
            "sender": {"login": "ada", "avatar_url": "https://example.com/ada.png"},
            "head_commit": {
                "id": self.commit, "message": "Say hello\n\nIn two lines.", "timestamp": "2026-01-02T03:04:05+01:00",
                "url": "https://example.com/commit/1", "added": [], "modified": ["Dockerfile"], "removed": [],
                "author": {"name": "Ada Lovelace", "email": "ada@example.com", "username": "ada"},
                "committer": {"name": "Ada Lovelace", "email": "ada@example.com", "username": "ada"}},
            "commits": [],
        }).encode()

    def post(self, body, event="push", delivery="d-1", secret=None, signature=None):
        fields = {"Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": delivery}
        if secret is not None:
            signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        if signature is not None:
            fields["X-Hub-Signature-256"] = signature
        path = "/" + self.trigger["hook_url"].split("/", 3)[3]
        return self.server.request("POST", path, body, fields, token="")

    def builds(self):
        return self.server.request("GET", "/api/v1/builds").json()["builds"]

    def test_unsigned_and_wrongly_signed_pushes_build_nothing(self):
        body = self.payload()
        truly = "sha256=" + hmac.new(self.trigger["secret"].encode(), body, hashlib.sha256).hexdigest()
        self.assertEqual(self.post(body).status, 401)
        self.assertEqual(self.post(body, secret="another secret").status, 401)
        self.assertEqual(self.post(body, signature="sha256=").status, 401)
        self.assertEqual(self.post(body, signature=truly.removeprefix("sha256=")).status, 401)
        self.assertEqual(self.post(body + b" ", signature=truly).status, 401)
        self.assertEqual(self.builds(), [])

    def test_ping_is_ignored_with_a_reason(self):
        answer = self.post(b'{"zen": "Speak like a human.", "hook_id": 1}', event="ping", secret=self.trigger["secret"])
        self.assertEqual(answer.status, 200, answer.body)
        self.assertIn("ping", answer.json()["ignored"])
        self.assertEqual(self.builds(), [])

    def test_a_signed_push_becomes_an_image_that_a_client_pulls(self):
        answer = self.post(self.payload(), secret=self.trigger["secret"])
        self.assertEqual(answer.status, 202, answer.body)
        build_id = answer.json()["builds"][0]["id"]
        again = self.post(self.payload(), secret=self.trigger["secret"])
        self.assertEqual(again.json()["builds"][0]["id"], build_id, "a redelivery is the same build")

        build, log = self.server.finished(build_id)
        self.assertEqual(build["state"], "succeeded", log)
        self.assertEqual(build["source"]["git"]["url"], self.code.url, "the clone URL is the trigger's")
        self.assertEqual(build["commit"]["message"], "Say hello\n\nIn two lines.")
        self.assertEqual(build["commit"]["author"]["name"], "Ada Lovelace")
        self.assertEqual(build["commit"]["author"]["email"], "ada@example.com")
        steps = ["queued", "leased", "started", "registered", "fetched", "built", "pushed", "finished"]
        times = [build["times"][step] for step in steps]
        # "started" is when the backend's answer was recorded: it may come after the worker's own first call.
        self.assertEqual(sorted(set(times) - {build["times"]["started"]}),
                         [t for i, t in enumerate(times) if steps[i] != "started" and t not in times[:i]])
        tags = self.server.request("GET", "/v2/app/web/tags/list").json()["tags"]
        self.assertEqual(tags, sorted([self.commit[:7], "latest", "main"]))
        usage = build["attempts"][0]["usage"]
        for member in ("cpu_ms", "peak_memory_bytes", "disk_bytes"):
            self.assertGreater(usage[member], 0, usage)
        self.pull_and_compare(build["digest"])
        self.build_on_top()

    def skopeo(self, *words):
        return harness.run("skopeo", *words)

    def pull_and_compare(self, digest):
        credentials = f"any:{self.server.token}"
        source = f"docker://{self.server.address}/app/web:main"
        self.skopeo("copy", "--quiet", "--src-tls-verify=false", "--src-creds", credentials, source, f"dir:{self.folder}/pulled")
        manifest = (self.folder / "pulled" / "manifest.json").read_bytes()
        self.assertEqual(harness.digest_of(manifest), digest)
        config_digest = json.loads(manifest)["config"]["digest"].removeprefix("sha256:")
        config = json.loads((self.folder / "pulled" / config_digest).read_bytes())
        self.assertEqual(config["config"]["Labels"]["com.example.kind"], "test")
        self.assertEqual(config["config"]["Labels"]["org.opencontainers.image.revision"], self.commit)

    def build_on_top(self):
        commit = self.code.commit({"Dockerfile": f"FROM {self.server.address}/app/web:main\nRUN cat /greeting\n"})
        submitted = self.server.submit("app/second", source={"git": {"url": self.code.url, "commit": commit}}, args={"UNUSED": "1"})
        build, log = self.server.finished(submitted["id"])
        self.assertEqual(build["state"], "succeeded", log)

    def test_a_build_argument_reaches_the_build(self):
        submitted = self.server.submit("app/web", source={"git": {"url": self.code.url, "commit": self.commit}},
                                       args={"GREETING": "bonjour à tous"}, tags=["french"])
        build, log = self.server.finished(submitted["id"])
        self.assertEqual(build["state"], "succeeded", log)
        self.assertIn("bonjour à tous", log)

    def test_nobody_without_a_token_sees_anything(self):
        for path in ("/v2/", "/v2/_catalog", "/v2/app/web/tags/list", "/api/v1/builds", "/api/v1/repositories"):
            self.assertEqual(self.server.request("GET", path, token="").status, 401, path)


if __name__ == "__main__":
    unittest.main()
