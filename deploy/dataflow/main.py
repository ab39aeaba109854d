"""What Dataflow's template launcher runs: it takes a file, where others take a module."""

import sys

from beam_pipeline.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
