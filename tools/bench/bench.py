# SPDX-License-Identifier: Apache-2.0
"""make bench: runs the parts, prints a table for each, says which targets were met, writes build/bench.json."""
import argparse
import datetime
import json
import os
import pathlib
import platform
import sys
import time

from parts import PARTS
from servers import BUILD, BenchError, Lab

SEPARATOR = "  "


def parse(arguments):
    parts = "\n".join(f"  {name:10} {part.__doc__}" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(prog="tools/bench/run.sh", description="Measures the daemon.",
                                     epilog=f"parts (default: all):\n{parts}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="which to run")
    parser.add_argument("--full", action="store_true", help="60 s of load, more rounds: as the targets say")
    parser.add_argument("--rounds", type=int, default=3, help="of each comparison [3]")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each round [1.5]")
    parser.add_argument("--load-seconds", type=float, default=8, help="of the many tenants' load [8]")
    parser.add_argument("--load-rounds", type=int, default=1, help="of the many tenants' load [1]")
    parser.add_argument("--tenants", type=int, default=10000, help="of the large store [10000]")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if options.full:
        options.rounds, options.seconds, options.load_seconds, options.load_rounds = 5, 4, 60, 1
    options.parts = options.parts or list(PARTS)
    return options


def print_table(columns, rows):
    cells = [columns] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
        print(SEPARATOR.join([f"  {row[0]:{widths[0]}}", *numbers]).rstrip())


def print_targets(targets):
    for target in targets:
        word = "met   " if target["met"] else "MISSED"
        sign = "≥" if target["at_least"] else "≤"
        print(f"  {word} {target['what']}: {target['value']:g} {sign} {target['limit']:g} {target['unit']}".rstrip())


def measure(name, options):
    """One part in a laboratory of its own; the store of many tenants is kept between parts of one run."""
    print(f"\n{name}: {PARTS[name].__doc__}", flush=True)
    began = time.monotonic()
    try:
        result = PARTS[name](options.lab, options)
    except (BenchError, OSError, KeyError, ValueError) as error:
        print(f"  FAILED: {type(error).__name__}: {error}")
        return {"failed": str(error)}
    finally:
        options.lab.rest()
    print_table(result.columns, result.rows)
    for note in result.notes:
        print(f"  {note}")
    print_targets(result.targets)
    return {"seconds": round(time.monotonic() - began, 1), "columns": result.columns, "rows": result.rows,
            "figures": result.figures, "targets": result.targets, "notes": result.notes}


def machine():
    model = next((line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "load_before": os.getloadavg()[0], "at": datetime.datetime.utcnow().isoformat(timespec="seconds")}


def main(arguments):
    options = parse(arguments)
    if os.geteuid():
        sys.exit("make bench makes network namespaces and loads BPF programs: run it as root.")
    here = machine()
    print(f"{here['cpu']}, {here['cores']} cores, Linux {here['kernel']}, load before: {here['load_before']:.2f}")
    options.lab = Lab()
    report = {"machine": here, "parts": {}}
    try:
        for name in options.parts:
            report["parts"][name] = measure(name, options)
    finally:
        options.lab.close()
        (BUILD / "bench.json").write_text(json.dumps(report, indent=1) + "\n")
    parts = report["parts"].values()
    targets = [target for part in parts for target in part.get("targets", [])]
    failed = [name for name, part in report["parts"].items() if "failed" in part]
    print(f"\n{sum(t['met'] for t in targets)} of {len(targets)} targets met; figures in build/bench.json")
    if failed:
        sys.exit(f"Not measured: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
