"""What the files beside a `tokenizer.json` say, and change in it."""
