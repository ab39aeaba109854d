"""The graph of a job: from splits to the manifest."""

import apache_beam as beam

from beam_pipeline.graph.inputs import (
    collect_label_numbers,
    find_bad_files,
    find_missing_columns,
    read_splits,
)
from beam_pipeline.graph.making import MakeShards, in_order, tokenizing
from beam_pipeline.graph.reading import ReadCleanReviews, tokenizer_path
from beam_pipeline.plan.plan_files import PlanFiles
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from transforms import storage
from transforms.committing import WriteManifest
from transforms.functional.elements import ShardReceipt
from transforms.functional.figures.contract import Contract
from transforms.measuring import MeasureReviews, WriteFigures
from transforms.rejecting import WriteRejected
from transforms.storage.generations import figures_path, notes_path, texts_path
from transforms.storage.lease import Lease
from transforms.storage.run_writes import Notes
from transforms.writing import KeepFinished


def build(
    pipeline: beam.Pipeline,
    recipe: DatasetRecipe,
    plan: Plan,
    files: PlanFiles,
    *,
    contract: Contract | None = None,
    lease: Lease | None = None,
    threads: int = 1,
    scratch: str | None = None,
    restarts: bool = False,
) -> None:
    """Add the job to a pipeline.

    Args:
        contract: What is expected of the reviews.
        lease: The right to write; None where an engine runs the job later, without one.
        threads: Threads that tokenize one part.
        scratch: Folder of this machine where a shuffle keeps the reviews, see `ShuffleReviews`.
        restarts: True where the engine may start work again that it has lost.
    """
    output = recipe.config.output
    bad_files = find_bad_files(pipeline, recipe, plan, files)
    label_numbers = collect_label_numbers(pipeline, recipe, plan, files, bad_files)
    splits = read_splits(pipeline, files, bad_files)
    missing_columns = find_missing_columns(pipeline, files, bad_files, contract)
    parts = splits | ReadCleanReviews(recipe, plan, files, label_numbers=label_numbers)
    read = parts | WriteRejected(output, generation=plan.generation, lease=lease)
    ordered = in_order(parts, recipe, plan, scratch)
    notes = _notes(recipe, plan, lease)
    todo, kept, noted = _unfinished(pipeline, ordered, recipe, plan, contract, notes)
    measuring = _measuring(recipe, plan, notes if restarts else None)
    tokenized, measured = todo | tokenizing(recipe, plan, threads) | measuring
    statistics = (measured, noted) | "AllStatistics" >> beam.Flatten()
    figures = (statistics, read) | _writing_figures(recipe, plan, files, missing_columns, lease)
    made = tokenized | MakeShards(recipe, plan, generation=plan.generation, lease=lease)
    shards = (made, kept) | "AllShards" >> beam.Flatten()
    draft = recipe.manifest_draft(plan)
    (read, shards) | WriteManifest(
        output,
        draft,
        files.inputs,
        label_numbers=label_numbers,
        bad_files=bad_files,
        figures=figures,
        contract=contract,
        lease=lease,
    )


def _unfinished(
    pipeline: beam.Pipeline,
    parts: beam.PCollection,
    recipe: DatasetRecipe,
    plan: Plan,
    contract: Contract | None,
    notes: Notes,
) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
    """Return the parts to make, and receipts and statistics of those that are finished already.

    A contract is about all reviews, so all of them are tokenized and counted; their shards are kept
    where they come out as they were.
    """
    if contract is not None:
        kept = pipeline | "NoneKept" >> beam.Create([]).with_output_types(ShardReceipt)
        return parts, kept, pipeline | "NoneNoted" >> beam.Create([])
    finished: tuple[beam.PCollection, beam.PCollection, beam.PCollection] = parts | KeepFinished(
        recipe.config.output,
        subsets=recipe.subsets,
        shard_format=recipe.config.format,
        fingerprint=recipe.fingerprint,
        generation=plan.generation,
        notes=notes,
    )
    return finished


def _notes(recipe: DatasetRecipe, plan: Plan, lease: Lease | None) -> Notes:
    folder = storage.join(recipe.config.output, notes_path(plan.generation))
    return Notes(folder=folder, fingerprint=recipe.fingerprint, lease=lease)


def _measuring(recipe: DatasetRecipe, plan: Plan, notes: Notes | None) -> MeasureReviews:
    """Return the transform that counts what the report shows."""
    unknown_id = recipe.tokenizer.entry(plan.tokenizer_folder).special_token_ids.get("unk")
    return MeasureReviews(tokenizer_path(recipe, plan), unknown_id=unknown_id, notes=notes)


def _writing_figures(
    recipe: DatasetRecipe,
    plan: Plan,
    files: PlanFiles,
    missing_columns: beam.PCollection | None,
    lease: Lease | None,
) -> WriteFigures:
    """Return the transform that adds up what was counted."""
    output, entry = recipe.config.output, recipe.tokenizer.entry(plan.tokenizer_folder)
    earlier = () if plan.earlier is None else plan.earlier.generations
    return WriteFigures(
        storage.join(output, figures_path(plan.generation)),
        storage.join(output, entry.path),
        unknown_id=entry.special_token_ids.get("unk"),
        max_length=recipe.layout.max_length,
        inputs=files.inputs,
        texts=storage.join(output, texts_path(plan.generation)),
        earlier_texts=[storage.join(output, texts_path(each.number)) for each in earlier],
        first_input=0 if plan.earlier is None else len(plan.earlier.inputs),
        missing_columns=missing_columns,
        lease=lease,
    )
