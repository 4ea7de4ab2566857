"""Create the ledger's database if it is missing (`mlops-ledger init` does this and migrates)."""

from __future__ import annotations

import sys

from mlops_ledger import Settings
from mlops_ledger.admin.create import create_database
from mlops_ledger.errors import LedgerError


def main() -> int:
    """Create the database and say what was done."""
    settings = Settings.from_environment()
    try:
        created, owner = create_database(settings)
    except LedgerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"database {settings.database} {'created' if created else 'was there'}, owned by {owner}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
