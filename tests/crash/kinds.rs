//! Jobs of all kinds, and how what became of each must agree with its ledger.

use k8s_openapi::api::batch::v1::{CronJob, Job};
use serde_json::{Value, json};

/// The image of every container.
pub(super) const IMAGE: &str = "ledger";

/// The name of the CronJob, and the first part of the names of its Jobs.
pub(super) const CRON: &str = "cron";

/// A kind of Job.
#[derive(Debug)]
pub(super) struct Kind {
    /// The first part of its name.
    pub(super) name: &'static str,
    /// All of its spec but the template.
    spec: fn() -> Value,
    restart_policy: &'static str,
    milliseconds: u32,
    /// The exit codes of its guests, one after the other.
    codes: &'static [i32],
    /// Failures that count nowhere.
    pub(super) ignored: &'static [i32],
    /// Whether pods are ended before their guests are.
    pub(super) kills: bool,
    /// How it may end: type and reason of its last condition.
    pub(super) ends: &'static [(&'static str, &'static str)],
    /// What is done to it.
    pub(super) deed: Option<Deed>,
}

/// What a user does to a Job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Suspends and resumes it.
    Suspend,
    /// Changes its parallelism.
    Scale,
    /// Deletes it.
    Delete,
}

const COMPLETE: (&str, &str) = ("Complete", "CompletionsReached");

const ORDINARY: Kind = Kind {
    name: "plain",
    spec: || json!({"completions": 6, "parallelism": 3}),
    restart_policy: "Never",
    milliseconds: 10,
    codes: &[0],
    ignored: &[],
    kills: false,
    ends: &[COMPLETE],
    deed: None,
};

/// All of them.
pub(super) const KINDS: &[Kind] = &[
    ORDINARY,
    Kind {
        name: "retried",
        spec: || json!({"completions": 4, "parallelism": 2, "backoffLimit": 1000}),
        codes: &[0, 1, 2],
        ..ORDINARY
    },
    Kind {
        name: "exhausted",
        spec: || json!({"completions": 3, "parallelism": 1, "backoffLimit": 2}),
        codes: &[1, 2],
        ends: &[("Failed", "BackoffLimitExceeded")],
        ..ORDINARY
    },
    Kind {
        name: "indexed",
        spec: || {
            json!({"completionMode": "Indexed", "completions": 8, "parallelism": 4,
                "backoffLimit": 1000})
        },
        codes: &[0, 0, 1],
        milliseconds: 30,
        ..ORDINARY
    },
    Kind {
        name: "perindex",
        spec: || {
            json!({"completionMode": "Indexed", "completions": 6, "parallelism": 3,
                "backoffLimitPerIndex": 1})
        },
        codes: &[0, 1],
        ends: &[COMPLETE, ("Failed", "FailedIndexes")],
        ..ORDINARY
    },
    Kind { name: "queue", spec: || json!({"parallelism": 3}), milliseconds: 100, ..ORDINARY },
    Kind {
        name: "ignoring",
        spec: || {
            json!({"completions": 3, "parallelism": 2, "backoffLimit": 0, "podFailurePolicy":
                {"rules": [{"action": "Ignore",
                    "onExitCodes": {"operator": "In", "values": [3]}}]}})
        },
        codes: &[0, 3],
        ignored: &[3],
        ..ORDINARY
    },
    Kind {
        name: "failing",
        spec: || failing(1),
        codes: &[0, 42, 0],
        ends: &[COMPLETE, ("Failed", "PodFailurePolicy")],
        ..ORDINARY
    },
    Kind {
        name: "failingmany",
        spec: || failing(4),
        codes: &[0, 0, 42, 0],
        milliseconds: 60,
        kills: true,
        ends: &[COMPLETE, ("Failed", "PodFailurePolicy")],
        ..ORDINARY
    },
    Kind {
        name: "enough",
        spec: || {
            json!({"completionMode": "Indexed", "completions": 6, "parallelism": 3,
                "backoffLimit": 1000, "successPolicy": {"rules": [{"succeededCount": 2}]}})
        },
        codes: &[0, 1],
        milliseconds: 50,
        kills: true,
        ends: &[("Complete", "SuccessPolicy")],
        ..ORDINARY
    },
    Kind {
        name: "restarted",
        spec: || json!({"completions": 3, "parallelism": 2, "backoffLimit": 1000}),
        restart_policy: "OnFailure",
        codes: &[1, 2, 0],
        ..ORDINARY
    },
    Kind {
        name: "late",
        spec: || json!({"completions": 2, "parallelism": 2, "activeDeadlineSeconds": 1}),
        milliseconds: 60_000,
        kills: true,
        ends: &[("Failed", "DeadlineExceeded")],
        ..ORDINARY
    },
    Kind { name: "long", spec: || json!({"completions": 1}), milliseconds: 250, ..ORDINARY },
    Kind {
        name: "suspended",
        spec: || json!({"completions": 6, "parallelism": 3, "suspend": true, "backoffLimit": 1000}),
        milliseconds: 60,
        kills: true,
        deed: Some(Deed::Suspend),
        ..ORDINARY
    },
    Kind {
        name: "scaled",
        spec: || json!({"completions": 12, "parallelism": 2, "backoffLimit": 1000}),
        milliseconds: 60,
        kills: true,
        deed: Some(Deed::Scale),
        ..ORDINARY
    },
    Kind {
        name: "deleted",
        spec: || json!({"completions": 12, "parallelism": 3, "backoffLimit": 1000}),
        milliseconds: 100,
        codes: &[0, 1],
        kills: true,
        deed: Some(Deed::Delete),
        ..ORDINARY
    },
];

