#!/usr/bin/env python3
"""How long an unchanged Dockerfile takes again whose RUN takes 10 s, on a worker that has nothing: the mark is under 3 s.

    benchmarks/layer_cache_bench.py [--run SECONDS] [--rounds N]

A server with a data folder of its own, on loopback; the program is build/release/bin/slipway, or what SLIPWAY names. The first build runs
the step; each one after it has a new worker with an empty storage, and finds the step in the registry. Prints seconds from the submit to
the end, as the server kept them, and the parts of the road. Needs what cmake/dependencies.sh installs; as root, for overlay storage.
"""

import argparse
import datetime
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests" / "end_to_end"))
import harness  # noqa: E402  a server, its workers and a git repository, for tests and for this

MARK = 3.0  # seconds
STEPS = ("queued", "registered", "fetched", "built", "finished")


def moment(build, name):
    return datetime.datetime.fromisoformat(build["times"][name].replace("Z", "+00:00"))


def seconds(build, begin="queued", end="finished"):
    return (moment(build, end) - moment(build, begin)).total_seconds()


def build(server, code, commit):
    submitted = server.submit("app/web", source={"git": {"url": code.url, "commit": commit}})
    ended, log = server.finished(submitted["id"])
    if ended["state"] != "succeeded":
        sys.exit(f"the build {ended['state']}:\n{log}")
    return ended, log


def told(ended):
    parts = ", ".join(f"{end} {seconds(ended, begin, end):.2f}" for begin, end in zip(STEPS, STEPS[1:]))
    return f"{seconds(ended):6.2f} s   ({parts})"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--run", type=int, default=10, help="how long the RUN takes, in seconds")
    options.add_argument("--rounds", type=int, default=5, help="how often it is built again")
    asked = options.parse_args()
    with harness.Folder() as folder, harness.Server(folder / "server") as server:
        code = harness.Repository(folder / "code")
        commit = code.commit({
            "busybox": harness.busybox(),
            "Dockerfile": 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
                          f"RUN sleep {asked.run} && head -c 1048576 /dev/urandom > /made && echo the step ran\nCMD [\"/bin/sh\"]\n"})
        first, log = build(server, code, commit)
        if "\nthe step ran\n" not in log:
            sys.exit(f"the step did not run:\n{log}")
        print(f"first build   {told(first)}")
        again = []
        for number in range(asked.rounds):
            ended, log = build(server, code, commit)
            if "\nthe step ran\n" in log:
                sys.exit(f"the step was run again:\n{log}")
            again.append(seconds(ended))
            print(f"again, {number + 1:2}     {told(ended)}")
    median, worst = statistics.median(again), max(again)
    print(f"again: median {median:.2f} s, worst {worst:.2f} s; by the median the mark of {MARK} s is "
          f"{'reached' if median < MARK else 'missed'}")
    return 0 if median < MARK else 1


if __name__ == "__main__":
    sys.exit(main())
