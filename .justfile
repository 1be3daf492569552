# What there is to do.
list:
    @just --list --unsorted

# All that must hold before a change is merged
check:
    .ci/run

# Lay out the code, mend what clippy can, take new snapshots of what is printed
fix:
    cargo fmt
    cargo clippy --fix --allow-dirty --allow-staged --all-targets
    INSTA_UPDATE=always BLESS=1 cargo test

# All tests, or those whose names contain a text
test name="":
    cargo test {{ name }}

# What Formake costs beside ninja and make, at size S, M or L: see docs/speed.md
bench size="S":
    cargo build --release
    tests/bench/peers.py --size {{ size }} --formake target/release/formake

# What measuring a snapshot costs beside a scan of its columns, for so many rows
bench-measure rows="10000000":
    cargo bench --bench measure -- {{ rows }}

# Build an example from nothing, and check every number it gives
demo example="churn":
    cargo build
    rm -rf target/demo && mkdir -p target/demo && cp -r examples target/demo
    cd target/demo/examples/{{ example }} && {{ justfile_directory() }}/target/debug/formake build
    cd target/demo/examples/{{ example }} && FORMAKE={{ justfile_directory() }}/target/debug/formake python3 check.py
