#!/usr/bin/env python3
"""Makes an OCI layout of images to push; big and fresh differ at every run.

Usage: make_images.py FOLDER

    one     an image for linux/amd64 with two layers, compressed by gzip
    multi   an index of images for linux/amd64 and linux/arm64
    big     an image with one layer of 100 MB that do not compress
    fresh   an image with a layer that nobody has compressed yet
"""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
from pathlib import Path

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
BIG = 100_000_000


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Layout:
    def __init__(self, folder):
        self.folder = folder
        self.tags = []
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def add(self, media_type, content, **more):
        """Stores bytes; answers their descriptor."""
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content), **more}

    def add_json(self, media_type, value, **more):
        return self.add(media_type, json.dumps(value).encode(), **more)

    def add_image(self, architecture, tars, level=6):
        """An image of these layers, compressed by gzip at that level; None: not at all."""
        layers = [
            self.add(LAYER, tar) if level is None else self.add(LAYER + "+gzip", gzip.compress(tar, level, mtime=0))
            for tar in tars
        ]
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/hello"], "Labels": {"by": "slipway"}},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]},
            "history": [{"created_by": f"layer {number}"} for number, _ in enumerate(tars)],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.add_json(CONFIG, config),
            "layers": layers,
        }
        return self.add_json(MANIFEST, manifest, platform={"os": "linux", "architecture": architecture})

    def tag(self, name, descriptor):
        self.tags.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}})

    def close(self):
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.tags}
        (self.folder / "index.json").write_text(json.dumps(index))


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    layout = Layout(Path(arguments[1]))
    common = tar_of({"etc/motd": b"the same on every architecture\n" * 200})
    images = [
        layout.add_image(architecture, [common, tar_of({"hello": f"for {architecture}\n".encode() * 100})])
        for architecture in ("amd64", "arm64")
    ]
    layout.tag("one", images[0])
    layout.tag("multi", layout.add_json(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": images}))
    layout.tag("big", layout.add_image("amd64", [tar_of({"big": os.urandom(BIG)})], level=0))
    layout.tag("fresh", layout.add_image("amd64", [tar_of({"fresh": os.urandom(1000) * 100})], level=None))
    layout.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
