"""The first road in Python: store and read a blob, push an image and list its tags, build and wait.

SLIPWAY names the `slipway` program, which workers are: SLIPWAY=build/release/bin/slipway examples/python/first_road.py
"""

import json
import os
import pathlib
import tempfile

import slipway


def main(folder):
    with slipway.open(folder / "data") as store:
        # 1. A blob: bytes in, a digest out, the same bytes back.
        repository = store.repository("demo/hello")
        digest = repository.push_blob(b"hello")
        print("blob", digest, repository.blob(digest))

        # 2. An image of no layers, under two tags.
        config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
        config_digest = repository.push_blob(config)
        manifest = {
            "schemaVersion": 2,
            "mediaType": slipway.OCI_MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": len(config)},
            "layers": [],
        }
        for tag in ("latest", "v1"):
            repository.push_manifest(tag, json.dumps(manifest).encode())
        print("tags", list(repository.tags()))

        # 3. A build, by a worker on this machine.
        context = pathlib.Path(__file__).parents[1] / "greeting"
        with store.serve(program=os.environ["SLIPWAY"]) as server:
            print("serving at", server.url)
            build = store.submit("demo/built", context=context, tags=["first"]).wait(timeout=120)
            print(build.log().decode())
            print("build", build.state, build.digest)
            assert build.state == "succeeded", build.failure
            assert store.repository("demo/built").manifest("first").digest == build.digest


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(pathlib.Path(temporary))
