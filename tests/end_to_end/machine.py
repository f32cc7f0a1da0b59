"""A failing machine for the tests of this folder: calls that fail by order, disks that are full, limits of the system."""

import errno
import mmap
import os
import pathlib
import signal
import struct
import subprocess

import harness

INJECTOR = os.environ.get("SLIPWAY_FAULT_INJECTOR", "build/release/lib/fault_injector.so")


class Faults:
    """The rules of fault_injector.c: which calls on which files fail, and how; and at which point of its road a process gets a signal."""

    KINDS = ("write", "flush", "open", "rename", "accept", "meta")
    RULE = struct.Struct("iii116s")
    ROADS = ("server", "worker")
    ROAD = struct.Struct("iiii")

    def __init__(self, file):
        self.path = file
        file.write_bytes(bytes(self.RULE.size * len(self.KINDS) + self.ROAD.size * len(self.ROADS)))
        with open(file, "r+b") as opened:
            self.rules = mmap.mmap(opened.fileno(), 0)

    def fail(self, kind, path, code=errno.EIO, times=-1):
        """Calls of this kind on files whose path contains `path` fail with `code`; -1: until heal()."""
        at = self.KINDS.index(kind) * self.RULE.size
        rule = self.RULE.pack(times, code, 0, path.encode())
        self.rules[at + 4:at + self.RULE.size] = rule[4:]
        self.rules[at:at + 4] = rule[:4]  # last: it arms the rule

    def hits(self, kind):
        return self.RULE.unpack_from(self.rules, self.KINDS.index(kind) * self.RULE.size)[2]

    def heal(self):
        for index in range(len(self.KINDS)):
            self.rules[index * self.RULE.size:index * self.RULE.size + 4] = bytes(4)

    def begin_road(self, road, point=0, sent=signal.SIGKILL):
        """From now on the road's points are counted; whoever reaches `point` (the first is 1) is sent the signal there, once."""
        self.ROAD.pack_into(self.rules, self.road_at(road), 1, 0, point, sent)

    def end_road(self, road):
        """How many points were reached since it began."""
        _, reached, *_ = self.ROAD.unpack_from(self.rules, self.road_at(road))
        self.ROAD.pack_into(self.rules, self.road_at(road), 0, 0, 0, 0)
        return reached

    def road_at(self, road):
        return self.RULE.size * len(self.KINDS) + self.ROAD.size * self.ROADS.index(road)

    def environment(self):
        sanitizers = os.environ.get("ASAN_OPTIONS", "")
        return {"LD_PRELOAD": str(pathlib.Path(INJECTOR).absolute()), "SLIPWAY_FAULTS": str(self.path),
                "ASAN_OPTIONS": f"{sanitizers}:verify_asan_link_order=0"}


class Machine(harness.Server):
    """`slipway serve` on a machine of its own: with calls that fail, within limits, on a disk of `disk` bytes."""

    def __init__(self, folder, configuration="", limits=None, disk=None, faults=True):
        super().__init__(folder)
        with open(folder / "config.yaml", "a") as file:
            file.write(configuration)
        self.limits = limits or {}
        self.disk = disk
        self.faults = Faults(folder / "faults") if faults else None

    def command(self):
        command = super().command()
        for name, value in self.limits.items():
            command = ["prlimit", f"--{name}={value}", *command]
        if self.disk is not None:
            self.data.mkdir(exist_ok=True)
            as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
            mount = f'mount -t tmpfs -o size={self.disk} tmpfs "$0" && exec "$@"'
            command = ["unshare", *as_root, "--mount", "sh", "-c", mount, str(self.data), *command]
        return command

    def environment(self):
        return {**os.environ, **(self.faults.environment() if self.faults else {})}

    @property
    def inside(self):
        """The data folder as the server sees it."""
        return pathlib.Path(f"/proc/{self.process.pid}/root{self.data}") if self.disk is not None else self.data

    @property
    def token(self):
        return (self.inside / "admin.token").read_text().strip()

    def raise_limit(self, name, value):
        subprocess.run(["prlimit", f"--pid={self.process.pid}", f"--{name}={value}"], check=True)

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Bytes of anonymous memory."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no RssAnon")
