"""A worker process of the local engine: Beam's own, but quiet, and single-threaded inside."""

import logging
import os
import sys
from pathlib import Path


def main() -> None:
    """Serve the runner that started this process until it hangs up."""
    # Every core has a worker already: the tokenizer's own threads would only get in their way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Errors go back to the runner, which raises them; the worker would print each one too.
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - open until the process ends
    # With a handler in place nothing sets up a second one on stderr; logs still go to the runner.
    logging.getLogger().addHandler(logging.NullHandler())

    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