/// What the Jobs of the CronJob are.
const OF_CRON: Kind = Kind { name: CRON, spec: || json!({"completions": 2}), ..ORDINARY };

fn failing(parallelism: u32) -> Value {
    json!({"completions": 5, "parallelism": parallelism, "backoffLimit": 1000, "podFailurePolicy":
        {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}})
}

/// The kind of the Job `name`.
pub(super) fn kind_of(name: &str) -> &'static Kind {
    let kind = name.split('-').next().unwrap_or_default();
    let known = KINDS.iter().chain([&OF_CRON]).find(|it| it.name == kind);
    known.unwrap_or_else(|| panic!("{name} is no Job of ours"))
}

impl Kind {
    /// Whether its spec has this field.
    pub(super) fn is(&self, field: &str) -> bool {
        (self.spec)().get(field).is_some()
    }

    /// How many pods must succeed, if that is said.
    pub(super) fn completions(&self) -> Option<usize> {
        usize::try_from((self.spec)()["completions"].as_u64()?).ok()
    }

    /// The `number`-th Job of the test, of this kind; `shared` is the folder of the ledgers.
    pub(super) fn job(&self, number: usize, shared: &str) -> Job {
        let job = json!({
            "metadata": {"name": format!("{}-{number}", self.name)},
            "spec": self.spec(shared),
        });
        serde_json::from_value(job).expect("must be a Job")
    }

    fn spec(&self, shared: &str) -> Value {
        let mut spec = (self.spec)();
        let name = match spec["completionMode"].as_str() {
            Some("Indexed") => "$(UID).$(JOB_COMPLETION_INDEX)",
            _ => "$(UID)",
        };
        let mut args = vec!["/ledger".to_owned(), name.to_owned(), self.milliseconds.to_string()];
        args.extend(self.codes.iter().map(ToString::to_string));
        let field = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
        spec["template"] = json!({"spec": {
            "restartPolicy": self.restart_policy,
            "terminationGracePeriodSeconds": 0,
            "volumes": [{"name": "ledger", "hostPath": {"path": shared, "type": "Directory"}}],
            "containers": [{
                "name": "main",
                "image": IMAGE,
                "args": args,
                "env": [
                    field("UID", "metadata.uid"),
                    field("JOB", "metadata.labels['batch.kubernetes.io/job-name']"),
                ],
                "volumeMounts":
                    [{"name": "ledger", "mountPath": "/ledger", "subPathExpr": "$(JOB)"}],
            }],
        }});
        spec
    }
}

/// A CronJob that makes a Job each minute, and keeps them all.
pub(super) fn cron_job(shared: &str) -> CronJob {
    let cron_job = json!({
        "metadata": {"name": CRON},
        "spec": {
            "schedule": "* * * * *",
            "successfulJobsHistoryLimit": 1000,
            "failedJobsHistoryLimit": 1000,
            "jobTemplate": {"spec": OF_CRON.spec(shared)},
        },
    });
    serde_json::from_value(cron_job).expect("must be a CronJob")
}
