"""What the overrides take of Beam is there, and is what they take it for."""

import gc
import inspect
import subprocess
import sys

from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.runners.worker import data_plane, sdk_worker_main

from beam_pipeline.engines.engine import Engine, choose_engine
from beam_pipeline.engines.overrides.watched_workers import WatchedWorkerHandler
from tests.paths import ROOT

OBJECTS = """
import gc
from beam_pipeline.engines.overrides.start_up import quick_imports
with quick_imports():
    import apache_beam
print(gc.get_freeze_count())
"""


def _source(thing: object) -> str:
    return inspect.getsource(thing)  # type: ignore[arg-type]


def test_beam_starts_worker_processes_with_our_handler() -> None:
    known = worker_handlers.WorkerHandler._registered_environments
    handler, _ = known[python_urns.SUBPROCESS_SDK]
    assert handler is WatchedWorkerHandler


def test_beams_own_handler_waits_for_a_process_in_the_thread_that_we_watch() -> None:
    source = _source(worker_handlers.SubprocessSdkWorkerHandler)
    assert "self.worker_thread = threading.Thread(" in source
    assert "self.worker_thread.join()" in source


def test_what_a_worker_was_asked_is_answered_where_we_answer_it() -> None:
    connection = worker_handlers.ControlConnection()
    asked = connection.push(beam_fn_api_pb2.InstructionRequest(instruction_id="a"))
    answer = beam_fn_api_pb2.InstructionResponse(instruction_id="a", error="gone")
    connection._futures_by_id["a"].set(answer)
    assert asked.get() == answer


def test_what_is_sent_to_a_worker_waits_where_we_take_it() -> None:
    channel = data_plane.GrpcClientDataChannel.__mro__[1]()
    channel._to_send.put(channel._WRITES_FINISHED, 0)
    assert list(channel._write_outputs()) == []
    assert worker_handlers.BeamFnControlServicer._DONE_MARKER is not None


def test_a_worker_process_is_started_with_the_command_of_its_environment() -> None:
    engine = choose_engine(["--direct_num_workers", "2"], 1, 1)
    assert isinstance(engine, Engine)
    assert list(inspect.signature(sdk_worker_main.main).parameters) == ["unused_argv"]


def test_beams_imports_leave_enough_objects_to_be_worth_freezing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OBJECTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 100_000
    assert gc.isenabled()
