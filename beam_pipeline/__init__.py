"""The job: configuration, plan, pipeline and command line."""
