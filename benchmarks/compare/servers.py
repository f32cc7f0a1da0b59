"""The servers that are compared: each a process on loopback with a folder of its own."""

import http.client
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    name = ""

    def __init__(self, program, folder):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.port = 0
        self.process = None

    def command(self):
        raise NotImplementedError

    def start(self, prefix=()):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen([*prefix, *self.command()], stdout=output, stderr=output)
        self._wait_until_ready()
        return self

    def _wait_until_ready(self):
        """Returns once the server answers, with anything but 503; fails when the process has ended."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended with status {self.process.returncode} before it answered")
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", "/v2/")
                if connection.getresponse().status != 503:
                    return
            except OSError:
                pass  # it does not listen yet
            finally:
                connection.close()
            time.sleep(0.001)
        sys.exit(f"{self.name} did not answer within 60 s")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def request(self, method, path, body=b"", fields=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, body, fields or {})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status >= 300:
            sys.exit(f"{self.name}: {method} {path} answered {answer.status}")
        return answer

    def cpu_seconds(self):
        """What all threads of the process have used, those that have ended too (clock_getcpuclockid(3))."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def anonymous_memory(self):
        """Bytes of memory that no file backs."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024


class Registry(Server):
    def push_blob(self, repository, content, digest):
        location = self.request("POST", f"/v2/{repository}/blobs/uploads/").getheader("Location")
        location = re.sub(r"^https?://[^/]+", "", location)
        separator = "&" if "?" in location else "?"
        self.request("PUT", f"{location}{separator}digest={digest}", content, {"Content-Type": "application/octet-stream"})

    def push_manifest(self, repository, tag, content):
        self.request("PUT", f"/v2/{repository}/manifests/{tag}", content, {"Content-Type": MANIFEST_TYPE})


class Slipway(Registry):
    name = "slipway"

    def command(self):
        return [self.program, "serve", "--data", self.folder / "data", "--listen", self.address, "--anonymous", "push"]


class Distribution(Registry):
    name = "distribution"

    def command(self):
        config = self.folder / "config.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.folder / 'data'}}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: '{self.address}'}}\n"
        )
        return [self.program, "serve", config]

    def make_tags(self, repository, count, manifest_digest):
        """As its file system driver lays them out; pushing them one by one would take minutes."""
        tags = self.folder / "data/docker/registry/v2/repositories" / repository / "_manifests/tags"
        for number in range(count):
            link = tags / f"v{number:07}" / "current/link"
            link.parent.mkdir(parents=True)
            link.write_text(manifest_digest)


class DockerRegistry(Distribution):
    """Debian's package: distribution 2.8."""

    name = "docker-registry"


class Nginx(Server):
    name = "nginx"

    def command(self):
        config = self.folder / "nginx.conf"
        config.write_text(
            f"daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log;\n"
            "worker_processes auto; events { worker_connections 1024; }\n"
            "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=1000;\n"
            f"  default_type {MANIFEST_TYPE};\n"
            f"  server {{ listen {self.address}; root {self.root}; }} }}\n"
        )
        # Started by root, nginx's workers are another user: the files must be readable for all.
        os.chmod(self.folder, 0o755)
        self.root.mkdir(exist_ok=True)
        return [self.program, "-p", self.folder, "-c", config]

    @property
    def root(self):
        return self.folder / "root"

    def _put(self, path, content):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def push_blob(self, repository, content, digest):
        self._put(f"v2/{repository}/blobs/{digest}", content)

    def push_manifest(self, repository, tag, content):
        self._put(f"v2/{repository}/manifests/{tag}", content)
