"""A Flink cluster, asked by its REST address."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import requests
from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions
from apache_beam.runners.portability.flink_runner import MAGIC_HOST_NAMES, FlinkRunner

_ANSWER_S = 5.0
# What is cancelled has this long to end.
_ENDS_IN_S = 10.0
_LOOKS_EVERY_S = 0.2

_ENDED = ("FINISHED", "CANCELED", "FAILED")


@dataclass(frozen=True, kw_only=True)
class FlinkCluster:
    """A cluster.

    Attributes:
        address: `http://HOST:PORT`, where its page is, too.
    """

    address: str

    @classmethod
    def of(cls, options: PipelineOptions) -> FlinkCluster | None:
        """Return the cluster of `--flink_master`; None where it names none."""
        master = str(options.view_as(FlinkRunnerOptions).flink_master)
        if master in MAGIC_HOST_NAMES:
            return None
        return cls(address=FlinkRunner.add_http_scheme(master).rstrip("/"))

    def running(self, name: str) -> list[str]:
        """Return the ids of the jobs of a name that have not ended.

        Raises:
            requests.RequestException: the cluster does not answer.
        """
        jobs = self._ask("jobs/overview")["jobs"]
        return [job["jid"] for job in jobs if job["name"] == name and job["state"] not in _ENDED]

    def failed_attempts(self, name: str) -> list[str]:
        """Return what each failed attempt of a job said; nothing where two of its name run.

        Raises:
            requests.RequestException: the cluster does not answer.
        """
        running = self.running(name)
        if len(running) != 1:
            return []
        said = self._ask(f"jobs/{running[0]}/exceptions")
        return [entry["stacktrace"] for entry in said["exceptionHistory"]["entries"]]

    def cancel(self, name: str) -> bool:
        """Cancel the jobs of a name; return True when none of them runs any more.

        Beam's own ways do not do it: its job server lets the job go on, and its uber jar asks for
        a savepoint, at an address that is not there.

        Raises:
            requests.RequestException: the cluster does not answer.
        """
        end = time.monotonic() + _ENDS_IN_S
        asked: set[str] = set()
        while running := self.running(name):
            for job in set(running) - asked:
                requests.patch(
                    f"{self.address}/jobs/{job}", params={"mode": "cancel"}, timeout=_ANSWER_S
                ).raise_for_status()
                asked.add(job)
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOKS_EVERY_S)
        return True

    def _ask(self, path: str) -> Any:
        answer = requests.get(f"{self.address}/{path}", timeout=_ANSWER_S)
        answer.raise_for_status()
        return answer.json()
