"""Segment files and the spool on disks that fail, fill up and flip bits."""

from __future__ import annotations

import errno
import itertools
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fix_faults import full

from mlops_ledger.logger import segments, spool
from mlops_ledger.logger.inspect import inspect_spool
from mlops_ledger.logger.pace import Pace
from mlops_ledger.logger.reader import SpoolReader
from mlops_ledger.logger.segments import Record, frame, scan
from mlops_ledger.logger.spool import Spool, SpoolFull

SALT = 12345
QUOTA = 100_000_000


def payload(number: int) -> bytes:
    return f'{{"number":{number},"text":"{"x" * (number % 50)}"}}'.encode()


def delivered_later(folder: Path) -> list[bytes]:
    """What a later process finds in a folder, batch by batch."""
    adopted = Spool.adopt(folder)
    assert adopted is not None
    found = list(batches(SpoolReader(adopted, 7)))
    adopted.release()
    return found


def batches(reader: SpoolReader) -> Iterator[bytes]:
    while records := reader.batch():
        reader.begin(records)
        yield from [record.payload for record in records]
        reader.acknowledge(records)
    reader.close()


def corrupt(data: bytes, rng: random.Random) -> bytes:
    at, length = rng.randrange(len(data)), rng.randrange(1, 200)
    match rng.randrange(6):
        case 0:
            return data[:at]
        case 1:
            flipped = bytearray(data)
            flipped[at] ^= 1 << rng.randrange(8)
            return bytes(flipped)
        case 2:
            return data[:at] + bytes(length) + data[at + length :]
        case 3:
            return data[:at] + data[at + length :]
        case 4:
            again = rng.randrange(len(data))
            return data[:at] + data[again : again + length] + data[at:]
    return data[:at] + rng.randbytes(length) + data[at:]


def test_no_corruption_makes_a_wrong_record() -> None:
    rng = random.Random(4)
    written = {number: payload(number) for number in range(1, 41)}
    data = b"".join(frame(SALT, *item) for item in written.items())
    recovered = 0
    for _ in range(full(20_000, 2_000)):
        last = 0
        for record in scan(corrupt(data, rng), SALT, 0):
            assert record.payload == written[record.sequence]
            assert record.sequence > last
            last = record.sequence
            recovered += 1
    # What is not hit is found: a reader that gave up would be right as well.
    assert recovered > 20 * full(20_000, 2_000)


def test_records_of_another_file_are_not_taken_for_ours() -> None:
    assert list(scan(frame(SALT + 1, 1, b"{}"), SALT, 0)) == []


def test_records_come_back_in_order_over_many_segments(tmp_path: Path) -> None:
    own = Spool.create(tmp_path, 8 * 1000)
    own._quota = QUOTA
    expected = [payload(number) for number in range(500)]
    for each in expected:
        own.append([each])
    assert len(own.segments) > 10
    own.disown()
    assert delivered_later(own.folder.path) == expected
    assert list(tmp_path.iterdir()) == []


def test_a_batch_that_was_begun_is_sent_again_under_its_id(tmp_path: Path) -> None:
    own = Spool.create(tmp_path, QUOTA)
    own.append([payload(number) for number in range(100)])
    reader = SpoolReader(own, 10)
    reader.acknowledge(reader.batch())
    begun = reader.batch()
    id = reader.begin(begun)
    reader.close()
    own.disown()
    adopted = Spool.adopt(own.folder.path)
    assert adopted is not None
    later = SpoolReader(adopted, 50)
    assert [record.payload for record in later.batch()] == [record.payload for record in begun]
    assert later.begin(later.batch()) == id
    later.acknowledge(later.batch())
    assert later.begin(later.batch()) != id
    assert len(later.batch()) == 50
    later.close()
    adopted.release()


def test_a_batch_does_not_wait_for_what_arrives_while_it_is_read(tmp_path: Path) -> None:
    own = Spool.create(tmp_path, QUOTA)
    own.append([payload(number) for number in range(1000)])
    arriving = itertools.count(1000)
    pace = SimpleNamespace(rest=lambda: own.append([payload(next(arriving))]))
    reader = SpoolReader(own, 5000)
    found = [record.payload for record in reader.batch(pace=cast(Pace, pace))]
    # In the last piece there may be some that came before it was read.
    assert found == [payload(number) for number in range(len(found))]
    assert 1000 <= len(found) <= next(arriving) < 1050
    reader.acknowledge(reader.batch())
    list(batches(reader))
    own.release()


