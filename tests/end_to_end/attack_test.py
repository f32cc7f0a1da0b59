"""Strangers that mean harm: they are cut off by the limits, what they send is refused, and all the while others are served, in
bounded memory."""

import contextlib
import json
import os
import pathlib
import random
import re
import resource
import shutil
import socket
import tempfile
import threading
import unittest

import harness
import machine

FACTOR = int(os.environ.get("SLIPWAY_TEST_MEMORY_FACTOR", 1))
MiB = 1024 * 1024 * FACTOR
LIMITS = """limits:
  max_connections: 150
  head_timeout: 1s
  idle_timeout: 5s
  stall_timeout: 1s
  min_bytes_per_second: 1KiB
"""
PUSH = "anonymous: push\n"


def head(method, path, *fields):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *fields, "", ""]).encode()


class Attacker(threading.Thread):
    """A connection on which `first` is sent at once and `drop` again and again, until the server closes."""

    def __init__(self, server, first, drop=b""):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=harness.HANG_GUARD)
        self.first, self.drop = first, drop
        self.answer = b""
        self.start()

    def run(self):
        try:
            self.socket.sendall(self.first)
            while self.drop:
                self.socket.settimeout(0.2)
                try:
                    piece = self.socket.recv(4096)
                    if not piece:
                        return
                    self.answer += piece
                except TimeoutError:
                    self.socket.settimeout(harness.HANG_GUARD)
                    self.socket.sendall(self.drop)
            while piece := self.socket.recv(4096):
                self.answer += piece
        except OSError:
            pass  # reset: closed, too
        finally:
            self.socket.close()

    def status(self):
        """Of the answer, once the server has closed."""
        self.join(harness.HANG_GUARD)
        assert not self.is_alive(), f"still connected after {self.first[:60]!r}"
        return int(self.answer.split(b" ", 2)[1]) if self.answer else None


class AttackTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.random = random.Random(1)

    def machine(self, configuration):
        self.server = self.enterContext(machine.Machine(self.folder / "server", configuration=configuration, faults=False))
        return self.server

    def serve_honest_ones(self, count):
        for _ in range(count):
            content = self.random.randbytes(self.random.choice([100, 100_000]))
            self.assertEqual(self.server.push_blob("app/web", content).status, 201)
            blob = self.server.request("GET", f"/v2/app/web/blobs/{harness.digest_of(content)}")
            self.assertEqual((blob.status, blob.body == content), (200, True))

    def test_slow_and_silent_ones(self):
        self.machine(LIMITS + PUSH)
        self.serve_honest_ones(5)
        before = self.server.memory()
        location = self.server.request("POST", "/v2/app/web/blobs/uploads/").fields["Location"]
        kinds = [
            (b"", b""),
            (b"GET /v2/ HT", b""),
            (b"GET /v2/ HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n"),
            (head("PATCH", location, "Content-Length: 1000000") + b"x", b"x"),
            (head("PATCH", location, "Transfer-Encoding: chunked") + b"1\r\nx\r\n", b"1\r\nx\r\n"),
            (head("PUT", "/v2/app/web/manifests/a", "Content-Length: 4000000") + bytes(100_000), b"{"),
            (head("POST", "/hooks/01JDCZ0M4Y7W3Q6S8N2V5X9K1B", "Content-Length: 20000000") + bytes(500_000), b"{"),
            (head("GET", "/nothing", "Content-Length: 60000"), b"x"),
        ]
        attackers = [Attacker(self.server, *kinds[number % len(kinds)]) for number in range(400)]
        self.serve_honest_ones(40)
        for attacker in attackers:
            attacker.status()
        self.assertLess(self.server.memory() - before, 100 * MiB)
        self.serve_honest_ones(5)
        metrics = self.server.request("GET", "/metrics", token="").body.decode()
        for reason in ("crowded", "body"):
            line = next(line for line in metrics.splitlines() if line.startswith(f'slipway_http_connections_cut_total{{reason="{reason}"'))
            self.assertGreater(float(line.split()[-1]), 0, line)

    def test_what_is_malformed_is_refused_and_closed(self):
        self.machine(PUSH)
        self.serve_honest_ones(2)
        before = self.server.memory()
        smuggled = head("DELETE", "/v2/app/web/manifests/a")
        cases = [
            (431, head("GET", "/v2/", *(f"X-{number}: {number}" for number in range(5000)))),
            (431, head("GET", "/v2/", "X: " + "y" * 1_000_000)),
            (431, head("GET", "/v2/" + "a" * 100_000)),
            (400, head("POST", "/v2/a/blobs/uploads/", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + smuggled),
            (400, head("POST", "/v2/a/blobs/uploads/", "Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n" + smuggled),
            (400, head("POST", "/v2/a/blobs/uploads/", "Content-Length: 5", "Content-Length: 6") + b"12345" + smuggled),
            (400, head("POST", "/v2/a/blobs/uploads/", "Content-Length: +5") + b"12345"),
            (400, head("POST", "/v2/a/blobs/uploads/", "Content-Length: 99999999999999999999999") + b"12345"),
            (501, head("POST", "/v2/a/blobs/uploads/", "Transfer-Encoding: xchunked") + b"0\r\n\r\n" + smuggled),
            (400, head("GET", "/v2/", "X : y")),
            (400, b"GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
            (400, b"GET /v2/ HTTP/1.1\r\nX: a\r\n b\r\nHost: a\r\n\r\n"),
            (505, b"GET /v2/ HTTP/3.0\r\nHost: a\r\n\r\n"),
            (400, bytes(range(256)) * 100),
            (413, head("PUT", "/v2/app/web/manifests/a", "Content-Length: 4194305", "Connection: close")),
        ]
        for expected, bytes_sent in cases:
            with self.subTest(sent=bytes_sent[:120]):
                attacker = Attacker(self.server, bytes_sent)
                self.assertEqual(attacker.status(), expected, attacker.answer[:300])
                self.assertEqual(len(re.findall(rb"(?m)^HTTP/1\.1 \d", attacker.answer)), 1, "what was smuggled was answered")
        self.assertLess(self.server.memory() - before, 50 * MiB)
        self.serve_honest_ones(2)

    def test_garbage(self):
        self.machine(PUSH)
        before = self.server.memory()
        seed = random.SystemRandom().randrange(1_000_000)
        garbage = random.Random(seed)
        for number in range(300):
            start = garbage.choice([b"", b"GET ", b"GET / HTTP/1.1\r\n", head("PUT", "/v2/app/web/manifests/a", "Transfer-Encoding: chunked")])
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=harness.HANG_GUARD) as connection:
                with self.subTest(seed=seed, number=number), contextlib.suppress(ConnectionError):
                    connection.sendall(start + garbage.randbytes(garbage.randrange(1, 40_000)))
                    connection.shutdown(socket.SHUT_WR)
                    answer = b""
                    while piece := connection.recv(4096):
                        answer += piece
                    for status in re.findall(rb"(?m)^HTTP/1\.1 (\d+)", answer):
                        self.assertIn(int(status), (400, 404, 405, 413, 417, 431, 501, 505), answer)
        self.assertLess(self.server.memory() - before, 50 * MiB)
        self.serve_honest_ones(2)

    def test_bodies_that_lie(self):
        self.machine(PUSH)
        content = b"hello"
        digest = harness.digest_of(content)
        path = f"/v2/app/web/blobs/uploads/?digest={digest}"
        for fields, body in ((["Content-Length: 6"], content), (["Transfer-Encoding: chunked"], b"6\r\nhello"),
                             (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n")):
            with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
                connection.sendall(head("POST", path, *fields) + body)
                connection.shutdown(socket.SHUT_WR)
                self.assertEqual(connection.recv(4096), b"", "cut off: nothing is taken")
            self.assertEqual(self.server.request("HEAD", f"/v2/app/web/blobs/{digest}").status, 404)
        attacker = Attacker(self.server, head("POST", path, "Content-Length: 4") + content + b" /v2/ HTTP/1.1\r\n\r\n")
        self.assertEqual(attacker.status(), 400, "four bytes are another digest, and then comes what is no request")
        for size in (b"ffffffffffffffff", b"-5", b"0x5", b"5 5", b""):
            attacker = Attacker(self.server, head("POST", path, "Transfer-Encoding: chunked") + size + b"\r\nhello\r\n0\r\n\r\n")
            self.assertEqual(attacker.status(), 400, attacker.answer)
            self.assertIn(b'"errors"', attacker.answer)
        self.assertEqual(self.server.request("HEAD", f"/v2/app/web/blobs/{digest}").status, 404)

    def test_paths_that_climb(self):
        self.machine(PUSH)
        self.serve_honest_ones(1)
        before = sorted(path for path in self.folder.rglob("*") if "metadata" not in path.parts)
        dots = ["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..%2f..", "..%5c..", "%c0%ae%c0%ae", "%uff0e%uff0e", "..;", ".%00."]
        for dot in dots:
            for path in (f"/v2/{dot}/{dot}/admin.token", f"/v2/{dot}/blobs/{dot}", f"/v2/a/{dot}/b/tags/list", f"/{dot}/{dot}/admin.token",
                         f"/v2/app/web/manifests/{dot}", f"/v2/app/web/blobs/sha256:{dot}", f"/v2/app/web/blobs/uploads/{dot}",
                         f"/v2/app/web/blobs/{dot}/LOCK", f"/api/v1/repositories/{dot}/tags", f"/hooks/{dot}"):
                for method in ("GET", "PUT", "DELETE", "POST"):
                    answer = self.server.request(method, path, b"x" if method in ("PUT", "POST") else None)
                    self.assertIn(answer.status, (400, 401, 404, 405), f"{method} {path}: {answer.body}")
                    self.assertNotIn(self.server.token.encode(), answer.body)
        self.assertEqual(sorted(path for path in self.folder.rglob("*") if "metadata" not in path.parts), before)

    def test_manifests_of_depth_and_of_size(self):
        self.machine(PUSH)
        self.serve_honest_ones(1)
        before = self.server.memory()
        size = 4 * 1024 * 1024
        manifest = '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}'
        descriptor = '{"mediaType":"a/b","size":1,"digest":"sha256:%064d"}'
        bodies = {
            "arrays": "[" * size,
            "objects": '{"a":' * (size // 5),
            "annotations": manifest[:-1] % "" + ',"annotations":' + '{"a":' * 100_000 + "1" + "}" * 100_001,
            "keys": "{" + ",".join(f'"{number}":1' for number in range(300_000)) + "}",
            "the same key": "{" + ",".join('"schemaVersion":2' for _ in range(100_000)) + "}",
            "numbers": "[" + ",".join("1" for _ in range(size // 2 - 2)) + "]",
            "a number": "1" * size,
            "a text": '"' + "\\u0000" * ((size - 2) // 6) + '"',
            "descriptors": manifest % ",".join(descriptor % number for number in range(size // 110)),
            "no end": manifest[:-2] % "",
        }
        for name, body in bodies.items():
            with self.subTest(body=name):
                answer = self.server.request("PUT", "/v2/app/web/manifests/deep", body.encode(),
                                             {"Content-Type": "application/vnd.oci.image.index.v1+json"})
                self.assertIn(answer.status, (400, 413), answer.body[:300])
                error = json.loads(answer.body)["errors"][0]
                self.assertIn(error["code"], ("MANIFEST_INVALID", "SIZE_INVALID"))
                self.assertLess(len(error["message"]), 1000)
        self.assertLess(self.server.memory() - before, 400 * MiB)
        self.serve_honest_ones(2)

    def test_ten_thousand_idle_connections(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        count = min(10_000, most // 2 - 200)
        self.machine(PUSH)
        self.serve_honest_ones(2)
        before = self.server.memory()
        idle = []
        self.addCleanup(lambda: [connection.close() for connection in idle])
        for number in range(count):
            connection = socket.create_connection(("127.0.0.1", self.server.port))
            idle.append(connection)
            if number % 2 == 0:  # half of them have asked for something before
                connection.sendall(head("GET", "/v2/"))
                self.assertIn(b" 200 ", connection.recv(4096))
        self.serve_honest_ones(20)
        each = (self.server.memory() - before) / count
        print(f"{count} idle connections: {each:.0f} bytes each", flush=True)
        self.assertLess(each, 8 * 1024 * FACTOR)


if __name__ == "__main__":
    unittest.main()
