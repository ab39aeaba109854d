"""Text as it may be written down, logged and shown: without secrets and terminal escapes."""

from __future__ import annotations

import re

MASK = "***"

# `scheme://user:password@host`: a password may hold quotes and `@`. With slashes in it, too, the
# last `@` that what looks like a host and a path follows ends it.
_PASSWORD = re.compile(
    r"(\w[\w+.-]*://)[^\s@/:?#]*:"
    r"(?:(?!:|\d+/)[^\s?#]*@(?=[\w.-]+(?::\d+)?/)|[^\s/?#]*@)"
)
# `scheme://key:secret@host`: a key of a store may hold slashes; `host:8080/a@b` is no such thing.
_KEY_AND_SECRET = re.compile(r"(\w[\w+.-]*://)[^\s@/:]*:(?!\d+/)[^\s@'\"]*@(?:[^\s@/'\"]*@)*")
# `https://token@host`; but in `abfs://container@account` there is no secret.
_TOKEN = re.compile(r"\b((?:https?|ftps?|sftp|ssh|git|webdavs?)://)[^\s/:?#]+@", re.IGNORECASE)
_SECRET_NAME = (
    r"(?:sig|signature|token|secret|passw(?:or)?d|passphrase|pwd|credential|connection_?string|"
    r"key|key_?id|auth|code|sas|jwt)"
)
_PARAMETER = re.compile(rf"([?&;#][\w.-]*{_SECRET_NAME}=)[^&;\s]*[^&;\s'\":,.)\]}}]", re.IGNORECASE)
# Options as Python and JSON write them: `{'s3_secret_access_key': 'a'}`.
_OPTION = re.compile(
    rf"""(["'][\w.-]*{_SECRET_NAME}["']\s*:\s*)(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""",
    re.IGNORECASE,
)
# The same as a text inside of another: `"{\'s3_secret_access_key\': \'a\'}"`.
_QUOTED_OPTION = re.compile(
    rf"""((\\+["'])[\w.-]*{_SECRET_NAME}\2\s*:\s*)(\\+["'])(?:(?!\3\s*(?:[,}}\])]|$)).)*\3""",
    re.IGNORECASE,
)
# As a command line has them: `--s3_secret_access_key=a`, `--azure_connection_string a`.
_ARGUMENT = re.compile(
    r"(--[\w-]*(?:secret\w*|session_token|passw(?:or)?d|pwd|connection_string|access_key_id)"
    r"(?:=|\s+))\S+",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b((?:AccountKey|SharedAccessSignature|aws_secret_access_key|aws_session_token|"
    r"Authorization)\s*[=:]\s*)(?:(?:Bearer|Basic)\s+)?[^;\s'\"]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(Bearer\s+)[\w.~+/=-]+", re.IGNORECASE)
_HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{16,}")

_RULES = (
    (_PASSWORD, rf"\1{MASK}@"),
    (_KEY_AND_SECRET, rf"\1{MASK}@"),
    (_TOKEN, rf"\1{MASK}@"),
    (_PARAMETER, rf"\1{MASK}"),
    (_OPTION, rf"\1'{MASK}'"),
    (_QUOTED_OPTION, rf"\1'{MASK}'"),
    (_ARGUMENT, rf"\1{MASK}"),
    (_NAMED, rf"\1{MASK}"),
    (_BEARER, rf"\1{MASK}"),
    (_HUB_TOKEN, MASK),
)

# Characters that change what a terminal shows: escapes, other controls, and reversed writing; and
# bytes of file names that are no text, which no terminal can show.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def mask_secrets(text: str) -> str:
    """Return a text with the secrets in it masked.

    Masked are passwords and tokens before a host, the values of parameters such as `?sig=` and
    `#token=`, options with the credentials of stores, the keys of connection strings, what follows
    `Bearer`, and tokens of the Hugging Face hub.
    """
    for rule, masked in _RULES:
        text = rule.sub(masked, text)
    return text


def printable(text: str) -> str:
    """Return a text as people may see it: without secrets, and with control characters escaped.

    Line ends and tabs stay.
    """
    return escape_controls(mask_secrets(text))


def escape_controls(text: str) -> str:
    """Return a text whose control characters are escaped as Python writes them: `\\x1b[2J`."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
