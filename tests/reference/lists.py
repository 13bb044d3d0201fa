"""Lists in parquet by pyarrow, and what pyarrow, pandas and `datasets` make of those that Temper writes.

A job is {"write": folder}: writes lists of every kind, each as a file of one column `a`; or {"read": file}: the
schema and the rows that pyarrow reads, and what `datasets` takes the columns for.
"""
import datetime
import decimal
import json
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import load_dataset
import pandas as pd

WIDE = 9007199254740993
UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2024, 2, 29, 12, 0, 0, 1)

COLUMNS = {
    "text": (pa.list_(pa.string()), [["a", None, "🐋"], [], None, [""]]),
    "large": (pa.large_list(pa.large_string()), [["a"], [], None]),
    "fixed": (pa.list_(pa.int16(), 2), [[1, 2], None, [3, None]]),
    "dictionary": (pa.list_(pa.dictionary(pa.int8(), pa.string())), [["a", "b", "a"], []]),
    "int64": (pa.list_(pa.int64()), [[1, WIDE, -(2**63)], [None]]),
    "uint32": (pa.list_(pa.uint32()), [[2**32 - 1]]),
    "uint64": (pa.list_(pa.uint64()), [[2**63 - 1, 7]]),
    "past": (pa.list_(pa.uint64()), [[2**64 - 1, 7], []]),
    "float": (pa.list_(pa.float32()), [[0.5, None], []]),
    "bool": (pa.list_(pa.bool_()), [[True, None, False], None]),
    "short": (pa.list_(pa.decimal128(9, 2)), [[decimal.Decimal("1.15")], [decimal.Decimal("-0.01")]]),
    "long": (pa.list_(pa.decimal128(38, 2)), [[decimal.Decimal("12345678901234567890123456.78"), None]]),
    "naive": (pa.list_(pa.timestamp("us")), [[MOMENT, None]]),
    "zoned": (pa.list_(pa.timestamp("ms", tz="UTC")), [[MOMENT.replace(microsecond=1000, tzinfo=UTC)]]),
    "nanos": (pa.list_(pa.timestamp("ns")), [[pd.Timestamp("2024-02-29T12:00:00.000000001")]]),
    "date": (pa.list_(pa.date32()), [[datetime.date(1970, 1, 2)]]),
    "nulls": (pa.list_(pa.null()), [[None], [], None]),
    "lists": (pa.list_(pa.list_(pa.string())), [[["a"], [], None], []]),
    "structs": (pa.list_(pa.struct([("x", pa.int64())])), [[{"x": WIDE}], None]),
    "map": (pa.map_(pa.string(), pa.int32()), [[("k", 1)], None]),
}


def write(folder):
    paths = {}
    for name, (kind, cells) in COLUMNS.items():
        # Over several pages, some of a few rows, and as data pages of both versions.
        table = pa.table({"a": pa.array(list(cells) * 500, kind)})
        for version in ("1.0", "2.0"):
            path = os.path.join(folder, f"{name}-{version}.parquet")
            pq.write_table(table, path, data_page_version=version, data_page_size=512, row_group_size=700)
            paths.setdefault(name, []).append(path)
    spelled = pa.table({"a": pa.array([["a", None], [], None], pa.list_(pa.string()))})
    path = os.path.join(folder, "old-names.parquet")
    pq.write_table(spelled, path, use_compliant_nested_type=False)
    paths["old names"] = [path]
    return paths


def read(path):
    table = pq.read_table(path)
    frame = pd.read_parquet(path)
    features = load_dataset("parquet", data_files=path, split="train", cache_dir=os.path.dirname(path)).features
    return {
        "schema": {field.name: str(field.type) for field in table.schema},
        "rows": json.loads(json.dumps(table.to_pylist(), default=str)),
        "pandas": type(frame.iloc[0, 0]).__name__,
        "features": {name: repr(feature) for name, feature in features.items()},
    }


def run(job):
    return write(job["write"]) if "write" in job else read(job["read"])


print(json.dumps([run(job) for job in json.load(open(sys.argv[1], encoding="utf-8"))]))
