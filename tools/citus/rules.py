"""What Citus refuses, or answers otherwise, of SQL over distributed tables: one function a rule.

The rules were met on Citus 13.2 and 14.0; each function yields what breaks its own in one query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import AlterTableType, ConstrType, OnConflictAction

from .queries import Query, walk

# Each with the column by which its rows are spread.
DISTRIBUTED = {"predictions": "id", "ground_truth": "prediction_id", "system_metrics": "id"}
TIMES = {"predicted_at", "labeled_at", "timestamp", "received_at", "created_at"}
DEPENDS_ON_ZONE = {"date", "time", "text", "timestamp"}
ZONELESS_FIELDS = {"epoch", "microseconds", "milliseconds", "second"}
VOLATILE = {"clock_timestamp", "random", "gen_random_uuid", "uuidv7", "nextval", "timeofday"}
SIZES = {"pg_total_relation_size", "pg_relation_size", "pg_table_size", "pg_indexes_size"}
KEYS = {ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_EXCLUSION}
NAMED = {*KEYS, ConstrType.CONSTR_CHECK, ConstrType.CONSTR_FOREIGN}


@dataclass
class Known:
    """What one query alone does not tell: views and functions over the tables, and volatility."""

    spread: set[str] = field(default_factory=lambda: set(DISTRIBUTED))
    readers: set[str] = field(default_factory=set)
    volatility: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, queries: list[Query]) -> Known:
        """Find the views and functions that read a distributed table, also by one another."""
        known = cls()
        for query in queries:
            if isinstance(query.tree, ast.CreateFunctionStmt):
                options = {option.defname: option.arg for option in query.tree.options}
                named = options.get("volatility")
                known.volatility[query.place] = named.sval if named else "volatile"
        before = -1
        while before < (before := len(known.spread) + len(known.readers)):
            for query in queries:
                if isinstance(query.tree, ast.ViewStmt) and known.reads(query.tree.query):
                    known.spread.add(query.place)
                elif query.place in known.volatility and known.reads(query.tree):
                    known.readers.add(query.place)
        return known

    def tables(self, tree: Any) -> set[str]:
        """Return the distributed tables, and views over them, that a part of a query names."""
        names = {node.relname for node in walk(tree) if isinstance(node, ast.RangeVar)}
        own = {node.ctename for node in walk(tree) if isinstance(node, ast.CommonTableExpr)}
        return (names - own) & self.spread

    def reads(self, tree: Any) -> bool:
        """Return whether a part of a query reads a distributed table, itself or by a function."""
        return bool(self.tables(tree)) or any(_name(call) in self.readers for call in _calls(tree))


Rule = Callable[[ast.Node, Known], Iterator[str]]


def zone(tree: ast.Node, known: Known) -> Iterator[str]:
    """Name the zone: a session's is not sent to the workers."""
    for call in _calls(tree):
        if _name(call) == "date_trunc" and len(call.args) == 2:
            yield "date_trunc without a zone"
        if _name(call) in {"extract", "date_part"} and known.tables(tree):
            part, value = call.args
            if _constant(part) not in ZONELESS_FIELDS and _column(value) in TIMES:
                yield f"extract({_constant(part)}) of a time without a zone"
    for node in _of(tree, ast.TypeCast):
        if _column(node.arg) in TIMES and known.tables(tree):
            kind = node.typeName.names[-1].sval
            if kind in DEPENDS_ON_ZONE:
                yield f"{_column(node.arg)}::{kind} without a zone"


def names(tree: ast.Node, known: Known) -> Iterator[str]:
    """Name constraints: of unnamed ones the workers' names differ."""
    for node in _of(tree, ast.Constraint):
        if node.contype in NAMED and not node.conname:
            yield "a constraint without a name"


