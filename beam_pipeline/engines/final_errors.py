"""Errors that no retry cures: Flink, which would try again, is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import requests

from beam_pipeline.engines.failures import our_error
from beam_pipeline.engines.flink import FlinkCluster
from transforms.functional.errors import (
    BadInputError,
    ContractError,
    MissingColumnError,
    ReviewShardsError,
    TokenizerError,
    TooManyRejectedError,
    UsageError,
)

# The others may pass: a store that was away raises `InputError` and `OutputError`.
_FINAL = (
    BadInputError,
    ContractError,
    MissingColumnError,
    TokenizerError,
    TooManyRejectedError,
    UsageError,
)
LOOKS_EVERY_S = 2.0


@contextmanager
def stopping_at_final_errors(cluster: FlinkCluster | None, name: str) -> Iterator[FinalErrors]:
    """Cancel a job of a cluster, while it runs in this block, once it fails for good."""
    found = FinalErrors(cluster, name)
    thread = threading.Thread(target=found.look, name="final_errors", daemon=True)
    if cluster is not None:
        thread.start()
    try:
        yield found
    finally:
        found.ended.set()


@dataclass
class FinalErrors:
    """What makes a job fail for good.

    Attributes:
        cluster: The cluster; None where its address is not known.
        name: The name of the job.
        ended: Set once the job has ended.
        error: What made it fail; None before anything did.
    """

    cluster: FlinkCluster | None
    name: str
    ended: threading.Event = field(default_factory=threading.Event)
    error: ReviewShardsError | None = None

    def look(self) -> None:
        """Look at the attempts of the job until one fails for good, or the job has ended."""
        while self.cluster is not None and not self.ended.wait(LOOKS_EVERY_S):
            # Whatever is wrong with the cluster, the job itself will say.
            with suppress(requests.RequestException):
                errors = map(our_error, self.cluster.failed_attempts(self.name))
                self.error = next((error for error in errors if isinstance(error, _FINAL)), None)
                if self.error is not None:
                    self.cluster.cancel(self.name)
                    return
