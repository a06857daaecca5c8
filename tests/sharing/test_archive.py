"""Hostile entries are refused in one line with code 2, and nothing is written; damage of any byte is found."""

import hashlib
import json
import pickle
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared_cells import cell_with, tree

from bench.cli.main import main
from bench.errors import UserError
from bench.sharing.archive import is_file_of_a_cell, unpack
from bench.sharing.export import cells_of, export

ENTRY, CELL = Path("entry.zip"), "cells/leak-dlg-mnist-lenet-0123456789abcdef"
Members = list[tuple[zipfile.ZipInfo, bytes]]


def members() -> Members:
    """The files of an honest entry."""
    cell_with(Path("a"), {0: 0.1})
    export(cells_of([Path("a")]), ENTRY, pictures=True)
    with zipfile.ZipFile(ENTRY) as file:
        return [(zipfile.ZipInfo(info.filename), file.read(info)) for info in file.infolist()]


def packed(held: Members, *, listed: bool = True) -> None:
    """Writes an entry; its manifest is made to fit, as somebody would do who wants to deceive."""
    (manifest,) = [json.loads(content) for info, content in held if info.filename == "manifest.json"]
    if listed:
        manifest["files"] = {
            info.filename: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for info, content in held
            if info.filename != "manifest.json"
        }
    with warnings.catch_warnings(), zipfile.ZipFile(ENTRY, "w") as file:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for info, content in held:
            file.writestr(info, json.dumps(manifest) if info.filename == "manifest.json" else content)


def extra(name: str, content: bytes = b"x", mode: int = 0) -> Callable[[Members], None]:
    def change(held: Members) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        held.append((info, content))

    return change


def compressed(held: Members) -> None:
    info = zipfile.ZipInfo(f"{CELL}/failed.json")
    info.compress_type = zipfile.ZIP_DEFLATED
    held.append((info, b" " * 50_000_000))


def replaced(ending: str, content: bytes) -> Callable[[Members], None]:
    def change(held: Members) -> None:
        (at,) = [i for i, (info, _) in enumerate(held) if ending in info.filename]
        held[at] = (held[at][0], content)

    return change


def renamed(held: Members) -> None:
    for info, _ in held:
        info.filename = info.filename.replace("0123456789abcdef", "fedcba9876543210")


def without_record(held: Members) -> None:
    held[:] = [one for one in held if not one[0].filename.endswith("cell.json")]


def many_rows() -> bytes:
    """A parquet file of a few kilobytes that has more rows than anybody attacks."""
    sink = pa.BufferOutputStream()
    table = pa.table({"victim": pa.array([0] * 1_000_000, pa.int64())})
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as file:
        for _ in range(11):
            file.write_table(table)
    return sink.getvalue().to_pybytes()


HOSTILE: dict[str, tuple[Callable[[Members], None], str]] = {
    "absolute path": (extra("/etc/cron.d/job"), "is an absolute path"),
    "absolute path of Windows": (extra("C:\\evil.txt"), "is an absolute path"),
    "path that leads out": (extra("cells/../../evil"), "leads out of its folder"),
    "path that leads out in Windows": (extra("cells\\..\\evil"), "leads out of its folder"),
    "link": (extra(f"{CELL}/failed.json", b"/etc/passwd", stat.S_IFLNK | 0o777), "is a link"),
    "device": (extra(f"{CELL}/failed.json", b"", stat.S_IFCHR | 0o666), "is a link or another special file"),
    "pickle": (extra(f"{CELL}/parts/weights.pt", pickle.dumps([1])), "is no file of leakbench"),
    "code": (extra(f"{CELL}/parts/conftest.py", b"import os"), "is no file of leakbench"),
    "folder": (extra(f"{CELL}/other/"), "is no file of leakbench"),
    "lock": (extra(f"{CELL}/.lock"), "is no file of leakbench"),
    "name twice": (extra(f"{CELL}/cell.json"), "twice"),
    "name twice but for its case": (extra(f"{CELL}/failed.json"), "twice"),
    "compressed bomb": (compressed, "is compressed, and an entry is not"),
    "bomb in a part": (replaced("parts/victims-", many_rows()), "is larger than its rows can be"),
    "pickle in the place of a part": (replaced("parts/samples-", pickle.dumps([1])), "is corrupt"),
    "pickle in the place of pictures": (replaced("parts/images-", pickle.dumps([1])), "is corrupt"),
    "record that is none": (replaced("cell.json", b"{}"), "was not written by leakbench"),
    "record nested deeply": (replaced("cell.json", b"[" * 100_000), "nested too deeply"),
    "cell of another name": (renamed, "is not the name of the cell in it"),
    "cell without a record": (without_record, "has no cell.json"),
    "verification that is none": (extra(f"{CELL}/verified.json", b'{"checks": 1}'), "was not written by leakbench"),
}


