"""What is read, decided before a pipeline exists: files, sizes, splits, tokenizer."""
