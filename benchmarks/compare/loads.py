"""The load: wrk for GET, registry_load for what wrk cannot do, and what each server flushes under it."""

import pathlib
import re
import subprocess
import sys

from servers import MANIFEST_TYPE


UNITS = {"B": 1e-6, "KB": 1e-3, "MB": 1, "GB": 1e3}


def wrk(server, path, connections, seconds, megabytes=False):
    """GETs a second, or MB a second."""
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-H", f"Accept: {MANIFEST_TYPE}",
         f"http://{server.address}{path}"],
        capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"{server.name}: wrk saw errors:\n{output}")
    if megabytes:  # of large bodies few may end in time
        amount, unit = re.search(r"Transfer/sec:\s+([\d.]+)([KMG]?B)", output).groups()
        return float(amount) * UNITS[unit] * 1.024 ** ("BKMG".index(unit[0]))
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


def registry_load(program, server, work, subject, **options):
    """How many a second."""
    words = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    output = subprocess.run([program, server.address, work, subject, *words], capture_output=True, text=True)
    if output.returncode != 0:
        sys.exit(f"{server.name}: {work}: {output.stderr}")
    return float(re.search(r"per_second=([\d.]+)", output.stdout).group(1))


def push_floor(program, folder, size, count):
    """MB a second of a plain write and fdatasync, and CPU nanoseconds a byte of a loop that receives, hashes and writes."""
    output = subprocess.run([program, folder, "--size", str(size), "--count", str(count)], capture_output=True, text=True, check=True)
    figures = re.search(r"write_megabytes_per_second=([\d.]+) loop_cpu_ns_per_byte=([\d.]+)", output.stdout)
    return float(figures.group(1)), float(figures.group(2))


def flushes_per_push(server, program, work, **options):
    """fsync, fdatasync and the like, and writes to descriptors that were opened O_SYNC or O_DSYNC, for each push."""
    server.folder.mkdir(parents=True, exist_ok=True)
    trace = server.folder / "trace"
    calls = "openat,fsync,fdatasync,syncfs,msync,write,pwrite64,pwritev,pwritev2,close"
    server.start(["strace", "-f", "-qq", "--seccomp-bpf", "-e", f"trace={calls}", "-e", "signal=none", "-o", str(trace)])
    registry_load(program, server, work, "bench/push", **{**options, "count": 1})  # what a first push makes once is not counted
    before = count_flushes(trace)
    registry_load(program, server, work, "bench/push", **options)
    after = count_flushes(trace)
    for child in pathlib.Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split():
        subprocess.run(["kill", child], check=False)
    server.stop()
    return (after - before) / options["count"]


def count_flushes(trace):
    """A call that another thread's interrupts has two lines: its arguments in the first, its answer in the second."""
    synchronous, flushes = set(), 0
    opening = {}  # by thread: whether what it opens is synchronous
    for line in trace.read_text(errors="replace").splitlines():
        call = re.match(r"(\d+)\s+(<\.\.\. )?(\w+)[( ]", line)
        if not call:
            continue
        thread, resumed, name = call.groups()
        if name == "openat":
            if not resumed:
                opening[thread] = re.search(r"O_D?SYNC", line) is not None
            opened = re.search(r"= (\d+)$", line)
            if opened:
                (synchronous.add if opening.get(thread) else synchronous.discard)(opened.group(1))
        elif resumed:
            continue
        elif name in ("fsync", "fdatasync", "syncfs", "msync"):
            flushes += 1
        else:
            number = re.search(r"\w+\((\d+)", line)
            if number and number.group(1) in synchronous:
                if name == "close":
                    synchronous.discard(number.group(1))
                else:
                    flushes += 1
    return flushes
