"""What the package promises: values survive, errors have classes, a folder belongs to one process."""

import array
import hashlib
import pathlib
import tempfile
import threading
import unittest

import slipway


class StoreTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.store = self.enterContext(slipway.open(self.folder / "data"))
        self.repository = self.store.repository("app/web")

    def test_blobs_of_any_buffer(self):
        large = bytes(range(256)) * 4096
        for data in (b"", b"small", large, bytearray(large), memoryview(large)[7:], array.array("I", [1, 2, 3])):
            digest = self.repository.push_blob(data)
            expected = bytes(memoryview(data).cast("B"))
            self.assertEqual(digest, "sha256:" + hashlib.sha256(expected).hexdigest())
            self.assertEqual(self.repository.blob(digest), expected)

    def test_a_buffer_with_gaps_is_refused(self):
        with self.assertRaises(ValueError):
            self.repository.push_blob(memoryview(b"abcdef")[::2])

    def test_errors_have_classes_and_messages(self):
        missing = "sha256:" + "0" * 64
        with self.assertRaisesRegex(slipway.NotFound, missing):
            self.repository.blob(missing)
        self.assertTrue(issubclass(slipway.NotFound, LookupError))
        with self.assertRaisesRegex(slipway.InvalidArgument, "App"):
            self.store.repository("App").push_blob(b"x")
        with self.assertRaisesRegex(slipway.InvalidArgument, "schemaVersion"):
            self.repository.push_manifest("latest", b"{}")
        with self.assertRaises(slipway.NotFound):
            list(self.store.repository("nobody/here").tags())
        with self.assertRaises(slipway.NotFound):
            self.store.build("01ARYZ6S41TSV4RRFFQ69G5FAV")
        for submission in ({}, {"context": ".", "git": "https://example.com/x.git"}):
            with self.assertRaisesRegex(slipway.InvalidArgument, "one of context and git"):
                self.store.submit("app/web", **submission)

    def test_tags_come_in_pages_and_in_order(self):
        config = self.repository.push_blob(b"{}")
        manifest = (
            '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"%s","size":2},'
            '"layers":[]}' % (slipway.OCI_MANIFEST, config)).encode()
        names = [f"v{number}" for number in range(1100)]
        for name in names:
            self.repository.push_manifest(name, manifest)
        self.assertEqual(list(self.repository.tags()), sorted(names))
        found = self.repository.manifest("v7")
        self.assertEqual((found.data, found.digest), (manifest, "sha256:" + hashlib.sha256(manifest).hexdigest()))
        self.assertEqual(found.json["config"]["digest"], config)

    def test_a_folder_belongs_to_one_store(self):
        with self.assertRaises(slipway.Conflict):
            slipway.open(self.folder / "data")
        self.store.close()
        self.store.close()
        with self.assertRaisesRegex(slipway.InvalidArgument, "closed"):
            self.repository.push_blob(b"x")
        with slipway.open(self.folder / "data") as again:
            self.assertRaises(slipway.NotFound, again.repository("app/web").manifest, "latest")

    def test_a_build_waits_without_a_server(self):
        build = self.store.submit("app/web", git="https://example.com/x.git", args={"K": "V"}, tags=["one"])
        self.assertEqual((build.state, build.digest, build.failure), ("queued", None, None))
        self.assertEqual(build.json["args"], {"K": "V"})
        with self.assertRaisesRegex(slipway.TimedOut, build.id):
            build.wait(timeout=0)
        self.assertEqual(self.store.build(build.id).json, build.json)

    def test_threads_push_at_once(self):
        def push(number):
            for round_number in range(20):
                data = f"{number}-{round_number}".encode() * 100
                assert self.repository.blob(self.repository.push_blob(data)) == data

        threads = [threading.Thread(target=push, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    unittest.main()
