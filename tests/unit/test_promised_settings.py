"""The settings that the source designs promise, with their default values."""

import pytest

from app.settings import PREFIX, read_settings

NEEDED = {
    "DATABASE_URL": "postgresql://db",
    "CACHE_URL": "redis://cache",
    "COORDINATION_URL": "redis://coordination",
    "QDRANT_URLS": "http://qdrant:6333",
    "NODES_FILE": "nodes.toml",
    "BLOBS_DIR": "blobs",
}


@pytest.mark.requirement("ORC-20.stores", "ORC-87.vector-store", "INS-40.read")
@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("DATABASE_POOL_SIZE", "5", 5),
        ("SESSION_TTL_SECONDS", "60", 60),
        ("QDRANT_COLLECTION", "insurance", "insurance"),
        ("HOST", "0.0.0.0", "0.0.0.0"),  # noqa: S104 - a value that is read, not listened on
        ("PORT", "9000", 9000),
        ("CORS_ORIGINS", "https://a.example", "https://a.example"),
        ("LOG_LEVEL", "DEBUG", "DEBUG"),
        ("QDRANT_URLS", "http://a:6333,http://b:6333", "http://a:6333,http://b:6333"),
        *((name, f"{value}/1", f"{value}/1") for name, value in NEEDED.items()),
    ],
)
def test_a_promised_setting_is_read(name: str, value: str, read: object) -> None:
    given = {f"{PREFIX}{key}": text for key, text in (NEEDED | {name: value}).items()}
    assert getattr(read_settings(given), name.lower()) == read


@pytest.mark.requirement("UPL-01.port")
@pytest.mark.requirement("INS-36.hour", "INS-40.session-hour", "INS-40.port", "INS-80.expiry")
def test_sessions_live_for_an_hour_and_port_8000_is_listened_on_unless_told_otherwise() -> None:
    settings = read_settings({f"{PREFIX}{key}": text for key, text in NEEDED.items()})
    assert (settings.session_ttl_seconds, settings.port) == (3600, 8000)


@pytest.mark.requirement("ORC-87.tokens", "ORC-87.redis-tls")
def test_the_length_of_an_answer_and_tls_to_redis_are_settings() -> None:
    given = {f"{PREFIX}{key}": text for key, text in NEEDED.items()}
    given |= {f"{PREFIX}CACHE_URL": "rediss://cache/1", f"{PREFIX}COORDINATION_URL": "rediss://coordination/2"}
    settings = read_settings(given | {f"{PREFIX}MAX_OUTPUT_TOKENS": "1000", f"{PREFIX}REDIS_CA": "/ca.pem"})
    assert (settings.max_output_tokens, settings.redis_ca) == (1000, "/ca.pem")
    assert (settings.cache_url, settings.coordination_url) == ("rediss://cache/1", "rediss://coordination/2")
