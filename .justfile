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

# Seconds for a plan, a build and an idle build of stores × days, beside other work or not
bench stores="20" days="100":
    cargo build --release
    .ci/bench target/release/formake {{ stores }} {{ days }}

# Build an example from nothing, and check every number it gives
demo example="churn":
    cargo build
    rm -rf target/demo && mkdir -p target/demo && cp -r examples target/demo
    cd target/demo/examples/{{ example }} && {{ justfile_directory() }}/target/debug/formake build
    cd target/demo/examples/{{ example }} && FORMAKE={{ justfile_directory() }}/target/debug/formake python3 check.py
