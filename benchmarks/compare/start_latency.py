"""From a build's commit to its worker's registration."""

import http.client
import json
import os
import subprocess
import sys
import time

from servers import Slipway


class Builder(Slipway):
    """`warm` workers wait for a build."""

    warm = 0

    def command(self):
        config = self.folder / "config.yaml"
        config.write_text(f"builds: {{backends: [{{name: local, type: local, warm: {self.warm}}}]}}\n")
        return [*super().command(), "--config", config]


def start_latency(program, folder, builds, warm=0):
    """Milliseconds, sorted, of builds one after the other."""
    server = Builder(program, folder)
    server.warm = warm
    server.start()
    token = (folder / "data" / "admin.token").read_text().strip()
    context = folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    environment = {**os.environ, "SLIPWAY_URL": f"http://{server.address}", "SLIPWAY_TOKEN": token}
    for _ in range(builds):
        submitted = subprocess.run(
            [program, "build", "submit", "bench/start", "--context", context, "--follow"],
            env=environment, capture_output=True, text=True)
        if submitted.returncode != 0:
            sys.exit(f"a build failed: {submitted.stdout}{submitted.stderr}")
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", f"/api/v1/builds?limit={builds}", headers={"Authorization": f"Bearer {token}"})
    waits = []
    for build in json.load(connection.getresponse())["builds"]:
        times = {step: parse_time(text) for step, text in build["times"].items()}
        waits.append((times["registered"] - times["queued"]) * 1000)
    server.stop()
    return sorted(waits)


def parse_time(text):
    seconds, milliseconds = text.rstrip("Z").split(".")
    return time.mktime(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) + int(milliseconds) / 1000
