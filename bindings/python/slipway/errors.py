"""The exceptions of Slipway: one class for each error code of the C++ and C interfaces.

Source: the project's include/slipway/core/error.hpp, which says what each code means.
"""


class Error(Exception):
    """Any failure of Slipway. `code` is its name in C++, C and JSON; the text says what to do."""

    code = "internal"


def _define(name, code, *bases):
    return type(name, (*bases, Error), {"code": code, "__module__": "slipway", "__doc__": f"The error code `{code}`."})


InvalidArgument = _define("InvalidArgument", "invalid_argument", ValueError)
NotFound = _define("NotFound", "not_found", LookupError)
AlreadyExists = _define("AlreadyExists", "already_exists")
Conflict = _define("Conflict", "conflict")
RangeMismatch = _define("RangeMismatch", "range_mismatch")
DigestMismatch = _define("DigestMismatch", "digest_mismatch")
Unauthenticated = _define("Unauthenticated", "unauthenticated", PermissionError)
Denied = _define("Denied", "denied", PermissionError)
QuotaExceeded = _define("QuotaExceeded", "quota_exceeded")
Unsupported = _define("Unsupported", "unsupported")
TooLarge = _define("TooLarge", "too_large")
Cancelled = _define("Cancelled", "cancelled")
TimedOut = _define("TimedOut", "timed_out", TimeoutError)
Unavailable = _define("Unavailable", "unavailable")
Corrupt = _define("Corrupt", "corrupt")
Io = _define("Io", "io", OSError)
Internal = _define("Internal", "internal")

_BY_CODE = {kind.code: kind for kind in Error.__subclasses__()}


def by_code(code):
    """The exception class of an error code (a text); Error itself for one that is unknown."""
    return _BY_CODE.get(code, Error)

__all__ = ["Error", *(kind.__name__ for kind in Error.__subclasses__())]
