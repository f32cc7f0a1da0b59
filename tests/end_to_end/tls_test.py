"""A server with TLS and a certificate that signed itself: workers, buildah and skopeo trust it, and old versions are refused. One that
asks clients for certificates asks its own workers too, and they have one.
"""

import http.client
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import unittest

import harness


def make_certificate(folder, name):
    certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    harness.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", f"/CN=slipway-test-{name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout", key, "-out", certificate)
    return certificate, key


class TlsServer(harness.Server):
    scheme = "https"

    def __init__(self, folder):
        super().__init__(folder)
        self.certificate, key = make_certificate(folder, "server")
        with open(folder / "config.yaml", "a") as configuration:
            configuration.write(f"tls: {{certificate: {self.certificate}, key: {key}{self.asked(folder)}}}\n")

    def asked(self, folder):
        """Of clients, as the end of the configuration's mapping."""
        return ""

    def connect(self):
        context = ssl.create_default_context(cafile=self.certificate)
        self.introduce(context)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=harness.HANG_GUARD, context=context)

    def introduce(self, context):
        pass


class MutualTlsServer(TlsServer):
    def asked(self, folder):
        self.client = make_certificate(folder, "client")
        return f", client_ca: {self.client[0]}"

    def introduce(self, context):
        context.load_cert_chain(*self.client)


class MutualTlsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.server = self.enterContext(MutualTlsServer(self.folder / "server"))

    def test_builds_run_and_strangers_stay_out(self):
        code = harness.Repository(self.folder / "code")
        commit = code.commit({"file": "content", "Dockerfile": "FROM scratch\nCOPY file /file\n"})
        submitted = self.server.submit("app/base", source={"git": {"url": code.url, "commit": commit}})
        build, log = self.server.finished(submitted["id"])
        self.assertEqual(build["state"], "succeeded", log)

        commit = code.commit({"Dockerfile": f"FROM {self.server.address}/app/base\nCOPY file /again\n"})
        submitted = self.server.submit("app/top", source={"git": {"url": code.url, "commit": commit}})
        build, log = self.server.finished(submitted["id"])
        self.assertEqual(build["state"], "succeeded", log)

        certificate, key = self.server.client
        url = f"https://{self.server.address}"
        words = [harness.SLIPWAY, "build", "list", "--url", url, "--token", self.server.token, "--ca", self.server.certificate]
        self.assertIn("app/top", harness.run(*words, "--certificate", certificate, "--key", key))
        stranger = make_certificate(self.folder, "stranger")
        for introduced in ([], ["--certificate", stranger[0], "--key", stranger[1]]):
            done = subprocess.run([*map(str, words), *map(str, introduced)], capture_output=True, text=True, timeout=harness.HANG_GUARD)
            self.assertEqual(done.returncode, 1, done.stdout)


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="slipway-test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = cls.enterClassContext(TlsServer(cls.folder / "server"))

    def test_builds_push_to_it_and_pull_from_it(self):
        code = harness.Repository(self.folder / "code")
        commit = code.commit({"busybox": harness.busybox(),
                              "Dockerfile": 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'})
        submitted = self.server.submit("app/base", source={"git": {"url": code.url, "commit": commit}})
        build, log = self.server.finished(submitted["id"])
        self.assertEqual(build["state"], "succeeded", log)
        self.assertEqual(len(build["attempts"]), 1)

        commit = code.commit({"Dockerfile": f"FROM {self.server.address}/app/base\nRUN echo on top > /file\n"})
        submitted = self.server.submit("app/top", source={"git": {"url": code.url, "commit": commit}})
        top, log = self.server.finished(submitted["id"])
        self.assertEqual(top["state"], "succeeded", log)

        trusted = self.folder / "trusted"
        trusted.mkdir()
        shutil.copy(self.server.certificate, trusted / "ca.crt")
        harness.run("skopeo", "copy", "--quiet", "--src-cert-dir", trusted, "--src-creds", f"any:{self.server.token}",
                    f"docker://{self.server.address}/app/top:latest", f"dir:{self.folder}/pulled")
        manifest = (self.folder / "pulled" / "manifest.json").read_bytes()
        self.assertEqual(harness.digest_of(manifest), top["digest"])

    def test_versions(self):
        for version, spoken in (("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
            done = subprocess.run(["openssl", "s_client", "-connect", self.server.address, version, "-cipher", "DEFAULT@SECLEVEL=0",
                                   "-CAfile", self.server.certificate, "-verify_return_error"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.HANG_GUARD)
            self.assertEqual(done.returncode == 0, spoken, f"{version}:\n{done.stdout}\n{done.stderr}")
            if not spoken:
                self.assertIn("alert protocol version", done.stderr, "it was this client that refused")


if __name__ == "__main__":
    unittest.main()
