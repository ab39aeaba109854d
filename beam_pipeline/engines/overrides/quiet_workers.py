"""Workers in this process that print nothing.

Without it: a worker prints a page of traceback for each error that it also logs and sends to the
engine, which sends it to us, and goes on to do so while an interrupted job ends.
"""

from types import ModuleType

from apache_beam.runners.worker import log_handler, sdk_worker


def _print_nothing(*_: object, **__: object) -> None:
    pass


_printing: tuple[ModuleType, ...] = (sdk_worker, log_handler)
for _module in _printing:
    # A name of the module is found before Python's own.
    _module.print = _print_nothing  # type: ignore[attr-defined]
