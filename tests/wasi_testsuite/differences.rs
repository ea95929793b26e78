//! The tests that end otherwise here than under `wasmtime run`, and why.

/// Name of the test, and why it ends otherwise.
pub(super) const DIFFERENCES: &[(&str, &str)] = &[
    (
        "c/sock_shutdown-invalid_fd",
        "takes it for granted that nothing is open as descriptor 3; here every guest has a /dev, and \
         that is its first preopen",
    ),
    (
        "rust/stdio",
        "passes, and prints the numbers of the descriptors that it opens, which are one higher: /dev \
         is one more preopen",
    ),
];

/// The tests whose output is not the same twice, wherever they run, and why. They must pass.
pub(super) const VARYING: &[(&str, &str)] =
    &[("rust/poll_oneoff_stdio", "prints a map in its random order")];
