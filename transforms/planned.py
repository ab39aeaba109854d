"""Planned splits: from the files of a plan to the workers that read them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import apache_beam as beam

from transforms import storage
from transforms.functional.reviews.planned_splits import load_splits
from transforms.functional.reviews.splits import Split


class ReadSplits(beam.PTransform):
    """Read the splits of a plan, and spread them over the workers.

    Args:
        paths: Files with splits, which the planner has written.
        secret_paths: Input paths that the files do not hold as they are, by their masked forms.

    Example:
        `splits`: what `plan_splits` cuts the files into; `folder`: where the planner writes.

        >>> storage.write_atomic(f"{folder}/splits.parquet", dump_splits(splits))
        >>> with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        ...     made = pipeline | ReadSplits([f"{folder}/splits.parquet"], {})
        ...     _ = made | beam.Map(lambda split: print(split.number, split.files[0].format))
        0 jsonl
    """

    def __init__(self, paths: Sequence[str], secret_paths: Mapping[str, str]) -> None:
        """Store the options; nothing is read yet."""
        super().__init__()
        self.paths = tuple(paths)
        self.secret_paths = dict(secret_paths)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Return a PCollection of `Split`."""
        paths = pipeline | "PlanFiles" >> beam.Create(self.paths)
        if len(self.paths) > 1:
            paths |= "SpreadPlanFiles" >> beam.Reshuffle()
        return (
            paths
            | "ReadPlan"
            >> beam.FlatMap(read_plan, secret_paths=self.secret_paths).with_output_types(Split)
            # Without it one worker reads every split of a plan file.
            | "SpreadSplits" >> beam.Reshuffle()
        )


def read_plan(path: str, secret_paths: Mapping[str, str]) -> Iterator[Split]:
    """Yield the splits in a plan file, with the paths of their inputs made whole."""
    for split in load_splits(storage.read_bytes(path)):
        files = (replace(file, path=secret_paths.get(file.path, file.path)) for file in split.files)
        yield replace(split, files=tuple(files))
