"""What the server answers when a request cannot be served, in Qdrant's words.

Statuses and texts are those of Qdrant 1.18 and 1.19: `lib/storage/src/content_manager/errors.rs` (texts) and
`src/actix/helpers.rs` (statuses).
"""

INTERNAL = "Service internal error: "
"""Before whatever a peer could not do for its own reasons."""


class Fault(Exception):
    """A request ends here: an HTTP status and the text of `status.error`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def wrong_input(description: str) -> Fault:
    """The request contradicts the collection: 400."""
    return Fault(400, f"Wrong input: {description}")


def bad_request(description: str) -> Fault:
    """The request contradicts itself: 400."""
    return Fault(400, f"Bad request: {description}")


def already_exists(collection: str) -> Fault:
    """A collection of that name exists: 409."""
    return Fault(409, f"Wrong input: Collection `{collection}` already exists!")


def no_collection(collection: str) -> Fault:
    """Neither a collection nor an alias has that name: 404."""
    return not_found(f"Collection `{collection}` doesn't exist!")


def not_found(what: str) -> Fault:
    """There is no such thing: 404."""
    return Fault(404, f"Not found: {what}")


def bad_format(description: str) -> Fault:
    """The body is not JSON of the expected shape: 400."""
    return Fault(400, f"Format error in JSON body: {description}")


def invalid_body(field: str, description: str) -> Fault:
    """A field of the body is out of its bounds: 422."""
    return Fault(422, f"Validation error in JSON body: [{field}: {description}]")


def wrong_dimension(expected: int, received: int, name: str | None = None) -> Fault:
    """A dense vector has another length than the collection's: 400.

    Only a point's named vector is named (`src/common/validate_vectors.rs`); a query's is not, whatever its name
    (`lib/segment/src/common/operation_error.rs`).
    """
    named = "" if name is None else f" for vector '{name}'"
    return wrong_input(f"Vector dimension error: expected dim: {expected}, got {received}{named}")


def no_vector(name: str) -> Fault:
    """The collection has no vector of that name: 400."""
    return wrong_input(f"Not existing vector name error: {name}")


def internal_error(description: str) -> Fault:
    """The server, or another peer, cannot do it: 500."""
    return Fault(500, INTERNAL + description)


def standalone() -> Fault:
    """The request needs a cluster and there is none: 405."""
    return Fault(405, "Qdrant is running in standalone mode")


def not_served(what: str) -> Fault:
    """Qdrant can do this and this double cannot: 501, never a wrong answer."""
    return Fault(501, f"{what} is not served by this local double of Qdrant")
