"""Signs requests to S3 (AWS Signature Version 4, in headers).

The algorithm is that of the Amazon S3 API reference, "Signature Calculations for the Authorization Header: Transferring
Payload in a Single Chunk" (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "s3"
EMPTY = hashlib.sha256(b"").hexdigest()
"""The digest of a request without a body."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, and for which region."""

    key_id: str
    key: str = field(repr=False)
    region: str

    def sign(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        body_sha256: str,
        at: datetime,
    ) -> dict[str, str]:
        """Return `headers`, which have small names and `host` among them, with what the signature adds.

        `path` is encoded (see `encoded`), `query` is not; `at` is now, in UTC.
        """
        moment = at.strftime("%Y%m%dT%H%M%SZ")
        signed = {**headers, "x-amz-content-sha256": body_sha256, "x-amz-date": moment}
        names = ";".join(sorted(signed))
        scope = f"{moment[:8]}/{self.region}/{SERVICE}/aws4_request"
        canonical = "\n".join(
            (
                method,
                path,
                query_of(query),
                *(f"{name}:{' '.join(signed[name].split())}" for name in sorted(signed)),
                "",
                names,
                body_sha256,
            )
        )
        text = "\n".join((ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
        signature = hmac.new(self._signing_key(moment[:8]), text.encode(), hashlib.sha256).hexdigest()
        credential = f"Credential={self.key_id}/{scope}"
        signed["authorization"] = f"{ALGORITHM} {credential},SignedHeaders={names},Signature={signature}"
        return signed

    def _signing_key(self, day: str) -> bytes:
        key = f"AWS4{self.key}".encode()
        for word in (day, self.region, SERVICE, "aws4_request"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        return key


def encoded(path: str) -> str:
    """Return a path as it is signed and sent: each byte but `A-Za-z0-9-._~/` as %XY."""
    return quote(path, safe="-._~/")


def query_of(query: Mapping[str, str]) -> str:
    """Return a query as it is signed and sent: its names in order, each encoded, slashes too."""
    return "&".join(f"{quote(name, safe='-._~')}={quote(query[name], safe='-._~')}" for name in sorted(query))
