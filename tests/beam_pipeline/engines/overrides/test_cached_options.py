"""Beam's options whose views are made once."""

import copy
import pickle

from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    StandardOptions,
)

from beam_pipeline.engines.overrides.cached_options import CachedOptions


def test_a_view_is_made_once_and_shares_its_values() -> None:
    options = CachedOptions(["--direct_num_workers", "3"])
    view = options.view_as(DirectOptions)
    assert view.direct_num_workers == 3
    assert options.view_as(DirectOptions) is view
    view.direct_num_workers = 5
    assert options.get_all_options()["direct_num_workers"] == 5
    options.view_as(StandardOptions).runner = "FlinkRunner"
    assert view.view_as(StandardOptions).runner == "FlinkRunner"


def test_all_options_are_those_of_plain_ones() -> None:
    arguments = ["--direct_num_workers", "3", "--experiments=a", "--experiments=b", "--unknown=1"]
    plain, ours = PipelineOptions(arguments), CachedOptions(arguments)
    for options in (plain, ours):
        options.view_as(DirectOptions).direct_running_mode = "multi_processing"
    everything = ours.get_all_options(retain_unknown_options=True)
    assert everything == plain.get_all_options(retain_unknown_options=True)


def test_a_copy_has_values_of_its_own() -> None:
    options = CachedOptions(["--direct_num_workers", "3"])
    options.view_as(DirectOptions)
    duplicate = copy.deepcopy(options)
    duplicate.view_as(DirectOptions).direct_num_workers = 7
    assert options.view_as(DirectOptions).direct_num_workers == 3


def test_what_beam_takes_out_of_pickled_options_stays_in_no_view() -> None:
    options = CachedOptions(["--impersonate_service_account", "somebody"])
    assert options.view_as(GoogleCloudOptions).impersonate_service_account == "somebody"
    assert b"_all_options" in pickle.dumps(options)
    loaded = pickle.loads(pickle.dumps(options))
    assert loaded.view_as(GoogleCloudOptions).impersonate_service_account is None
