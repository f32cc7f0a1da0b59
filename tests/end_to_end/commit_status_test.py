"""Commit statuses over a real socket, to a server that checks each request as its provider documents it.

    GitHub     https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
    GitLab     https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
    Gitea      https://docs.gitea.com/api (repoCreateStatus)
    Bitbucket  https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/
"""

import hashlib
import hmac
import json
import re
import threading
import unittest

import harness
import receiver

TOKEN = "t0ken-of-the-provider"
SHA = "[0-9a-f]{40}"


class Provider:
    """One provider's API: what it answers, and what was wrong with what it got. Unknown members are wrong here too, though providers
    read over them: one that is misspelt has no effect."""

    path = None
    success = 201
    authorization = ("authorization", f"Bearer {TOKEN}")
    texts = {}  # member: the most characters
    required = ()
    state_of = {}  # of a build: the provider's word

    def __init__(self):
        self.mistakes = []
        self.states = []
        self.statuses = []  # to answer before it works

    def __call__(self, request):
        if self.statuses:
            return self.statuses.pop(0), {}, b"try again"
        mistake = self.mistake(request)
        if mistake:
            self.mistakes.append(mistake)
            return 422, {}, mistake.encode()
        self.states.append(request.json()["state"])
        return self.success, {"Content-Type": "application/json"}, b"{}"

    def mistake(self, request):
        name, value = self.authorization
        if request.method != "POST" or not re.fullmatch(self.path, request.path):
            return f"{request.method} {request.path}"
        if request.fields.get(name) != value:
            return f"{name}: {request.fields.get(name)}"
        if request.fields.get("content-type") != "application/json" or not request.fields.get("user-agent"):
            return f"fields: {request.fields}"
        body = request.json()
        if not isinstance(body, dict) or not set(self.required) <= set(body) <= set(self.texts) | {"state"}:
            return f"members: {body}"
        for member, most in self.texts.items():
            if member in body and not (isinstance(body[member], str) and 0 < len(body[member]) <= most):
                return f"{member}: {body[member]!r}"
        if body["state"] not in self.state_of.values():
            return f"state: {body['state']}"
        return self.more(request, body)

    def more(self, request, body):
        return None


class GitHub(Provider):
    path = f"/api/repos/ada/pager/statuses/{SHA}"
    texts = {"target_url": 2000, "description": 140, "context": 255}
    required = ("state",)
    state_of = {"queued": "pending", "running": "pending", "succeeded": "success", "failed": "failure", "cancelled": "error"}

    def more(self, request, body):
        if request.fields.get("accept") != "application/vnd.github+json" or request.fields.get("x-github-api-version") != "2022-11-28":
            return f"fields: {request.fields}"
        return None


class GitLab(Provider):
    path = f"/api/projects/ada%2Fpager/statuses/{SHA}"
    authorization = ("private-token", TOKEN)
    texts = {"ref": 255, "name": 255, "target_url": 255, "description": 255}
    required = ("state",)
    state_of = {"queued": "pending", "running": "running", "succeeded": "success", "failed": "failed", "cancelled": "canceled"}

    def more(self, request, body):
        return None if body.get("ref") == "main" else f"ref: {body.get('ref')}"


class Gitea(Provider):
    path = f"/api/repos/ada/pager/statuses/{SHA}"
    authorization = ("authorization", f"token {TOKEN}")
    texts = {"target_url": 2000, "description": 255, "context": 255}
    required = ("state",)
    state_of = {"queued": "pending", "running": "pending", "succeeded": "success", "failed": "failure", "cancelled": "error"}


class Bitbucket(Provider):
    path = f"/api/repositories/ada/pager/commit/{SHA}/statuses/build"
    texts = {"key": 40, "name": 255, "url": 2000, "description": 255}
    required = ("key", "state", "url")
    state_of = {"queued": "INPROGRESS", "running": "INPROGRESS", "succeeded": "SUCCESSFUL", "failed": "FAILED", "cancelled": "STOPPED"}


