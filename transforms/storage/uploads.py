"""What a killed job leaves of large uploads: parts that nobody sees and somebody pays for."""

from __future__ import annotations

import logging

from transforms import storage
from transforms.storage.stores import ask, reason

_logger = logging.getLogger(__name__)


def abort_uploads(output: str) -> list[str]:
    """Abort the unfinished multipart uploads below an output, and return the paths they were for.

    Only S3 keeps them for ever; Google Cloud Storage and Azure forget theirs after a week, and
    neither shows nor lists them. Not while another job writes there.
    """
    if not output.startswith(("s3://", "s3a://")):
        return []
    filesystem, name = storage.locate(output)
    bucket, folder, _ = filesystem.split_path(name)
    prefix = f"{folder.rstrip('/')}/" if folder.strip("/") else ""
    aborted: list[str] = []
    markers: dict[str, str] = {}
    try:
        while True:
            where = {"Bucket": bucket, "Prefix": prefix, **markers}
            page = ask(filesystem, "call_s3", "list_multipart_uploads", **where)
            for upload in page.get("Uploads", []):
                ask(filesystem, "abort_mpu", bucket, upload["Key"], upload["UploadId"])
                aborted.append(upload["Key"][len(prefix) :])
            if not page.get("IsTruncated"):
                return aborted
            markers = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page["NextUploadIdMarker"],
            }
    except FileNotFoundError:  # No such bucket, or a page that went meanwhile.
        return aborted
    except Exception as error:
        _logger.warning(
            "unfinished uploads below %s cannot be looked for: %s; a lifecycle rule of the bucket "
            "can remove them (docs/storage.md)",
            storage.mask_secrets(output),
            reason(error),
        )
        return aborted
