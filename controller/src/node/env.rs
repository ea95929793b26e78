//! A container's environment, from everything that its spec draws on. Pure.
//!
//! Source: Kubernetes' documentation of `env` and `envFrom`: what `env` says beats `envFrom`, a
//! later entry beats an earlier one, and a reference sees what came before it.

use super::downward::Downward;
use super::expand::expand;
use super::sources::{ConfigError, Sources};
use crate::api::{Container, EnvFromSource, EnvVarSource};

/// A container's environment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// In order, names unique.
    pub(crate) variables: Vec<(String, String)>,
    /// What a person should know: which keys could not become variables.
    pub(crate) skipped: Vec<String>,
}

impl Environment {
    /// The environment that `container` asks for.
    pub(crate) fn of(
        container: &Container,
        downward: &Downward<'_>,
        sources: &Sources,
    ) -> Result<Self, ConfigError> {
        let mut environment = Self::default();
        for source in container.env_from.iter().flatten() {
            environment.add_all(source, downward, sources)?;
        }
        for variable in container.env.iter().flatten() {
            // An empty value counts as none, as in Kubernetes.
            let value = match (variable.value.as_deref().unwrap_or_default(), &variable.value_from)
            {
                ("", Some(from)) => match drawn(from, container, downward, sources)? {
                    Some(value) => value,
                    None => continue,
                },
                (text, _) => expand(text, |name| environment.get(name)),
            };
            environment.set(variable.name.clone(), value);
        }
        Ok(environment)
    }

    /// The value of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(existing, _)| existing == name);
        found.map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: String, value: String) {
        match self.variables.iter_mut().find(|(existing, _)| *existing == name) {
            Some(existing) => existing.1 = value,
            None => self.variables.push((name, value)),
        }
    }

    fn add_all(
        &mut self,
        source: &EnvFromSource,
        downward: &Downward<'_>,
        sources: &Sources,
    ) -> Result<(), ConfigError> {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        let (origin, entries): (_, Vec<(String, String)>) =
            if let Some(reference) = &source.config_map_ref {
                let map = sources.config_map(&reference.name, reference.optional)?;
                let data = map.and_then(|map| map.data.as_ref()).into_iter().flatten();
                let entries = data.map(|(key, value)| (format!("{prefix}{key}"), value.clone()));
                (format!("configMap {}", qualified(downward, &reference.name)), entries.collect())
            } else if let Some(reference) = &source.secret_ref {
                let secret = sources.secret(&reference.name, reference.optional)?;
                let data = secret.and_then(|secret| secret.data.as_ref()).into_iter().flatten();
                let entries = data.map(|(key, value)| (format!("{prefix}{key}"), text(&value.0)));
                (format!("secret {}", qualified(downward, &reference.name)), entries.collect())
            } else {
                return Ok(());
            };
        let (valid, invalid): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(name, _)| is_name(name));
        for (name, value) in valid {
            self.set(name, value);
        }
        if !invalid.is_empty() {
            let names: Vec<_> = invalid.into_iter().map(|(name, _)| name).collect();
            self.skipped.push(format!(
                "Keys [{}] from the EnvFrom {origin} were skipped since they are considered \
                 invalid environment variable names.",
                names.join(", ")
            ));
        }
        Ok(())
    }
}

/// The value of a `valueFrom`; `None` if it is optional and not there.
fn drawn(
    from: &EnvVarSource,
    container: &Container,
    downward: &Downward<'_>,
    sources: &Sources,
) -> Result<Option<String>, ConfigError> {
    if let Some(field) = &from.field_ref {
        return downward.field(&field.field_path).map(Some);
    }
    if let Some(resource) = &from.resource_field_ref {
        return downward.resource(resource, Some(container)).map(Some);
    }
    let (value, what, reference) = if let Some(key) = &from.config_map_key_ref {
        let map = sources.config_map(&key.name, key.optional)?;
        let value = map.and_then(|map| map.data.as_ref()?.get(&key.key).cloned());
        (value, "ConfigMap", (&key.key, &key.name, key.optional))
    } else if let Some(key) = &from.secret_key_ref {
        let secret = sources.secret(&key.name, key.optional)?;
        let value = secret.and_then(|it| Some(text(&it.data.as_ref()?.get(&key.key)?.0)));
        (value, "Secret", (&key.key, &key.name, key.optional))
    } else {
        return Ok(None);
    };
    let (key, name, optional) = reference;
    if value.is_none() && optional != Some(true) {
        let name = qualified(downward, name);
        return Err(ConfigError(format!("couldn't find key {key} in {what} {name}")));
    }
    Ok(value)
}

