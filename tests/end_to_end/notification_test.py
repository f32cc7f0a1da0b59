"""Notifications over a real socket: what a receiver gets, verified by Python's hmac; and where they may not go."""

import base64
import hashlib
import hmac
import threading
import unittest

import harness
import receiver

DOCKERFILE = "FROM scratch\nCOPY busybox /b\n"


def verify(secret, request):
    """As docs/notifications.md tells receivers: over id, timestamp and the raw body; in constant time."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{request.fields['webhook-id']}.{request.fields['webhook-timestamp']}.".encode() + request.body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, given) for given in request.fields["webhook-signature"].split(" "))


class World(unittest.TestCase):
    """A server, and what it has sent."""

    allowed = "[127.0.0.1]"

    def setUp(self):
        self.folder = self.enterContext(harness.Folder())
        self.server = harness.Server(self.folder / "server")
        config = self.server.folder / "config.yaml"
        config.write_text(config.read_text() + f"outgoing: {{allowed: {self.allowed}}}\n")
        self.enterContext(self.server)

    def subscribe(self, url, **request):
        answer = self.server.request("POST", "/api/v1/admin/notifications", {"url": url, **request})
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json()

    def deliveries(self, notification):
        answer = self.server.request("GET", f"/api/v1/admin/notifications/{notification['id']}/deliveries")
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()["deliveries"]

    def settled(self, notification, delivery_id):
        """A delivery, once it is not pending: the receiver has its request before the server writes the result."""
        path = f"/api/v1/admin/notifications/{notification['id']}/deliveries/{delivery_id}"
        return self.eventually(lambda: self.server.request("GET", path).json(), lambda delivery: delivery["state"] != "pending")

    def eventually(self, look, enough):
        """What is seen, once it is enough. Nobody tells of results of deliveries: they are asked for until they are there."""
        for _ in range(harness.HANG_GUARD * 20):
            seen = look()
            if enough(seen):
                return seen
            threading.Event().wait(0.05)
        raise AssertionError(seen)

    def push(self, repository="app/web", tag="latest", content=b"{}"):
        config = harness.digest_of(content)
        self.assertEqual(self.server.push_blob(repository, content).status, 201)
        manifest = harness.json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": len(content)},
            "layers": []}).encode()
        answer = self.server.request("PUT", f"/v2/{repository}/manifests/{tag}", manifest,
                                     {"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
        self.assertEqual(answer.status, 201, answer.body)
        return harness.digest_of(manifest), len(manifest)


class NotificationTest(World):
    def test_tags_are_told_of(self):
        with receiver.Receiver() as taker:
            made = self.subscribe(taker.url + "/hooks?x=1", repositories="app/*", events=["tag.pushed", "tag.deleted"])
            self.push("other/web")
            first, size = self.push()
            self.push()  # the same again is no change
            second, _ = self.push(content=b"{ }")
            self.server.request("DELETE", "/v2/app/web/manifests/latest")
            requests = taker.wait_for(lambda requests: len(requests) >= 3)
            self.assertEqual(len(requests), 3)
            events = {}
            for request in requests:
                self.assertEqual((request.method, request.path), ("POST", "/hooks?x=1"))
                self.assertTrue(verify(made["secret"], request))
                self.assertEqual(request.fields["content-type"], "application/cloudevents+json; charset=utf-8")
                event = request.json()
                self.assertEqual(event["specversion"], "1.0")
                self.assertEqual(event["id"], request.fields["webhook-id"])
                self.assertEqual(event["source"], "/api/v1/repositories/app/web")
                self.assertEqual(event["subject"], "latest")
                events[event["type"], event["data"]["digest"]] = event["data"]
            self.assertEqual(events["slipway.tag.pushed", first], {
                "repository": "app/web", "tag": "latest", "digest": first,
                "media_type": "application/vnd.oci.image.manifest.v1+json", "size": size})
            self.assertEqual(events["slipway.tag.pushed", second]["previous_digest"], first)
            self.assertEqual(events["slipway.tag.deleted", second], {"repository": "app/web", "tag": "latest", "digest": second})

    def test_a_build_is_told_of_from_its_submit_to_its_tag(self):
        code = harness.Repository(self.folder / "code")
        commit = code.commit({"busybox": harness.busybox(), "Dockerfile": DOCKERFILE})
        with receiver.Receiver() as taker:
            self.subscribe(taker.url, repositories="app/web")  # of its layer cache nobody asks
            submitted = self.server.submit("app/web", source={"git": {"url": code.url, "commit": commit}})
            build, log = self.server.finished(submitted["id"])
            self.assertEqual(build["state"], "succeeded", log)
            requests = taker.wait_for(lambda requests: len(requests) >= 4)
            events = {request.json()["type"]: request.json() for request in requests}
            self.assertEqual(set(events), {"slipway.build.queued", "slipway.build.started", "slipway.build.finished",
                                           "slipway.tag.pushed"})
            for name, state in (("queued", "queued"), ("started", "running"), ("finished", "succeeded")):
                event = events["slipway.build." + name]
                self.assertEqual(event["subject"], build["id"])
                self.assertEqual(event["data"]["build"]["state"], state)
            self.assertEqual(events["slipway.build.finished"]["data"]["build"]["digest"], build["digest"])
            self.assertEqual(events["slipway.tag.pushed"]["data"]["digest"], build["digest"])

    def test_what_fails_is_sent_again_under_the_same_id(self):
        statuses = [500, 404, 302, 200]
        with receiver.Receiver(lambda request: (statuses.pop(0), {"Location": "/elsewhere"}, b"not today")) as taker:
            made = self.subscribe(taker.url)
            self.push()
            requests = taker.wait_for(lambda requests: len(requests) >= 4)
            self.assertEqual(len({request.fields["webhook-id"] for request in requests}), 1)
            self.assertEqual(len({request.body for request in requests}), 1)
            self.assertEqual({request.path for request in requests}, {"/"}, "redirects are not followed")
            self.assertTrue(all(verify(made["secret"], request) for request in requests))
            delivery = self.settled(made, requests[0].fields["webhook-id"])
            self.assertEqual((delivery["state"], delivery["attempts"]), ("delivered", 4))
            self.assertEqual([attempt["status"] for attempt in delivery["latest"]], [500, 404, 302, 200])
            self.assertIn("not today", delivery["latest"][0]["error"])
            self.assertEqual(delivery["body"].encode(), requests[0].body)

    def test_it_can_be_asked_for_again(self):
        with receiver.Receiver(lambda request: 410) as taker:
            made = self.subscribe(taker.url)
            self.push()
            first = taker.wait_for(lambda requests: len(requests) == 1)[0]
            delivery = self.settled(made, first.fields["webhook-id"])
            self.assertEqual(delivery["state"], "failed", "410 wants no more of it")
            taker.answer = lambda request: 200
            answer = self.server.request("POST", f"/api/v1/admin/notifications/{made['id']}/deliveries/{delivery['id']}/redeliver")
            self.assertEqual(answer.status, 202, answer.body)
            again = taker.wait_for(lambda requests: len(requests) == 2)[1]
            self.assertEqual((again.fields["webhook-id"], again.body), (first.fields["webhook-id"], first.body))
            self.assertEqual(self.settled(made, delivery["id"])["state"], "delivered")

    def test_a_receiver_that_takes_long_holds_up_nobody_else(self):
        let_go = threading.Event()
        self.addCleanup(let_go.set)

        def slow(_):
            let_go.wait(harness.HANG_GUARD)
            return 200

        with receiver.Receiver(slow) as taker, receiver.Receiver() as quick:
            self.subscribe(taker.url)
            for number in range(10):
                self.push(tag=f"v{number}")
            self.subscribe(quick.url, events=["tag.deleted"])
            for number in range(10):
                self.server.request("DELETE", f"/v2/app/web/manifests/v{number}")
            quick.wait_for(lambda requests: len(requests) == 10)
            self.assertEqual(taker.requests, [], "none of the slow ones has been answered")
            let_go.set()
            taker.wait_for(lambda requests: len({request.fields["webhook-id"] for request in requests}) == 20)

    def test_nothing_is_lost_when_the_server_is_killed(self):
        with receiver.Receiver() as gone:
            port = gone.port
        made = self.subscribe(f"http://127.0.0.1:{port}/")
        self.push()
        self.server.kill()
        self.server.start()
        with receiver.Receiver(port=port) as taker:
            request = taker.wait_for(lambda requests: requests)[0]
            self.assertTrue(verify(made["secret"], request))

    def test_a_ping_and_the_end_of_a_subscription(self):
        with receiver.Receiver() as taker:
            made = self.subscribe(taker.url, events=["build.queued"])
            path = f"/api/v1/admin/notifications/{made['id']}"
            self.assertEqual(self.server.request("POST", path + "/ping").status, 202)
            self.assertEqual(taker.wait_for(lambda requests: requests)[0].json()["type"], "slipway.ping")
            shown = self.server.request("GET", path)
            self.assertNotIn(b"secret", shown.body)
            self.assertNotIn(made["secret"], self.server.log())
            self.assertEqual(self.server.request("DELETE", path).status, 204)
            self.assertEqual(self.server.request("GET", path).status, 404)
            self.assertEqual(self.server.request("GET", "/api/v1/admin/notifications").json(), {"notifications": []})

    def test_by_the_command_line(self):
        environment = dict(harness.os.environ, SLIPWAY_URL=f"http://{self.server.address}", SLIPWAY_TOKEN=self.server.token)

        def slipway(*words):
            done = harness.subprocess.run([harness.SLIPWAY, "notification", *words], env=environment, capture_output=True, text=True,
                                          timeout=harness.HANG_GUARD)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        with receiver.Receiver() as taker:
            made = harness.json.loads(slipway("create", taker.url, "--repositories", "app/**", "--event", "tag.pushed", "--output", "json"))
            self.push()
            delivery = taker.wait_for(lambda requests: requests)[0].fields["webhook-id"]
            self.settled(made, delivery)
            self.assertIn(f"{taker.url}  app/**", slipway("list"))
            self.assertIn("delivered", slipway("deliveries", made["id"]))
            slipway("redeliver", made["id"], delivery)
            taker.wait_for(lambda requests: len(requests) == 2)
            slipway("ping", made["id"])
            taker.wait_for(lambda requests: len(requests) == 3)
            slipway("delete", made["id"])


class ForbiddenTest(World):
    """Where the operator allows nothing."""

    allowed = "[localhost]"

    def test_addresses_of_this_machine_are_refused_when_they_are_named(self):
        for url in ("http://127.0.0.1:1/", "https://127.0.0.1:1/", "https://[::1]/", "https://169.254.169.254/latest",
                    "https://[::ffff:10.0.0.1]/", "http://registry.example.com/"):
            answer = self.server.request("POST", "/api/v1/admin/notifications", {"url": url})
            self.assertEqual(answer.status, 400, (url, answer.body))
            self.assertIn("outgoing.allowed", answer.json()["detail"])

    def test_what_a_name_resolves_to_is_refused_when_it_is_connected_to(self):
        with receiver.Receiver() as taker:
            # The system's resolver understands this as 127.0.0.1; no one else does.
            made = self.subscribe(f"https://2130706433:{taker.port}/")
            self.push()
            delivery = self.eventually(lambda: self.deliveries(made)[0], lambda delivery: delivery["attempts"] > 0)
            self.assertEqual(delivery["state"], "pending", "the operator may allow it")
            self.assertIn("outgoing.allowed", delivery["latest"][0]["error"])
            self.assertEqual(taker.requests, [])

    def test_the_name_that_the_operator_allows_is_reached(self):
        with receiver.Receiver() as taker:
            self.subscribe(f"http://localhost:{taker.port}/")
            self.push()
            taker.wait_for(lambda requests: requests)


if __name__ == "__main__":
    unittest.main()
