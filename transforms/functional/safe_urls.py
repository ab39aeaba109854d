"""URLs without the secrets in them: what may be written down, logged and shown."""

from __future__ import annotations

import re

MASK = "***"

# `scheme://key:secret@host`. A secret may hold slashes; `host:8080/a@b` is no such thing.
_KEY_AND_SECRET = re.compile(r"(\w[\w+.-]*://)[^\s@/:]*:(?!\d+/)[^\s@'\"]*@")
# `https://token@host`; but in `abfs://container@account` there is no secret.
_TOKEN = re.compile(r"\b((?:https?|ftps?|sftp|ssh|git|webdavs?)://)[^\s@/:'\"]+@", re.IGNORECASE)
_PARAMETER = re.compile(
    r"([?&;][\w.-]*(?:sig|signature|token|secret|password|passwd|credential|key|keyid|auth|code)="
    r")[^&;\s'\"]*[^&;\s'\":,.)]",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b((?:AccountKey|SharedAccessSignature|aws_secret_access_key|aws_session_token|"
    r"Authorization)\s*[=:]\s*)[^;\s'\"]+",
    re.IGNORECASE,
)
_HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{16,}")


def mask_secrets(text: str) -> str:
    """Return a text with the secrets of all URLs in it masked.

    Masked are passwords and tokens before a host, the values of parameters such as `?sig=` and
    `X-Amz-Signature=`, the keys of connection strings, and tokens of the Hugging Face hub.
    """
    text = _KEY_AND_SECRET.sub(rf"\1{MASK}@", text)
    text = _TOKEN.sub(rf"\1{MASK}@", text)
    text = _PARAMETER.sub(rf"\1{MASK}", text)
    text = _NAMED.sub(rf"\1{MASK}", text)
    return _HUB_TOKEN.sub(MASK, text)
