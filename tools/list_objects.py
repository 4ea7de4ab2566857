"""Write schema/objects: what `mlops-ledger verify` compares the objects of a database with.

python tools/list_objects.py          write the file
python tools/list_objects.py --check  compare, print the difference, exit with 1 if there is one
"""

from __future__ import annotations

from mlops_ledger import Database, Settings
from mlops_ledger.admin.objects import Objects
from mlops_ledger.embedded import EmbeddedServer
from mlops_ledger.migrations import schema_directory
from tools.generated import run
from tools.scratch import migrated_database

FILE = schema_directory() / "objects"


def listed(conninfo: str) -> str:
    """Return the objects of a migrated database, one a line: hash, kind, name."""
    with Database(Settings(conninfo=conninfo)) as db:
        objects = Objects(db).found()
    return "".join(f"{objects[name]} {name}\n" for name in sorted(objects))


def generate() -> str:
    """Return what schema/objects should hold."""
    server = EmbeddedServer(Settings.from_environment().home).conninfo("postgres")
    with migrated_database(server) as conninfo:
        return listed(conninfo)


if __name__ == "__main__":
    raise SystemExit(run(FILE, generate, "schema"))
