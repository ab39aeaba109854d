"""Many records of one kind, held as Arrow columns: a million take a few hundred megabytes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from types import NoneType
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints, overload

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms.functional.wording import counted

Record = TypeVar("Record")

_BATCH = 16_384  # Records that are Python objects at a time.
# Large strings: a million paths may take more bytes than 32-bit offsets count.
_TYPES = {int: pa.int64(), str: pa.large_string()}


class Records(Sequence[Record], Generic[Record]):
    """An immutable sequence of dataclass records.

    Their fields are `str`, `int`, literals of strings, or one of these or None.
    """

    def __init__(self, kind: type[Record], table: pa.Table) -> None:
        """Hold the columns; nothing is copied."""
        self.kind = kind
        self._table = table

    @classmethod
    def of(cls, kind: type[Record], records: Iterable[Record] = ()) -> Records[Record]:
        """Return records as columns; an iterator is taken a few thousand at a time."""
        names = list(_fields(kind))
        rows = iter(records)
        batches: list[pa.RecordBatch] = []
        while chunk := list(islice(rows, _BATCH)):
            columns = {name: [getattr(record, name) for record in chunk] for name in names}
            batches.append(pa.RecordBatch.from_pydict(columns, schema_of(kind)))
        return cls(kind, pa.Table.from_batches(batches, schema_of(kind)))

    @classmethod
    def from_dicts(cls, kind: type[Record], rows: Sequence[Mapping[str, Any]]) -> Records[Record]:
        """Return records from dictionaries with exactly the fields of `kind`.

        Raises:
            TypeError: a field is missing, unknown, or of another type.
        """
        names = _fields(kind)
        for row in rows:
            if row.keys() != names.keys():
                raise TypeError(f"{kind.__name__} has the fields {', '.join(names)}")
        return cls(kind, pa.Table.from_pylist(list(rows), schema_of(kind)))

    @classmethod
    def from_parquet(cls, kind: type[Record], data: bytes) -> Records[Record]:
        """Return the records in a Parquet file.

        Raises:
            ValueError: it holds other records. Arrow's errors are of this kind, too.
        """
        table = pq.read_table(pa.BufferReader(data))
        return cls(kind, table.select(schema_of(kind).names).cast(schema_of(kind)))

    def to_parquet(self) -> bytes:
        """Return the records as a Parquet file."""
        return parquet_bytes(self._table)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the records as dictionaries."""
        rows: list[dict[str, Any]] = self._table.to_pylist()
        return rows

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one field of all records."""
        return self._table.column(name)

    def total(self, name: str) -> int:
        """Return the sum of one field."""
        return int(pc.sum(self.column(name)).as_py() or 0)

    def sorted_by(self, *names: str) -> Records[Record]:
        """Return the records in the order of some fields."""
        table = self._table.sort_by([(name, "ascending") for name in names])
        return type(self)(self.kind, table)

    def where(self, chosen: pa.Array) -> Records[Record]:
        """Return the records for which (n,) booleans are true."""
        return type(self)(self.kind, self._table.filter(chosen))

    def __add__(self, other: Records[Record]) -> Records[Record]:
        """Return these records, followed by others."""
        return type(self)(self.kind, pa.concat_tables([self._table, other._table]))

    def __len__(self) -> int:
        """Return the number of records."""
        return int(self._table.num_rows)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Records[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Records[Record]:
        """Return one record, or those of a slice without a step."""
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            return type(self)(self.kind, self._table.slice(start, max(0, stop - start)))
        if not -len(self) <= index < len(self):
            raise IndexError(f"there is no record {index}, only {counted(len(self), 'record')}")
        return next(iter(self[index % len(self) :][:1]))

    def __iter__(self) -> Iterator[Record]:
        """Yield the records, a few thousand of them as Python objects at a time."""
        for batch in self._table.to_batches(max_chunksize=_BATCH):
            for row in batch.to_pylist():
                yield self.kind(**row)

    def __eq__(self, other: object) -> bool:
        """Return True for the same records in the same order."""
        return isinstance(other, Records) and bool(self._table.equals(other._table))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the records as a list of their own representations."""
        return f"Records({list(self)!r})"


def schema_of(kind: Any) -> pa.Schema:
    """Return the columns of a dataclass."""
    return pa.schema([_column(name, hint) for name, hint in _fields(kind).items()])


def _column(name: str, hint: Any) -> pa.Field:
    if get_origin(hint) is Literal:
        return pa.field(name, _TYPES[str], nullable=False)
    choices = [choice for choice in get_args(hint) if choice is not NoneType]
    if choices:
        return _column(name, choices[0]).with_nullable(True)
    return pa.field(name, _TYPES[hint], nullable=False)


def parquet_bytes(table: pa.Table, **options: Any) -> bytes:
    """Return a table as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", **options)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _fields(kind: Any) -> dict[str, Any]:
    return _fields_of(kind)  # The cache's own types know no class as its argument.


@cache
def _fields_of(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
