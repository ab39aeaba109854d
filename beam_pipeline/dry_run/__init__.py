"""`--dry_run`: what a job would read and make, estimated from a sample."""
