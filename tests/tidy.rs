//! What Cargo and the types can't keep: who may say what, and where.
//!
//! Each rule is a line of a table: a room, a word that it never says, and why.

use std::fs;
use std::path::{Path, PathBuf};

/// A word that may not stand in the code of a room.
struct Rule {
    room: &'static str,
    except: &'static [&'static str],
    never: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        room: "runtime/src",
        except: &[],
        never: &["kubernetes", "k8s", "kubelet", "batch/v1", "serde::", "backoffLimit", "axum"],
        why: "runtime knows nothing of Kubernetes",
    },
    Rule {
        room: "images/src",
        except: &[],
        never: &["k8s", "mayfly_controller", "mayfly_runtime", "wasmtime", "anyhow"],
        why: "images knows neither Kubernetes nor what runs a module",
    },
    Rule {
        room: "controller/src",
        except: &[],
        never: &["wasmtime", "cap_std", "wasi_"],
        why: "controller knows nothing of WebAssembly",
    },
    Rule {
        room: "controller/src",
        except: &["controller/src/clock.rs"],
        never: &["Timestamp::now()", "SystemTime::now", "Utc::now"],
        why: "time is an argument; it is read in clock.rs alone",
    },
    Rule {
        room: "controller/src",
        except: &["controller/src/store/names.rs"],
        never: &["fastrand::", "rand::", "getrandom", "Uuid::"],
        why: "randomness is an argument; it is made in store/names.rs alone",
    },
    Rule {
        room: "controller/src/job",
        except: &["controller/src/job/controller.rs", "controller/src/job/apply.rs"],
        never: &["async fn", "tokio::", "crate::store", "Clock"],
        why: "reconcilers are pure: no async, no clock, no store",
    },
    Rule {
        room: "controller/src/cronjob",
        except: &["controller/src/cronjob/controller.rs", "controller/src/cronjob/apply.rs"],
        never: &["async fn", "tokio::", "crate::store", "Clock"],
        why: "reconcilers are pure: no async, no clock, no store",
    },
    Rule {
        room: "controller/src/scheduler",
        except: &["controller/src/scheduler/mod.rs", "controller/src/scheduler/controller.rs"],
        never: &["async fn", "tokio::", "crate::store", "Clock"],
        why: "the scheduler's decisions are pure",
    },
    Rule {
        room: "controller/src/admission",
        except: &[],
        never: &["async fn", "tokio::", "crate::store", "crate::clock"],
        why: "admission has no clock, no store and no async",
    },
    Rule {
        room: "controller/src/node",
        except: &[],
        never: &["crate::job", "crate::scheduler"],
        why: "components speak only through the store",
    },
    Rule {
        room: "controller/src/namespace",
        except: &["controller/src/namespace/controller.rs"],
        never: &["async fn", "tokio::", "crate::store", "Clock"],
        why: "reconcilers are pure: no async, no clock, no store",
    },
    Rule {
        room: "controller/src/podgc",
        except: &["controller/src/podgc/controller.rs"],
        never: &["async fn", "tokio::", "crate::store", "Clock"],
        why: "reconcilers are pure: no async, no clock, no store",
    },
    Rule {
        room: "controller/src/podgc",
        except: &[],
        never: &["crate::job", "crate::node::"],
        why: "components speak only through the store",
    },
    Rule {
        room: "controller/src/quota",
        except: &["controller/src/quota/controller.rs", "controller/src/quota/apply.rs"],
        never: &["async fn", "tokio::", "crate::store", "Clock", "crate::job", "crate::cronjob"],
        why: "what a namespace has room for is reckoned without clock, store and async",
    },
    Rule {
        room: "controller/src/certificates",
        except: &["controller/src/certificates/controller.rs"],
        never: &["async fn", "tokio::", "crate::store", "Clock", "KeyPair"],
        why: "who is given a certificate is decided without clock, store, async and keys",
    },
    Rule {
        room: "controller/src/http",
        except: &[],
        never: &[
            "crate::job",
            "crate::cronjob",
            "crate::namespace",
            "crate::scheduler",
            "crate::gc",
            "QuotaController",
            "tokio::net",
        ],
        why: "the API admits and commits: it knows no controller and no socket",
    },
    Rule {
        room: "cluster/src",
        except: &[],
        never: &["wasmtime", "mayfly_runtime", "mayfly_images", "anyhow", "Store::"],
        why: "cluster is a client of an API server, for the node agent alone",
    },
    Rule {
        room: "etcd/src",
        except: &[],
        never: &["axum", "kube", "wasmtime", "mayfly_cluster", "anyhow", "Store::", "ControlPlane"],
        why: "etcd keeps what it is given, and says who leads",
    },
    Rule {
        room: "etcd/src",
        except: &["etcd/src/clock.rs"],
        never: &["Instant", "SystemTime", "clock_gettime"],
        why: "a lease is reckoned by a clock that goes on while the host is suspended, in clock.rs",
    },
    Rule {
        room: "controller/src",
        except: &[],
        never: &["etcd", "reqwest"],
        why: "the store knows a disk, and not where that is",
    },
    Rule {
        room: "cli/client",
        except: &[],
        never: &["mayfly_controller::store", "mayfly_controller::http::router", "ControlPlane"],
        why: "clients know a server by its address alone",
    },
    Rule {
        room: "controller/src",
        except: &[],
        never: &["anyhow"],
        why: "anyhow is for cli alone",
    },
    Rule { room: "runtime/src", except: &[], never: &["anyhow"], why: "anyhow is for cli alone" },
    Rule {
        room: "guests",
        except: &[],
        never: &["mayfly_"],
        why: "guests are strangers' programs: std alone",
    },
];

