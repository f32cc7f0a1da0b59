"""A base image from another registry that wants a password: the tenant has it, another tenant has not, and no log shows it."""

import shutil
import unittest

import harness
import tls_test


class RegistryLoginTest(unittest.TestCase):
    def test_a_tenants_login_and_nobody_elses(self):
        folder = self.enterContext(harness.Folder())
        other = tls_test.TlsServer(folder / "other")
        server = tls_test.TlsServer(folder / "server")
        # One authority for both, so that workers trust the other one too.
        for file in ("server.pem", "server-key.pem"):
            shutil.copy(other.folder / file, server.folder / file)
        config = server.folder / "config.yaml"
        config.write_text(config.read_text().replace(
            "git_protocols: [file]\n",
            "git_protocols: [file]\n  tenants:\n    app:\n      registries:\n"
            f"        - {{host: '{other.address}', username: ada, password_file: {folder}/password}}\n"))
        self.enterContext(other)
        self.enterContext(server)
        (folder / "password").write_text(other.token + "\n")

        code = harness.Repository(folder / "code")
        commit = code.commit({"busybox": harness.busybox(), "Dockerfile": "FROM scratch\nCOPY busybox /busybox\n"})
        build, log = other.finished(other.submit("base/image", source={"git": {"url": code.url, "commit": commit}})["id"])
        self.assertEqual(build["state"], "succeeded", log)

        commit = code.commit({"Dockerfile": f'FROM {other.address}/base/image:latest\nRUN ["/busybox", "echo", "it runs"]\n'})
        source = {"git": {"url": code.url, "commit": commit}}
        build, log = server.finished(server.submit("app/web", source=source)["id"])
        self.assertEqual(build["state"], "succeeded", log)
        self.assertIn("it runs", log)
        self.assertNotIn(other.token, log + harness.json.dumps(build) + server.log())

        build, log = server.finished(server.submit("strangers/web", source=source)["id"])
        self.assertEqual(build["failure"]["reason"], "base_image_denied", log)


if __name__ == "__main__":
    unittest.main()
