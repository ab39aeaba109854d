"""Large uploads end whole or not at all, and a killed job's parts are cleared away."""

from __future__ import annotations

from beam_pipeline.output.output_folder import remove_rejected
from tests.stores.servers import Store
from transforms import storage
from transforms.storage.writing import abort_uploads


def _unfinished(s3: Store) -> list[str]:
    filesystem = storage.locate(s3.bucket)[0]
    return [upload["Key"] for upload in filesystem.list_multipart_uploads("bucket")]


def test_a_large_file_goes_up_in_parts_and_none_is_left(s3: Store) -> None:
    data = bytes(range(256)) * 4096 * 110  # 110 MiB: more than one PUT takes here.
    storage.write_atomic(s3.url("large.bin"), data)
    assert storage.read_bytes(s3.url("large.bin")) == data
    assert _unfinished(s3) == []


def test_the_next_run_aborts_what_a_killed_one_had_begun_below_its_output(s3: Store) -> None:
    filesystem = storage.locate(s3.bucket)[0]
    for key in ("cut/train/a.arrow", "cut/train/b.arrow", "cut_other/train/a.arrow"):
        begun = filesystem.call_s3("create_multipart_upload", Bucket="bucket", Key=key)
        filesystem.call_s3(
            "upload_part",
            Bucket="bucket",
            Key=key,
            UploadId=begun["UploadId"],
            PartNumber=1,
            Body=b"x",
        )
    assert len(_unfinished(s3)) == 3
    remove_rejected(s3.url("cut"), 0)
    assert _unfinished(s3) == ["cut_other/train/a.arrow"]
    assert abort_uploads(s3.url("cut_other")) == ["train/a.arrow"]
    assert _unfinished(s3) == []
