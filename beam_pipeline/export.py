"""`python -m beam_pipeline.export OUTPUT --to FOLDER --format mds`: for other trainers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from beam_pipeline.console import dataset_parser, run_command, run_program, say
from transforms import open_dataset, storage
from transforms.finished.exporting import check_folder, export_rows
from transforms.functional.dataset.manifest_entries import SUBSETS
from transforms.functional.errors import DatasetError
from transforms.functional.exports.formats import FORMATS, check_format
from transforms.functional.wording import counted


def main(arguments: Sequence[str]) -> int:
    """Write the rows of a dataset in another format, and return an exit code."""
    parser = dataset_parser(
        "export",
        "Write the rows of a dataset as another trainer reads them, each subset into a folder of "
        "its own. What another file holds is never replaced; the index is written last.",
        generation=True,
    )
    parser.add_argument("--to", required=True, metavar="FOLDER", help="folder or URL to write to")
    parser.add_argument(
        "--format",
        required=True,
        choices=FORMATS,
        help="mds: MosaicML streaming; litdata: its StreamingDataset; megatron: an indexed dataset "
        "of token ids; jsonl: an object a row",
    )
    parser.add_argument(
        "--subset", choices=SUBSETS, action="append", help="only this one; all by default"
    )
    parser.add_argument(
        "--columns", metavar="NAMES", help="only these, with commas between; all by default"
    )
    return run_command(_export, parser, arguments, interrupted="the same command goes on from here")


def _export(options: argparse.Namespace) -> None:
    dataset = open_dataset(options.output, options.generation, check_hashes=True)
    columns = None if options.columns is None else options.columns.split(",")
    check_format(options.format, dataset.manifest, all_columns=columns is None)
    names = options.subset or dataset.subsets
    if not names:
        raise DatasetError(f"{dataset.folder} has no rows: there is nothing to export")
    folders = {storage.join(options.to, name): dataset[name] for name in names}
    for folder, rows in folders.items():
        rows.column_names(columns)
        check_folder(folder, options.format)
    say(f"{options.to}: generation {dataset.generation} of {options.output} as {options.format}")
    for folder, rows in folders.items():
        n_files, n_bytes = export_rows(rows, folder, options.format, columns)
        tokens = rows.shards.total("tokens")
        say(
            f"  {rows.subset:<10}  {counted(len(rows), 'row')}, {counted(tokens, 'token')}, "
            f"{counted(n_files, 'file')}, {n_bytes / 1e6:,.1f} MB"
        )


if __name__ == "__main__":
    run_program(main)
