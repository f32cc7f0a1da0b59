"""Payloads that other people collected, sent to a real server: what starts the build that it should, what is ignored and why.

    examples.py OCTOKIT GO_SCM

OCTOKIT is the unpacked npm package @octokit/webhooks-examples, GO_SCM the folder of the Go module github.com/drone/go-scm. What is
expected is worked out here, by a reader that shares nothing with the server's, and where go-scm has its own reading of a payload (its
`.golden` files), that must agree too. One line for each collection, "N passed, N failed" at the end.
"""

import hashlib
import hmac
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "end_to_end"))
import harness  # noqa: E402

ZERO = "0" * 40
SKIP_MARKERS = ("[skip build]", "[build skip]", "[skip ci]", "[ci skip]")
GO_SCM_DRIVERS = ("github", "gitlab", "bitbucket", "gitea")


# ---- what a payload should become: a list of builds, or the reason for ignoring it ----

def person(name="", email="", username="", avatar_url=""):
    """As a build has it: what is empty is left out."""
    known = {"name": name, "email": email, "username": username, "avatar_url": avatar_url}
    return {key: value for key, value in known.items() if value} or None


def build_of(ref, commit, default_branch, **info):
    """The part of a build that follows from the payload."""
    if any(marker in info.get("message", "").lower() for marker in SKIP_MARKERS):
        return None
    kind, name = re.fullmatch(r"refs/(heads|tags)/(.+)", ref).groups()
    legal = re.sub(r"[^A-Za-z0-9_.-]", "-", name)
    tags = ([legal] if kind == "heads" else []) + [commit[:7]]
    if kind == "heads" and name == default_branch:
        tags.append("latest")
    info = {"id": commit, **{key: value for key, value in info.items() if value}} if info else None
    return {"ref": ref, "commit": commit, "tags": tags, "info": info}


def deleted(ref):
    return "tag deleted" if ref.startswith("refs/tags/") else "branch deleted"


def like_github(payload):
    """GitHub's push event, which Gitea's follows; old ones of Gitea have no head_commit, but the commit in the list."""
    if payload["after"] == ZERO:
        return deleted(payload["ref"])
    head = payload.get("head_commit") or next(c for c in payload["commits"] if c["id"] == payload["after"])
    sender = payload.get("sender", {})

    def who(entry):
        username = entry.get("username", "")
        avatar = sender.get("avatar_url", "") if username and username == sender.get("login") else ""
        return person(entry.get("name", ""), entry.get("email", ""), username, avatar)

    return [build_of(payload["ref"], head["id"], payload["repository"].get("default_branch"), message=head["message"], url=head["url"],
                     timestamp=head["timestamp"], author=who(head["author"]), committer=who(head["committer"]))]


def like_gitlab(payload):
    if payload["after"] == ZERO:
        return deleted(payload["ref"])
    commit = payload["checkout_sha"]
    head = next((c for c in payload["commits"] if c["id"] == commit), None)
    info = {}
    if head:
        author = person(head["author"]["name"], head["author"]["email"])
        if author.get("email") and author["email"] == payload.get("user_email"):
            author = person(author.get("name"), author["email"], payload.get("user_username"), payload.get("user_avatar"))
        info = {"message": head["message"], "url": head["url"], "timestamp": head["timestamp"], "author": author}
    return [build_of(payload["ref"], commit, payload["project"].get("default_branch"), **info)]


def like_bitbucket(payload):
    builds = []
    for change in payload["push"]["changes"]:
        now = change["new"]
        if not now:
            old = change["old"]
            gone = deleted(("refs/tags/" if old["type"] == "tag" else "refs/heads/") + old["name"])
            continue
        target = now["target"]
        user = target["author"].get("user", {})
        name, email = re.fullmatch(r"(.*?) *<(.*)>", target["author"]["raw"]).groups()
        author = person(name, email, user.get("nickname") or user.get("username", ""), user.get("links", {}).get("avatar", {}).get("href", ""))
        builds.append(build_of(("refs/tags/" if now["type"] == "tag" else "refs/heads/") + now["name"], target["hash"],
                               payload["repository"].get("mainbranch", {}).get("name"), message=target["message"],
                               url=target["links"]["html"]["href"], timestamp=target["date"], author=author))
    return builds or gone


READERS = {"github": like_github, "gitea": like_github, "gitlab": like_gitlab, "bitbucket": like_bitbucket}
PUSHES = {"github": {"push"}, "gitea": {"push"}, "gitlab": {"Push Hook", "Tag Push Hook"}, "bitbucket": {"repo:push"}}


def expected_of(provider, event, payload):
    if event == "ping":
        return "ping"
    if event not in PUSHES[provider]:
        return f"event {event} is not a push"
    wanted = READERS[provider](payload)
    if not isinstance(wanted, list) or any(wanted):
        return [build for build in wanted if build] if isinstance(wanted, list) else wanted
    return next(f"commit message says {marker}" for marker in SKIP_MARKERS if marker in json.dumps(payload).lower())


def agrees_with_go_scm(golden, wanted):
    """go-scm's own reading, of what the payload really tells: user names, links and committers it fills in from elsewhere."""
    if not isinstance(wanted, list) or not isinstance(golden.get("Ref"), str):
        return isinstance(wanted, str)
    commit = golden["Commit"]
    info = wanted[0]["info"]
    ours = (wanted[0]["ref"], wanted[0]["commit"], info["message"], info["author"]["name"], info["author"]["email"])
    return ours == (golden["Ref"], commit["Sha"], commit["Message"], commit["Author"]["Name"], commit["Author"]["Email"])


