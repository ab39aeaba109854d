"""What the workers are given: splits, files to leave out, numbers of label names."""

import apache_beam as beam

from beam_pipeline.graph.reading import text_trial
from beam_pipeline.plan.plan_files import PlanFiles
from beam_pipeline.plan.planning import Plan
from beam_pipeline.plan.recipe import DatasetRecipe
from transforms.functional.figures.contract import Contract
from transforms.labels import CollectLabels
from transforms.reading import FindMissingColumns, ReadReviews, ReadSplits
from transforms.rejecting import FindBadFiles, LeaveOutFiles


def read_splits(
    pipeline: beam.Pipeline,
    files: PlanFiles,
    bad_files: beam.PCollection | None,
    purpose: str = "",
) -> beam.PCollection:
    """Return the splits of a plan, without the files that are left out.

    Each purpose has a root of its own: Beam's local engine cannot order a side input that comes
    from the same splits as what is compared with other inputs.
    """
    splits = pipeline | f"Splits{purpose}" >> ReadSplits(files.splits, files.secret_paths)
    if bad_files is None:
        return splits
    return splits | f"LeaveOutFiles{purpose}" >> LeaveOutFiles(bad_files)


def find_bad_files(
    pipeline: beam.Pipeline, recipe: DatasetRecipe, plan: Plan, files: PlanFiles
) -> beam.PCollection | None:
    """Return the files with too many rejected records, None where they fail the job."""
    config = recipe.config
    if config.bad_files == "fail":
        return None
    label_numbers = collect_label_numbers(pipeline, recipe, plan, files, None, "ToCheck")
    reading = ReadReviews(
        plan.columns,
        sample_by=config.sample_by,
        label_numbers=label_numbers,
        trial=text_trial(recipe, plan),
    )
    return read_splits(pipeline, files, None, "ToCheck") | FindBadFiles(
        reading, max_rejected_fraction=config.max_rejected_fraction
    )


def collect_label_numbers(
    pipeline: beam.Pipeline,
    recipe: DatasetRecipe,
    plan: Plan,
    files: PlanFiles,
    bad_files: beam.PCollection | None,
    purpose: str = "",
) -> beam.PCollection | None:
    """Return the numbers of label names, None where labels are no names of a column."""
    if not plan.labels_are_names:
        return None
    known = None if plan.earlier is None else plan.earlier.label_numbers
    splits = read_splits(pipeline, files, bad_files, f"ForLabels{purpose}")
    config = recipe.config
    collecting = CollectLabels(config.label_column, known, config.problem_type)
    return splits | f"CollectLabels{purpose}" >> collecting


def find_missing_columns(
    pipeline: beam.Pipeline,
    files: PlanFiles,
    bad_files: beam.PCollection | None,
    contract: Contract | None,
) -> beam.PCollection | None:
    """Return which files lack which expected columns, None where none are expected."""
    if contract is None or contract.columns is None:
        return None
    splits = read_splits(pipeline, files, bad_files, "ForColumns")
    return splits | FindMissingColumns(contract.columns)
