"""Asks the installed transformers which tokenizer AutoTokenizer makes of a folder's files."""