# ---- the collections ----

def octokit(folder):
    """(name, event, body) of each example of each of GitHub's versions."""
    for index in sorted(folder.glob("*/index.json")):
        for event in json.loads(index.read_text()):
            for number, example in enumerate(event["examples"]):
                yield f"{index.parent.name} {event['name']} {number}", event["name"], json.dumps(example, ensure_ascii=False).encode(), None


def event_of_file(driver, name, payload):
    """The header that the provider sends with it: go-scm has the payload alone."""
    if driver == "gitlab":
        kinds = {"push": "Push Hook", "tag_push": "Tag Push Hook", "issue": "Issue Hook", "note": "Note Hook", "merge_request": "Merge Request Hook"}
        return kinds[payload["object_kind"]]
    if driver == "bitbucket":
        return "repo:push" if name.startswith("push") else "pullrequest:" + name.removeprefix("pr_")
    if name.startswith("push"):
        return "push"
    if name.startswith(("branch_", "tag_")):
        return "create" if name.endswith("create") else "delete"
    return re.sub(r"^pr_", "pull_request_", name).rsplit("_", 1)[0]


def go_scm(folder, driver):
    for file in sorted((folder / "scm/driver" / driver / "testdata/webhooks").glob("*.json")):
        golden = file.with_name(file.name + ".golden")
        reading = None
        if golden.exists():
            try:
                reading = json.loads(golden.read_text())
            except ValueError:
                pass  # of push_merge.json, which is an empty file
        body = file.read_bytes()
        yield file.stem, event_of_file(driver, file.stem, json.loads(body)), body, reading


# ---- sending them ----

def fields_of(provider, event, delivery, secret, body):
    code = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    json_type = {"Content-Type": "application/json"}
    if provider == "github":
        return json_type | {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": "sha256=" + code}
    if provider == "gitlab":
        return json_type | {"X-Gitlab-Event": event, "X-Gitlab-Event-UUID": delivery, "X-Gitlab-Token": secret}
    if provider == "bitbucket":
        return json_type | {"X-Event-Key": event, "X-Request-UUID": delivery, "X-Hub-Signature": "sha256=" + code}
    return json_type | {"X-Gitea-Event": event, "X-Gitea-Delivery": delivery, "X-Gitea-Signature": code}


def told(build):
    """What of a server's build follows from the payload."""
    git = build["source"]["git"]
    return {"ref": git["ref"], "commit": git["commit"], "tags": build["tags"], "info": build.get("commit")}


class Collection:
    def __init__(self, server, provider):
        self.server, self.provider = server, provider
        made = server.request("POST", f"/api/v1/repositories/hooks/{provider}/triggers",
                              {"provider": provider, "git": {"url": "https://git.example.com/hello.git"}, "git_tags": ".*"})
        assert made.status == 201, made.body
        self.trigger = made.json()
        self.passed = self.failed = self.deliveries = 0

    def post(self, event, body, delivery):
        path = "/" + self.trigger["hook_url"].split("/", 3)[3]
        return self.server.request("POST", path, body, fields_of(self.provider, event, delivery, self.trigger["secret"], body), token="")

    def count(self, name, mistake):
        if mistake:
            self.failed += 1
            print(f"  {self.provider} {name}: {mistake}")
        else:
            self.passed += 1

    def mistake_in(self, event, body, reading):
        """What is wrong with the server's answers to one example; None when nothing is."""
        self.deliveries += 1
        delivery = f"delivery-{self.deliveries}"
        wanted = expected_of(self.provider, event, json.loads(body))
        answer = self.post(event, body, delivery)
        if isinstance(wanted, str):
            if (answer.status, answer.json()) != (200, {"ignored": wanted}):
                return f"expected to be ignored with {wanted!r}, got {answer.status} {answer.body!r}"
        else:
            if answer.status != 202:
                return f"expected 202, got {answer.status} {answer.body!r}"
            got = [told(build) for build in answer.json()["builds"]]
            if got != wanted:
                return f"expected {wanted}, got {got}"
            again = self.post(event, body, delivery)
            if [b["id"] for b in again.json()["builds"]] != [b["id"] for b in answer.json()["builds"]]:
                return "the same delivery made another build"
        if reading is not None and event in PUSHES[self.provider] and not agrees_with_go_scm(reading, wanted):
            return f"go-scm reads it otherwise: {reading}"
        if event in PUSHES[self.provider]:
            cut = self.post(event, body[: len(body) // 2], delivery + "-cut")
            if cut.status != 400:
                return f"half of it: expected 400, got {cut.status} {cut.body!r}"
        return None

    def run(self, examples):
        for name, event, body, reading in examples:
            self.count(name, self.mistake_in(event, body, reading))


def main():
    folders = [pathlib.Path(word) for word in sys.argv[1:]]
    passed = failed = 0
    with harness.Folder() as folder:
        server = harness.Server(folder)
        # The builds wait: no route leads them to a backend.
        (folder / "config.yaml").write_text(f"listen: {server.address}\ndata: {server.data}\n"
                                            "builds:\n  routes:\n    - {repository: none, backends: [local]}\n")
        with server:
            collections = [("github", "@octokit/webhooks-examples", octokit(folders[0]))]
            collections += [(driver, "go-scm", go_scm(folders[1], driver)) for driver in GO_SCM_DRIVERS]
            for provider, source, examples in collections:
                collection = Collection(server, provider)
                collection.run(examples)
                print(f"{provider} ({source}): {collection.passed} passed, {collection.failed} failed")
                passed += collection.passed
                failed += collection.failed + (collection.passed == 0)
            server.stop()
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
