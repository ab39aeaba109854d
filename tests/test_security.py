"""Nothing that runs code from files, no secret written anywhere, no path that leaves its folder."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from beam_pipeline.__main__ import main
from tests.beam_pipeline.jobs import REVIEWS, TOKENIZER
from tests.http_servers import answering
from tests.jobs import SMALL_PARTS, arguments
from tests.paths import ROOT
from transforms.functional.errors import InputError, ReviewShardsError
from transforms.functional.safe_paths import check_inside, leaves_folder
from transforms.functional.safe_urls import mask_secrets

_CODE = [path for name in ("transforms", "beam_pipeline", "training", "benchmarks", "deploy")
         for path in sorted((ROOT / name).rglob("*.py"))]  # fmt: skip

# Modules and functions that run what a file holds.
_FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
_FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "yaml.load"}


def _faults(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        yield from (name for name in names if name.split(".")[0] in _FORBIDDEN_MODULES)
        if isinstance(node, ast.Call):
            if ast.unparse(node.func) in _FORBIDDEN_CALLS:
                yield ast.unparse(node.func)
            for keyword in node.keywords:
                never = keyword.arg in ("trust_remote_code", "allow_pickle")
                if never and ast.unparse(keyword.value) != "False":
                    yield str(keyword.arg)


def test_no_code_of_ours_runs_what_a_file_holds() -> None:
    assert len(_CODE) > 60
    found = {str(path): list(_faults(path.read_text())) for path in _CODE}
    assert {path: faults for path, faults in found.items() if faults} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from cloudpickle import loads",
        "torch.load(path)",
        "AutoModel.from_pretrained(a, trust_remote_code=True)",
        "np.load(a, allow_pickle=x)",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert list(_faults(source))


_SECRET = "aB3/xY+secret=value"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("s3://AKIA123:aB3/xY+z@bucket/in", "s3://***@bucket/in"),
        ("https://user:p%40ss@host/in?x=1", "https://***@host/in?x=1"),
        ("https://u:p/a@s'x@host/in", "https://***@host/in"),
        ("https://u:p@a/s@host:80/in?x=1", "https://***@host:80/in?x=1"),
        ("s3://key:se/cr@et@bucket", "s3://***@bucket"),
        ("https://u:p@host/a@b.txt", "https://***@host/a@b.txt"),
        ("https://ghp_token@host/in", "https://***@host/in"),
        ("https://a.net/c/b?sv=1&sig=aB%2B&se=2", "https://a.net/c/b?sv=1&sig=***&se=2"),
        ("https://s3/b?X-Amz-Signature=ab&X-Amz-Credential=c", None),
        ("tar://a/b.txt::https://u:p@host/x.tar.gz", "tar://a/b.txt::https://***@host/x.tar.gz"),
        ("AccountName=a;AccountKey=aB3/xY==;x=y", "AccountName=a;AccountKey=***;x=y"),
        ("token hf_abcdefghijklmnopqrst was", "token *** was"),
        ("see ftp://me:pw@h/a, and ftp://me:pw2@h/b", "see ftp://***@h/a, and ftp://***@h/b"),
    ],
)
def test_secrets_in_urls_are_masked(url: str, masked: str | None) -> None:
    found = mask_secrets(url)
    assert found == (masked or "https://s3/b?X-Amz-Signature=***&X-Amz-Credential=***")
    assert mask_secrets(found) == found
    assert str(ReviewShardsError(f"cannot read {url}: why")) == f"cannot read {found}: why"


@pytest.mark.parametrize(
    "text",
    [
        "abfs://container@account.dfs.core.windows.net/in",
        "http://host:8080/a/b@c.txt",
        "hf://datasets/me/reviews@main/a.parquet",
        "s3://bucket/a:b@c.txt",
        "/data/a@b:c.txt",
        "9:41: a line",
    ],
)
def test_what_holds_no_secret_stays(text: str) -> None:
    assert mask_secrets(text) == text


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if "missing" in self.path:
            self.send_error(403)
            return
        data = REVIEWS.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture
def web() -> Iterator[int]:
    with answering(_Handler) as port:
        yield port


@pytest.mark.parametrize(
    ("name", "code", "more"),
    [
        ("reviews.jsonl", 0, ()),
        ("reviews.jsonl", 3, ("--max_rejected_fraction", "0")),
        ("reviews.jsonl", 1, ("--task", "classification", "--label_column", "none")),
        ("missing.jsonl", 1, ()),
        ("missing.jsonl", 1, ("--dry_run",)),
    ],
)
def test_no_output_of_a_job_holds_the_secret_of_its_input(
    web: int, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, code: int, more: tuple
) -> None:
    url = f"http://127.0.0.1:{web}/{name}?sig=SECRETSIG&user_token=SECRETTOKEN"
    # The ending is behind the parameters: the format has to be said.
    options = ["--input_format", "jsonl", "--tokenizer", str(TOKENIZER), "--task", "mlm", *more]
    local = ["--direct_running_mode", "in_memory", "--max_length", "32"]
    output = tmp_path / "out"
    found = main(["--input", url, "--output", str(output), *options, *local])
    assert (found == 0) == (code == 0)
    said = capfd.readouterr()
    written = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    assert bool(written) or code
    for text in (said.out, said.err, *(data.decode("latin-1") for data in written.values())):
        assert "SECRET" not in text
    if code == 0:
        assert re.search(rb"jsonl\?\S*\*\*\* \([0-9a-f]{16}\)", written[output / "manifest.json"])
        rejected = b"".join(data for path, data in written.items() if "rejected" in path.parts)
        assert b"reviews.jsonl?" in rejected


@pytest.mark.parametrize("quote", ["'", '"', r"\'", r"\\\"", r"\\\'"])
def test_options_are_masked_however_often_their_text_was_quoted(quote: str) -> None:
    def quoted(text: str) -> str:
        return f"{quote}{text}{quote}"

    text = f"{{{quoted('s3_secret_access_key')}: {quoted(_SECRET)}, {quoted('x')}: {quoted('y')}}}"
    found = mask_secrets(text)
    assert found == text.replace(quoted(_SECRET), "'***'")
    assert mask_secrets(found) == found


@pytest.mark.slow
def test_workers_that_log_for_debugging_show_no_secret_of_the_stores(tmp_path: Path) -> None:
    secrets = {"s3_access_key_id": "AKIA1SECRET", "s3_secret_access_key": "a/b+SECRET=",
               "s3_session_token": "c'd\"SECRET"}  # fmt: skip
    options = [part for name, value in secrets.items() for part in (f"--{name}", value)]
    workers = ("--direct_running_mode", "multi_processing", "--direct_num_workers", "2", "--debug")
    given = arguments(tmp_path / "out", *SMALL_PARTS, *workers, *options)
    done = subprocess.run(
        [sys.executable, "-m", "beam_pipeline", *given],
        cwd=ROOT,
        env={**os.environ, "FSSPEC_S3_SECRET": "eSECRET"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0
    assert "s3_secret_access_key" in done.stderr  # Beam's workers log their options.
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert "SECRET" not in done.stdout + done.stderr
    assert not [data for data in written if b"SECRET" in data]


def test_an_access_key_in_a_bucket_url_is_refused_and_not_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = f"s3://AKIA:{_SECRET}@bucket/in"
    needed = ["--tokenizer", str(TOKENIZER), "--task", "mlm"]
    for source, output in ((secret, str(tmp_path)), (str(REVIEWS), secret)):
        assert main(["--input", source, "--output", output, *needed]) == 2
        said = capfd.readouterr()
        assert "take the secret out of the URL" in said.err
        assert "AKIA" not in said.out + said.err
        assert _SECRET not in said.out + said.err


@pytest.mark.parametrize(
    "path", ["../a", "/a", "a/../../b", "", "a\\..\\b", "C:/a", "s3://b/a", "a\0b", "a/.."]
)
def test_paths_that_leave_their_folder_are_refused(path: str) -> None:
    assert leaves_folder(path)
    with pytest.raises(InputError, match="outside the dataset"):
        check_inside(["train/a.arrow", path], "manifest.json")


def test_paths_that_stay_are_not() -> None:
    check_inside(["train/0000000-0000.arrow", "tokenizer/tokenizer.json", "a..b"], "manifest.json")
