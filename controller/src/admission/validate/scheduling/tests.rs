use serde_json::{Value, json};

use crate::admission::admit_pod;

/// What is said of a pod whose spec has `more`, one complaint a line.
fn check(more: &Value, expected: &[&str]) {
    let mut spec = json!({"containers": [{"name": "a", "image": "b:1"}]});
    spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    let pod = json!({"metadata": {"name": "p", "namespace": "n"}, "spec": spec});
    let said = match admit_pod(serde_json::from_value(pod).unwrap(), "u") {
        Ok(admitted) => {
            assert_eq!(admitted.warnings, Vec::<String>::new());
            Vec::new()
        }
        Err(invalid) => invalid.causes.iter().map(ToString::to_string).collect(),
    };
    let said: Vec<_> = said.iter().map(|it| it.trim_start_matches("spec.")).collect();
    assert_eq!(said, expected, "{more}");
}

fn node_affinity(terms: &Value) -> Value {
    json!({"affinity": {"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
    }}})
}

fn pod_affinity(term: &Value) -> Value {
    json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

fn spread(changes: &Value) -> Value {
    let mut constraint = json!({
        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "a"}},
    });
    constraint.as_object_mut().unwrap().extend(changes.as_object().cloned().unwrap());
    json!({"topologySpreadConstraints": [constraint]})
}

const NODE: &str = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.\
                    nodeSelectorTerms";
const POD: &str = "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]";

#[test]
fn admits_what_kubernetes_does_without_a_word() {
    let expression = |operator: &str, values: Value| json!([{"matchExpressions": [{"key": "a.b/c", "operator": operator, "values": values}]}]);
    for (operator, values) in [
        ("In", json!(["x"])),
        ("NotIn", json!(["x", "y"])),
        ("Exists", json!(null)),
        ("DoesNotExist", json!([])),
        ("Gt", json!(["1"])),
        ("Lt", json!(["1"])),
    ] {
        check(&node_affinity(&expression(operator, values)), &[]);
    }
    let name = json!({"key": "metadata.name", "operator": "In", "values": ["n"]});
    check(&node_affinity(&json!([{"matchFields": [name]}])), &[]);
    check(
        &pod_affinity(&json!({
            "topologyKey": "zone", "labelSelector": {}, "namespaceSelector": {},
            "namespaces": ["n"], "matchLabelKeys": ["a"], "mismatchLabelKeys": ["b"],
        })),
        &[],
    );
    check(
        &spread(&json!({
            "minDomains": 2, "nodeAffinityPolicy": "Ignore", "nodeTaintsPolicy": "Honor",
            "matchLabelKeys": ["b"],
        })),
        &[],
    );
    check(
        &json!({"tolerations": [
            {"operator": "Exists"}, {"key": "a", "value": "b", "effect": "NoSchedule"},
            {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3},
        ]}),
        &[],
    );
}

#[test]
fn denies_nodes_that_can_not_be_asked_for() {
    check(
        &node_affinity(&json!([])),
        &[&format!("{NODE}: Required value: must have at least one node selector term")],
    );
    let check_expression = |expression: Value, expected: &str| {
        let at = format!("{NODE}[0].matchExpressions[0]");
        let terms = json!([{"matchExpressions": [expression]}]);
        check(&node_affinity(&terms), &[&format!("{at}{expected}")]);
    };
    check_expression(
        json!({"key": "a", "operator": "In"}),
        ".values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    );
    check_expression(
        json!({"key": "a", "operator": "Exists", "values": ["b"]}),
        ".values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    );
    check_expression(
        json!({"key": "a", "operator": "Gt", "values": ["1", "2"]}),
        ".values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
    );
    check_expression(
        json!({"key": "a", "operator": "Is", "values": ["1"]}),
        ".operator: Invalid value: \"Is\": not a valid selector operator",
    );
    let at = format!("{NODE}[0].matchFields[0]");
    let fields = json!([{"matchFields": [{"key": "a", "operator": "Exists"}]}]);
    check(
        &node_affinity(&fields),
        &[
            &format!("{at}.operator: Invalid value: \"Exists\": not a valid selector operator"),
            &format!("{at}.key: Invalid value: \"a\": not a valid field selector key"),
        ],
    );
    let preferred = json!({"affinity": {"nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 101, "preference": {}}],
    }}});
    check(
        &preferred,
        &["affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: \
           Invalid value: 101: must be in the range 1-100"],
    );
}

#[test]
fn denies_company_that_can_not_be_asked_for() {
    let name = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start \
                and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
                '123-abc', regex used for validation is \
                '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    check(
        &pod_affinity(&json!({"topologyKey": "", "labelSelector": {}})),
        &[
            &format!("{POD}.topologyKey: Required value: can not be empty"),
            &format!("{POD}.topologyKey: Invalid value: \"\": name part must be non-empty"),
            &format!("{POD}.topologyKey: Invalid value: \"\": {name}"),
        ],
    );
    check(
        &pod_affinity(&json!({"topologyKey": "zone", "matchLabelKeys": ["a"]})),
        &[&format!(
            "{POD}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set"
        )],
    );
    check(
        &pod_affinity(&json!({
            "topologyKey": "zone", "labelSelector": {}, "matchLabelKeys": ["a"],
            "mismatchLabelKeys": ["a"],
        })),
        &[&format!(
            "{POD}.matchLabelKeys[0]: Invalid value: \"a\": exists in both matchLabelKeys and \
             mismatchLabelKeys"
        )],
    );
    let term = json!({"topologyKey": "zone"});
    let preferred = json!({"affinity": {"podAntiAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 0, "podAffinityTerm": term}],
    }}});
    check(
        &preferred,
        &["affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: \
           Invalid value: 0: must be in the range 1-100"],
    );
}

