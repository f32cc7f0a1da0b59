"""What somebody pushed is a build's source, by its digest: from the command line to a pulled image."""

import gzip
import io
import os
import subprocess
import tarfile
import unittest

import harness

DOCKERFILE = 'FROM scratch\nCOPY busybox /bin/busybox\nCOPY greeting /greeting\nRUN ["/bin/busybox", "cat", "/greeting"]\n'


def tar_of(files):
    """A gzipped tar of name: bytes, with the same bytes each time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


class ContextDigestTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(harness.Folder())
        self.server = self.enterContext(harness.Server(self.folder / "server"))
        self.context = tar_of({"Dockerfile": DOCKERFILE.encode(), "greeting": b"hello from a digest\n", "busybox": harness.busybox()})

    def push_blob(self, repository, content):
        done = self.server.push_blob(repository, content)
        self.assertEqual(done.status, 201, done.body)
        return harness.digest_of(content)

    def push_artifact(self, repository, layers):
        """As `oras push` does it: an empty configuration and the layers."""
        empty = b"{}"
        self.push_blob(repository, empty)
        named = [{"mediaType": "application/vnd.example.sources.tar+gzip", "digest": self.push_blob(repository, layer),
                  "size": len(layer)} for layer in layers]
        manifest = harness.json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "application/vnd.example.sources",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": harness.digest_of(empty), "size": len(empty)},
            "layers": named}).encode()
        digest = harness.digest_of(manifest)
        done = self.server.request("PUT", f"/v2/{repository}/manifests/{digest}", manifest,
                                   {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
        self.assertEqual(done.status, 201, done.body)
        return digest

    def submit(self, named):
        return subprocess.run(
            [harness.SLIPWAY, "build", "submit", "app/web", "--context-digest", named, "--follow", "--url",
             f"http://{self.server.address}", "--output", "json"],
            env={**os.environ, "SLIPWAY_TOKEN": self.server.token}, capture_output=True, text=True, timeout=harness.HANG_GUARD)

    def assert_built(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("hello from a digest", done.stderr)
        build = harness.json.loads(done.stdout)
        harness.run("skopeo", "copy", "--quiet", "--src-tls-verify=false", "--src-creds", f"me:{self.server.token}",
                    f"docker://{self.server.address}/app/web@{build['digest']}", f"dir:{self.folder}/pulled")
        return build

    def test_an_artifact_of_another_repository(self):
        artifact = self.push_artifact("tools/sources", [self.context])
        build = self.assert_built(self.submit(f"tools/sources@{artifact}"))
        self.assertEqual(build["source"], {"context": {
            "digest": harness.digest_of(self.context), "media_type": "application/gzip", "repository": "tools/sources",
            "manifest": artifact}})

    def test_a_blob_of_its_own_repository(self):
        build = self.assert_built(self.submit(self.push_blob("app/web", self.context)))
        self.assertEqual(build["source"], {"context": {"digest": harness.digest_of(self.context), "media_type": "application/gzip"}})

    def test_a_hostile_tar_is_refused_as_an_upload_is(self):
        hostile = tar_of({"Dockerfile": DOCKERFILE.encode(), "../../out": b"x"})
        done = self.submit(f"tools/sources@{self.push_artifact('tools/sources', [hostile])}")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(harness.json.loads(done.stdout)["failure"]["reason"], "context_invalid")

    def test_what_is_no_context_is_told_at_once(self):
        two = self.push_artifact("tools/sources", [self.context, tar_of({"more": b"x"})])
        for named, told in ((f"tools/sources@{two}", "has 2 layers"), (f"tools/sources@sha256:{'0' * 64}", "neither a blob nor a manifest"),
                            ("tools/sources@sha256:12", "sha256:12"), ("tools/sources:latest", "tools/sources:latest")):
            done = self.submit(named)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(told, done.stderr)


if __name__ == "__main__":
    unittest.main()
