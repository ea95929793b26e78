//! A pod template as error messages show it: as an API server keeps it inside.
//!
//! There the fields have other names and another order than on the wire, and each of them is
//! written, whether it is set or not.

use serde_json::Value;

use crate::admission::error::Show;
use crate::api::{PodSpec, PodTemplateSpec};

/// A field: its name inside, its name on the wire, what is written where it is not set, and the
/// fields of what it holds.
struct Field(&'static str, &'static str, &'static str, &'static [Field]);

const fn null(inside: &'static str, wire: &'static str) -> Field {
    Field(inside, wire, "null", &[])
}

const fn text(inside: &'static str, wire: &'static str) -> Field {
    Field(inside, wire, "\"\"", &[])
}

const fn flag(inside: &'static str, wire: &'static str) -> Field {
    Field(inside, wire, "false", &[])
}

const fn nested(inside: &'static str, wire: &'static str, fields: &'static [Field]) -> Field {
    Field(inside, wire, "null", fields)
}

const SPEC: &[Field] = &[
    null("Volumes", "volumes"),
    nested("InitContainers", "initContainers", CONTAINER),
    nested("Containers", "containers", CONTAINER),
    null("EphemeralContainers", "ephemeralContainers"),
    text("RestartPolicy", "restartPolicy"),
    null("TerminationGracePeriodSeconds", "terminationGracePeriodSeconds"),
    null("ActiveDeadlineSeconds", "activeDeadlineSeconds"),
    text("DNSPolicy", "dnsPolicy"),
    null("NodeSelector", "nodeSelector"),
    text("ServiceAccountName", "serviceAccountName"),
    null("AutomountServiceAccountToken", "automountServiceAccountToken"),
    text("NodeName", "nodeName"),
    nested("SecurityContext", "securityContext", SECURITY),
    null("ImagePullSecrets", "imagePullSecrets"),
    text("Hostname", "hostname"),
    text("Subdomain", "subdomain"),
    null("SetHostnameAsFQDN", "setHostnameAsFQDN"),
    null("Affinity", "affinity"),
    text("SchedulerName", "schedulerName"),
    nested("Tolerations", "tolerations", TOLERATION),
    null("HostAliases", "hostAliases"),
    text("PriorityClassName", "priorityClassName"),
    null("Priority", "priority"),
    null("PreemptionPolicy", "preemptionPolicy"),
    null("DNSConfig", "dnsConfig"),
    null("ReadinessGates", "readinessGates"),
    null("RuntimeClassName", "runtimeClassName"),
    null("Overhead", "overhead"),
    null("EnableServiceLinks", "enableServiceLinks"),
    null("TopologySpreadConstraints", "topologySpreadConstraints"),
    null("OS", "os"),
    null("SchedulingGates", "schedulingGates"),
    null("ResourceClaims", "resourceClaims"),
    null("Resources", "resources"),
    null("HostnameOverride", "hostnameOverride"),
    null("SchedulingGroup", "schedulingGroup"),
];

/// Inside, what a pod shares with its host is part of its security context.
const HOST: [&str; 5] = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"];

const SECURITY: &[Field] = &[
    flag("HostNetwork", "hostNetwork"),
    flag("HostPID", "hostPID"),
    flag("HostIPC", "hostIPC"),
    null("ShareProcessNamespace", "shareProcessNamespace"),
    null("HostUsers", "hostUsers"),
    null("SELinuxOptions", "seLinuxOptions"),
    null("WindowsOptions", "windowsOptions"),
    null("RunAsUser", "runAsUser"),
    null("RunAsGroup", "runAsGroup"),
    null("RunAsNonRoot", "runAsNonRoot"),
    null("SupplementalGroups", "supplementalGroups"),
    null("SupplementalGroupsPolicy", "supplementalGroupsPolicy"),
    null("FSGroup", "fsGroup"),
    null("FSGroupChangePolicy", "fsGroupChangePolicy"),
    null("Sysctls", "sysctls"),
    null("SeccompProfile", "seccompProfile"),
    null("AppArmorProfile", "appArmorProfile"),
    null("SELinuxChangePolicy", "seLinuxChangePolicy"),
];

