"""Documents on disk: in order, only what was synced, gone when settled."""

from pathlib import Path

from connectors.opensearch import Doc
from connectors.opensearch.spill import MAX_FILE_BYTES, Spill
from connectors.spool import Pressure

ROOM = Pressure(Path()).share(1.0)


def docs(*ids: str, size: int = 2) -> list[Doc]:
    """Documents with these ids."""
    return [Doc("i", doc_id, b"x" * size) for doc_id in ids]


def test_what_is_sealed_comes_back(tmp_path: Path) -> None:
    """Documents are read back, byte for byte and in order, after the seal and not before."""
    spill = Spill(tmp_path, [], ROOM)
    odd = Doc("i", 'a"\n', bytes(range(256)))
    spill.write([odd, *docs("b")])
    assert (("", []), False) == (spill.read(), spill.empty)
    names = spill.seal()
    assert (names[0], [odd, *docs("b")]) == spill.read()


def test_one_file_at_a_time(tmp_path: Path) -> None:
    """The next file is read once the oldest is settled; a settled file is gone."""
    spill = Spill(tmp_path, [], ROOM)
    for doc_id in ("a", "b"):
        spill.write(docs(doc_id))
        spill.seal()
    name, first = spill.read()
    assert (docs("a"), ("", [])) == (first, spill.read())
    spill.settle(name)
    assert docs("b") == spill.read()[1]
    assert 1 == len(list(tmp_path.iterdir()))


def test_the_last_document_empties_it(tmp_path: Path) -> None:
    """Every document must be settled before its file goes."""
    spill = Spill(tmp_path, [], ROOM)
    spill.write(docs("a", "b"))
    spill.seal()
    name, _ = spill.read()
    spill.settle(name)
    assert [name] == spill.seal()
    spill.settle(name)
    assert ([], True, []) == (spill.seal(), spill.empty, list(tmp_path.iterdir()))


def test_a_resume_keeps_what_the_state_knows(tmp_path: Path) -> None:
    """Known files are read again from the start, unknown ones removed, settled ones no trouble, and names go on."""
    spill = Spill(tmp_path, [], ROOM)
    spill.write(docs("gone"))
    spill.seal()
    spill.write(docs("a"))
    known = spill.seal()
    spill.settle(spill.read()[0])
    spill.write(docs("uncommitted"))
    spill.seal()
    resumed = Spill(tmp_path, known, ROOM)
    assert [known[1]] == [path.name for path in tmp_path.iterdir()]
    assert (known[1], docs("a")) == resumed.read()
    resumed.write(docs("b"))
    assert known[1] < resumed.seal()[-1]


def test_a_file_is_cut_at_its_bound(tmp_path: Path) -> None:
    """A file that is read back whole is bounded: more documents begin another."""
    spill = Spill(tmp_path, [], ROOM)
    for doc_id in ("a", "b", "c"):
        spill.write(docs(doc_id, size=MAX_FILE_BYTES))
    assert 3 == len(spill.seal())


def test_what_this_epoch_wrote_can_be_taken_back(tmp_path: Path) -> None:
    """Before the seal, and with no earlier file waiting: all of it, in order, and nothing stays."""
    spill = Spill(tmp_path, [], ROOM)
    assert spill.recallable_bytes is None
    spill.write(docs("a", "b"))
    spill.write(docs("c", size=MAX_FILE_BYTES))
    spill.write(docs("d"))
    assert MAX_FILE_BYTES + 6 == spill.recallable_bytes
    assert ["a", "b", "c", "d"] == [doc.id for doc in spill.recall()]
    assert (True, None, [], []) == (spill.empty, spill.recallable_bytes, spill.seal(), list(tmp_path.iterdir()))


def test_what_a_snapshot_speaks_of_is_not_taken_back(tmp_path: Path) -> None:
    """While a sealed file waits, what came after it must not overtake it."""
    spill = Spill(tmp_path, [], ROOM)
    spill.write(docs("a"))
    spill.seal()
    spill.write(docs("b"))
    assert spill.recallable_bytes is None
    spill.settle(spill.read()[0])
    assert docs("b") == spill.recall()


def test_its_bytes_count_in_the_spool(tmp_path: Path) -> None:
    """What lies in files counts, also after a resume; what is recalled or settled no longer does."""
    pressure = Pressure(tmp_path, max_bytes=4_000)
    share = pressure.share(0.5)
    spill = Spill(tmp_path, [], share)
    spill.write(docs("a", size=900))
    spill.recall()
    used = [pressure.used]
    spill.write(docs("a", size=900))
    room = (spill.has_room(docs("b", size=300)), spill.has_room(docs("b", size=900)))
    known = spill.seal()
    used += [pressure.used, (tmp_path / known[0]).stat().st_size]
    after = Pressure(tmp_path)
    resumed = Spill(tmp_path, known, after.share(1.0))
    used.append(after.used)
    resumed.settle(resumed.read()[0])
    assert ([0, *[used[2]] * 3, 0], (True, False)) == ([*used, after.used], room)
