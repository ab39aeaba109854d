"""Tests of the readers: exact rows from exact bytes."""
