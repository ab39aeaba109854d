"""What a manifest calls an input: a name that holds no secret and belongs to one file only.

Inside a job an input is known by its whole path. What is written down may hold no secret, and a
masked path is no name: `get?key=a.jsonl` and `get?key=b.jsonl` are masked to the same text. So the
name of a path with a secret ends in a hash of the whole path. A signature is no part of a name: the
same file gets another one every day.
"""

from __future__ import annotations

import hashlib
import re

from transforms.functional.safe_urls import MASK, mask_secrets
from transforms.functional.unpacking.archive_paths import member_path, split_member

# The parameter that signs a URL, and those that come with it, in lower case.
_SIGNATURES = {
    "x-amz-signature": re.compile(r"x-amz-.*"),
    "x-goog-signature": re.compile(r"x-goog-.*"),
    "signature": re.compile(
        r"signature|expires|awsaccesskeyid|googleaccessid|key-pair-id|policy|x-amz-security-token"
    ),
    # Azure's shared access signatures.
    "sig": re.compile(
        r"sig|sv|ss|srt|sr|sp|se|st|spr|sip|si|skoid|sktid|skt|ske|sks|skv|saoid|suoid|scid|sdd"
    ),
}


def input_name(path: str) -> str:
    """Return the name of an input: its path, or where that holds a secret, a hash beside it."""
    name = _unsigned(path)
    masked = mask_secrets(name)
    if masked == name or hides_secret(name):
        return masked
    return f"{masked} ({hashlib.sha256(name.encode()).hexdigest()[:16]})"


def hides_secret(name: str) -> bool:
    """Return True for a name that is no path any more: nobody can open it."""
    return MASK in name


def _unsigned(path: str) -> str:
    """Return a path without what only says who may read it: signatures, and passwords."""
    member = split_member(path)
    if member:
        kind, archive, name = member
        return member_path(kind, _unsigned(archive), name)
    scheme, _, rest = path.partition("://")
    if scheme not in ("http", "https"):  # In a store, `?` and `@` are characters of names.
        return path
    place, question, query = rest.partition("?")
    server, slash, file = place.partition("/")
    user, at, host = server.rpartition("@")
    query = _without_signature(query)
    login = user.partition(":")[0] + at
    return f"{scheme}://{login}{host}{slash}{file}{question if query else ''}{query}"


def _without_signature(query: str) -> str:
    parameters = query.split("&") if query else []
    names = [parameter.partition("=")[0].lower() for parameter in parameters]
    found = [pattern for signature, pattern in _SIGNATURES.items() if signature in names]
    return "&".join(
        parameter
        for parameter, name in zip(parameters, names, strict=True)
        if not any(pattern.fullmatch(name) for pattern in found)
    )
