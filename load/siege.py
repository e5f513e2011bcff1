"""`python -m load.siege`, the name that `load.stress` had before: an alias that prints the new one."""

import sys

from load.stress.__main__ import main

if __name__ == "__main__":
    print("load.siege is now called load.stress: python -m load.stress", file=sys.stderr)
    sys.exit(main())
