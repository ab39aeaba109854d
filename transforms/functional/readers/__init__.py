"""Readers: from a file's bytes to chunks of reviews, one module a format."""
