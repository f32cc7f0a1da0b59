#!/usr/bin/env python3
"""Runs the Google Benchmarks and compares them with the recorded baseline; or records a new one.

  benchmarks/baseline.py [--record] [--filter REGEX] [--bin build/release/bin]

A ratio above 1 is slower than the baseline. Only a run on the machine that is named in baseline.json says much; elsewhere the
ratios of all should lie together. Each figure is the median of five runs of processor time, or of wall time where the benchmark
waits for a disk or another thread.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys

BASELINE = pathlib.Path(__file__).with_name("baseline.json")
UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}"


def run(program, pattern):
    """Nanoseconds by name."""
    output = subprocess.run(
        [program, "--benchmark_format=json", "--benchmark_repetitions=5", "--benchmark_report_aggregates_only=true",
         "--benchmark_min_time=0.2", f"--benchmark_filter={pattern}"],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    if not output.strip():  # nothing fits the filter
        return {}
    figures = {}
    for entry in json.loads(output)["benchmarks"]:
        if entry.get("error_occurred"):
            sys.exit(f"{program.name}: {entry['name']}: {entry['error_message']}")
        if entry["aggregate_name"] != "median":
            continue
        wall = "/real_time" in entry["run_name"]
        figures[f"{program.name}/{entry['run_name']}"] = entry["real_time" if wall else "cpu_time"] * UNITS[entry["time_unit"]]
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--filter", default=".")
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("build/release/bin"))
    options = parser.parse_args()
    programs = sorted(options.bin.glob("*_bench"))
    if not programs:
        sys.exit(f"no benchmarks in {options.bin}: cmake --build --preset release --target benchmarks")
    recorded = json.loads(BASELINE.read_text()) if BASELINE.exists() else {"machine": "", "nanoseconds": {}}
    if not options.record:
        print(f"baseline: {recorded['machine']}\nthis run: {machine()}\n")
    for program in programs:
        for name, nanoseconds in run(program, options.filter).items():
            before = recorded["nanoseconds"].get(name)
            ratio = f"{nanoseconds / before:6.2f}" if before else "   new"
            print(f"{ratio}  {nanoseconds:16,.0f} ns  {name}", flush=True)
            if options.record:
                recorded["nanoseconds"][name] = round(nanoseconds, 1)
    if options.record:
        recorded["machine"] = machine()
        BASELINE.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
