"""What is in an output: its files, what is finished, repairs, rows as text."""
