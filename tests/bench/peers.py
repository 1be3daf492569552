#!/usr/bin/env python3
"""What Formake itself costs, beside ninja and make where they are installed.

The workload W(S, D): S stores, D days, a raw file of about 1 KB for each. `clean` drops comment lines; `features` reads a store's day and the day
before; `report` reads all stores of a day; `summary` reads all days. The commands are trivial on purpose, so that what is measured is the tool.
Every tool runs the same commands over the same bytes. Compare ratios of one run, never seconds of two machines.

    cargo build --release
    tests/bench/peers.py --size S --formake target/release/formake

Times are medians of `--repeat` runs (a cold build is measured once a tool), in seconds; `jobs` is how many commands a step ran, counted by the
commands themselves: each of them leaves a line in a file.
"""

import argparse
import datetime
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SIZES = {"S": (10, 10), "M": (30, 100), "L": (100, 500)}
STEPS = ["cold build", "nothing to do", "dry run, nothing made", "plan one target", "one file changed", "one file touched", "a change that clean drops"]


def days(count):
    first = datetime.date(2024, 1, 1)
    return [(first + datetime.timedelta(n)).isoformat() for n in range(count)]


def stores(count):
    return [f"s{n:03d}" for n in range(count)]


def write_raw(root, S, D):
    for s, store in enumerate(stores(S)):
        os.makedirs(f"{root}/raw/{store}", exist_ok=True)
        for d, day in enumerate(days(D)):
            rows = random.Random(s * 100_003 + d)
            lines = [f"# store={store} day={day}"]
            lines += [f"{rows.randrange(10**9):09d},{rows.choice(['apple', 'pear', 'milk'])},{rows.random():.12f}" for _ in range(28)]
            with open(f"{root}/raw/{store}/{day}.csv", "w") as file:
                file.write("\n".join(lines) + "\n")


class Formake:
    name = "formake"

    def __init__(self, program, jobs):
        self.program, self.jobs = os.path.abspath(program), jobs

    def write(self, root, S, D, tally):
        with open(f"{root}/formake.yaml", "w") as file:
            file.write(f"targets: [summary]\nsets: {{ stores: [{', '.join(stores(S))}] }}\n")
        last = days(D)[-1]
        # The tally is the benchmark's own: without `TALLY` the same text is what a project would write.
        count = f"echo >> {tally}; " if tally else ""
        with open(f"{root}/pipeline.formula", "w") as file:
            file.write(f'''source (raw, store=<STORE in stores>,<DATE>, prod, dl) from "raw/<STORE>/<DATE>.csv"

(raw, store=<STORE>,<DATE>, prod, dl) -> (clean, store=<STORE>,<DATE>, prod, dl) {{
    run "{count}grep -v '^#' {{{{ inputs.raw }}}} > {{{{ output }}}}"
}}

(clean, store=<STORE>,<DATE>, prod, dl) + (clean, store=<STORE>,<DATE-1d>, prod, dl)? as before
    -> (features, store=<STORE>,<DATE>, prod, dl) {{
    run "{count}cat {{{{ inputs.clean }}}} {{{{ inputs.before }}}} > {{{{ output }}}}"
}}

(features, store=<STORE in stores>,<DATE>, prod, dl) -> (report, <DATE>, prod, dl) {{
    run "{count}cksum {{{{ inputs.features }}}} > {{{{ output }}}}"
}}

(report, <D in 2024-01-01..{last}>, prod, dl) -> (summary, prod, dl) {{
    run "{count}cksum {{{{ inputs.report }}}} > {{{{ output }}}}"
}}
''')

    def build(self):
        return [self.program, "build", "--jobs", str(self.jobs)]

    def dry_run(self):
        return [self.program, "plan", "--jobs", str(self.jobs)]

    def dry_run_one(self, store, day):
        return [self.program, "plan", f"features@store={store},{day}"]


class Peer:
    def __init__(self, jobs):
        self.jobs = jobs

    def commands(self, S, D, count):
        """Every job: its output, its inputs, its command."""
        all_days = days(D)
        for s in stores(S):
            for d in all_days:
                raw, out = f"raw/{s}/{d}.csv", f"clean/{s}/{d}.csv"
                yield out, [raw], f"{count}grep -v '^#' {raw} > {out}"
            for d, before in zip(all_days, [None] + all_days):
                ins = [f"clean/{s}/{d}.csv"] + ([f"clean/{s}/{before}.csv"] if before else [])
                out = f"features/{s}/{d}.csv"
                yield out, ins, f"{count}cat {' '.join(ins)} > {out}"
        for d in all_days:
            out = f"report/{d}.csv"
            yield out, [f"features/{s}/{d}.csv" for s in stores(S)], f"{count}cksum features/*/{d}.csv > {out}"
        yield "summary.csv", [f"report/{d}.csv" for d in all_days], f"{count}cksum report/*.csv > summary.csv"

    def write(self, root, S, D, tally):
        for folder in ["report"] + [f"{kind}/{s}" for kind in ("clean", "features") for s in stores(S)]:
            os.makedirs(f"{root}/{folder}", exist_ok=True)
        self.write_rules(root, self.commands(S, D, f"echo >> {tally}; " if tally else ""))


