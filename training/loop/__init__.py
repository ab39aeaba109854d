"""The loop over the batches: trainer, evaluation, checkpoints, metrics."""
