"""Create the ledger's database if it is missing and migrate it: `mlops-ledger init`."""

from __future__ import annotations

import sys

from mlops_ledger.cli import main

if __name__ == "__main__":
    main(["init", *sys.argv[1:]])
