"""Why a bucket does not do what it is asked (Amazon S3 API reference, "Error responses")."""

from collections.abc import Mapping
from http import HTTPStatus

from app.causes import Cause, Finding, find_network_cause, plain

_CODES: Mapping[str, tuple[Cause, str]] = {
    "InvalidAccessKeyId": (Cause.API_KEY, "correct the id of the bucket's key"),
    "SignatureDoesNotMatch": (Cause.API_KEY, "correct the bucket's key, and the region of the bucket"),
    "AuthorizationHeaderMalformed": (Cause.API_KEY, "correct the region of the bucket"),
    "ExpiredToken": (Cause.API_KEY, "give the bucket a key that has not expired"),
    "RequestTimeTooSkewed": (Cause.API_KEY, "correct this machine's clock"),
    "AccessDenied": (Cause.RIGHTS, "let the key read, write, list and remove objects of the bucket"),
    "NoSuchBucket": (Cause.MISSING, "make the bucket, or correct its name in the address"),
    "PermanentRedirect": (Cause.STRANGER, "give the address of the bucket's own region"),
    "TemporaryRedirect": (Cause.STRANGER, "give the address of the bucket's own region"),
    "SlowDown": (Cause.BUSY, ""),
    "ServiceUnavailable": (Cause.BUSY, ""),
    "XMinioStorageFull": (Cause.DISK_FULL, ""),
    "QuotaExceeded": (Cause.DISK_FULL, ""),
}


class Refusal(Exception):
    """The bucket answered with an error: the HTTP status, S3's word for it ("" from another program), and its text."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.text = text


def finding_of(error: BaseException, *, limit_s: float | None) -> Finding:
    """Return the cause of a request that failed."""
    if not isinstance(error, Refusal):
        broken = error.strerror if isinstance(error, OSError) and error.strerror else "the connection broke off"
        return find_network_cause(error, limit_s=limit_s) or Finding(Cause.BROKE_OFF, plain(broken))
    words = f"status {error.status}: {error.code}" if error.code else f"status {error.status}"
    if known := _CODES.get(error.code):
        return Finding(known[0], words, known[1])
    if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Finding(Cause.RIGHTS, words, _CODES["AccessDenied"][1])
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Finding(Cause.BUSY, words)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Finding(Cause.BROKEN, words)
    if not error.code:
        return Finding(Cause.STRANGER, f"it answers, but not as S3: {words}")
    return Finding(Cause.REFUSED, f"{words}: {plain(error.text)}")