#[test]
fn denies_spreads_that_mean_nothing() {
    let check_one = |changes: Value, expected: &str| {
        check(&spread(&changes), &[&format!("topologySpreadConstraints[0].{expected}")]);
    };
    check_one(json!({"maxSkew": 0}), "maxSkew: Invalid value: 0: must be greater than zero");
    check_one(
        json!({"whenUnsatisfiable": "Never"}),
        "whenUnsatisfiable: Unsupported value: \"Never\": supported values: \"DoNotSchedule\", \
         \"ScheduleAnyway\"",
    );
    check_one(json!({"minDomains": 0}), "minDomains: Invalid value: 0: must be greater than zero");
    check_one(
        json!({"minDomains": 1, "whenUnsatisfiable": "ScheduleAnyway"}),
        "minDomains: Invalid value: 1: can only use minDomains if \
         whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
    );
    check_one(
        json!({"nodeTaintsPolicy": "honor"}),
        "nodeTaintsPolicy: Unsupported value: \"honor\": supported values: \"Honor\", \"Ignore\"",
    );
    check_one(
        json!({"matchLabelKeys": ["app"]}),
        "matchLabelKeys[0]: Invalid value: \"app\": exists in both matchLabelKeys and \
         labelSelector",
    );
    check_one(
        json!({"matchLabelKeys": ["b"], "labelSelector": null}),
        "matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
    );
    let mut twice = spread(&json!({}));
    let constraints = twice["topologySpreadConstraints"].as_array_mut().unwrap();
    constraints.push(constraints[0].clone());
    check(
        &twice,
        &["topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: \
           \"{zone, DoNotSchedule}\""],
    );
}

#[test]
fn denies_tolerations_that_mean_nothing() {
    let check_one = |toleration: Value, expected: &str| {
        check(&json!({"tolerations": [toleration]}), &[&format!("tolerations[0].{expected}")]);
    };
    check_one(
        json!({"value": "a"}),
        "operator: Invalid value: \"\": operator must be Exists when `key` is empty, which means \
         \"match all values and all keys\"",
    );
    check_one(
        json!({"key": "a", "tolerationSeconds": 1}),
        "effect: Invalid value: \"\": effect must be 'NoExecute' when `tolerationSeconds` is set",
    );
    check_one(
        json!({"key": "a", "operator": "Exists", "value": "b"}),
        "operator: Invalid value: {\"Key\":\"a\",\"Operator\":\"Exists\",\"Value\":\"b\",\
         \"Effect\":\"\",\"TolerationSeconds\":null}: value must be empty when `operator` is \
         'Exists'",
    );
    check_one(
        json!({"key": "a", "operator": "Is"}),
        "operator: Unsupported value: \"Is\": supported values: \"Equal\", \"Exists\"",
    );
    check_one(
        json!({"key": "a", "effect": "Never"}),
        "effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", \
         \"PreferNoSchedule\", \"NoExecute\"",
    );
}
