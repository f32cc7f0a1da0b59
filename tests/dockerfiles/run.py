"""Dockerfiles as people write them, each from a signed webhook to an image that skopeo pulls.

A case is a folder: `files/` is what is committed, `@REGISTRY@` in its Dockerfile is the server under test, and `case.json` says what
must come of it:

  generate    files that are made: {"random": bytes}, {"tar": {name: …}}, {"link": target}, {"mode": octal, "content": text}
  context, dockerfile   of the trigger; left out: its defaults
  after       another case, whose image this one needs
  submit      members of a build request: the case goes over the API instead of a webhook, for what a trigger does not have
  buildah     the version from which on `expect` holds; before it, `otherwise` does
  expect      platforms (of an index: the files whose names begin with "hello" in each image), or state (succeeded, unless it says otherwise), class, reason, exit_code, message and log (texts that occur), log_sequence
              (the numbers from 1 to it, each on a line of its own, once), and of the image: files (name: content, null: not there),
              sizes, links, modes ([uid, gid, octal]), labels, env, ports, config (members of it), layers, format
"""

import gzip
import hashlib
import hmac
import io
import json
import os
import pathlib
import random
import re
import sys
import tarfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "end_to_end"))
import harness  # noqa: E402

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


# ---- What the cases start from.

def tar_of(members):
    """A gzipped tar; each member is a text, {"link": target}, or {"mode": octal, "content": text}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, what in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(what, dict) and "link" in what:
                entry.type, entry.linkname = tarfile.SYMTYPE, what["link"]
                archive.addfile(entry)
                continue
            content = what if isinstance(what, bytes) else (what["content"] if isinstance(what, dict) else what).encode()
            entry.mode = int(what["mode"], 8) if isinstance(what, dict) else 0o755
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def push_base(server, repository, folder):
    """An image of busybox and /etc/base, as an OCI layout that `slipway image import` brings in."""
    programs = harness.run("/bin/busybox", "--list").split()
    members = {"bin/busybox": harness.busybox(), "etc/base": {"mode": "644", "content": "base\n"},
               "etc/passwd": {"mode": "644", "content": "root:x:0:0::/:/bin/sh\n"}, "tmp/.keep": ""}
    members.update({f"bin/{name}": {"link": "busybox"} for name in programs if name != "busybox"})
    layer = tar_of(members)
    config = json.dumps({"architecture": harness.run("dpkg", "--print-architecture"), "os": "linux", "config": {"Env": ["PATH=/bin"]},
                         "history": [{"created": "2026-01-02T03:04:05Z", "created_by": "push_base"}],
                         "rootfs": {"type": "layers", "diff_ids": [harness.digest_of(gzip.decompress(layer))]}}).encode()

    def descriptor(kind, content):
        blob = folder / "blobs" / "sha256" / harness.digest_of(content)[7:]
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        return {"mediaType": kind, "digest": harness.digest_of(content), "size": len(content)}

    manifest = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
                           "config": descriptor("application/vnd.oci.image.config.v1+json", config),
                           "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)]}).encode()
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor(OCI_MANIFEST, manifest)]}))
    harness.run(harness.SLIPWAY, "image", "import", f"{repository}:1", folder, "--url", f"http://{server.address}", "--token", server.token)


def make(path, what):
    path.parent.mkdir(parents=True, exist_ok=True)
    if "random" in what:
        path.write_bytes(random.Random(str(path.name)).randbytes(what["random"]))
    elif "tar" in what:
        path.write_bytes(tar_of(what["tar"]))
    elif "link" in what:
        path.symlink_to(what["link"])
    else:
        path.write_text(what["content"])
        path.chmod(int(what["mode"], 8))


# ---- The image, as a client pulled it.

class Image:
    def __init__(self, folder):
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_bytes())
        self.config = json.loads(self.blob(self.manifest["config"]["digest"]))
        self.files = {}  # name: (entry, content), as the layers leave it
        for layer in self.manifest["layers"]:
            self.apply(self.blob(layer["digest"]))

    def blob(self, digest):
        content = (self.folder / digest[7:]).read_bytes()
        assert harness.digest_of(content) == digest, digest
        return content

    def remove(self, name, below_only=False):
        for other in list(self.files):
            if other.startswith(name + "/") or (other == name and not below_only):
                del self.files[other]

    def apply(self, layer):
        """OCI image specification, "Layer": whiteouts first, they are of what lies below."""
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            entries = [(entry.name.removeprefix("./").rstrip("/"), entry) for entry in archive]
            for name, _ in entries:
                parent, _, base = name.rpartition("/")
                if base == ".wh..wh..opq":
                    self.remove(parent, below_only=True)
                elif base.startswith(".wh."):
                    self.remove(f"{parent}/{base[4:]}".lstrip("/"))
            for name, entry in entries:
                if name.rpartition("/")[2].startswith(".wh."):
                    continue
                if not entry.isdir():
                    self.remove(name)
                content = archive.extractfile(entry).read() if entry.isfile() or entry.islnk() else b""
                self.files[name] = (entry, content)


def check_image(expect, image):
    for name, content in expect.get("files", {}).items():
        found = image.files.get(name)
        assert (found is None) == (content is None), f"{name} is {'not ' if found is None else ''}in the image"
        assert content is None or found[1] == content.encode(), f"{name}: {found[1]!r}"
    for name, size in expect.get("sizes", {}).items():
        assert len(image.files[name][1]) == size, f"{name}: {len(image.files[name][1])} bytes"
    for name, target in expect.get("links", {}).items():
        assert image.files[name][0].linkname == target, f"{name} -> {image.files[name][0].linkname}"
    for name, wanted in expect.get("modes", {}).items():
        entry = image.files[name][0]
        assert [entry.uid, entry.gid, f"{entry.mode & 0o7777:o}"] == wanted, f"{name}: {entry.uid}, {entry.gid}, {entry.mode:o}"
    config = image.config["config"]
    for name, value in expect.get("labels", {}).items():
        assert config["Labels"].get(name) == value, config["Labels"]
    for variable in expect.get("env", []):
        assert variable in config["Env"], config["Env"]
    if "ports" in expect:
        assert sorted(config["ExposedPorts"]) == expect["ports"], config["ExposedPorts"]
    for name, value in expect.get("config", {}).items():
        assert config.get(name) == value, f"{name}: {config.get(name)}"
    if "layers" in expect:
        assert len(image.manifest["layers"]) == expect["layers"], image.manifest["layers"]
    kind = DOCKER_MANIFEST if expect.get("format") == "docker" else OCI_MANIFEST
    assert image.manifest["mediaType"] == kind, image.manifest["mediaType"]


# ---- One case.

class Case:
    def __init__(self, name, server, folder):
        self.name, self.server, self.folder = name, server, folder
        self.case = json.loads((HERE / name / "case.json").read_text())
        self.expect = self.case["expect"]
        if "buildah" in self.case:
            version = re.search(r"(\d+)\.(\d+)", harness.run("buildah", "--version"))
            if tuple(map(int, version.groups())) < tuple(map(int, self.case["buildah"].split("."))):
                self.expect = self.case["otherwise"]
        self.repository = f"cases/{name}"

    def commit(self):
        self.code = harness.Repository(self.folder / "code")
        source = HERE / self.name / "files"
        files = {}
        for file in sorted(source.rglob("*")):
            if file.is_file():
                files[str(file.relative_to(source))] = file.read_bytes().replace(b"@REGISTRY@", self.server.address.encode())
        for name, what in self.case.get("generate", {}).items():
            make(self.code.folder / name, what)
        return self.code.commit(files, f"The case {self.name}")

    def push(self, commit):
        """The webhook of a push, as GitHub signs it. Answers the build's id."""
        wanted = {"provider": "github", "git": {"url": self.code.url}}
        wanted.update({member: self.case[member] for member in ("context", "dockerfile") if member in self.case})
        made = self.server.request("POST", f"/api/v1/repositories/{self.repository}/triggers", wanted)
        assert made.status == 201, made.body
        trigger = made.json()
        body = json.dumps({
            "ref": "refs/heads/main", "before": "0" * 40, "after": commit, "deleted": False, "commits": [],
            "repository": {"full_name": f"cases/{self.name}", "default_branch": "main"},
            "head_commit": {"id": commit, "message": f"The case {self.name}", "timestamp": "2026-01-02T03:04:05Z",
                            "author": {"name": "Ada Lovelace", "email": "ada@example.com"}}}).encode()
        answer = self.server.request(
            "POST", "/" + trigger["hook_url"].split("/", 3)[3], body, token="",
            fields={"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": self.name,
                    "X-Hub-Signature-256": "sha256=" + hmac.new(trigger["secret"].encode(), body, hashlib.sha256).hexdigest()})
        assert answer.status == 202, answer.body
        return answer.json()["builds"][0]["id"]

    def run(self):
        commit = self.commit()
        if "submit" in self.case:
            build_id = self.server.submit(self.repository, source={"git": {"url": self.code.url, "commit": commit}}, **self.case["submit"])["id"]
        else:
            build_id = self.push(commit)
        build, log = self.server.finished(build_id)
        try:
            self.check(build, log, commit)
        except Exception:
            print(f"--- {self.name}: the build\n{json.dumps(build, indent=1)}\n--- the end of its log\n{log[-3000:]}")
            raise

    def check(self, build, log, commit):
        expect = self.expect
        assert build["state"] == expect.get("state", "succeeded"), build["state"]
        failure = build.get("failure", {})
        for member in ("class", "reason", "exit_code"):
            if member in expect:
                assert failure.get(member) == expect[member], failure
        for text in expect.get("message", []):
            assert text in failure["message"], failure
        for text in expect.get("log", []):
            assert text in log, f"the log does not have {text!r}"
        if "log_sequence" in expect:
            numbers = [line for line in log.splitlines() if line.isdigit()]
            assert numbers == [str(n) for n in range(1, expect["log_sequence"] + 1)], f"{len(numbers)} numbers"
        if build["state"] == "failed":
            assert len(build["attempts"]) == 1, "a failure of the user's or of time is final at once"
            assert "Failed: " in log and "digest" not in build
            return None
        if "platforms" in expect:
            return self.check_platforms(build["digest"])
        pulled = self.pull("pulled")
        assert harness.digest_of((pulled / "manifest.json").read_bytes()) == build["digest"]
        image = Image(pulled)
        assert image.config["config"]["Labels"]["org.opencontainers.image.revision"] == commit
        check_image(expect, image)
        return None

    def pull(self, name, *options):
        pulled = self.folder / name
        harness.run("skopeo", *options, "copy", "--quiet", "--src-tls-verify=false", "--src-creds", f"me:{self.server.token}",
                    f"docker://{self.server.address}/{self.repository}:main", f"dir:{pulled}")
        return pulled

    def check_platforms(self, digest):
        raw = self.server.request("GET", f"/v2/{self.repository}/manifests/main", fields={"Accept": OCI_INDEX}).body
        assert harness.digest_of(raw) == digest
        found = {f"{one['platform']['os']}/{one['platform']['architecture']}" for one in json.loads(raw)["manifests"]}
        assert found == set(self.expect["platforms"]), found
        for platform, files in self.expect["platforms"].items():
            system, architecture = platform.split("/")
            image = Image(self.pull(architecture, "--override-os", system, "--override-arch", architecture))
            assert image.config["architecture"] == architecture, image.config["architecture"]
            assert [name for name in image.files if name.startswith("hello")] == files, list(image.files)


def in_order(names):
    """A case behind the one whose image it needs."""
    after = {name: json.loads((HERE / name / "case.json").read_text()).get("after") for name in names}
    return sorted(names, key=lambda name: (after[name] is not None, name))


def main():
    names = sys.argv[1:] or [folder.parent.name for folder in HERE.glob("*/case.json")]
    passed = failed = 0
    with harness.Folder() as folder, harness.Server(folder / "server") as server:
        for number, repository in enumerate(("cases/base", "strangers/private")):
            push_base(server, repository, folder / f"base{number}")
        for name in in_order(names):
            try:
                Case(name, server, folder / name).run()
                passed += 1
                print(f"ok   {name}", flush=True)
            except Exception:
                traceback.print_exc()
                failed += 1
                print(f"FAIL {name}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if passed and not failed else 1)


if __name__ == "__main__":
    os.environ.setdefault("SLIPWAY", "build/release/bin/slipway")
    main()
