"""Small tables of synthetic ratings as files, and what a refusal has to leave as it was."""

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adc.errors import UserError
from companion import data

HEADER = "domain,user,item,rating\n"


def lines(domains=("films", "books"), users=12, items=5):
    """Sound lines: every user rates most items of every domain, with stars from 1 to 5."""
    pairs = [(u, i) for u in range(users) for i in range(items) if (u + i) % 4]
    return [f"{domain},u{u},i{i},{1 + (u + 2 * i) % 5}" for domain in domains for u, i in pairs]


def sound(**options):
    return HEADER + "\n".join(lines(**options)) + "\n"


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def by_arrow(text, codec):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as out:
        out.write(text.encode())
    return sink.getvalue().to_pybytes()


def snapshot(folder):
    """What lies in a folder, with the time of its last change."""
    paths = list(folder.rglob("*"))
    return {path: path.is_file() and (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def refused(source, home, *words, **arguments):
    """The source is refused in one paragraph with these words in it, and the data folder is as it was."""
    before = snapshot(home)
    with pytest.raises(UserError) as error:
        data.prepare(str(source), **arguments)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    assert snapshot(home) == before
    return message


ROWS = [line.split(",") for line in lines()]
STAMPED = [[*row, str(1_300_000_000 + number)] for number, row in enumerate(ROWS)]
FOUR = "domain,user,item,rating"
BARE = [row[1:] for row in STAMPED if row[0] == "films"]  # user, item, rating, timestamp


def text(rows, header="domain,user,item,rating,timestamp", separator=",", end="\n"):
    """Rows as a text table; without a header where that is empty."""
    head = [header.replace(",", separator)] if header else []
    return end.join([*head, *(separator.join(row) for row in rows)]) + end


def parquet(**changed):
    """ROWS as a Parquet file, with some columns replaced."""
    frame = pd.DataFrame(ROWS, columns=["domain", "user", "item", "rating"]).astype({"rating": float})
    out = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(frame[name]) for name in frame} | changed), out)
    return out.getvalue()
