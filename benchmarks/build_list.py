"""How long `slipway build list` takes with many builds, as a person waits for it and over HTTP.

    benchmarks/build_list.py [--builds 1000000] [--rounds 50] [--program build/release/bin/slipway] [--fill build/release/bin/fill_builds]

Fills a folder of its own with waiting builds of 1,000 repositories (some minutes for a million), serves it, and asks in turn for the
latest 20 builds, for those of one repository and for those in one state: by the program, a new process each time, and by GET on a
connection that stays. Prints a line for each: milliseconds at the median, at the 95th percentile and at most. The mark is 20 ms for the
program at the median. Exit status 1 when it is missed.
"""

import argparse
import http.client
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

MARK = 20.0
LISTS = [("all", [], "?limit=20"), ("of a repository", ["tenant42/app42"], "?limit=20&repository=tenant42%2Fapp42"),
         ("of a state", ["--state", "queued"], "?limit=20&state=queued")]


def timed(act):
    begin = time.perf_counter()
    act()
    return (time.perf_counter() - begin) * 1000


def line(name, took):
    took = sorted(took)
    median = took[len(took) // 2]
    print(f"{name:<34} median {median:7.2f} ms   95 % {took[int(len(took) * 0.95)]:7.2f} ms   most {took[-1]:7.2f} ms")
    return median


def measure(program, address, token, rounds):
    environment = {**os.environ, "SLIPWAY_URL": f"http://{address}", "SLIPWAY_TOKEN": token}
    client = http.client.HTTPConnection(address)

    def run(words):
        listed = subprocess.run([program, "build", "list", *words], env=environment, stdout=subprocess.PIPE, text=True, check=True)
        if listed.stdout.count("\n") != 21:
            sys.exit(f"expected a line of names and 20 builds, got:\n{listed.stdout}")

    def get(query):
        client.request("GET", "/api/v1/builds" + query, headers={"Authorization": f"Bearer {token}"})
        answer = client.getresponse()
        if answer.read().count(b'"id"') < 20 or answer.status != 200:
            sys.exit("an answer was not what was asked for")

    medians = []
    for name, words, query in LISTS:
        line(f"GET, {name}", [timed(lambda: get(query)) for _ in range(rounds)])
        medians.append(line(f"slipway build list, {name}", [timed(lambda: run(words)) for _ in range(rounds)]))
    line("slipway --help, for comparison",
         [timed(lambda: subprocess.run([program, "--help"], stdout=subprocess.DEVNULL, check=True)) for _ in range(rounds)])
    return all(median <= MARK for median in medians)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--builds", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--program", default="build/release/bin/slipway")
    parser.add_argument("--fill", default="build/release/bin/fill_builds")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-list."))
    server = None
    try:
        subprocess.run([options.fill, folder / "data", str(options.builds)], check=True)
        # No route leads the builds to a backend: they wait.
        (folder / "config.yaml").write_text(f"listen: 127.0.0.1:0\ndata: {folder}/data\n"
                                            "builds:\n  routes:\n    - {repository: none, backends: [local]}\n")
        server = subprocess.Popen([options.program, "serve", "--config", folder / "config.yaml"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        address = server.stdout.readline().split("//")[1].strip()
        token = (folder / "data/admin.token").read_text().strip()
        return measure(options.program, address, token, options.rounds)
    finally:
        if server:
            server.terminate()
            server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