class CommitStatusTest(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(harness.Folder())
        self.server = harness.Server(self.folder / "server")
        config = self.server.folder / "config.yaml"
        config.write_text(config.read_text().replace("[file]", "[http]") + "outgoing: {allowed: [127.0.0.1]}\n")
        self.enterContext(self.server)
        (self.folder / "ada").mkdir()
        self.code = harness.Repository(self.folder / "ada" / "pager.git")
        self.commit = self.code.commit({"busybox": harness.busybox(), "Dockerfile": "FROM scratch\nCOPY busybox /b\n"})

    def trigger(self, taker, provider, repository="app/web"):
        answer = self.server.request("POST", f"/api/v1/repositories/{repository}/triggers", {
            "provider": provider, "git": {"url": f"{taker.url}/ada/pager.git"},
            "status": {"token": TOKEN, "api": f"{taker.url}/api"}})
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json()

    def hook(self, trigger, commit, delivery="d-1"):
        """A push, as each provider sends it; the answer's build."""
        provider, secret = trigger["provider"], trigger["secret"].encode()
        head = {"id": commit, "message": "Say hello", "timestamp": "2026-01-02T03:04:05Z", "url": "https://example.com/c",
                "author": {"name": "Ada", "email": "ada@example.com"}}
        if provider == "gitlab":
            body = {"object_kind": "push", "event_name": "push", "before": "1" * 40, "after": commit, "checkout_sha": commit,
                    "ref": "refs/heads/main", "project": {"default_branch": "main"}, "commits": [head]}
            fields = {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": trigger["secret"], "X-Gitlab-Event-UUID": delivery}
            text = json.dumps(body).encode()
        elif provider == "bitbucket":
            body = {"push": {"changes": [{"new": {"type": "branch", "name": "main", "target": {
                "type": "commit", "hash": commit, "message": "Say hello", "date": "2026-01-02T03:04:05Z",
                "author": {"raw": "Ada <ada@example.com>"}, "links": {"html": {"href": "https://example.com/c"}}}}}]},
                "repository": {"full_name": "ada/pager"}}
            text = json.dumps(body).encode()
            fields = {"X-Event-Key": "repo:push", "X-Request-UUID": delivery,
                      "X-Hub-Signature": "sha256=" + hmac.new(secret, text, hashlib.sha256).hexdigest()}
        else:
            body = {"ref": "refs/heads/main", "before": "1" * 40, "after": commit, "deleted": False, "head_commit": head,
                    "commits": [head], "repository": {"full_name": "ada/pager", "default_branch": "main"}}
            text = json.dumps(body).encode()
            code = hmac.new(secret, text, hashlib.sha256).hexdigest()
            fields = {"X-GitHub-Event": "push", "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": "sha256=" + code}
            if provider == "gitea":
                fields = {"X-Gitea-Event": "push", "X-Gitea-Delivery": delivery, "X-Gitea-Signature": code}
        path = "/" + trigger["hook_url"].split("/", 3)[3]
        answer = self.server.request("POST", path, text, {"Content-Type": "application/json", **fields}, token="")
        self.assertEqual(answer.status, 202, answer.body)
        return answer.json()["builds"][0]["id"]

    def told(self, taker, provider, state):
        """Waits for the word of a build's last state."""
        taker.wait_for(lambda _: provider.mistakes or provider.states[-1:] == [provider.state_of[state]])
        self.assertEqual(provider.mistakes, [])

    def check(self, name, provider):
        long_name = "app/" + "a-repository-with-a-long-name/" * 7 + "web"
        with receiver.Receiver(provider, self.folder) as taker:
            trigger = self.trigger(taker, name, long_name)
            build, log = self.server.finished(self.hook(trigger, self.commit))
            self.assertEqual(build["state"], "succeeded", log)
            self.told(taker, provider, "succeeded")
            failing = self.code.commit({"Dockerfile": f"FROM scratch\nCOPY {'missing-' * 30} /b\n"})
            build, log = self.server.finished(self.hook(trigger, failing, "d-2"))
            self.assertEqual(build["state"], "failed", log)
            self.told(taker, provider, "failed")
            # The provider is not well, and the build is cancelled: what it is told in the end is the last word.
            provider.statuses = [503, 500, 429]
            waits = self.server.request("POST", f"/api/v1/builds/{build['id']}/retry")
            self.assertEqual(waits.status, 202, waits.body)
            self.server.request("POST", f"/api/v1/builds/{waits.json()['id']}/cancel")
            build, _ = self.server.finished(waits.json()["id"])
            self.told(taker, provider, build["state"])
            self.assertNotIn(TOKEN, self.server.log())

    def test_github(self):
        self.check("github", GitHub())

    def test_gitlab(self):
        self.check("gitlab", GitLab())

    def test_gitea(self):
        self.check("gitea", Gitea())

    def test_bitbucket(self):
        self.check("bitbucket", Bitbucket())

    def test_a_provider_that_takes_long_holds_up_no_other(self):
        let_go = threading.Event()
        self.addCleanup(let_go.set)

        def slow(_):
            let_go.wait(harness.HANG_GUARD)
            return 201

        quick = GitHub()
        with receiver.Receiver(slow, self.folder) as stuck, receiver.Receiver(quick, self.folder) as taker:
            self.hook(self.trigger(stuck, "github"), self.commit)
            self.server.finished(self.hook(self.trigger(taker, "github"), self.commit))
            self.told(taker, quick, "succeeded")
            self.assertEqual(stuck.requests, [])
            let_go.set()
            stuck.wait_for(lambda requests: requests)


if __name__ == "__main__":
    unittest.main()
