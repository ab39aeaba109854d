"""What this user's jobs and trainers keep on this machine: only ever a saving of time."""
