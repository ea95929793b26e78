# What a contributor does here. `just` is optional: each recipe is a command that CONTRIBUTING.md
# names, too.

# List the recipes.
default:
    @just --list

# Everything that must pass before a change lands.
ci:
    .ci/run

# The tests; arguments choose some, as in `just test guests`.
test *NAMES:
    cargo test --workspace {{NAMES}}

# Build the guests into target/guests/; `just guests --update` refreshes guests/prebuilt/.
guests *OPTIONS:
    guests/build {{OPTIONS}}

# Make the Perl image of examples/job.yml.
perl:
    examples/perl/build

# Fetch the client libraries that tests/clients/ runs.
clients:
    tests/clients/install

# Fetch what drives the browser of tests/dashboard/.
browser:
    tests/dashboard/install

# Build the book into target/book/, with the mdBook that it fetches.
book:
    book/install
    book/build

# Write the reference pages of the book anew, as the code has them.
reference:
    UPDATE_EXPECT=1 cargo test --workspace --bins reference

# Take the pictures of the guide anew; look at each before it is committed.
pictures:
    MAYFLY_PICTURES=book/src/pictures cargo test --workspace --test main pictures

# Fetch what the guide compiles guests with.
documents:
    tests/documents/install

# Fetch the programs that tests/programs/ runs, and the wasmtime that they are compared with.
programs:
    tests/programs/install

# Make a Debian package and a tarball in target/packages/; `just package deb` makes one of them.
package *OPTIONS:
    packages/build {{OPTIONS}}

# Try one of the fuzz targets until it fails, as in `just fuzz router -max_total_time=60`.
fuzz TARGET *OPTIONS:
    fuzz/run {{TARGET}} {{OPTIONS}}

# Format our code and the guests'.
fmt:
    cargo fmt --all
    rustfmt --edition 2021 --config-path . guests/*.rs
    rustfmt --edition 2024 --config-path . fuzz/fuzz_targets/*.rs

# The lints of CI, without the tests.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --manifest-path benches/speed/Cargo.toml --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace
    shellcheck .ci/run benches/instructions book/build book/install fuzz/run fuzz/seed \
        guests/build examples/perl/build tests/clients/install tests/dashboard/install \
        tests/documents/bin/* tests/documents/install tests/programs/install packages/build \
        packages/debian/post* packages/debian/prerm tests/packages/life tests/packages/machine

# Measure mayfly beside its peers, as BENCHMARKS.md tells; some rows, as in `just bench --scale 0.02 latency`.
bench *OPTIONS:
    cargo build --release --workspace --bins --locked
    cargo run --release --locked --manifest-path benches/speed/Cargo.toml -- {{OPTIONS}}

# Count the instructions that a pod takes, and compare them with the kept bounds.
instructions:
    benches/instructions

# What is claimed about the speed of embedded databases, measured here.
bench-databases:
    cargo run --release --manifest-path benches/database/Cargo.toml
