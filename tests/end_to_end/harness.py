"""A real server, real workers and real clients, for the tests of this folder.

Everything is a child process on loopback with folders of its own. Waiting is always for something: a line of output, the end of a
log stream, the end of a process.
"""

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile

SLIPWAY = os.environ.get("SLIPWAY", "build/release/bin/slipway")
HANG_GUARD = 120  # seconds: a limit for what should take a few; never a measure of speed


def run(*words, cwd=None, check=True):
    """A command's output as text."""
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, timeout=HANG_GUARD)
    if check and done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout.strip()


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Folder:
    """A temporary folder that goes with the test."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="slipway-test."))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Repository:
    """A git repository whose Dockerfile and files a test writes."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        run("git", "init", "--quiet", "--initial-branch=main", folder)

    @property
    def url(self):
        return f"file://{self.folder}"

    def commit(self, files, message="A change"):
        """Writes the files (name: text or bytes) and answers the commit's id."""
        for name, content in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
            file.chmod(0o755 if name == "busybox" else 0o644)
        run("git", "add", ".", cwd=self.folder)
        run("git", "-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.com", "commit", "--quiet", "--message", message,
            cwd=self.folder)
        return run("git", "rev-parse", "HEAD", cwd=self.folder)


def busybox():
    """Debian's static busybox: the one program that test images are made of."""
    return pathlib.Path(shutil.which("busybox") or "/bin/busybox").read_bytes()


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def json(self):
        return json.loads(self.body)


class Server:
    """`slipway serve`, with what is needed to talk to it. It can be killed and started again on the same port and data."""

    scheme = "http"

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.process = None
        self.output = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(
            f"listen: 127.0.0.1:{self.port}\ndata: {self.data}\nbuilds:\n  git_protocols: [file]\n")

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def token(self):
        return (self.data / "admin.token").read_text().strip()

    def command(self):
        return [SLIPWAY, "serve", "--config", str(self.folder / "config.yaml")]

    def environment(self):
        return dict(os.environ)

    def start(self):
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(self.command(), env=self.environment(), stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        assert line == f"listening on {self.scheme}://{self.address}\n", f"the server said {line!r}: {self.log()}"
        return self

    def kill(self):
        self.process.kill()
        self.process.wait(HANG_GUARD)
        self.process.stdout.close()

    def stop(self):
        """SIGTERM: drains, and must exit with 0."""
        self.process.terminate()
        assert self.process.wait(HANG_GUARD) == 0, self.log()
        self.process.stdout.close()

    def log(self):
        return (self.folder / "server.log").read_text(errors="replace")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        for worker in self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        if self.process.poll() is None:
            self.kill()

    # ---- talking to it ----

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG_GUARD)

    def request(self, method, path, body=None, fields=None, token=None):
        connection = self.connect()
        fields = dict(fields or {})
        if token is None:
            fields.setdefault("Authorization", f"Bearer {self.token}")
        elif token:
            fields["Authorization"] = f"Bearer {token}"
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            fields.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        result = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return result

    def submit(self, repository, **build):
        answer = self.request("POST", f"/api/v1/repositories/{repository}/builds", build)
        assert answer.status == 202, answer.body
        return answer.json()

    def build(self, build_id):
        answer = self.request("GET", f"/api/v1/builds/{build_id}")
        assert answer.status == 200, answer.body
        return answer.json()

    def follow(self, build_id):
        """All of the log once the build has ended. The stream breaks when the server is killed: then ask again."""
        answer = self.request("GET", f"/api/v1/builds/{build_id}/log?follow=true")
        assert answer.status == 200, answer.body
        return answer.body.decode(errors="replace")

    def finished(self, build_id):
        """The build, once it has ended, and its log."""
        log = self.follow(build_id)
        return self.build(build_id), log

    def push_blob(self, repository, content):
        location = self.request("POST", f"/v2/{repository}/blobs/uploads/").fields["Location"]
        return self.request("PUT", f"{location}?digest={digest_of(content)}", content)

    # ---- looking at its processes ----

    def workers_after(self):
        """The workers that do not end by themselves: those of builds that have ended are given the time to clean up."""
        for worker in self.workers():
            with contextlib.suppress(ProcessLookupError):
                descriptor = os.pidfd_open(worker)
                select.select([descriptor], [], [], HANG_GUARD)
                os.close(descriptor)
        return self.workers()

    def workers(self, idle=True):
        """The worker programs of this server, by the folder that their arguments name; with those that wait for a build."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                waits = b"--wait" in words and os.readlink(entry / "cwd").startswith(f"{self.data}/workers/local/idle-")
                if len(words) > 1 and words[1] == b"worker" and any(str(self.data).encode() in word for word in words) and (
                        idle or not waits):
                    found.append(int(entry.name))
        return found