def keys(tree: ast.Node, known: Known) -> Iterator[str]:
    """Put the distribution column into every key; none refers to another table."""
    if isinstance(tree, ast.IndexStmt):
        columns = {part.name for part in tree.indexParams}
        if tree.unique and _lacks(tree.relation.relname, columns):
            yield "a unique index without the distribution column"
    if isinstance(tree, ast.CreateStmt | ast.AlterTableStmt):
        table = tree.relation.relname
        for node in _of(tree, ast.Constraint):
            refers = node.contype == ConstrType.CONSTR_FOREIGN
            if refers and {table, node.pktable.relname} & set(DISTRIBUTED):
                yield "a foreign key"
            elif table in DISTRIBUTED and node.contype == ConstrType.CONSTR_IDENTITY:
                yield "an identity column"
            elif node.contype in KEYS and _lacks(table, {key.sval for key in node.keys or ()}):
                # That of one column has no list, and lacks the time of the partitions.
                yield "a key without the distribution column"


def alterations(tree: ast.Node, known: Known) -> Iterator[str]:
    """Alter by one step at a time, and add columns without constraints."""
    if not isinstance(tree, ast.AlterTableStmt) or tree.relation.relname not in DISTRIBUTED:
        return
    kinds = [command.subtype for command in tree.cmds]
    if AlterTableType.AT_AddConstraint in kinds and len(kinds) > 1:
        yield "ADD CONSTRAINT beside other steps"
    for command in tree.cmds:
        if command.subtype == AlterTableType.AT_DetachPartition and command.def_.concurrent:
            yield "DETACH CONCURRENTLY"
        if command.subtype == AlterTableType.AT_AddColumn:
            found = {node.contype for node in _of(command, ast.Constraint)}
            if found & NAMED:
                yield "ADD COLUMN with a constraint"
        changes_type = command.subtype == AlterTableType.AT_AlterColumnType
        if changes_type and command.name == DISTRIBUTED[tree.relation.relname]:
            yield "another type for the distribution column"


def triggers(tree: ast.Node, known: Known) -> Iterator[str]:
    """Put triggers on tables of the coordinator only."""
    if isinstance(tree, ast.CreateTrigStmt) and tree.relation.relname in DISTRIBUTED:
        yield f"a trigger on {tree.relation.relname}"


def row_addresses(tree: ast.Node, known: Known) -> Iterator[str]:
    """Find rows by key: a ctid is that of one shard."""
    if known.tables(tree) and any(_column(node) == "ctid" for node in _of(tree, ast.ColumnRef)):
        yield "ctid"


def changes(tree: ast.Node, known: Known) -> Iterator[str]:
    """Change rows by values that every worker computes alike."""
    for node in _of(tree, ast.UpdateStmt, ast.DeleteStmt):
        if known.tables(node):
            yield from (f"{name}() in a change" for name in _unsteady(node, known))
    for node in _of(tree, ast.UpdateStmt):
        column = DISTRIBUTED.get(node.relation.relname)
        if column in {target.name for target in node.targetList}:
            yield "an update of the distribution column"
    for node in _of(tree, ast.InsertStmt):
        if node.relation.relname not in DISTRIBUTED or not node.onConflictClause:
            continue
        clause = node.onConflictClause
        if clause.action == OnConflictAction.ONCONFLICT_UPDATE:
            calls = {_name(call) for call in _calls(clause)}
            if any(known.volatility.get(name, "volatile") != "immutable" for name in calls):
                yield "a function in DO UPDATE that is not immutable"
        if not getattr(node.selectStmt, "valuesLists", None) and not _returns(node):
            yield "INSERT … SELECT … ON CONFLICT without RETURNING, which counts what was selected"


def merges(tree: ast.Node, known: Known) -> Iterator[str]:
    """Write INSERT … ON CONFLICT."""
    yield from ("MERGE" for node in _of(tree, ast.MergeStmt) if known.tables(node))


def grouping_sets(tree: ast.Node, known: Known) -> Iterator[str]:
    """Group first, in a materialized query, and make totals of that."""
    for node in _of(tree, ast.SelectStmt):
        if known.tables(node.fromClause) and any(_of(node.groupClause, ast.GroupingSet)):
            yield "ROLLUP, CUBE or GROUPING SETS"


def row_locks(tree: ast.Node, known: Known) -> Iterator[str]:
    """Lock rows of the coordinator's tables, in a statement of its own."""
    for node in _of(tree, ast.SelectStmt):
        if node.lockingClause and known.tables((node.fromClause, node.withClause)):
            yield "FOR UPDATE or FOR SHARE"


