"""From a manifest to batches of tensors: shards, their cache, rows."""
