"""Of a sentence about a secret only the secret goes."""

import pytest

from app.settings import PREFIX, SettingsWrong, read_part
from app.telemetry.masking import Mask
from app.telemetry.secrets import mask_of


@pytest.mark.parametrize(
    "text",
    [
        "SWITCHYARD_LOCAL_QDRANT_API_KEY: is the key of a Qdrant of yours: give SWITCHYARD_LOCAL_QDRANT_URL too",
        "SWITCHYARD_QDRANT_API_KEY: must be printable ASCII without blanks",
        "the password, which nobody knows, and the api-key, too",
        "a Bearer token is needed, or bearer authentication",
    ],
)
def test_a_sentence_about_a_secret_stays_as_it_was(text: str) -> None:
    assert Mask().text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password: hunter2 is wrong", "password: *** is wrong"),
        ("password: is", "password: ***"),
        ("password: is-it-me too", "password: *** too"),
        ("password=must be", "password=*** be"),
        ("api_key: 'is it'", "api_key: ***"),
        ("Bearer token-1 is", "Bearer *** is"),
        ("Authorization: Bearer token is", "Authorization: Bearer *** is"),
    ],
)
def test_a_value_that_begins_like_a_sentence_is_masked_all_the_same(text: str, shown: str) -> None:
    assert Mask().text(text) == shown


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"API_KEY": " "}, "SWITCHYARD_QDRANT_API_KEY: is empty; leave it out if it is not wanted"),
        ({"API_KEY": "n\u00f6-key-0451"}, "SWITCHYARD_QDRANT_API_KEY: must be printable ASCII without blanks"),
        (
            {"API_KEY": "key-0451", "API_KEY_FILE": "/none"},
            "SWITCHYARD_QDRANT_API_KEY: is given twice: SWITCHYARD_QDRANT_API_KEY_FILE is given too",
        ),
        ({"PASSWORD": "key-0451"}, "SWITCHYARD_QDRANT_PASSWORD: is not a setting"),
    ],
)
def test_what_is_wrong_with_a_secret_setting_is_told_in_full_and_does_not_quote_it(
    given: dict[str, str], told: str
) -> None:
    environ = {f"{PREFIX}QDRANT_{name}": value for name, value in given.items()}
    with pytest.raises(SettingsWrong) as wrong:
        read_part(environ, ())
    assert mask_of(environ, PREFIX).text(str(wrong.value)) == told
