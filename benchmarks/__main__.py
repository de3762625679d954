"""All benchmarks, contestants in turn: a table, JSON, a picture of the ratios, and the README's table.

    python -m benchmarks                        # or `make bench`: all of it, half an hour
    python -m benchmarks --quick                # each a little
    python -m benchmarks --only lenet,gpt       # of: lenet, batches, gpt, tiny, operations, import, bounds
    python -m benchmarks --readme               # all, and write README's table and docs/benchmarks.png

Libraries that are missing get virtual environments of their own (peers.py); one that cannot be installed is shown with the
reason. The machine may be noisy: look at the ratios, which compare neighbours in time. Below 1 minigrad is faster.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the files here import each other by name, as scripts do

import bounds  # noqa: E402
import gpt  # noqa: E402
import import_time  # noqa: E402
import lenet  # noqa: E402
import operations  # noqa: E402
import results  # noqa: E402
import tiny  # noqa: E402

WORKLOADS = {"lenet": lenet.run, "batches": lenet.batch_sizes, "gpt": gpt.run, "tiny": tiny.run,
             "operations": operations.run, "import": import_time.run, "bounds": bounds.run}


def main(argv=None):
    """Run the workloads that were asked for and show what they found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats and steps")
    parser.add_argument("--only", default=",".join(WORKLOADS), help="workloads, with commas between them")
    parser.add_argument("--output", type=Path, default=results.ROOT / "outputs" / "benchmarks",
                        help="the folder for results")
    parser.add_argument("--readme", action="store_true", help="write README's table and docs/benchmarks.png, too")
    options = parser.parse_args(argv)
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(WORKLOADS):
        parser.error(f"--only: expected some of {', '.join(WORKLOADS)}, got {', '.join(sorted(unknown))}")
    given = sys.argv[1:] if argv is None else argv
    about, blocks = {"command": " ".join(["python -m benchmarks", *given]), **results.machine()}, []
    options.output.mkdir(parents=True, exist_ok=True)
    for name in WORKLOADS:
        if name in chosen:
            found = WORKLOADS[name](options.quick)
            results.show(found)
            blocks += found
            results.write_json(options.output / "benchmarks.json", blocks, about)  # after each: an interrupted run has some
    results.draw(options.output / "benchmarks.png", blocks)
    print("\n".join(f"{what}: {which}" for what, which in about.items()))
    print(f"{options.output}: benchmarks.json, benchmarks.png")
    if options.readme:
        results.draw(results.ROOT / "docs" / "benchmarks.png", blocks)
        results.put_into_readme(blocks, about)


if __name__ == "__main__":
    main()
