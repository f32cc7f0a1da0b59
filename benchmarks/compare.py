"""Runs the servers side by side and prints the table of ratios; compare.sh prepares what it needs.

Every figure is the median of the rounds; in a round each server does the same work once, one after the other. Servers listen on
loopback only and are stopped at the end.
"""

import argparse
import hashlib
import http.client
import json
import os
import pathlib
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
REPOSITORY = "bench/image"
LARGE = 100_000_000  # bytes


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(port, process):
    """Returns once the server answers, with anything but 503; fails when the process has ended."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"a server ended with status {process.returncode} before it answered")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/")
            if connection.getresponse().status != 503:
                return
        except OSError:
            pass  # it does not listen yet
        finally:
            connection.close()
        time.sleep(0.02)
    sys.exit("a server did not answer within 30 s")


class Server:
    """A process that serves on loopback, with a folder of its own."""

    name = ""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.port = 0
        self.process = None

    def command(self):
        raise NotImplementedError

    def start(self, prefix=()):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen([*prefix, *self.command()], stdout=output, stderr=output)
        wait_until_ready(self.port, self.process)
        return self

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"


class Slipway(Server):
    name = "slipway"

    def command(self):
        return [self.program, "serve", "--data", self.folder / "data", "--listen", self.address, "--anonymous", "push"]


class Distribution(Server):
    name = "distribution"

    def command(self):
        config = self.folder / "config.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.folder / 'data'}}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: '{self.address}'}}\n"
        )
        return [self.program, "serve", config]


class Nginx(Server):
    name = "nginx"

    def command(self):
        config = self.folder / "nginx.conf"
        root = self.folder / "root"
        config.write_text(
            f"daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log;\n"
            "worker_processes auto; events { worker_connections 1024; }\n"
            "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=1000;\n"
            f"  default_type {MANIFEST_TYPE};\n"
            f"  server {{ listen {self.address}; root {root}; }} }}\n"
        )
        # Started by root, nginx's workers are another user: the files must be readable for all.
        os.chmod(self.folder, 0o755)
        root.mkdir(exist_ok=True)
        return [self.program, "-p", self.folder, "-c", config]

    def put(self, path, content):
        file = self.folder / "root" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def request(server, method, path, body=b"", fields=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request(method, path, body, fields or {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status >= 300:
        sys.exit(f"{server.name}: {method} {path} answered {answer.status}")
    return answer


def push_blob(server, content):
    location = request(server, "POST", f"/v2/{REPOSITORY}/blobs/uploads/").getheader("Location")
    location = re.sub(r"^https?://[^/]+", "", location)
    separator = "&" if "?" in location else "?"
    request(server, "PUT", f"{location}{separator}digest={digest(content)}", content,
            {"Content-Type": "application/octet-stream"})


def descriptor(media_type, content):
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def image():
    """A config, five layers, and a manifest of about the size that images have."""
    layers = [os.urandom(4096) for _ in range(5)]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer) for layer in layers],
        "annotations": {"org.opencontainers.image.created": "2026-01-01T00:00:00Z"},
    }).encode()
    return [config, *layers], manifest


def seed(servers, large):
    blobs, manifest = image()
    for server in servers:
        if isinstance(server, Nginx):
            server.put(f"/v2/{REPOSITORY}/manifests/latest", manifest)
            server.put(f"/v2/{REPOSITORY}/blobs/{digest(large)}", large)
            continue
        for blob in [*blobs, large]:
            push_blob(server, blob)
        request(server, "PUT", f"/v2/{REPOSITORY}/manifests/latest", manifest, {"Content-Type": MANIFEST_TYPE})


def wrk(server, path, connections, seconds):
    """Requests a second."""
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-H", f"Accept: {MANIFEST_TYPE}",
         f"http://{server.address}{path}"],
        capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"{server.name}: wrk saw errors:\n{output}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


def push_load(program, server, size, count, connections):
    """Pushes a second."""
    output = subprocess.run(
        [program, server.address, "bench/push", "--size", str(size), "--count", str(count), "--connections", str(connections)],
        capture_output=True, text=True)
    if output.returncode != 0:
        sys.exit(f"{server.name}: {output.stderr}")
    return float(re.search(r"pushes_per_second=([\d.]+)", output.stdout).group(1))


def flushes_per_push(make_server, program, size, count, connections):
    """fsync, fdatasync and the like, and writes to descriptors that were opened O_SYNC or O_DSYNC, for each push."""
    server = make_server()
    trace = server.folder / "trace"
    server.folder.mkdir(parents=True, exist_ok=True)
    calls = "openat,fsync,fdatasync,syncfs,sync_file_range,msync,write,pwrite64,pwritev,pwritev2,close"
    server.start(["strace", "-f", "-qq", "-e", f"trace={calls}", "-e", "signal=none", "-o", str(trace)])
    push_load(program, server, size, 1, 1)  # what a first push makes once is not counted
    before = count_flushes(trace)
    push_load(program, server, size, count, connections)
    after = count_flushes(trace)
    subprocess.run(["pkill", "-TERM", "-P", str(server.process.pid)], check=False)
    server.stop()
    return (after - before) / count


def count_flushes(trace):
    synchronous, flushes = set(), 0
    for line in trace.read_text(errors="replace").splitlines():
        call = re.match(r"\d+\s+(?:<\.\.\. )?(\w+)[( ]", line)
        if not call:
            continue
        if call.group(1) in ("fsync", "fdatasync", "syncfs", "sync_file_range", "msync"):
            flushes += "resumed>" not in line
        elif call.group(1) == "openat":
            opened = re.search(r"= (\d+)$", line)
            if opened and re.search(r"O_D?SYNC", line):
                synchronous.add(opened.group(1))
            elif opened:
                synchronous.discard(opened.group(1))
        else:
            descriptor_number = re.search(r"\w+\((\d+)", line)
            if descriptor_number and descriptor_number.group(1) in synchronous:
                if call.group(1) == "close":
                    synchronous.discard(descriptor_number.group(1))
                else:
                    flushes += "resumed>" not in line
    return flushes


def start_latency(slipway_program, folder, builds):
    """Milliseconds from a build's commit to its worker's registration, one build after the other. (Conservative: the submit is
    answered after its commit.)"""
    server = Slipway(slipway_program, folder).start()
    token = (folder / "data" / "admin.token").read_text().strip()
    context = folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    environment = {**os.environ, "SLIPWAY_URL": f"http://{server.address}", "SLIPWAY_TOKEN": token}
    waits = []
    for _ in range(builds):
        submitted = subprocess.run(
            [slipway_program, "build", "submit", "bench/start", "--context", context, "--follow"],
            env=environment, capture_output=True, text=True)
        if submitted.returncode != 0:
            sys.exit(f"a build failed: {submitted.stdout}{submitted.stderr}")
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", f"/api/v1/builds?limit={builds}", headers={"Authorization": f"Bearer {token}"})
    for build in json.load(connection.getresponse())["builds"]:
        times = {step: parse_time(text) for step, text in build["times"].items()}
        waits.append((times["registered"] - times["queued"]) * 1000)
    server.stop()
    return sorted(waits)


def parse_time(text):
    seconds, milliseconds = text.rstrip("Z").split(".")
    return time.mktime(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) + int(milliseconds) / 1000


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}"


def measure(options, folder):
    slipway = Slipway(options.slipway, folder / "slipway").start()
    distribution = Distribution(options.distribution, folder / "distribution").start()
    nginx = Nginx(shutil.which("nginx") or "/usr/sbin/nginx", folder / "nginx").start()
    servers = [slipway, distribution, nginx]
    large = os.urandom(LARGE)
    seed(servers, large)

    work = [
        ("manifest GET by tag, 16 connections", servers, lambda s: wrk(s, f"/v2/{REPOSITORY}/manifests/latest", 16, options.seconds)),
        ("100 MB blob GET, 1 connection", servers, lambda s: wrk(s, f"/v2/{REPOSITORY}/blobs/{digest(large)}", 1, options.seconds)),
        ("push of 4 KiB, 16 connections", servers[:2],
         lambda s: push_load(options.push_load, s, 4096, 20000 if s is slipway else 2000, 16)),
        ("push of 100 MB, 1 connection", servers[:2], lambda s: push_load(options.push_load, s, LARGE, 4, 1)),
    ]
    rows = []
    for title, contenders, run in work:
        figures = {server.name: [] for server in contenders}
        for turn in range(options.rounds):
            for server in contenders if turn % 2 == 0 else reversed(contenders):
                figures[server.name].append(run(server))
        rows.append((title, {name: statistics.median(values) for name, values in figures.items()}))
        print(f"measured: {title}: {figures}", file=sys.stderr)
    for server in servers:
        server.stop()
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slipway", required=True)
    parser.add_argument("--distribution", required=True)
    parser.add_argument("--push-load", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement of reads")
    parser.add_argument("--builds", type=int, default=50)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-compare."))
    os.chmod(folder, 0o755)
    try:
        rows = measure(options, folder)
        flushes = {}
        for size, count, connections in ((4096, 400, 16), (LARGE, 2, 1)):
            for kind, program in ((Slipway, options.slipway), (Distribution, options.distribution)):
                flushes[kind.name, size] = flushes_per_push(
                    lambda: kind(program, folder / f"flushes-{kind.name}-{size}"), options.push_load, size, count, connections)
        waits = start_latency(options.slipway, folder / "start", options.builds)
        show(options, rows, flushes, waits)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show(options, rows, flushes, waits):
    print(f"\nMedians of {options.rounds} rounds on {machine()}, client on the same machine; a second:\n")
    print("| work | slipway | nginx | distribution | × nginx | × distribution |")
    print("|---|---|---|---|---|---|")
    for title, figures in rows:
        cells = [f"{figures[name]:,.1f}" if name in figures else "" for name in ("slipway", "nginx", "distribution")]
        ratios = [f"{figures['slipway'] / figures[name]:.2f}" if name in figures else "" for name in ("nginx", "distribution")]
        print(f"| {title} | {' | '.join(cells)} | {' | '.join(ratios)} |")
    print("\n| flushes a push (strace) | slipway | distribution |")
    print("|---|---|---|")
    for title, size in (("4 KiB, 16 connections", 4096), ("100 MB", LARGE)):
        print(f"| {title} | {flushes['slipway', size]:.2f} | {flushes['distribution', size]:.2f} |")
    percentile = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    print(f"\nFrom a build's commit to its worker's registration, {len(waits)} builds: "
          f"median {statistics.median(waits):.0f} ms, p99 {percentile:.0f} ms.")


if __name__ == "__main__":
    main()
