"""The model, its tokenizer, and what a batch becomes before it."""
