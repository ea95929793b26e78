//! What `describe` says of containers: what they are made of, and how they are.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ContainerState, ContainerStateTerminated, ContainerStatus, EnvVar,
    EnvVarSource, Probe, ResourceRequirements,
};
use mayfly_controller::quantity::Amount;

use super::probe;
use super::sheet::{Seen, Sheet, title_case};

/// Where containers and volumes stand: a template's are one space further in, below its own title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inset {
    Pod,
    Template,
}

impl Inset {
    /// What stands before the title.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Pod => "",
            Self::Template => "  ",
        }
    }

    /// What stands before a name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pod => "",
            Self::Template => " ",
        }
    }
}

/// How containers are, and what their environment means.
pub(super) struct Running<'a> {
    pub(super) statuses: &'a [ContainerStatus],
    pub(super) seen: &'a Seen,
}

/// What a field of the pod is, for variables that show one.
pub(super) type Fields<'a> = &'a dyn Fn(&str) -> String;

/// A block of containers.
pub(super) fn all(
    sheet: &mut Sheet,
    inset: Inset,
    title: &str,
    containers: &[Container],
    running: Option<&Running<'_>>,
    fields: Option<Fields<'_>>,
) {
    let none = if containers.is_empty() { " <none>" } else { "" };
    sheet.line(0, format_args!("{}{title}:{none}", inset.title()));
    for container in containers {
        let status = running.and_then(|running| {
            running.statuses.iter().find(|status| status.name == container.name)
        });
        sheet.line(1, format_args!("{}{}:", inset.name(), container.name));
        basics(sheet, container, status);
        commands(sheet, container);
        if let (Some(status), Some(running)) = (status, running) {
            state(sheet, status, running.seen);
        }
        if let Some(resources) = &container.resources {
            self::resources(sheet, resources);
        }
        probes(sheet, container);
        environment(sheet, container, fields);
        mounts(sheet, container);
    }
}

fn basics(sheet: &mut Sheet, container: &Container, status: Option<&ContainerStatus>) {
    if let Some(status) = status {
        sheet.field(2, "Container ID", status.container_id.as_deref().unwrap_or_default());
    }
    sheet.field(2, "Image", container.image.as_deref().unwrap_or_default());
    if let Some(status) = status {
        sheet.field(2, "Image ID", &status.image_id);
    }
    let ports = container.ports.as_deref().unwrap_or_default();
    port_line(sheet, "Port", ports, |port| port.container_port);
    port_line(sheet, "Host Port", ports, |port| port.host_port.unwrap_or(0));
}

fn port_line(
    sheet: &mut Sheet,
    name: &str,
    ports: &[ContainerPort],
    number: impl Fn(&ContainerPort) -> i32,
) {
    let protocol = |port: &ContainerPort| port.protocol.clone().unwrap_or_else(|| "TCP".into());
    let shown = ports.iter().map(|port| format!("{}/{}", number(port), protocol(port)));
    match shown.collect::<Vec<_>>().as_slice() {
        [] => sheet.field(2, name, "<none>"),
        [only] => sheet.field(2, name, only),
        several => sheet.field(2, &format!("{name}s"), several.join(", ")),
    }
}

fn commands(sheet: &mut Sheet, container: &Container) {
    for (title, words) in [("Command:", &container.command), ("Args:", &container.args)] {
        let Some(words) = words.as_ref().filter(|words| !words.is_empty()) else { continue };
        sheet.line(2, title);
        for line in words.iter().flat_map(|word| word.split('\n')) {
            sheet.line(3, line);
        }
    }
}

fn state(sheet: &mut Sheet, status: &ContainerStatus, seen: &Seen) {
    one_state(sheet, "State", status.state.as_ref(), seen);
    let last = status.last_state.as_ref().filter(|last| last.terminated.is_some());
    if last.is_some() {
        one_state(sheet, "Last State", last, seen);
    }
    sheet.field(2, "Ready", title_case(status.ready));
    sheet.field(2, "Restart Count", status.restart_count);
}

fn one_state(sheet: &mut Sheet, name: &str, state: Option<&ContainerState>, seen: &Seen) {
    let state = state.cloned().unwrap_or_default();
    if let Some(running) = &state.running {
        sheet.field(2, name, "Running");
        sheet.field(3, "Started", seen.optional_time(running.started_at.as_ref()));
    } else if let Some(terminated) = &state.terminated {
        sheet.field(2, name, "Terminated");
        ended(sheet, terminated, seen);
    } else {
        sheet.field(2, name, "Waiting");
        let waiting = state.waiting.unwrap_or_default();
        sheet.unless_empty(3, "Reason", waiting.reason.as_ref());
    }
}

fn ended(sheet: &mut Sheet, state: &ContainerStateTerminated, seen: &Seen) {
    sheet.unless_empty(3, "Reason", state.reason.as_ref());
    sheet.unless_empty(3, "Message", state.message.as_ref());
    sheet.field(3, "Exit Code", state.exit_code);
    sheet.optional(3, "Signal", state.signal.filter(|signal| *signal > 0));
    sheet.field(3, "Started", seen.optional_time(state.started_at.as_ref()));
    sheet.field(3, "Finished", seen.optional_time(state.finished_at.as_ref()));
}

