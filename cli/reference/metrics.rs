//! What `/metrics` has.

use mayfly_controller::metrics::{METRICS, Metric, Of};

use super::{check, code, page, prose, table};

/// A title of what metrics are about, and which those are.
type Group = (&'static str, fn(&Of) -> bool);

const GROUPS: &[Group] = &[
    ("Jobs", |of| matches!(of, Of::Job(_))),
    ("CronJobs", |of| matches!(of, Of::CronJob(_))),
    ("Pods and their containers", |of| matches!(of, Of::Pod(_))),
    ("Nodes", |of| matches!(of, Of::Node(_))),
    ("Containers that run", |of| matches!(of, Of::Running(_))),
    ("All that has run since the server began", |of| matches!(of, Of::Usage(_))),
    ("The server", |of| matches!(of, Of::Server(_))),
];

#[test]
fn metrics() {
    let introduction = "`/metrics` is text for Prometheus; [Observing](../observing.md#metrics) says \
                        who may read it.\n\
                        A metric has the name, labels and unit of kube-state-metrics, cAdvisor or \
                        a component of Kubernetes where one of them has it; all others begin with \
                        `mayfly_`.";
    let mut text = page("Metrics", introduction);
    let mut told = 0;
    for (title, is_of_it) in GROUPS {
        let metrics: Vec<_> =
            METRICS.iter().copied().flatten().filter(|it| is_of_it(&it.read)).collect();
        told += metrics.len();
        let common = metrics[0].read.labels();
        text += &format!("\n## {title}\n\n");
        if !common.is_empty() {
            text += &format!("All have the labels {}.\n\n", words(common));
        }
        table(
            &mut text,
            ["metric", "type", "labels", "what it says"],
            metrics.into_iter().map(row),
        );
    }
    assert_eq!(told, METRICS.iter().map(|it| it.len()).sum::<usize>(), "one is of no group");
    check("metrics", &text);
}

fn row(metric: &Metric) -> [String; 4] {
    [code(metric.name), metric.of.to_string(), words(metric.labels), prose(metric.help)]
}

fn words(names: &[&str]) -> String {
    names.iter().map(|it| code(it)).collect::<Vec<_>>().join(", ")
}
