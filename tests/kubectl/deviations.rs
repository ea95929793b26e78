//! Where what we answer is rightly not what was recorded, and why.

/// What is expected of one command instead of what is recorded.
pub(super) struct Deviation {
    /// What the command is called in the record.
    pub(super) title: &'static str,
    /// Why it is not as recorded.
    pub(super) why: &'static str,
    /// `None` for a command that is ended when it has said what is expected.
    pub(super) exit: Option<i32>,
    pub(super) stdout: Expect,
    pub(super) stderr: Expect,
}

/// What a command is expected to write.
#[derive(Clone, Copy)]
pub(super) enum Expect {
    /// What is recorded.
    Recorded,
    /// What is recorded, and other lines between, in any order.
    RecordedAmong,
    /// What is recorded, and more after it: it was cut.
    RecordedBegins,
    /// These lines.
    Lines(&'static str),
    /// These lines, and others between, in any order.
    Among(&'static str),
}

use Expect::{Among, Lines, Recorded, RecordedAmong, RecordedBegins};

/// What the image of these Jobs prints.
pub(super) const PRINTED: &str = "3.14159265358979323846264338327950288419716939937510";

const KUBELET: &str = "the recorded cluster had no kubelet: here the logs are those of the pods";
const CUT: &str = "the record is cut";
const LEFT_OUT: &str = "what was written is not in the record";
const NODE: &str = "the node is ours";
const NO_NETWORK: &str = "pods have no address, since guests have no network";
const NO_ACCOUNT: &str = "pods have no address and no token of their account, and no toleration of taints, since nothing here gives them any";
const EVENTS: &str = "the recorded cluster had no kubelet, whose events are here as well";
const OURS: &str = "the version is ours";
const KINDS: &str = "we serve fewer kinds";

const fn logs(title: &'static str, stdout: &'static str) -> Deviation {
    Deviation { title, why: KUBELET, exit: Some(0), stdout: Lines(stdout), stderr: Lines("") }
}

const fn ok(title: &'static str, why: &'static str, stdout: Expect) -> Deviation {
    Deviation { title, why, exit: Some(0), stdout, stderr: Recorded }
}

pub(super) const DEVIATIONS: &[Deviation] = &[
    Deviation {
        title: "apply -f (immutable change)",
        why: CUT,
        exit: Some(1),
        stdout: Recorded,
        stderr: RecordedBegins,
    },
    ok("get job -o json", LEFT_OUT, Among(JOB)),
    ok("describe jobs/pi", LEFT_OUT, Among("Backoff Limit: 4\nEvents:")),
    ok(
        "get pods -A",
        LEFT_OUT,
        Lines(
            "NAMESPACE NAME READY STATUS RESTARTS AGE\n\
             kubectl-cat pi-xxxxx 0/1 Completed 0 1s\n\
             kubectl-cat pi2-xxxxx 0/1 Completed 0 1s",
        ),
    ),
    ok(
        "get pods -o wide",
        NO_NETWORK,
        Lines(
            "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES\n\
             pi-xxxxx 0/1 Completed 0 1s <none> mayfly <none> <none>\n\
             pi2-xxxxx 0/1 Completed 0 1s <none> mayfly <none> <none>",
        ),
    ),
    ok("describe pod", NO_ACCOUNT, Among(POD)),
    logs(
        "logs POD (no kubelet here: the server's proxy fails; the request is what matters)",
        PRINTED,
    ),
    logs("logs job/pi", PRINTED),
    logs("logs -f", PRINTED),
    Deviation {
        title: "logs --tail --since --timestamps --previous -c",
        why: KUBELET,
        exit: Some(1),
        stdout: Lines(""),
        stderr: Lines(
            "Error from server (BadRequest): previous terminated container \"pi\" in pod \
             \"pi-xxxxx\" not found",
        ),
    },
    logs(
        "logs -l job-name=pi --prefix",
        "[pod/pi-xxxxx/pi] 3.14159265358979323846264338327950288419716939937510",
    ),
    logs("logs --all-containers", PRINTED),
    logs("logs --limit-bytes", "3.14159265"),
    Deviation {
        title: "get jobs -w -o json",
        why: LEFT_OUT,
        exit: None,
        stdout: Among("{\n    \"apiVersion\": \"batch/v1\","),
        stderr: Lines(""),
    },
    ok("events", EVENTS, RecordedAmong),
    ok("get events", EVENTS, RecordedAmong),
    ok(
        "get events --sort-by",
        LEFT_OUT,
        Among(
            "LAST SEEN TYPE REASON OBJECT MESSAGE\n\
             1s Normal Completed job/pi Job completed",
        ),
    ),
    Deviation {
        title: "run --restart=Never --rm -i (attach)",
        why: "the recorded cluster had no kubelet: here the pod is attached to, and says what it hears",
        exit: Some(0),
        stdout: Lines("typed\npod \"two\" deleted"),
        stderr: Among(""),
    },
    Deviation {
        title: "debug",
        why: "a guest has no second process, and a pod no ephemeral containers",
        exit: Some(1),
        stdout: Recorded,
        stderr: RecordedAmong,
    },
    Deviation {
        title: "edit (KUBE_EDITOR=sed)",
        why: "the record has what -v=8 shows of the edited text",
        exit: Some(0),
        stdout: Recorded,
        stderr: Lines(""),
    },
    Deviation {
        title: "set image (immutable)",
        why: CUT,
        exit: Some(1),
        stdout: Recorded,
        stderr: RecordedBegins,
    },
    Deviation {
        title: "top pods",
        why: "the recorded cluster measured nothing: here all pods have ended, a while ago or not",
        exit: Some(1),
        stdout: Lines(""),
        stderr: Among(""),
    },
    Deviation {
        title: "top nodes",
        why: "the recorded cluster measured nothing",
        exit: Some(0),
        stdout: Among("NAME CPU(cores) CPU(%) MEMORY(bytes) MEMORY(%)"),
        stderr: Lines(""),
    },
    ok("api-resources (COLD)", LEFT_OUT, Among(RESOURCES)),
    ok("api-versions", KINDS, Lines(VERSIONS)),
    ok("version", OURS, Among(VERSION)),
    ok("version -o json", OURS, Among(VERSION_JSON)),
    ok(
        "auth can-i --list",
        "a role of ours says a thing once, two of a real cluster twice",
        Among(CAN),
    ),
    ok(
        "auth whoami",
        "the admin of the record has a token, with a uid; ours has a certificate",
        Lines("ATTRIBUTE VALUE\nUsername admin\nGroups [system:masters system:authenticated]"),
    ),
    ok(
        "get nodes",
        NODE,
        Among(
            "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME",
        ),
    ),
    ok("describe node", NODE, Among(NODE_DESCRIBED)),
    ok("get ns", "the recorded cluster had other namespaces as well", Lines(NAMESPACES)),
    ok("get jobs -A", "the recorded cluster had other namespaces as well", Lines(JOBS)),
];

const JOB: &str = "  \"kind\": \"Job\",\n  \"completions\": 1,\n  \"succeeded\": 1,";

const POD: &str = "\
Name: pi-xxxxx
Namespace: kubectl-cat
Node: mayfly/127.0.0.1
Status: Succeeded
Controlled By: Job/pi
  Image: perl:5.34.0
  State: Terminated
  Reason: Completed
  Exit Code: 0
  Restart Count: 0
  PodReadyToStartContainers False
  Initialized True
  Ready False
  ContainersReady False
  PodScheduled True
  Normal Scheduled 1s default-scheduler Successfully assigned kubectl-cat/pi-xxxxx to mayfly";

const NODE_DESCRIBED: &str = "\
Name: mayfly
Roles: <none>
Taints: <none>
Unschedulable: false
Addresses:
  InternalIP: 127.0.0.1
  Hostname: mayfly
Capacity:
Allocatable:
System Info:";

const RESOURCES: &str = "jobs batch/v1 true Job\ncronjobs cj batch/v1 true CronJob";

const VERSIONS: &str = "\
authentication.k8s.io/v1
authorization.k8s.io/v1
batch/v1
certificates.k8s.io/v1
coordination.k8s.io/v1
events.k8s.io/v1
metrics.k8s.io/v1beta1
scheduling.k8s.io/v1
v1";

const VERSION: &str = concat!("Server Version: v1.36.2+mayfly-", env!("CARGO_PKG_VERSION"));

const VERSION_JSON: &str = concat!(
    "    \"minor\": \"36\",\n    \"gitVersion\": \"v1.36.2+mayfly-",
    env!("CARGO_PKG_VERSION"),
    "\",",
);

const CAN: &str = "\
Resources Non-Resource URLs Resource Names Verbs
*.* [] [] [*]
  [*] [] [*]
selfsubjectreviews.authentication.k8s.io [] [] [create]
selfsubjectaccessreviews.authorization.k8s.io [] [] [create]
selfsubjectrulesreviews.authorization.k8s.io [] [] [create]
  [/api/*] [] [get]
  [/healthz] [] [get]
  [/openapi/*] [] [get]
  [/readyz] [] [get]";

const NAMESPACES: &str = "\
NAME STATUS AGE
default Active 1s
kube-node-lease Active 1s
kube-public Active 1s
kube-system Active 1s
kubectl-cat Active 1s";

const JOBS: &str = "\
NAMESPACE NAME STATUS COMPLETIONS DURATION AGE
kubectl-cat cj1 Complete 1/1 1s 1s
kubectl-cat from1 Complete 1/1 1s 1s
kubectl-cat long Complete 1/1 1s 1s
kubectl-cat pi Complete 1/1 1s 1s
kubectl-cat pi2 Complete 1/1 1s 1s";