fn resources(sheet: &mut Sheet, resources: &ResourceRequirements) {
    for (title, quantities) in [("Limits:", &resources.limits), ("Requests:", &resources.requests)]
    {
        let Some(quantities) = quantities.as_ref().filter(|of| !of.is_empty()) else { continue };
        sheet.line(2, title);
        for (name, quantity) in quantities {
            sheet.field(3, name, Amount::of(quantity));
        }
    }
}

fn probes(sheet: &mut Sheet, container: &Container) {
    let probes: [(&str, &Option<Probe>); 3] = [
        ("Liveness", &container.liveness_probe),
        ("Readiness", &container.readiness_probe),
        ("Startup", &container.startup_probe),
    ];
    for (name, of) in probes {
        sheet.optional(2, name, of.as_ref().map(probe::text));
    }
}

fn environment(sheet: &mut Sheet, container: &Container, fields: Option<Fields<'_>>) {
    if let Some(sources) = container.env_from.as_ref().filter(|sources| !sources.is_empty()) {
        sheet.line(2, "Environment Variables from:");
        for source in sources {
            let (from, name, optional) = match (&source.config_map_ref, &source.secret_ref) {
                (Some(map), _) => ("ConfigMap", map.name.as_str(), map.optional),
                (None, Some(secret)) => ("Secret", secret.name.as_str(), secret.optional),
                (None, None) => ("", "", None),
            };
            let prefix = match source.prefix.as_deref().unwrap_or_default() {
                "" => String::new(),
                prefix => format!(" with prefix '{prefix}'"),
            };
            let optional = optional.unwrap_or(false);
            sheet.line(3, format_args!("{name}\t{from}{prefix}\tOptional: {optional}"));
        }
    }
    let variables = container.env.as_deref().unwrap_or_default();
    if variables.is_empty() {
        return sheet.field(2, "Environment", "<none>");
    }
    sheet.line(2, "Environment:");
    for variable in variables {
        match &variable.value_from {
            Some(source) => from_elsewhere(sheet, variable, source, fields, container),
            None => {
                let value = variable.value.as_deref().unwrap_or_default();
                let mut lines = value.split('\n');
                sheet.field(3, &variable.name, lines.next().unwrap_or_default());
                for line in lines {
                    sheet.line(3, format_args!("\t{line}"));
                }
            }
        }
    }
}

fn from_elsewhere(
    sheet: &mut Sheet,
    variable: &EnvVar,
    source: &EnvVarSource,
    fields: Option<Fields<'_>>,
    container: &Container,
) {
    let name = &variable.name;
    if let Some(field) = &source.field_ref {
        let version = field.api_version.as_deref().unwrap_or("v1");
        let value = fields.map(|fields| fields(&field.field_path)).unwrap_or_default();
        sheet.field(3, name, format_args!("{value} ({version}:{})", field.field_path));
    } else if let Some(resource) = &source.resource_field_ref {
        let value = quantity_of(container, &resource.resource);
        sheet.field(3, name, format_args!("{value} ({})", resource.resource));
    } else if let Some(secret) = &source.secret_key_ref {
        let optional = secret.optional.unwrap_or(false);
        let text = format!("<set to the key '{}' in secret '{}'>", secret.key, secret.name);
        sheet.field(3, name, format_args!("{text}\tOptional: {optional}"));
    } else if let Some(map) = &source.config_map_key_ref {
        let optional = map.optional.unwrap_or(false);
        let text = format!("<set to the key '{}' of config map '{}'>", map.key, map.name);
        sheet.field(3, name, format_args!("{text}\tOptional: {optional}"));
    }
}

/// What `limits.memory` and the like are of the container.
fn quantity_of(container: &Container, resource: &str) -> String {
    let of = container.resources.as_ref();
    let quantity = match resource.split_once('.') {
        Some(("limits", name)) => of.and_then(|of| of.limits.as_ref()?.get(name)),
        Some(("requests", name)) => of.and_then(|of| of.requests.as_ref()?.get(name)),
        _ => None,
    };
    match (quantity, resource) {
        // Bytes and whole cores, as the variable has it.
        (Some(quantity), _) => Amount::of(quantity).units().to_string(),
        (None, "limits.cpu" | "limits.memory") => "node allocatable".to_owned(),
        (None, _) => "0".to_owned(),
    }
}

fn mounts(sheet: &mut Sheet, container: &Container) {
    let mut mounts: Vec<_> = container.volume_mounts.iter().flatten().collect();
    if mounts.is_empty() {
        return sheet.field(2, "Mounts", "<none>");
    }
    mounts.sort_by(|one, other| one.mount_path.cmp(&other.mount_path));
    sheet.line(2, "Mounts:");
    for mount in mounts {
        let access = if mount.read_only == Some(true) { "ro" } else { "rw" };
        let path = match mount.sub_path.as_deref().unwrap_or_default() {
            "" => String::new(),
            path => format!(",path={path:?}"),
        };
        let (to, name) = (&mount.mount_path, &mount.name);
        sheet.line(3, format_args!("{to} from {name} ({access}{path})"));
    }
}