fn qualified(downward: &Downward<'_>, name: &str) -> String {
    let namespace = downward.pod.metadata.namespace.as_deref().unwrap_or_default();
    format!("{namespace}/{name}")
}

/// A Secret's bytes as a value; WASI has none that are no UTF-8.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Kubernetes allows any printable ASCII character in a name but `=`.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::fixtures::{config_map, container_from, pod_from, secret};

    fn environment(container: &str) -> Result<Environment, ConfigError> {
        let pod = pod_from(
            r#"{"metadata": {"name": "p", "namespace": "ns", "labels": {"app": "x"}},
               "spec": {"containers": []}}"#,
        );
        let downward = Downward { pod: &pod, host_ip: "127.0.0.1", allocatable: <_>::default() };
        let sources = Sources::of(
            vec![
                config_map("c", &[("ONE", "1"), ("TWO", "2")]),
                config_map("odd", &[("a.b", "dotted"), ("x=y", "never"), ("ü", "never")]),
            ],
            vec![secret("s", &[("TWO", "zwei"), ("PASSWORD", "p$(ONE)")])],
        );
        Environment::of(&container_from(container), &downward, &sources)
    }

    #[test]
    fn values_come_from_where_the_spec_says() {
        let check = |container: &str, expected: &[(&str, &str)]| {
            let found = environment(container).unwrap().variables;
            let found: Vec<_> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(found, expected, "{container}");
        };
        check(r#"{"name": "m"}"#, &[]);
        check(
            r#"{"name": "m", "env": [{"name": "A", "value": "a"}, {"name": "B", "value": "$(A)$(C)"},
                {"name": "C", "value": "late"}, {"name": "E"}]}"#,
            &[("A", "a"), ("B", "a$(C)"), ("C", "late"), ("E", "")],
        );
        check(
            r#"{"name": "m", "env": [{"name": "A", "value": "first"}, {"name": "A", "value": "$(A)2"}]}"#,
            &[("A", "first2")],
        );
        check(
            r#"{"name": "m", "envFrom": [{"configMapRef": {"name": "c"}},
                {"secretRef": {"name": "s"}, "prefix": "S_"}],
                "env": [{"name": "ONE", "value": "one is $(ONE)"}, {"name": "P", "value": "$(S_PASSWORD)"}]}"#,
            &[
                ("ONE", "one is 1"),
                ("TWO", "2"),
                ("S_PASSWORD", "p$(ONE)"),
                ("S_TWO", "zwei"),
                ("P", "p$(ONE)"),
            ],
        );
        check(
            r#"{"name": "m", "envFrom": [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "s"}}]}"#,
            &[("ONE", "1"), ("TWO", "zwei"), ("PASSWORD", "p$(ONE)")],
        );
        check(
            r#"{"name": "m", "env": [
                {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "K", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "TWO"}}},
                {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "PASSWORD"}}},
                {"name": "X", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k", "optional": true}}},
                {"name": "Y", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "no", "optional": true}}}]}"#,
            &[("N", "p"), ("K", "2"), ("S", "p$(ONE)")],
        );
        check(
            r#"{"name": "m", "envFrom": [{"configMapRef": {"name": "no", "optional": true}}]}"#,
            &[],
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let check = |container: &str, expected: &str| {
            assert_eq!(environment(container).unwrap_err().to_string(), expected, "{container}");
        };
        check(
            r#"{"name": "m", "envFrom": [{"configMapRef": {"name": "no"}}]}"#,
            "configmap \"no\" not found",
        );
        check(
            r#"{"name": "m", "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k"}}}]}"#,
            "secret \"no\" not found",
        );
        check(
            r#"{"name": "m", "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]}"#,
            "couldn't find key k in ConfigMap ns/c",
        );
        check(
            r#"{"name": "m", "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}"#,
            "couldn't find key k in Secret ns/s",
        );
    }

    #[test]
    fn keys_that_are_no_names_are_skipped_and_told() {
        let found = environment(r#"{"name": "m", "envFrom": [{"configMapRef": {"name": "odd"}}]}"#);
        let found = found.unwrap();
        assert_eq!(found.variables, [("a.b".to_owned(), "dotted".to_owned())]);
        assert_eq!(
            found.skipped,
            ["Keys [x=y, ü] from the EnvFrom configMap ns/odd were skipped since they are \
              considered invalid environment variable names."]
        );
    }
}
