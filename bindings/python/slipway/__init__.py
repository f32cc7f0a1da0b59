"""Slipway: a container registry that builds what it stores, in your process.

    import slipway

    with slipway.open("data") as store:
        repository = store.repository("app/web")
        digest = repository.push_blob(b"bytes, a bytearray, a memoryview or an array")
        for tag in repository.tags():
            print(tag)

A store is a data folder and belongs to one process at a time. All calls may be made from any thread; those that wait or do I/O let
other threads of Python run meanwhile.
"""

import json as _json
import os as _os

from . import _slipway, errors
from .errors import *  # noqa: F403

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def open(folder):  # noqa: A001
    """Opens a data folder (str or path), and makes it when it is missing or empty.

    Raises Conflict (another process has it), Unsupported (another version's), InvalidArgument (not empty and not Slipway's), Io.
    """
    return Store(folder)


class Store:
    """A data folder with its repositories and builds. A context manager: leaving it closes the folder."""

    def __init__(self, folder):
        self._store = _slipway.Store(_os.fspath(folder))

    def close(self):
        """Closes the folder. Servers over it must have been stopped. Twice is no error."""
        self._store.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def repository(self, name):
        """The repository of that name ("app/web"). It need not exist: it does as soon as something is in it."""
        return Repository(self._store, name)

    def serve(self, listen="127.0.0.1:0", *, program, slots=0, git_protocols=("https", "ssh")):
        """Serves the store over HTTP and runs its builds with workers on this machine.

        listen: "HOST:PORT"; port 0 picks one. program: path of the `slipway` program, which workers are. slots: builds at once; 0 is
        as many as cores. git_protocols: what sources may be fetched with; "file" only where it is meant.
        Raises Conflict (the port is in use), InvalidArgument, Io.
        """
        return Server(self._store.serve(listen, _os.fspath(program), slots, list(git_protocols)))

    def submit(self, repository, *, context=None, git=None, ref=None, commit=None, dockerfile="Dockerfile", target=None, args=None,
               tags=None):
        """Submits a build and returns it. Durable when it returns; it runs once a server over the store has room.

        context: a folder or a tar of this machine, or git: a URL, with ref ("refs/heads/main") or commit (a full id).
        args: build arguments, a dict of texts. tags: texts; ["latest"] by default.
        Raises InvalidArgument (the message names the field), Io.
        """
        if (context is None) == (git is None):
            raise errors.InvalidArgument("submit: give one of context and git")
        if git is not None and ref is None and commit is None:
            ref = "HEAD"
        path = None if context is None else _os.fspath(context)
        return Build(self._store, self._store.submit(repository, path, git, ref or "", commit or "", dockerfile, target or "",
                                                     args or {}, tags or []))

    def build(self, id):  # noqa: A002
        """The build of that id. Raises NotFound, Io."""
        return Build(self._store, self._store.find_build(id))


class Repository:
    """Blobs, manifests and tags under one name."""

    def __init__(self, store, name):
        self._store = store
        self.name = name

    def push_blob(self, data):
        """Stores bytes (any contiguous buffer, without a copy) and returns their digest, a text. Durable when it returns.

        Raises InvalidArgument (the repository's name), QuotaExceeded, Io.
        """
        return self._store.put_blob(self.name, data)

    def blob(self, digest):
        """A blob's bytes. Raises NotFound, InvalidArgument (the digest), Io, Corrupt."""
        return self._store.get_blob(self.name, digest)

    def push_manifest(self, reference, data, media_type=OCI_MANIFEST):
        """Stores a manifest under a tag or its digest and returns the digest. Blobs that it names must be there.

        Raises InvalidArgument (which field), NotFound (which blob), Unsupported, TooLarge, DigestMismatch, Io.
        """
        return self._store.put_manifest(self.name, reference, data, media_type)

    def manifest(self, reference):
        """The manifest of a tag or digest. Raises NotFound, Io."""
        return Manifest(*self._store.get_manifest(self.name, reference))

    def tags(self):
        """An iterator over the tags, in bytewise order; fetched a page at a time. Raises NotFound (no such repository), Io."""
        last, more = "", True
        while more:
            page, more = self._store.list_tags(self.name, last, 1000)
            yield from page
            last = page[-1] if page else last


class Manifest:
    """A manifest: `data` (bytes), `media_type` and `digest` (texts), `json` (the parsed object)."""

    def __init__(self, data, media_type, digest):
        self.data, self.media_type, self.digest = data, media_type, digest

    @property
    def json(self):
        return _json.loads(self.data)


class Server:
    """A server over a store. A context manager: leaving it stops the server; workers go on and find the next one."""

    def __init__(self, server):
        self._server = server

    @property
    def url(self):
        """Where it listens: "http://127.0.0.1:41234"."""
        return self._server.url

    def stop(self):
        """Lets running requests end, then stops. Twice is no error."""
        self._server.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Build:
    """A build as it stood when it was last asked for; `wait` brings it up to date. `json` has every field (docs/builds.md)."""

    def __init__(self, store, text):
        self._store = store
        self.json = _json.loads(text)

    @property
    def id(self):
        return self.json["id"]

    @property
    def state(self):
        """"queued", "starting", "running", "succeeded", "failed" or "cancelled"."""
        return self.json["state"]

    @property
    def digest(self):
        """The image's digest; None unless the build succeeded."""
        return self.json.get("digest")

    @property
    def failure(self):
        """{"class", "reason", "message", …}; None unless the build failed."""
        return self.json.get("failure")

    def wait(self, timeout=3600.0):
        """Waits until the build has ended, at most `timeout` seconds, and returns it. Raises TimedOut, Io."""
        self.json = _json.loads(self._store.wait_for(self.id, timeout))
        if self.state not in ("succeeded", "failed", "cancelled"):
            raise errors.TimedOut(f"build {self.id} has not ended after {timeout} s; it is {self.state}")
        return self

    def log(self, offset=0):
        """The log's bytes from `offset` on, as many as there are now. Raises Io."""
        return self._store.read_log(self.id, offset)
