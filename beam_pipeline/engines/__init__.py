"""Where a job runs: this machine's cores or a cluster, from its start to its end."""