def test_a_batch_of_an_earlier_process_is_a_full_one(tmp_path: Path) -> None:
    own = Spool.create(tmp_path, QUOTA)
    own.append([payload(number) for number in range(2000)])
    own.disown()
    adopted = Spool.adopt(own.folder.path)
    assert adopted is not None
    assert len(SpoolReader(adopted, 1500).batch()) == 1500
    adopted.release()


def test_a_folder_whose_owner_lives_is_not_adopted(tmp_path: Path) -> None:
    own = Spool.create(tmp_path, QUOTA)
    own.append([b"{}"])
    assert Spool.adopt(own.folder.path) is None
    own.disown()
    assert delivered_later(own.folder.path) == [b"{}"]


def test_a_segment_that_is_delivered_while_one_looks_is_no_news(tmp_path: Path) -> None:
    own = Spool.create(tmp_path, QUOTA)
    own.append([b'{"predicted_at":0}'])
    # Listed, and gone when it is opened.
    (own.folder.path / "0000000000000009-00000000.seg").symlink_to("gone")
    [found] = inspect_spool(tmp_path)
    assert found.records == 1
    own.disown()


def test_a_folder_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(spool.os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        Spool.create(tmp_path, QUOTA, target="db:5432/prod", durable=True)
    assert list(tmp_path.iterdir()) == []


def test_a_record_longer_than_a_read_is_found(tmp_path: Path) -> None:
    own = Spool.create(tmp_path, QUOTA)
    long = b'"' + b"x" * 3_999_990 + b'"'
    own.append([b"1", long, b"2"])
    assert list(batches(SpoolReader(own, 10))) == [b"1", long, b"2"]
    own.append([long])
    assert list(batches(SpoolReader(own, 10)))[-1] == long
    own.release()


def all_at_once(own: Spool) -> list[Record]:
    """Read what the spool holds and acknowledge nothing, segment by segment."""
    found: dict[int, Record] = {}
    for segment in list(own.segments):
        data = segment.path.read_bytes()[: segment.size]
        found.update((r.sequence, r) for r in scan(data, segment.salt, 0))
    return [found[number] for number in sorted(found)]


CALLS = ("open", "pwrite", "ftruncate", "posix_fallocate", "fdatasync", "fsync")


class FaultyDisk:
    """Stands in for `os`: the call with a given number fails, or writes only a part.

    A sync that fails loses what was written since the one before, as page caches do.
    """

    def __init__(self, fail_at: int, how: str) -> None:
        self.calls = 0
        self._fail_at = fail_at
        self._how = how
        self._synced: dict[int, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return self._faulty(name, real) if name in CALLS else real

    def _faulty(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls != self._fail_at:
                result = real(*args, **options)
                if name == "open":
                    self._synced.pop(result, None)
                if name == "fdatasync":
                    self._synced[args[0]] = Path(f"/proc/self/fd/{args[0]}").read_bytes()
                return result
            if name == "pwrite" and self._how == "short":
                return real(args[0], bytes(args[1])[:5], args[2])
            if name == "pwrite" and "torn" in self._how:
                real(args[0], bytes(args[1])[:5], args[2])
            if name == "fdatasync":
                Path(f"/proc/self/fd/{args[0]}").write_bytes(self._synced.get(args[0], b""))
                raise OSError(errno.EIO, "fails")
            raise OSError(errno.ENOSPC if "full" in self._how else errno.EIO, "fails")

        return call


@pytest.mark.parametrize("how", ["fail", "short", "torn", "full", "torn and full"])
@pytest.mark.parametrize("durable", [False, True])
def test_no_failing_call_loses_an_acknowledged_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, durable: bool
) -> None:
    fail_at, calls = 0, 1
    count = full(1000, 20)
    while fail_at < calls:
        fail_at += 1 if fail_at < 200 else 7
        disk = FaultyDisk(fail_at, how)
        own = Spool.create(tmp_path / str(fail_at), 8 * 1000, durable=durable)
        own._quota = QUOTA
        acknowledged = []
        with monkeypatch.context() as patch:
            patch.setattr(segments, "os", disk)
            patch.setattr(spool, "os", disk)
            for number in range(count):
                try:
                    last = own.append([payload(number)])
                    if durable:
                        own.sync(last)
                except SpoolFull:
                    continue
                acknowledged.append(payload(number))
        calls = disk.calls
        if durable:
            assert own.waiting() == count
            own.sync()
        # By the process itself, or by a later one.
        found = [record.payload for record in all_at_once(own)]
        own.disown()
        assert delivered_later(own.folder.path) == found
        assert len(set(found)) == len(found)
        assert set(acknowledged) <= set(found), f"call {fail_at}"
        assert found == sorted(found, key=lambda each: int(each[10 : each.index(b",")]))
        # One fault costs at most the record that met it, and that is kept where it is durable.
        assert len(acknowledged) >= count - 1
    assert calls > count


def test_a_file_ends_with_its_last_whole_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    # The third call is the second write.
    monkeypatch.setattr(segments, "os", FaultyDisk(3, "torn and full"))
    appender = segments.Appender(file)
    appender.append(b"whole")
    with pytest.raises(OSError, match="fails"):
        appender.append(b"torn on its way")
    assert file.read_bytes() == b"whole"
    appender.reserve(1000)
    appender.close()
    assert file.read_bytes() == b"whole"


def test_a_damaged_file_is_kept_aside(tmp_path: Path) -> None:
    own = Spool.create(tmp_path, QUOTA)
    own.append([b'"first"', b'"second"', b'"third"'])
    [segment] = own.segments
    whole = segment.path.read_bytes()
    damaged = whole.replace(b"second", b"sEcond")
    segment.path.write_bytes(damaged)
    own.disown()
    assert delivered_later(own.folder.path) == [b'"first"', b'"third"']
    [kept] = tmp_path.glob("damaged-*")
    assert kept.read_bytes() == damaged


def test_a_full_spool_says_so_and_takes_records_again_when_there_is_room(tmp_path: Path) -> None:
    own = Spool.create(tmp_path, 1_000_000)
    accepted = []

    def work() -> None:
        for number in range(100_000):
            own.append([payload(number)])
            accepted.append(payload(number))

    with pytest.raises(SpoolFull, match="as much as it may"):
        work()
    reader = SpoolReader(own, 1000)
    first = reader.batch()
    found = [record.payload for record in first]
    reader.acknowledge(first)
    while len(own.segments) == 8 or own.bytes > 900_000:
        records = reader.batch()
        found += [record.payload for record in records]
        reader.acknowledge(records)
    own.append([b"again"])
    found += list(batches(reader))
    assert found == [*accepted, b"again"]
    own.release()


def test_dropping_the_oldest_leaves_the_newest(tmp_path: Path) -> None:
    own = Spool.create(tmp_path, 80_000)
    dropped = 0
    for number in range(10_000):
        while True:
            try:
                own.append([payload(number)])
                break
            except SpoolFull:
                dropped += own.drop_oldest()
    found = list(batches(SpoolReader(own, 100)))
    assert found == [payload(number) for number in range(dropped, 10_000)]
    assert dropped > 5_000
    own.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("delivered", [1, 2, 3])
@pytest.mark.parametrize("durable", [False, True])
def test_an_interrupted_call_costs_no_later_record(
    tmp_path: Path, durable: bool, delivered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler of a signal may raise when a record is written and not yet counted."""
    own = Spool.create(tmp_path, QUOTA, durable=durable)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(own, "_count", interrupted)
        own.append([payload(1)])
        own.sync()
    for number in (2, 3):
        own.append([payload(number)])
        own.sync()
    reader = SpoolReader(own, 1)
    found = list(itertools.islice(batches(reader), delivered))
    # The record behind a `yield` is acknowledged when the next is asked for.
    reader.close()
    own.release()
    later = delivered_later(own.folder.path) if own.folder.path.exists() else []
    # A durable one takes a record before it writes it.
    kept = [payload(number) for number in ((1, 2, 3) if durable else (2, 3))]
    assert sorted({*found, *later}) == kept
    assert list(tmp_path.iterdir()) == []