class Ninja(Peer):
    name = "ninja"

    def write_rules(self, root, commands):
        with open(f"{root}/build.ninja", "w") as file:
            file.write("rule sh\n  command = $cmd\n")
            for out, ins, command in commands:
                file.write(f"build {out}: sh {' '.join(ins)}\n  cmd = {command}\n")
            file.write("default summary.csv\n")

    def build(self):
        return ["ninja", "-j", str(self.jobs), "--quiet"]

    def dry_run(self):
        return ["ninja", "-n"]

    def dry_run_one(self, store, day):
        return ["ninja", "-n", f"features/{store}/{day}.csv"]


class Make(Peer):
    name = "make"

    def write_rules(self, root, commands):
        with open(f"{root}/Makefile", "w") as file:
            file.write("MAKEFLAGS += -rR\nall: summary.csv\n")
            for out, ins, command in commands:
                file.write(f"{out}: {' '.join(ins)}\n\t@{command}\n")

    def build(self):
        return ["make", "-j", str(self.jobs), "--silent"]

    def dry_run(self):
        return ["make", "-n"]

    def dry_run_one(self, store, day):
        return ["make", "-n", f"features/{store}/{day}.csv"]


class Bench:
    """One tool in its own folder."""

    def __init__(self, tool, top, size, repeat):
        self.tool, self.repeat, self.size = tool, repeat, size
        self.root, self.tally = f"{top}/{tool.name}", f"{top}/{tool.name}.ran"
        S, D = size
        write_raw(self.root, S, D)
        tool.write(self.root, S, D, self.tally)
        # In the middle, where a change reaches the next day's features too.
        self.store, self.day = stores(S)[S // 2], days(D)[D // 2]

    def timed(self, command):
        open(self.tally, "w").close()
        start = time.perf_counter()
        result = subprocess.run(command, cwd=self.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - start
        if result.returncode != 0:
            sys.exit(f"{' '.join(command)} failed in {self.root}:\n{result.stderr}")
        with open(self.tally) as file:
            return seconds, len(file.readlines())

    def again(self, command, before=lambda n: None):
        """The median of some runs, each after a change."""
        runs = []
        for n in range(self.repeat):
            before(n)
            runs.append(self.timed(command))
        counts = {ran for _, ran in runs}
        return statistics.median(seconds for seconds, _ in runs), "/".join(str(c) for c in sorted(counts))

    def edit(self, line):
        path = f"{self.root}/raw/{self.store}/{self.day}.csv"
        with open(path, "a") as file:
            file.write(line + "\n")

    def run(self):
        tool, result = self.tool, {}
        path = f"{self.root}/raw/{self.store}/{self.day}.csv"
        result["dry run, nothing made"] = self.again(tool.dry_run())
        seconds, ran = self.timed(tool.build())
        result["cold build"] = (seconds, str(ran))
        self.timed(tool.build())
        result["nothing to do"] = self.again(tool.build())
        result["plan one target"] = self.again(tool.dry_run_one(self.store, self.day))
        result["one file changed"] = self.again(tool.build(), lambda n: self.edit(f"00000000{n},plum,0.5"))
        result["one file touched"] = self.again(tool.build(), lambda n: os.utime(path))
        result["a change that clean drops"] = self.again(tool.build(), lambda n: self.edit(f"# remark {n}"))
        return result


def table(results, formake):
    names = list(results)
    peers = [name for name in names if name != "formake"]
    head = ["step"] + [f"{name}" for name in names] + ["jobs run: " + ", ".join(names)] + [f"formake / {peer}" for peer in peers]
    rows = []
    for step in STEPS:
        row = [step] + [f"{results[name][step][0]:.3f} s" for name in names] + [", ".join(results[name][step][1] for name in names)]
        row += [f"{results['formake'][step][0] / results[peer][step][0]:.2f}" for peer in peers]
        rows.append(row)
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="S")
    parser.add_argument("--formake", default="target/release/formake", metavar="PATH")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", metavar="FOLDER", help="work in this new folder, and leave it there")
    options = parser.parse_args()
    if not os.access(options.formake, os.X_OK):
        sys.exit(f"there is no program at {options.formake}: name it with --formake")
    tools = [Formake(options.formake, options.jobs)] + [peer(options.jobs) for peer in (Ninja, Make) if shutil.which(peer.name)]
    S, D = SIZES[options.size]
    top = options.keep or tempfile.mkdtemp(prefix="formake-bench-")
    os.makedirs(top, exist_ok=True)
    try:
        results = {}
        for tool in tools:
            results[tool.name] = Bench(tool, os.path.abspath(top), (S, D), options.repeat).run()
        print(f"W({S}, {D}): {2 * S * D + D + 1} jobs, {options.jobs} at once, medians of {options.repeat}\n")
        table(results, options.formake)
    finally:
        if not options.keep:
            shutil.rmtree(top)


if __name__ == "__main__":
    main()