def recursion(tree: ast.Node, known: Known) -> Iterator[str]:
    """Recurse over tables of the coordinator only."""
    for node in _of(tree, ast.WithClause):
        if node.recursive and known.tables(node.ctes):
            yield "WITH RECURSIVE"


def lateral(tree: ast.Node, known: Known) -> Iterator[str]:
    """Aggregate the big table first, then join."""
    for node in _of(tree, ast.RangeSubselect):
        if node.lateral and known.tables(node.subquery):
            yield "LATERAL"


def targets(tree: ast.Node, known: Known) -> Iterator[str]:
    """Select what is computed of a distributed table in FROM, not beside it."""
    for node in _of(tree, ast.SelectStmt):
        below = [link for link in _of(node.targetList, ast.SubLink) if known.tables(link)]
        if below and node.fromClause and known.tables(node.fromClause):
            yield "a query among the columns"


def empty_lists(tree: ast.Node, known: Known) -> Iterator[str]:
    """Select a column: what is sent to the workers cannot have none."""
    for node in _of(tree, ast.SelectStmt):
        if not node.targetList and any(_tables_beside(node.fromClause, known)):
            yield "SELECT without a column"


def functions_per_row(tree: ast.Node, known: Known) -> Iterator[str]:
    """Call no function that reads a distributed table for each row of one."""
    for node in _of(tree, ast.SelectStmt):
        if any(_tables_beside(node.fromClause, known)):
            for call in _calls((node.targetList, node.whereClause)):
                if _name(call) in known.readers:
                    yield f"{_name(call)}() for each row"


def sizes(tree: ast.Node, known: Known) -> Iterator[str]:
    """Ask ledger_sizes: the catalog knows the empty shell only."""
    yield from (f"{_name(call)}()" for call in _calls(tree) if _name(call) in SIZES)


def copies(tree: ast.Node, known: Known) -> Iterator[str]:
    """Copy without ON_ERROR."""
    for node in _of(tree, ast.CopyStmt):
        if any(option.defname == "on_error" for option in node.options or ()):
            yield "COPY with ON_ERROR"


RULES: tuple[Rule, ...] = (
    zone,
    names,
    keys,
    alterations,
    triggers,
    row_addresses,
    changes,
    merges,
    grouping_sets,
    row_locks,
    recursion,
    lateral,
    targets,
    empty_lists,
    functions_per_row,
    sizes,
    copies,
)


def _of(tree: Any, *kinds: type[ast.Node]) -> Iterator[Any]:
    return (node for node in walk(tree) if isinstance(node, kinds))


def _calls(tree: Any) -> Iterator[ast.FuncCall]:
    return _of(tree, ast.FuncCall)


def _name(call: ast.FuncCall) -> str:
    return str(call.funcname[-1].sval)


def _column(node: Any) -> str | None:
    last = node.fields[-1] if isinstance(node, ast.ColumnRef) else None
    return last.sval if isinstance(last, ast.String) else None


def _constant(node: Any) -> str | None:
    return getattr(getattr(node, "val", None), "sval", None)


def _lacks(table: str, columns: set[str]) -> bool:
    return table in DISTRIBUTED and DISTRIBUTED[table] not in columns


def _returns(node: ast.InsertStmt) -> bool:
    # From PostgreSQL 18 the list is within a clause.
    return bool(getattr(node, "returningClause", None) or getattr(node, "returningList", None))


def _unsteady(tree: ast.Node, known: Known) -> Iterator[str]:
    """Yield functions that are volatile, or are stable and take a column."""
    for call in _calls(tree):
        name = _name(call)
        volatility = known.volatility.get(name, "volatile" if name in VOLATILE else "immutable")
        of_rows = any(_column(node) for node in _of(call.args, ast.ColumnRef))
        if volatility == "volatile" or (volatility == "stable" and of_rows):
            yield name


def _tables_beside(items: Any, known: Known) -> Iterator[str]:
    """Yield the distributed tables that stand in FROM themselves, not in a query there."""
    for item in items or ():
        if isinstance(item, ast.RangeVar) and item.relname in known.spread:
            yield item.relname
        elif isinstance(item, ast.JoinExpr):
            yield from _tables_beside((item.larg, item.rarg), known)
