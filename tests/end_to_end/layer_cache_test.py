"""An unchanged step is not run again, on a worker that has nothing; shown by what the step left, not by time."""

import json
import re
import subprocess
import tarfile
import unittest

import harness

DOCKERFILE = """FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ARG WORD=one
RUN head -c 32 /dev/urandom | sha256sum > /random; echo "the step ran with $WORD"
ENV AFTER=1
ARG OTHER=two
WORKDIR /srv
COPY last.txt .
RUN cat last.txt && head -c 32 /dev/urandom | sha256sum > /late
"""


class LayerCacheTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(harness.Folder())
        self.server = self.enterContext(harness.Server(self.folder / "server"))
        self.code = harness.Repository(self.folder / "code")
        self.pulls = 0
        self.change(busybox=harness.busybox(), Dockerfile=DOCKERFILE, **{"last.txt": "first\n"})

    def change(self, **files):
        self.commit = self.code.commit(files)

    def build(self, **more):
        """What the two random steps left, and the log. Each build has a worker, and so a storage, of its own."""
        submitted = self.server.submit("app/web", source={"git": {"url": self.code.url, "commit": self.commit}}, **more)
        build, log = self.server.finished(submitted["id"])
        self.assertEqual(build["state"], "succeeded", log)
        self.pulls += 1
        pulled = self.folder / f"pulled{self.pulls}"
        harness.run("skopeo", "copy", "--quiet", "--src-tls-verify=false", "--src-creds", f"me:{self.server.token}",
                    f"docker://{self.server.address}/app/web@{build['digest']}", f"dir:{pulled}")
        manifest = json.loads((pulled / "manifest.json").read_bytes())
        found = {}
        for layer in manifest["layers"]:
            with tarfile.open(pulled / layer["digest"][7:]) as archive:
                found.update({entry.name: archive.extractfile(entry).read() for entry in archive if entry.name in ("random", "late")})
        config = json.loads((pulled / manifest["config"]["digest"][7:]).read_bytes())
        self.assertEqual(config["config"]["Labels"]["org.opencontainers.image.revision"], self.commit)
        self.assertEqual(manifest["annotations"]["org.opencontainers.image.revision"], self.commit)
        self.assertEqual(manifest["annotations"]["org.opencontainers.image.version"], "latest")
        return found["random"], found["late"], log

    def test_an_unchanged_step_is_not_run_again(self):
        early, late, log = self.build()
        self.assertIn("\nthe step ran with one\n", log)
        steps = re.findall(r"(?m)^((?:\[\d+/\d+\] )?STEP \d+/\d+): ", log)
        self.assertNotEqual(steps, [])
        self.assertEqual(re.findall(r"(?m)^==> (.*) took \d+\.\d+ s$", log), steps, "each step has its time")

        again = self.build()
        self.assertEqual(again[:2], (early, late))
        self.assertNotIn("\nthe step ran with one\n", again[2])

        self.change(**{"last.txt": "second\n"})
        changed = self.build()
        self.assertEqual(changed[0], early, "what stands before the change")
        self.assertNotEqual(changed[1], late, "what stands behind it")

        other = self.build(args={"WORD": "another"})
        self.assertNotEqual(other[0], early)
        self.assertIn("\nthe step ran with another\n", other[2])

    def test_a_cache_that_cannot_be_used_fails_no_build(self):
        """Its repository has a manifest of somebody else under the name of the ARG step: nothing that buildah could pull."""
        early, _, _ = self.build()
        tags = self.server.request("GET", "/v2/app/web/layer-cache/tags/list").json()["tags"]
        self.assertTrue(any(tag.startswith("arg-") for tag in tags), tags)
        config = b"{}"
        self.server.push_blob("app/web/layer-cache", config)
        part = {"digest": harness.digest_of(config), "size": len(config)}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                               "config": {"mediaType": "application/vnd.example", **part},
                               "layers": [{"mediaType": "application/vnd.example", **part}]}).encode()
        for tag in tags:
            answer = self.server.request("PUT", f"/v2/app/web/layer-cache/manifests/{tag}", manifest,
                                         {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
            self.assertEqual(answer.status, 201, answer.body)
        self.assertNotEqual(self.build()[0], early)

    def test_there_is_none_where_the_operator_wants_none(self):
        self.server.stop()
        config = self.server.folder / "config.yaml"
        config.write_text(config.read_text() + "  layer_cache: off\n")
        self.server.start()
        early, _, _ = self.build()
        self.assertNotEqual(self.build()[0], early)
        self.assertEqual(self.server.request("GET", "/v2/app/web/layer-cache/tags/list").status, 404)


if __name__ == "__main__":
    unittest.main()
