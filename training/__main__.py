"""`python -m training COMMAND`, the same as `zoetrope COMMAND`."""

import sys

from training.cli.app import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
