"""What lies in an output: shard files, manifest, ledger, receipts, commit."""
