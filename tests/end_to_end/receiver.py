"""A web server on loopback that keeps what it was sent, answers as a test says, and serves git repositories where it is told to."""

import http.server
import subprocess
import sys
import threading

import harness


class Request:
    """What came: `fields` has lower-case names."""

    def __init__(self, method, path, fields, body):
        self.method, self.path, self.body = method, path, body
        self.fields = {name.lower(): value for name, value in fields.items()}

    def json(self):
        return harness.json.loads(self.body)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if ".git/" in self.path:
            return self.serve_git(body)
        return self.reply(*self.server.owner.take(Request(self.command, self.path, self.headers, body)))

    do_POST = do_GET

    def reply(self, status, fields=(), content=b""):
        self.send_response(status)
        for name, value in dict(fields).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def serve_git(self, body):
        """By git's own CGI program."""
        path, _, query = self.path.partition("?")
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, check=True, env={
            "PATH": "/usr/bin:/bin", "GIT_PROJECT_ROOT": str(self.server.owner.repositories), "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"})
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.reply(int(fields.pop("Status", "200").split()[0]), fields, content)

    def log_message(self, *_):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Tests kill servers: that a client has gone is nothing to tell."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Receiver:
    """`answer(request)` says what is answered: a status, or status, fields and content."""

    def __init__(self, answer=lambda request: 204, repositories=None, host="127.0.0.1", port=0):
        self.answer, self.repositories = answer, repositories
        self.requests = []
        self.came = threading.Condition()
        self.server = QuietServer((host, port), Handler)
        self.server.owner = self
        self.port = self.server.server_address[1]
        self.url = f"http://{host}:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def take(self, request):
        answer = self.answer(request)
        with self.came:
            self.requests.append(request)
            self.came.notify_all()
        return answer if isinstance(answer, tuple) else (answer,)

    def wait_for(self, enough):
        """The requests, once `enough(requests)`."""
        with self.came:
            if not self.came.wait_for(lambda: enough(self.requests), harness.HANG_GUARD):
                raise AssertionError(f"only these came: {[(r.method, r.path, r.body) for r in self.requests]}")
            return list(self.requests)
