"""Faults of the machine below a running server: a full disk, writes and flushes that fail, limits of files and of their sizes.

Each time: the client gets an error that says whose fault it is, what was acknowledged can be read meanwhile, and as soon as the fault
has gone everything works again, in the same process.
"""

import errno
import json
import os
import pathlib
import random
import shutil
import socket
import tempfile
import unittest

import harness
import machine

MiB = 1024 * 1024
FULL = "the server's storage is full"
FAILED = "the server's storage failed"


class FaultsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.random = random.Random(4)
        self.kept = {}

    def machine(self, **how):
        self.server = self.enterContext(machine.Machine(self.folder / "server", **how))
        self.faults = self.server.faults
        self.process = self.server.process.pid
        self.push(1000)
        self.push(MiB)
        return self.server

    # ---- what clients do ----

    def push(self, size):
        """Pushes a blob of random bytes, which must be acknowledged."""
        content = self.random.randbytes(size)
        answer = self.server.push_blob("app/web", content)
        self.assertEqual(answer.status, 201, answer.body)
        self.kept[harness.digest_of(content)] = content

    def push_until_a_flush_fails(self, refusing):
        """Fills half of the journal. The checkpoint is flushed while others write: who comes after its failure is the first to
        notice, and is refused when the disk goes on refusing."""
        while refusing or self.faults.hits("flush") == 0:
            content = self.random.randbytes(20_000)
            answer = self.server.push_blob("app/web", content)
            if refusing and answer.status != 201:
                self.assert_error(answer, 500, FAILED)
                self.assertGreater(self.faults.hits("flush"), 0)
                return
            self.assertEqual(answer.status, 201, answer.body)
            self.kept[harness.digest_of(content)] = content

    def refused(self, size, status, text):
        """Pushes a blob, which must be refused so, in the specification's form; answers the bytes."""
        content = self.random.randbytes(size)
        self.assert_error(self.server.push_blob("app/web", content), status, text)
        self.assertEqual(self.server.request("HEAD", f"/v2/app/web/blobs/{harness.digest_of(content)}").status, 404)
        return content

    def assert_error(self, answer, status, text):
        self.assertEqual(answer.status, status, answer.body)
        error = json.loads(answer.body)["errors"][0]
        self.assertIn(text, error["message"])
        self.assertTrue(error["code"])
        self.assertNotIn(str(self.folder), error["message"], "paths of the server are for its log")

    def put_tag(self, tag):
        index = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
        return self.server.request("PUT", f"/v2/app/web/manifests/{tag}", index,
                                   {"Content-Type": "application/vnd.oci.image.index.v1+json"})

    def check_kept(self):
        for digest, content in self.kept.items():
            blob = self.server.request("GET", f"/v2/app/web/blobs/{digest}")
            self.assertEqual((blob.status, blob.body == content), (200, True), digest)

    def check_whole(self):
        """The fault has gone: all works, in the process that it was."""
        self.push(1000)
        self.push(MiB)
        self.assertEqual(self.put_tag("after").status, 201)
        self.check_kept()
        self.assertEqual(self.server.process.pid, self.process)
        self.assertEqual(self.server.request("GET", "/readyz", token="").status, 200)
        self.server.kill()
        self.server.start()
        self.check_kept()

    # ---- a full disk ----

    def test_a_disk_that_is_full(self):
        self.machine(disk="24m", faults=False)
        with open(self.server.inside / "ballast", "wb") as ballast:
            with self.assertRaises(OSError) as full:
                while True:
                    ballast.write(bytes(64 * 1024))
                    ballast.flush()
            self.assertEqual(full.exception.errno, errno.ENOSPC)
        for _ in range(3):
            self.refused(MiB, 507, FULL)
            self.check_kept()
        refused = 0
        for number in range(400):  # small ones go into pages that are there, until none are left
            refused += self.put_tag(f"full-{number}").status == 507
        self.check_kept()
        os.remove(self.server.inside / "ballast")
        for number in range(3):
            self.assertEqual(self.put_tag(f"again-{number}").status, 201)
        self.push(1000)
        self.push(MiB)
        self.check_kept()
        self.assertEqual(self.server.process.pid, self.process)

    def test_no_room_for_a_large_blob(self):
        self.machine()
        self.faults.fail("write", "/staging/", errno.ENOSPC)
        for _ in range(3):
            self.refused(MiB, 507, FULL)
        self.push(1000)  # small ones have room
        self.check_kept()
        self.faults.heal()
        self.check_whole()

    def test_no_room_for_metadata(self):
        self.machine()
        for file in ("data.mdb", "journal"):
            for code in (errno.ENOSPC, errno.EDQUOT):
                self.faults.fail("write", file, code)
                self.refused(1000, 507, FULL)
                self.refused(MiB, 507, FULL)
                self.assert_error(self.put_tag("none"), 507, FULL)
                self.check_kept()
                self.faults.heal()
                self.push(1000)
        self.check_whole()

    def test_an_upload_goes_on_when_there_is_room_again(self):
        self.machine()
        content = self.random.randbytes(MiB)
        location = self.server.request("POST", "/v2/app/web/blobs/uploads/").fields["Location"]
        self.assertEqual(self.server.request("PATCH", location, content[:400_000]).status, 202)
        self.faults.fail("write", "/staging/", errno.ENOSPC)
        self.assert_error(self.server.request("PATCH", location, content[400_000:]), 507, FULL)
        self.faults.heal()
        status = self.server.request("GET", location)
        self.assertEqual(status.status, 204)
        arrived = int(status.fields["Range"].split("-")[1]) + 1
        self.assertGreaterEqual(arrived, 400_000)
        answer = self.server.request("PUT", f"{location}?digest={harness.digest_of(content)}", content[arrived:])
        self.assertEqual(answer.status, 201, answer.body)
        self.kept[harness.digest_of(content)] = content
        self.check_whole()

    # ---- a failing disk ----

    def test_a_write_that_fails(self):
        self.machine()
        for path in ("/staging/", "data.mdb", "journal"):
            self.faults.fail("write", path)
            self.refused(MiB, 500, FAILED)
            self.check_kept()
            self.faults.heal()
            self.push(MiB)
        self.check_whole()

    def test_a_flush_that_fails(self):
        self.machine()
        for path in ("/staging/", "/blobs/", "journal"):
            self.faults.fail("flush", path, times=1)
            self.refused(MiB, 500, FAILED)
            self.assertEqual(self.faults.hits("flush"), 1, path)
            self.check_kept()
            self.push(MiB)
        self.check_whole()

    def test_a_checkpoint_that_cannot_be_flushed(self):
        """The one that is made when half of the journal is taken: whoever made it due was answered before."""
        self.machine()
        for times in (1, -1):
            self.faults.fail("flush", "data.mdb", times=times)
            self.push_until_a_flush_fails(refusing=times == -1)
            if times == -1:
                for _ in range(3):
                    self.refused(1000, 500, FAILED)
                    self.assert_error(self.put_tag("none"), 500, FAILED)
            self.check_kept()
            self.faults.heal()
            self.push(1000)
            self.check_kept()
        self.check_whole()

    def test_a_journal_that_refuses_a_checkpoint(self):
        self.machine()
        self.faults.fail("flush", "data.mdb", times=1)
        self.push_until_a_flush_fails(refusing=False)
        self.faults.fail("write", "journal")
        for _ in range(3):
            self.refused(1000, 500, FAILED)
            self.check_kept()
        self.faults.heal()
        self.check_whole()

    def test_a_renaming_that_fails(self):
        self.machine()
        self.faults.fail("rename", "/blobs/")
        self.refused(MiB, 500, FAILED)
        self.check_kept()
        self.faults.heal()
        self.check_whole()

    def test_a_meta_page_that_cannot_be_written(self):
        """LMDB gives up for good: the server opens it anew."""
        self.machine()
        for _ in range(3):
            self.faults.fail("meta", "data.mdb", times=1)
            self.refused(1000, 500, FAILED)
            self.assertEqual(self.faults.hits("meta"), 1)
            self.check_kept()
            self.push(1000)
        self.faults.fail("meta", "data.mdb")  # and what was there cannot be put back
        for _ in range(3):
            content = self.random.randbytes(1000)
            self.assertEqual(self.server.push_blob("app/web", content).status, 500)
        self.check_kept()
        self.faults.heal()
        self.check_whole()

    # ---- limits of the system ----

    def test_a_file_size_limit(self):
        self.machine(limits={"fsize": f"{8 * MiB}:"}, faults=False)
        for _ in range(3):
            self.refused(9 * MiB, 507, FULL)
        self.push(7 * MiB)
        self.check_kept()
        self.server.raise_limit("fsize", f"{64 * MiB}:")
        self.push(9 * MiB)
        self.check_whole()

    def test_a_file_size_limit_that_the_metadata_reach(self):
        self.machine(limits={"fsize": f"{2 * MiB}:"}, faults=False)
        refused = False
        for _ in range(400):
            content = self.random.randbytes(20_000)
            answer = self.server.push_blob("app/web", content)
            if answer.status == 201:
                self.kept[harness.digest_of(content)] = content
                continue
            self.assert_error(answer, 507, FULL)
            refused = True
            break
        self.assertTrue(refused)
        self.check_kept()
        self.server.raise_limit("fsize", f"{64 * MiB}:")
        self.check_whole()

    def test_too_many_open_files(self):
        self.machine()
        large = next(digest for digest, content in self.kept.items() if len(content) == MiB)
        for code in (errno.EMFILE, errno.ENFILE):
            self.faults.fail("open", "/blobs/", code)
            answer = self.server.request("GET", f"/v2/app/web/blobs/{large}")
            self.assert_error(answer, 503, "as many files open as it may")
            self.assertEqual(answer.fields["Retry-After"], "1")
            self.faults.fail("open", "/staging/", code)
            self.refused(MiB, 503, "as many files open as it may")
            self.faults.heal()
            self.check_kept()
        self.check_whole()

    def test_no_descriptor_for_a_connection(self):
        self.machine()
        with socket.create_connection(("127.0.0.1", self.server.port)) as there:
            self.ask(there)
            self.faults.fail("accept", "", errno.EMFILE)
            with socket.create_connection(("127.0.0.1", self.server.port)) as waiting:
                waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                while self.faults.hits("accept") == 0:
                    self.ask_if_open(there)
                for _ in range(1000):
                    self.ask_if_open(there)
                self.assertLess(self.faults.hits("accept"), 200, "it spins")
                self.faults.heal()
                self.assertIn(b" 200 ", waiting.recv(4096))
        self.check_whole()

    def ask_if_open(self, connection):
        """One that waits may be ended for the sake of its descriptor."""
        try:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            connection.recv(4096)
        except OSError:
            pass

    def ask(self, connection):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(b" 200 ", connection.recv(4096))

    def test_few_descriptors_and_many_connections(self):
        self.machine(limits={"nofile": "128:128"}, faults=False)
        idle = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(300)]
        try:
            self.push(1000)
            self.push(MiB)
            self.check_kept()
        finally:
            for connection in idle:
                connection.close()
        self.check_kept()
        self.assertEqual(self.server.process.pid, self.process)


if __name__ == "__main__":
    unittest.main()
