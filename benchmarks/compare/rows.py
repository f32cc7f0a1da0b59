"""The rows of the table: what is done to which servers, and the marks that it must reach.

A row's `contenders` are functions, by name; each answers one figure. compare.sh runs them in turn, round by round.
"""

import dataclasses
import http.client
import os
import subprocess
import threading
import time

from loads import push_floor, registry_load, wrk
from marks import AtLeast, AtMost, Below
from servers import Slipway

MEGABYTE = 1_000_000
LARGE = 100 * MEGABYTE
HUGE = 1000 * MEGABYTE


@dataclasses.dataclass
class Row:
    key: str  # for --rows
    title: str
    contenders: dict
    marks: list
    unit: str = "a second"
    rounds: int = 0  # 0: as many as asked for


def read_rows(bench):
    options, blobs = bench.options, bench.blobs
    servers = [bench.slipway, bench.nginx, bench.distribution, bench.docker_registry]

    def gets(path, connections, megabytes=False):
        return {server.name: lambda server=server: wrk(server, path, connections, options.seconds, megabytes)
                for server in servers}

    small, large = (f"/v2/{bench.repository}/blobs/{blobs[name]}" for name in ("small", "large"))
    return [
        Row("manifest", "manifest GET by tag, 16 connections", gets(f"/v2/{bench.repository}/manifests/latest", 16),
            [AtLeast(1.2, "nginx"), AtLeast(12, "distribution")]),
        Row("head", "HEAD of a blob, 16 connections",
            {server.name: lambda server=server: registry_load(options.load, server, "head", small, connections=16,
                                                              seconds=options.seconds) for server in servers},
            [AtLeast(1.0, "nginx")]),
        Row("small-get", "4 KiB blob GET, 16 connections", gets(small, 16),
            [AtLeast(1.2, "nginx"), AtLeast(80, "distribution")]),
        Row("large-get", "100 MB blob GET, 1 connection", gets(large, 1, True), [AtLeast(1.1, "nginx")], "MB/s"),
        Row("large-get-16", "100 MB blob GET, 16 connections", gets(large, 16, True), [AtLeast(1.1, "nginx")], "MB/s"),
    ]


def push_rows(bench):
    options = bench.options
    registries = [bench.slipway, bench.distribution, bench.docker_registry]

    def pushes(work, connections, count, **more):
        """Others get a tenth of the work: they take about as long for it."""
        return {server.name: lambda server=server: registry_load(
                    options.load, server, work, "bench/push", connections=connections,
                    count=count if server is bench.slipway else max(4, count // 10), **more)
                for server in registries}

    large = {server.name: lambda server=server: 100 * registry_load(options.load, server, "push", "bench/push", connections=1,
                                                                    count=4, size=LARGE) for server in registries}
    large["plain write"] = lambda: push_floor(options.floor, bench.folder, LARGE, 3)[0]

    def cpu_of_a_byte():
        before = bench.slipway.cpu_seconds()
        registry_load(options.load, bench.slipway, "push", "bench/push", connections=1, count=4, size=LARGE)
        return (bench.slipway.cpu_seconds() - before) * 1e9 / (4 * LARGE)

    return [
        Row("large-push", "push of 100 MB, 1 connection", large, [AtLeast(0.95, "plain write")], "MB/s"),
        Row("large-push-cpu", "CPU of a push of 100 MB",
            {"slipway": cpu_of_a_byte, "bare loop": lambda: push_floor(options.floor, bench.folder, LARGE, 3)[1]},
            [AtMost(1.15, "bare loop")], "ns a byte"),
        Row("small-push", "push of a 4 KiB blob, 16 connections", pushes("push", 16, 12000, size=4096),
            [AtLeast(15, "distribution")]),
        Row("image-push-16", "push of a small image, 16 connections", pushes("image", 16, 3000), [AtLeast(12, "distribution")]),
        Row("image-push-1", "push of a small image, 1 connection", pushes("image", 1, 600), [AtLeast(5, "distribution")]),
    ]


def list_rows(bench):
    """On a registry of a million manifests."""
    options, filled = bench.options, bench.filled

    def tags(server, repository, last=""):
        return lambda: wrk(server, f"/v2/{repository}/tags/list?n=1000{last}", 16, options.seconds)

    def catalog_page():
        connection = http.client.HTTPConnection("127.0.0.1", filled.port)
        times = []
        for _ in range(30):
            started = time.monotonic()
            connection.request("GET", "/v2/_catalog?n=1000&last=bench/r0050000")
            connection.getresponse().read()
            times.append((time.monotonic() - started) * 1000)
        return sorted(times)[len(times) // 2]

    def first_answer():
        filled.stop()
        forget_pages(filled.folder / "data/metadata/data.mdb")
        started = time.monotonic()
        filled.start()
        filled.request("GET", "/v2/bench/r0000000/manifests/v0000000")
        return time.monotonic() - started

    return [
        Row("tags", "page of 1,000 tags out of 100,000, 16 connections",
            {"slipway": tags(filled, "bench/tags", "&last=v0050000"), "slipway at 1,000": tags(filled, "bench/few-tags"),
             "distribution": tags(bench.distribution, "bench/few-tags"),
             "docker-registry": tags(bench.docker_registry, "bench/few-tags")},
            [AtLeast(10, "distribution"), AtLeast(0.9, "slipway at 1,000")]),
        Row("catalog", "catalog page of 1,000 at 100,000 repositories", {"slipway": catalog_page}, [Below(5, "ms")], "ms"),
        Row("start", "first answer after a start with 1,000,000 manifests", {"slipway": first_answer}, [Below(1, "s")], "s"),
    ]


def memory_rows(bench):
    slipway = bench.slipway

    def peak(command):
        most = [slipway.anonymous_memory()]
        done = threading.Event()

        def watch():
            while not done.wait(0.02):
                most[0] = max(most[0], slipway.anonymous_memory())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        finally:
            done.set()
            watcher.join()
        return most[0] / MEGABYTE

    def reading():
        target = f"http://{slipway.address}/v2/{bench.repository}/blobs/{bench.blobs['huge']}"
        return peak(["wrk", "-t1", "-c64", "-d5s", target])

    def pushing():
        return peak([bench.options.load, slipway.address, "push", "bench/huge", "--connections", "8", "--count", "8",
                     "--size", str(HUGE)])

    return [
        Row("memory-read", "anonymous memory, 64 connections reading 1 GB", {"slipway": reading}, [Below(100, "MB")], "MB", 1),
        Row("memory-push", "anonymous memory, 8 connections pushing 1 GB", {"slipway": pushing}, [Below(100, "MB")], "MB", 1),
    ]


def forget_pages(path):
    """Drops a file's clean pages from the page cache, so that it is read from the disk."""
    file = os.open(path, os.O_RDONLY)
    os.fdatasync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def make_filled(bench):
    """A registry of a million manifests in 100,000 repositories, and one of 100,000 tags."""
    folder = bench.folder / "filled"
    folder.mkdir()
    subprocess.run([bench.options.fill, folder / "data", "--manifests", str(bench.options.manifests), "--repositories", "100000",
                    "--tags", "100000"], check=True)
    return Slipway(bench.options.slipway, folder)