#[test]
fn rooms_say_only_their_own_words() {
    let mut complaints = Vec::new();
    for rule in RULES {
        for file in sources(rule.room) {
            if rule.except.contains(&file.as_str()) || is_unit_test(&file) {
                continue;
            }
            for (number, line) in code_lines(&file) {
                for never in rule.never.iter().filter(|never| line.contains(*never)) {
                    complaints.push(format!("{file}:{number}: says `{never}`: {}", rule.why));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_module_says_what_it_is() {
    let rooms =
        ["cli", "cluster/src", "etcd/src", "images", "runtime/src", "controller/src", "tests"];
    let silent: Vec<_> = rooms
        .iter()
        .flat_map(|room| sources(room))
        .filter(|file| !is_unit_test(file) && !read(file).starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "these open without `//!`: {silent:?}");
}

#[test]
fn files_stay_short_enough_to_read_in_one_sitting() {
    let rooms = ["cli", "cluster/src", "etcd/src", "images/src", "runtime/src", "controller/src"];
    let long: Vec<_> = rooms
        .iter()
        .flat_map(|room| sources(room))
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > 500)
        .collect();
    assert!(long.is_empty(), "split these by meaning: {long:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore", "FIXME", "XXX"];
    let mut complaints = Vec::new();
    for file in ["cli", "etcd/src", "runtime/src", "controller/src", "tests"]
        .iter()
        .flat_map(|room| sources(room))
    {
        if file == "tests/tidy.rs" {
            continue;
        }
        for (number, line) in code_lines(&file) {
            if words.iter().any(|word| line.contains(word)) {
                complaints.push(format!("{file}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The Rust files of a room, relative to the root, in order.
fn sources(room: &str) -> Vec<String> {
    let mut files = Vec::new();
    walk(&root().join(room), &mut files);
    files.sort();
    assert!(!files.is_empty(), "{room} holds no Rust file: mend the rule");
    files
}

fn walk(folder: &Path, files: &mut Vec<String>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder that was opened must list its entries").path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root()).expect("walked from the root");
            files.push(relative.to_string_lossy().into_owned());
        }
    }
}

/// Whether the file is a room's own tests, which may say what the room may not.
fn is_unit_test(file: &str) -> bool {
    file.contains("/src/") && (file.contains("/tests/") || file.ends_with("/tests.rs"))
}

/// A file's numbered lines without its comments, and without the unit tests at its end.
fn code_lines(file: &str) -> Vec<(usize, String)> {
    read(file)
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .map(|line| line.split("//").next().unwrap_or_default().to_owned())
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
