"""Reviews to token ids and word starts: exactly those of the `tokenizers` library, much faster."""