def refused(sentence: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = tree(Path())
    assert main(["import", str(ENTRY), "new"]) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("leakbench: ") and err.count("\n") == 1 and sentence in err, err
    assert tree(Path()) == before and not Path("new").exists()


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_entry_is_one_line_and_nothing_is_written(case: str, capfd) -> None:
    change, sentence = HOSTILE[case]
    held = members()
    if case == "name twice but for its case":
        held.append((zipfile.ZipInfo(f"{CELL.replace('dlg', 'DLG')}/failed.json"), b"{}"))
    change(held)
    packed(held)
    refused(sentence, capfd)


def test_an_honest_entry_is_taken(capfd) -> None:
    packed(members())
    assert main(["import", str(ENTRY), "new"]) == 0
    assert "1 of them new" in capfd.readouterr().out


def test_a_file_that_differs_from_the_manifest_is_refused(capfd) -> None:
    held = members()
    replaced("cell.json", held[0][1].replace(b"basic", b"other"))(held)
    packed(held, listed=False)
    refused("was changed: its SHA-256 is not that", capfd)


def test_a_file_that_the_manifest_does_not_list_is_refused(capfd) -> None:
    held = members()
    extra(f"{CELL}/failed.json", b"{}")(held)
    packed(held, listed=False)
    refused("manifest.json and its files differ", capfd)


def test_sizes_beyond_what_the_header_says_are_refused(capfd) -> None:
    packed(members())
    content = bytearray(ENTRY.read_bytes())
    at = content.index(b"PK\x01\x02")  # the first entry of the list of files: compressed and uncompressed size
    struct.pack_into("<LL", content, at + 20, 2**23, 2**23)
    ENTRY.write_bytes(content)
    refused("its files are larger than the archive", capfd)


def test_a_list_of_too_many_files_is_refused_before_it_is_read(capfd) -> None:
    packed(members())
    content = bytearray(ENTRY.read_bytes())
    struct.pack_into("<L", content, content.rindex(b"PK\x05\x06") + 12, 2**30)
    ENTRY.write_bytes(content)
    refused("it holds too many files", capfd)


def test_too_many_files_are_refused(capfd, monkeypatch) -> None:
    packed(members())
    monkeypatch.setattr("bench.sharing.archive.MOST_FILES", 3)
    refused("3 at most are read", capfd)


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"", "not a zip file"), (b"PK", "not a zip file"), (None, "No such")]
)
def test_what_is_no_archive_is_refused(content: bytes | None, sentence: str, capfd) -> None:
    if content is not None:
        ENTRY.write_bytes(content)
    refused(sentence, capfd)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_refused_or_changes_nothing(tmp_path_factory, data) -> None:
    """A changed, lost or added byte gives one line or the same files; never another exception or another content."""
    if not ENTRY.exists():
        packed(members())
        unpack(ENTRY, Path("whole"))
    content, root = ENTRY.read_bytes(), tmp_path_factory.mktemp("damaged")
    at = data.draw(st.integers(0, len(content) - 1))
    byte = bytes([data.draw(st.integers(0, 255))])
    how = data.draw(st.sampled_from(["change", "cut", "add"]))
    damaged = {
        "change": content[:at] + byte + content[at + 1 :],
        "cut": content[:at],
        "add": content[:at] + byte + content[at:],
    }[how]
    (root / "entry.zip").write_bytes(damaged)
    try:
        unpack(root / "entry.zip", root / "new")
    except UserError as refusal:
        said = str(refusal)
    else:
        said = ""
    if said:
        assert "\n" not in said and "is refused" in said
        return
    kept = [
        {name: text for name, text in tree(one).items() if name != "manifest.json"}
        for one in (Path("whole"), root / "new")
    ]
    assert kept[0] == kept[1]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.from_regex(r"cells/[a-z./\\-]{0,20}/parts/[a-z./-]{0,20}", fullmatch=True)))
def test_no_name_that_is_accepted_leads_out_of_its_folder(name: str) -> None:
    if is_file_of_a_cell(name):
        assert not name.startswith("/") and ".." not in name.split("/") and "\\" not in name and name.isprintable()
        assert name.startswith("cells/leak-") or name.startswith("cells/training-")
