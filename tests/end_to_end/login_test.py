"""Clients log in as they do everywhere: by the token flow, with real skopeo and buildah, and by hand; and the key of secrets."""

import base64
import re
import subprocess
import unittest

from harness import HANG_GUARD, SLIPWAY, Folder, Server, run


def basic(token):
    return {"Authorization": "Basic " + base64.b64encode(f"anyone:{token}".encode()).decode()}


class LoginTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(Folder())
        self.server = Server(self.folder / "server")

    def make_token(self, *grants):
        answer = self.server.request("POST", "/api/v1/admin/tokens", {
            "name": "client", "grants": [{"repositories": name, "actions": actions} for name, actions in grants]})
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json()

    def exchanges(self):
        """How many bearer tokens were given so far."""
        text = self.server.request("GET", "/metrics", token="").body.decode()
        return sum(float(line.split()[-1]) for line in text.splitlines()
                   if re.match(r'slipway_\w*requests_total\{.*route="token"', line) and 'code="200"' in line)

    def flow(self, path, token):
        """What a client does that knows only the specification: asks, follows the challenge, asks again."""
        asked = self.server.request("GET", path, token="")
        self.assertEqual(asked.status, 401)
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', asked.fields["WWW-Authenticate"]))
        self.assertTrue(asked.fields["WWW-Authenticate"].startswith("Bearer "))
        self.assertEqual(challenge["realm"], f"http://{self.server.address}/v2/token")
        exchange = f"/v2/token?service={challenge['service']}&scope={challenge.get('scope', '')}"
        given = self.server.request("GET", exchange, token="", fields=basic(token))
        self.assertEqual(given.status, 200, given.body)
        return self.server.request("GET", path, token=given.json()["token"])

    def buildah(self, *words, check=True):
        storage = self.folder / "storage"
        return run("buildah", "--root", storage / "root", "--runroot", storage / "run", "--storage-driver", "vfs", *words,
                   check=check)

    def test_real_clients_push_and_pull(self):
        with self.server as server:
            secret = self.make_token(("app/**", ["pull", "push"]))["secret"]
            reader = self.make_token(("app/**", ["pull"]))["secret"]
            (self.folder / "file").write_text("content\n")
            auth = self.folder / "auth.json"
            self.buildah("login", "--tls-verify=false", "--authfile", auth, "--username", "me", "--password", secret,
                         server.address)
            container = self.buildah("from", "scratch")
            self.buildah("copy", container, self.folder / "file", "/file")
            self.buildah("commit", container, "image")
            self.buildah("push", "--tls-verify=false", "--authfile", auth, "image", f"docker://{server.address}/app/web:v1")
            self.assertGreater(self.exchanges(), 0, "buildah logs in by the token flow")
            self.buildah("pull", "--tls-verify=false", "--creds", f"me:{reader}", f"docker://{server.address}/app/web:v1")

            source = f"docker://{server.address}/app/web:v1"
            run("skopeo", "copy", "--src-tls-verify=false", "--src-creds", f"me:{reader}", source, f"oci:{self.folder}/copy:v1")
            run("skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--src-creds", f"me:{secret}",
                "--dest-creds", f"me:{secret}", source, f"docker://{server.address}/app/copy:v1")
            for words in (["inspect", "--tls-verify=false", source],
                          ["inspect", "--tls-verify=false", "--creds", "me:slp_wrong", source],
                          ["copy", "--dest-tls-verify=false", "--dest-creds", f"me:{reader}", f"oci:{self.folder}/copy:v1",
                           f"docker://{server.address}/app/web:v2"]):
                done = subprocess.run(["skopeo", *words], capture_output=True, text=True, timeout=HANG_GUARD)
                self.assertNotEqual(done.returncode, 0, words)

    def test_everyone_pulls_where_everyone_may(self):
        with (self.folder / "server" / "config.yaml").open("a") as config:
            config.write("anonymous: pull\n")
        with self.server as server:
            server.push_blob("app/web", b"{}")
            secret = self.make_token(("app/**", ["pull", "push"]))["secret"]
            (self.folder / "file").write_text("content\n")
            container = self.buildah("from", "scratch")
            self.buildah("copy", container, self.folder / "file", "/file")
            self.buildah("commit", container, "image")
            self.buildah("push", "--tls-verify=false", "--creds", f"me:{secret}", "image",
                         f"docker://{server.address}/app/web:v1")
            before = self.exchanges()
            run("skopeo", "copy", "--src-tls-verify=false", f"docker://{server.address}/app/web:v1",
                f"oci:{self.folder}/copy:v1")
            self.assertGreater(self.exchanges(), before, "everyone gets a token")

    def test_the_flow_by_hand(self):
        with self.server as server:
            server.push_blob("app/web", b"{}")
            made = self.make_token(("app/**", ["pull"]))
            self.assertEqual(self.flow("/v2/", made["secret"]).status, 200)
            self.assertEqual(self.flow("/v2/app/web/tags/list", made["secret"]).json(), {"name": "app/web", "tags": []})
            self.assertEqual(self.flow("/v2/other/tags/list", made["secret"]).status, 403)
            self.assertEqual(self.flow("/v2/_catalog", made["secret"]).json(), {"repositories": ["app/web"]})

            given = server.request("GET", "/v2/token?scope=repository:app/web:pull", token="", fields=basic(made["secret"]))
            bearer = given.json()["token"]
            self.assertEqual(server.request("GET", "/v2/app/web/tags/list", token=bearer).status, 200)
            server.stop()
            server.start()  # the bearer token's key is kept
            self.assertEqual(server.request("GET", "/v2/app/web/tags/list", token=bearer).status, 200)
            self.assertEqual(server.request("DELETE", f"/api/v1/admin/tokens/{made['id']}").status, 204)
            refused = server.request("GET", "/v2/app/web/tags/list", token=bearer)
            self.assertEqual(refused.status, 401)
            self.assertIn('error="invalid_token"', refused.fields["WWW-Authenticate"])

    def data_files(self):
        """Every file that has data in it, by its path; the locks have none."""
        return {path: path.read_bytes() for path in sorted(self.server.data.rglob("*"))
                if path.is_file() and path.name not in ("LOCK", "lock.mdb")}

    def test_the_key_of_secrets(self):
        with self.server as server:
            created = server.request("POST", "/api/v1/repositories/app/web/triggers",
                                     {"provider": "gitlab", "git": {"url": "file:///nowhere"}}).json()
            server.stop()
            key = server.data / "secret.key"
            self.assertEqual((key.stat().st_mode & 0o777, key.stat().st_size), (0o600, 32))
            kept_files = self.data_files()
            for path, content in kept_files.items():
                self.assertNotIn(created["secret"].encode(), content, path)
            self.assertTrue(any(created["id"].encode() in content for content in kept_files.values()), "it looks where it is")

            kept = key.read_bytes()
            for wrong in (None, b"x" * 32, b"short"):
                key.unlink()
                if wrong is not None:
                    key.write_bytes(wrong)
                refused = subprocess.run([SLIPWAY, "serve", "--config", server.folder / "config.yaml"], capture_output=True,
                                         text=True, timeout=HANG_GUARD)
                self.assertEqual((refused.returncode, refused.stdout), (1, ""), refused.stderr)
                self.assertIn(str(key), refused.stderr)
                self.assertEqual({**self.data_files(), key: b""}, {**kept_files, key: b""}, "no byte of the data has changed")
                if wrong is None:
                    self.assertFalse(key.exists())
                    key.touch()

            key.write_bytes(kept)
            server.start()
            hook = server.request("POST", f"/hooks/{created['id']}", b"{}", token="",
                                  fields={"X-Gitlab-Token": created["secret"], "X-Gitlab-Event": "Push Hook"})
            self.assertNotEqual(hook.status, 401, "the secret is the one that was shown")


if __name__ == "__main__":
    unittest.main()
