"""python -m tools.citus: print what Citus would refuse of the ledger's SQL, exit with 1 if any."""

from __future__ import annotations

import sys

from .findings import findings

if __name__ == "__main__":
    found = [str(finding) for finding in findings()]
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)
