"""How long a webhook takes to be answered, at a steady rate.

    benchmarks/hook_bench.py [--program build/release/bin/slipway] [--rate 200] [--seconds 20] [--connections 8]

Starts a server of its own on a folder of its own, and sends signed pushes of GitHub's form, each another delivery of about 8 KB, at
the rate, each from when it is due: a server that falls behind is measured as its callers feel it. Builds wait (no route leads them to
a backend). Prints one line of JSON: answers, and milliseconds at the 50th, 99th and 99.9th percentile and at most. The mark is 5 ms at
the 99th with 200 a second. Exit status 1 when an answer was not 202.
"""

import argparse
import hashlib
import hmac
import http.client
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


def payload(number):
    commit = hashlib.sha1(str(number).encode()).hexdigest()
    person = {"name": "Ada Lovelace", "email": "ada@example.com", "username": "ada"}
    files = [f"src/module_{n}/file_{n}.cpp" for n in range(100)]
    return json.dumps({
        "ref": f"refs/heads/feature-{number % 50}", "before": "0" * 40, "after": commit, "deleted": False,
        "repository": {"full_name": "ada/hello", "default_branch": "main"}, "sender": {"login": "ada", "avatar_url": "https://a/b.png"},
        "head_commit": {"id": commit, "message": f"Change {number}", "timestamp": "2026-01-02T03:04:05Z", "url": "https://c/1",
                        "author": person, "committer": person},
        "commits": [{"id": commit, "message": "m", "added": files, "modified": files, "removed": [], "author": person}]}).encode()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/release/bin/slipway")
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-hooks."))
    (folder / "config.yaml").write_text(f"listen: 127.0.0.1:0\ndata: {folder}/data\n"
                                        "builds:\n  routes:\n    - {repository: none, backends: [local]}\n")
    server = subprocess.Popen([options.program, "serve", "--config", folder / "config.yaml"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    try:
        address = server.stdout.readline().split("//")[1].strip()
        token = (folder / "data/admin.token").read_text().strip()
        client = http.client.HTTPConnection(address)
        client.request("POST", "/api/v1/repositories/app/web/triggers",
                       json.dumps({"provider": "github", "git": {"url": "https://git.example.com/hello.git"}}),
                       {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        trigger = json.loads(client.getresponse().read())
        return measure(address, trigger, options)
    finally:
        server.terminate()
        server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def measure(address, trigger, options):
    total = options.rate * options.seconds
    bodies = [payload(number) for number in range(total)]
    signed = [(body, "sha256=" + hmac.new(trigger["secret"].encode(), body, hashlib.sha256).hexdigest()) for body in bodies]
    path = "/hooks/" + trigger["id"]
    took, wrong = [], []
    begin = time.perf_counter() + 0.2

    def send(first):
        client = http.client.HTTPConnection(address)
        for number in range(first, total, options.connections):
            body, signature = signed[number]
            due = begin + number / options.rate
            time.sleep(max(0.0, due - time.perf_counter()))
            client.request("POST", path, body, {"Content-Type": "application/json", "X-GitHub-Event": "push",
                                                "X-GitHub-Delivery": f"delivery-{number}", "X-Hub-Signature-256": signature})
            answer = client.getresponse()
            answer.read()
            took.append(time.perf_counter() - due)
            if answer.status != 202:
                wrong.append(answer.status)

    threads = [threading.Thread(target=send, args=(first,)) for first in range(options.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took.sort()
    print(json.dumps({"answers": len(took), "not_202": len(wrong), "rate": options.rate,
                      **{name: round(1000 * percentile(took, share), 2) for name, share in
                         (("p50_ms", 0.5), ("p99_ms", 0.99), ("p99.9_ms", 0.999), ("max_ms", 1.0))}}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
