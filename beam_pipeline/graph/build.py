"""The graph of a job: from splits to the manifest."""

from dataclasses import dataclass

import apache_beam as beam

from beam_pipeline.graph.steps import MakeShards, ReadCleanReviews, Steps
from transforms import storage
from transforms.committing import WriteManifest
from transforms.functional.elements import ShardReceipt
from transforms.functional.figures.contract import Contract
from transforms.labels import CollectLabels
from transforms.measuring import MeasureReviews, WriteFigures
from transforms.reading import FindMissingColumns
from transforms.rejecting import FindBadFiles, WriteRejected
from transforms.storage.generations import figures_path, notes_path, texts_path
from transforms.storage.run_writes import Notes
from transforms.writing import KeepFinished


@dataclass(frozen=True, kw_only=True)
class JobGraph(Steps):
    """The steps of a job.

    Attributes:
        contract: What is expected of the reviews.
        restarts: True where the engine may start work again that it has lost.
    """

    contract: Contract | None = None
    restarts: bool = False

    def add_to(self, pipeline: beam.Pipeline) -> None:
        """Add the job to a pipeline."""
        config, generation, lease = self.recipe.config, self.plan.generation, self.lease
        bad_files = self._bad_files(pipeline)
        label_numbers = self._label_numbers(pipeline, bad_files)
        splits = self.splits(pipeline, bad_files)
        missing_columns = self._missing_columns(pipeline, bad_files)
        parts = splits | ReadCleanReviews(self, label_numbers=label_numbers)
        read = parts | WriteRejected(config.output, generation=generation, lease=lease)
        folder = storage.join(config.output, notes_path(generation))
        notes = Notes(folder=folder, fingerprint=self.recipe.fingerprint, lease=lease)
        todo, kept, noted = self._unfinished(pipeline, self.in_order(parts), notes)
        tokenizer = self.recipe.tokenizer.entry(self.plan.tokenizer_folder)
        unknown_id = tokenizer.special_token_ids.get("unk")
        tokenized, measured = (
            todo
            | self.tokenizing()
            | MeasureReviews(
                self.tokenizer_path, unknown_id=unknown_id, notes=notes if self.restarts else None
            )
        )
        statistics = (measured, noted) | "AllStatistics" >> beam.Flatten()
        figures = (statistics, read) | self._writing_figures(unknown_id, missing_columns)
        made = tokenized | MakeShards(self, generation=generation)
        shards = (made, kept) | "AllShards" >> beam.Flatten()
        (read, shards) | WriteManifest(
            config.output,
            self.recipe.manifest_draft(self.plan),
            self.files.inputs,
            label_numbers=label_numbers,
            bad_files=bad_files,
            figures=figures,
            contract=self.contract,
            lease=lease,
        )

    def _bad_files(self, pipeline: beam.Pipeline) -> beam.PCollection | None:
        """Return the files with too many rejected records, None where they fail the job."""
        config = self.recipe.config
        if config.bad_files == "fail":
            return None
        reading = self.reading(self._label_numbers(pipeline, None, "ToCheck"))
        finding = FindBadFiles(reading, max_rejected_fraction=config.max_rejected_fraction)
        return self.splits(pipeline, None, "ToCheck") | finding

    def _label_numbers(
        self, pipeline: beam.Pipeline, bad_files: beam.PCollection | None, purpose: str = ""
    ) -> beam.PCollection | None:
        """Return the numbers of label names, None where labels are no names of a column."""
        config, earlier = self.recipe.config, self.plan.earlier
        if not self.plan.labels.are_names:
            return None
        known = None if earlier is None else earlier.label_numbers
        collecting = CollectLabels(config.label_column, known, config.problem_type)
        splits = self.splits(pipeline, bad_files, f"ForLabels{purpose}")
        return splits | f"CollectLabels{purpose}" >> collecting

    def _missing_columns(
        self, pipeline: beam.Pipeline, bad_files: beam.PCollection | None
    ) -> beam.PCollection | None:
        """Return which files lack which expected columns, None where none are expected."""
        if self.contract is None or self.contract.columns is None:
            return None
        splits = self.splits(pipeline, bad_files, "ForColumns")
        return splits | FindMissingColumns(self.contract.columns)

    def _unfinished(
        self, pipeline: beam.Pipeline, parts: beam.PCollection, notes: Notes
    ) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
        """Return the parts to make, and receipts and statistics of those that are finished already.

        A contract is about all reviews, so all of them are tokenized and counted; their shards are
        kept where they come out as they were.
        """
        if self.contract is not None:
            kept = pipeline | "NoneKept" >> beam.Create([]).with_output_types(ShardReceipt)
            return parts, kept, pipeline | "NoneNoted" >> beam.Create([])
        finished: tuple[beam.PCollection, beam.PCollection, beam.PCollection]
        finished = parts | KeepFinished(
            self.recipe.config.output,
            subsets=self.recipe.subsets,
            shard_format=self.recipe.config.format,
            fingerprint=self.recipe.fingerprint,
            generation=self.plan.generation,
            notes=notes,
        )
        return finished

    def _writing_figures(
        self, unknown_id: int | None, missing_columns: beam.PCollection | None
    ) -> WriteFigures:
        """Return the transform that adds up what was counted."""
        output, earlier = self.recipe.config.output, self.plan.earlier
        numbers = [] if earlier is None else [each.number for each in earlier.generations]
        return WriteFigures(
            storage.join(output, figures_path(self.plan.generation)),
            self.tokenizer_path,
            unknown_id=unknown_id,
            max_length=self.recipe.layout.max_length,
            inputs=self.files.inputs,
            texts=storage.join(output, texts_path(self.plan.generation)),
            earlier_texts=[storage.join(output, texts_path(number)) for number in numbers],
            first_input=0 if earlier is None else len(earlier.inputs),
            missing_columns=missing_columns,
            lease=self.lease,
        )
