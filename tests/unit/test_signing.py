"""Requests to S3 are signed as Amazon's own examples are."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from app.signing import EMPTY, Signer, encoded, query_of

# docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Examples: Signature Calculations".
SIGNER = Signer("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
AT = datetime(2013, 5, 24, tzinfo=UTC)
HOST = {"host": "examplebucket.s3.amazonaws.com"}


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body", "signature"),
    [
        (
            *("GET", "/test.txt", {}, {"range": "bytes=0-9"}, EMPTY),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            *("PUT", "/test$file.text", {}),
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            sha256(b"Welcome to Amazon S3.").hexdigest(),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            *("GET", "/", {"lifecycle": ""}, {}, EMPTY),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            *("GET", "/", {"max-keys": "2", "prefix": "J"}, {}, EMPTY),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_amazons_examples_have_the_signatures_that_amazon_gives(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: str, signature: str
) -> None:
    signed = SIGNER.sign(method, encoded(path), query, {**HOST, **headers}, body_sha256=body, at=AT)
    assert signed["authorization"].endswith(f",Signature={signature}")
    assert signed["x-amz-date"] == "20130524T000000Z"


def test_names_and_values_of_a_query_are_encoded_and_in_order() -> None:
    assert query_of({"uploads": "", "prefix": "a/b c~é"}) == "prefix=a%2Fb%20c~%C3%A9&uploads="


def test_the_key_is_not_shown() -> None:
    assert "wJalr" not in repr(SIGNER)
