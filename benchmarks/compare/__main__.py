"""Runs the servers side by side and prints the table of ratios and marks; compare.sh prepares what it needs.

Every figure is the median of the rounds; in a round each server does the same work once, one after the other. Servers listen on
loopback only and are stopped at the end.
"""

import argparse
import hashlib
import json
import os
import pathlib
import platform
import shutil
import statistics
import sys
import tempfile
import time

import rows
from loads import flushes_per_push
from servers import MANIFEST_TYPE, Distribution, DockerRegistry, Nginx, Slipway
from start_latency import start_latency

FLUSHED = [  # title, work, options
    ("4 KiB blob, 16 connections", "push", {"size": 4096, "connections": 16, "count": 400}),
    ("100 MB blob", "push", {"size": rows.LARGE, "connections": 1, "count": 2}),
    ("small image, 16 connections", "image", {"connections": 16, "count": 100}),
    ("small image, 1 connection", "image", {"connections": 1, "count": 20}),
]


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def descriptor(media_type, content):
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


class Bench:
    """The servers, and what lies in all of them."""

    repository = "bench/image"

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.slipway = Slipway(options.slipway, folder / "slipway").start()
        self.distribution = Distribution(options.distribution, folder / "distribution").start()
        self.docker_registry = DockerRegistry(options.docker_registry, folder / "docker-registry").start()
        self.nginx = Nginx(shutil.which("nginx") or "/usr/sbin/nginx", folder / "nginx").start()
        self.filled = None
        self.blobs = {}

    def seed(self):
        small, large = os.urandom(4096), os.urandom(rows.LARGE)
        layers = [os.urandom(4096) for _ in range(5)]
        config = b'{"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}'
        manifest = json.dumps({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer) for layer in layers],
            "annotations": {"org.opencontainers.image.created": "2026-01-01T00:00:00Z"},
        }).encode()
        self.blobs = {"small": digest(small), "large": digest(large)}
        for server in (self.slipway, self.distribution, self.docker_registry, self.nginx):
            for blob in (config, *layers, small, large):
                server.push_blob(self.repository, blob, digest(blob))
            server.push_manifest(self.repository, "latest", manifest)
        for server in (self.distribution, self.docker_registry):
            server.make_tags("bench/few-tags", 1000, digest(manifest))

    def push_huge(self):
        content = os.urandom(rows.HUGE)
        self.blobs["huge"] = digest(content)
        self.slipway.push_blob(self.repository, content, digest(content))

    def stop(self):
        for server in (self.slipway, self.distribution, self.docker_registry, self.nginx, self.filled):
            if server is not None:
                server.stop()


def groups(bench):
    """Each group of rows when its turn comes, so that only the data that is asked for is made."""
    wanted = bench.options.rows

    def some(*keys):
        return not wanted or any(key in wanted for key in keys)

    if some("manifest", "head", "small-get", "large-get", "large-get-16"):
        yield rows.read_rows(bench)
    if some("large-push", "large-push-cpu", "small-push", "image-push-16", "image-push-1"):
        yield rows.push_rows(bench)
    if some("tags", "catalog", "start"):
        bench.filled = rows.make_filled(bench).start()
        yield rows.list_rows(bench)
    if some("memory-read", "memory-push"):
        bench.push_huge()
        yield rows.memory_rows(bench)


def measure(row, rounds):
    figures = {name: [] for name in row.contenders}
    for turn in range(row.rounds or rounds):
        contenders = list(row.contenders.items())
        for name, run in contenders if turn % 2 == 0 else reversed(contenders):
            figures[name].append(run())
    print(f"measured: {row.title}: {figures}", file=sys.stderr, flush=True)
    return {name: statistics.median(values) for name, values in figures.items()}


def show_figure(figure):
    return f"{figure:,.0f}" if figure >= 1000 else f"{figure:,.3g}" if figure < 10 else f"{figure:,.1f}"


def show_rows(options, results):
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    print(f"\nMedians of {options.rounds} rounds on {os.cpu_count()} cores ({model}), Linux {platform.release()}, "
          "client on the same machine:\n")
    names = ["slipway", "nginx", "distribution", "docker-registry"]
    print(f"| work | {' | '.join(names)} | ratios and marks | |\n|---|{'---|' * len(names)}---|---|")
    passed = failed = 0
    for row, medians in results:
        cells = [show_figure(medians[name]) if name in medians else "" for name in names]
        told = []
        good = True
        for mark in row.marks:
            reached, text = mark.check(medians)
            told.append(text)
            good = good and bool(reached)
            passed, failed = passed + bool(reached), failed + (not reached)
        others = [f"{name} {show_figure(value)}" for name, value in medians.items() if name not in names]
        print(f"| {row.title}, {row.unit} | {' | '.join(cells)} | {'; '.join(told + others)} | {'pass' if good else 'MISS'} |")
    return passed, failed


def show_flushes(bench):
    options = bench.options
    kinds = ((Slipway, options.slipway), (Distribution, options.distribution), (DockerRegistry, options.docker_registry))
    print("\n| flushes a push (strace) | slipway | distribution | docker-registry |\n|---|---|---|---|")
    shared = True
    for number, (title, work, load) in enumerate(FLUSHED):
        found = [flushes_per_push(kind(program, bench.folder / f"flushes-{kind.name}-{number}"), options.load, work, **load)
                 for kind, program in kinds]
        if number == 0:
            shared = found[0] < 1
        print(f"| {title} | {' | '.join(f'{count:.2f}' for count in found)} |", flush=True)
    print(f"\nFewer than 1 flush a push of 4 KiB under load: {'pass' if shared else 'MISS'}")
    return shared


def main():
    parser = argparse.ArgumentParser(prog="compare.sh")
    for program in ("slipway", "load", "floor", "fill", "distribution", "docker-registry"):
        parser.add_argument(f"--{program}", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement of reads")
    parser.add_argument("--rows", type=lambda text: text.split(","), default=[], help="only these, by their keys in rows.py")
    parser.add_argument("--manifests", type=int, default=1_000_000, help="in the registry that lists and starts are measured on")
    parser.add_argument("--builds", type=int, default=40, help="whose start is timed; 0: none")
    parser.add_argument("--no-flushes", action="store_true", help="do not count flushes")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-compare."))
    os.chmod(folder, 0o755)
    started = time.monotonic()
    bench = None
    try:
        bench = Bench(options, folder)
        bench.seed()
        results = [(row, measure(row, options.rounds)) for group in groups(bench) for row in group
                   if not options.rows or row.key in options.rows]
        bench.stop()
        passed, failed = show_rows(options, results)
        if not options.no_flushes:
            shared = show_flushes(bench)
            passed, failed = passed + shared, failed + (not shared)
        if options.builds > 0:
            print()
            for warm, which in ((0, "a new worker's"), (1, "an idle worker's")):
                waits = start_latency(options.slipway, folder / f"start-{warm}", options.builds, warm)
                percentile = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
                print(f"From a build's commit to {which} registration, {len(waits)} builds: "
                      f"median {statistics.median(waits):.0f} ms, p99 {percentile:.0f} ms.")
        print(f"\n{passed} passed, {failed} failed after {time.monotonic() - started:.0f} s")
    finally:
        if bench is not None:
            bench.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
