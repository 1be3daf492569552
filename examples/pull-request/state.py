"""Says what is on the disk, without Formake: with a look into its catalog, which is SQLite, and at the bytes.

    python3 state.py DISK rows LABEL    all that the catalog says of a label: what its identities stand for and since when, holds, history (but for refusals)
    python3 state.py DISK stands LABEL  what its identities stand for, by content
    python3 state.py DISK bytes         the SHA-256 of every file in the lake
    python3 state.py DISK runs          how many jobs have run, ever
"""

import hashlib
import sqlite3
import sys
from pathlib import Path

ROWS = """
select 'stands', class, instance, repository, snapshot, content, path, since from current_snapshots where label = :label
union all
select 'held', class, instance, repository, because, user, at, null from hold h join identity i on i.id = h.identity where label = :label
union all
select 'log', class, instance, repository, l.id, what, was, now from pointer_log l join identity i on i.id = l.identity
    where label = :label and what <> 'refuse'
order by 1, 2, 3, 4, 5
"""
STANDS = "select class, instance, repository, content from current_snapshots where label = :label and origin = 'run' order by 1, 2, 3"


def main(disk, what, *label):
    if what == "bytes":
        for path in sorted(path for path in (disk / "lake").rglob("*") if path.is_file()):
            print(hashlib.sha256(path.read_bytes()).hexdigest(), path.relative_to(disk / "lake"))
        return
    query = {"rows": ROWS, "stands": STANDS, "runs": "select count(*) from run"}[what]
    catalog = sqlite3.connect(f"file:{disk / 'catalog.db'}?mode=ro", uri=True)
    for row in catalog.execute(query, {"label": label[0]} if label else {}):
        print(*row, sep="\t")


main(Path(sys.argv[1]), *sys.argv[2:])
