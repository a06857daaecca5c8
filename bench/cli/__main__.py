"""`python -m bench.cli`: the command `leakbench`."""

import sys

from bench.cli.main import main

sys.exit(main())
