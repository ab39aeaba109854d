"""What a run says of itself: in words, as JSON, as metrics, as OpenLineage events."""
