"""Reviews of somebody's own pipeline: from dicts, strings and names of files to parts."""