const CONTAINER: &[Field] = &[
    text("Name", "name"),
    text("Image", "image"),
    null("Command", "command"),
    null("Args", "args"),
    text("WorkingDir", "workingDir"),
    null("Ports", "ports"),
    null("EnvFrom", "envFrom"),
    nested(
        "Env",
        "env",
        &[text("Name", "name"), text("Value", "value"), null("ValueFrom", "valueFrom")],
    ),
    nested(
        "Resources",
        "resources",
        &[null("Limits", "limits"), null("Requests", "requests"), null("Claims", "claims")],
    ),
    null("ResizePolicy", "resizePolicy"),
    null("RestartPolicy", "restartPolicy"),
    null("RestartPolicyRules", "restartPolicyRules"),
    nested(
        "VolumeMounts",
        "volumeMounts",
        &[
            text("Name", "name"),
            flag("ReadOnly", "readOnly"),
            null("RecursiveReadOnly", "recursiveReadOnly"),
            text("MountPath", "mountPath"),
            text("SubPath", "subPath"),
            null("MountPropagation", "mountPropagation"),
            text("SubPathExpr", "subPathExpr"),
        ],
    ),
    null("VolumeDevices", "volumeDevices"),
    null("LivenessProbe", "livenessProbe"),
    null("ReadinessProbe", "readinessProbe"),
    null("StartupProbe", "startupProbe"),
    null("Lifecycle", "lifecycle"),
    text("TerminationMessagePath", "terminationMessagePath"),
    text("TerminationMessagePolicy", "terminationMessagePolicy"),
    text("ImagePullPolicy", "imagePullPolicy"),
    null("SecurityContext", "securityContext"),
    flag("Stdin", "stdin"),
    flag("StdinOnce", "stdinOnce"),
    flag("TTY", "tty"),
];

const TOLERATION: &[Field] = &[
    text("Key", "key"),
    text("Operator", "operator"),
    text("Value", "value"),
    text("Effect", "effect"),
    null("TolerationSeconds", "tolerationSeconds"),
];

/// A pod template or a part of it, as it is kept inside an API server.
pub(super) struct Stored<'a, T>(pub(super) &'a T);

impl Show for Stored<'_, PodTemplateSpec> {
    fn show(self) -> Option<String> {
        // The metadata stands as on the wire, among the fields of the template itself.
        let metadata = to_value(&self.0.metadata);
        let metadata = metadata.as_object().into_iter().flatten();
        let mut parts: Vec<_> =
            metadata.map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let spec = self.0.spec.clone().unwrap_or_default();
        parts.push(format!("\"Spec\":{}", Stored(&*spec).show()?));
        Some(format!("{{{}}}", parts.join(",")))
    }
}

impl Show for Stored<'_, PodSpec> {
    fn show(self) -> Option<String> {
        let mut spec = to_value(self.0);
        let fields = spec.as_object_mut()?;
        let shared: Vec<_> = HOST.iter().filter_map(|name| fields.remove_entry(*name)).collect();
        if let Some(Value::Object(context)) = fields.get_mut("securityContext") {
            context.extend(shared);
        }
        Some(write(&spec, SPEC))
    }
}

fn to_value<T: serde::Serialize>(part: &T) -> Value {
    serde_json::to_value(part).expect("an object must have a JSON form")
}

fn write(value: &Value, fields: &[Field]) -> String {
    let part = |Field(inside, wire, absent, nested): &Field| {
        let shown = match value.get(wire) {
            None | Some(Value::Null) => (*absent).to_owned(),
            Some(value) if nested.is_empty() => value.to_string(),
            Some(Value::Array(items)) => {
                let items: Vec<_> = items.iter().map(|item| write(item, nested)).collect();
                format!("[{}]", items.join(","))
            }
            Some(value) => write(value, nested),
        };
        format!("\"{inside}\":{shown}")
    };
    let parts: Vec<_> = fields.iter().map(part).collect();
    format!("{{{}}}", parts.join(","))
}
