"""A repository behind HTTP that wants a password and redirects: what git is told, and what it is not."""

import base64
import http.server
import subprocess
import threading
import unittest

import harness

PASSWORD = "open-sesame-mumble"


class GitServer(http.server.BaseHTTPRequestHandler):
    """git's own CGI program behind a password. /renamed.git is where /code.git is now; /elsewhere.git is another host."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        if self.path.startswith("/renamed.git/"):
            return self.redirect("/code.git/" + self.path.removeprefix("/renamed.git/"))
        if self.path.startswith("/elsewhere.git/"):
            port = self.server.server_address[1]
            return self.redirect(f"http://localhost:{port}/code.git/" + self.path.removeprefix("/elsewhere.git/"))
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, check=True, env={
            "PATH": "/usr/bin:/bin", "GIT_PROJECT_ROOT": str(self.server.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"})
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    do_POST = do_GET

    def redirect(self, location):
        self.send_response(301)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class GitHttpTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(harness.Folder())
        self.server = harness.Server(self.folder / "server")
        config = self.server.folder / "config.yaml"
        config.write_text(config.read_text().replace("[file]", "[http]"))
        self.enterContext(self.server)
        self.code = harness.Repository(self.folder / "code.git")
        self.commit = self.code.commit({"busybox": harness.busybox(), "Dockerfile": "FROM scratch\nCOPY busybox /b\n"})
        self.git = http.server.ThreadingHTTPServer(("127.0.0.1", 0), GitServer)
        self.git.root, self.git.asked = self.folder, []
        threading.Thread(target=self.git.serve_forever, daemon=True).start()
        self.addCleanup(self.git.server_close)
        self.addCleanup(self.git.shutdown)

    def build(self, path, credentials=f"ada:{PASSWORD}@"):
        url = f"http://{credentials}127.0.0.1:{self.git.server_address[1]}/{path}"
        submitted = self.server.submit("app/web", source={"git": {"url": url, "commit": self.commit}})
        return self.server.finished(submitted["id"])

    def test_a_password_of_the_url_is_used_and_shown_nowhere(self):
        build, log = self.build("code.git")
        self.assertEqual(build["state"], "succeeded", log)
        self.assertNotIn(PASSWORD, log + harness.json.dumps(build) + self.server.log())
        build, log = self.build("code.git", credentials="ada:wrong-password@")
        self.assertEqual(build["failure"]["reason"], "source_denied", log)
        self.assertNotIn("wrong-password", log + harness.json.dumps(build))

    def test_a_redirect_is_followed_on_the_same_host(self):
        build, log = self.build("renamed.git")
        self.assertEqual(build["state"], "succeeded", log)

    def test_a_redirect_to_another_host_is_not_followed(self):
        build, log = self.build("elsewhere.git")
        self.assertEqual(build["state"], "failed", log)
        self.assertEqual(build["failure"]["class"], "user")
        self.assertEqual(build["failure"]["reason"], "source_redirected")
        self.assertTrue(self.git.asked and all(path.startswith("/elsewhere.git/") for path, _ in self.git.asked), self.git.asked)


if __name__ == "__main__":
    unittest.main()
