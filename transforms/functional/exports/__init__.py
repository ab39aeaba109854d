"""Rows as the files of other trainers' formats: pure functions from columns to bytes."""
