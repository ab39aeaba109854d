"""Bundles that do not wait for the thread that looks at what they do."""

import subprocess
import sys

from tests.paths import ROOT

# In a process of its own: the choice holds for all that a process does.
CODE = """
import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.worker import statesampler
from beam_pipeline.engines.overrides.quick_bundles import end_bundles_quickly

end_bundles_quickly()
periods = []
stop = statesampler.StateSampler.stop

def stop_and_note(self):
    periods.append(self.sampling_period_ms)
    stop(self)

statesampler.StateSampler.stop = stop_and_note
with beam.Pipeline(runner=FnApiRunner()) as pipeline:
    pipeline | beam.Create([1])
print(set(periods))
"""


def test_beam_looks_often_at_what_each_bundle_does() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "{5}\n"
