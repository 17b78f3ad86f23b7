"""How a webhook is signed: as Standard Webhooks 1.0.0 says (standardwebhooks.com, Signature scheme)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a secret that nobody else has, as its owner is shown it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def signatures(keys: Sequence[str], webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the header that each of `keys`, which are secrets as they are shown, verifies one part of."""
    signed = b"%b.%d.%b" % (webhook_id.encode("ascii"), timestamp, body)
    return " ".join(f"v1,{_digest(key, signed)}" for key in keys)


def _digest(key: str, signed: bytes) -> str:
    raw = base64.b64decode(key.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(raw, signed, hashlib.sha256).digest()).decode("ascii")
