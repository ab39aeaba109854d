"""Compressed files and archives as streams of their bytes, with an eye on bombs."""
