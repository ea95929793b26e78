//! What the environment says of traces, by the names that OpenTelemetry has given its variables.

use std::path::PathBuf;

use anyhow::{Context, bail};
use axum::http::Uri;
use opentelemetry_sdk::trace::Sampler;

/// Where traces go, and which.
#[derive(Debug)]
pub(super) struct Settings {
    /// The URL that they are posted to.
    pub(super) endpoint: String,
    /// The host in it, for people.
    pub(super) host: String,
    pub(super) trust: Trust,
    pub(super) sampling: Sampling,
    /// Whether the operator has named this service.
    pub(super) has_service_name: bool,
}

/// How it is known that a collector is who it says.
#[derive(Debug)]
pub(super) struct Trust {
    /// If not, it is not known at all.
    pub(super) is_encrypted: bool,
    /// Whose certificates are believed beside those that the system trusts.
    pub(super) certificate: Option<PathBuf>,
}

/// Which traces are kept.
#[derive(Debug)]
pub(super) struct Sampling {
    /// Whether a trace that somebody else has begun is kept if they keep it.
    pub(super) follows_parent: bool,
    /// Which of the others are.
    pub(super) root: Sampler,
}

/// The file of `OTEL_EXPORTER_OTLP_CERTIFICATE`.
pub(crate) fn certificate() -> Option<PathBuf> {
    certificate_by(&|name: &str| std::env::var(name).ok())
}

fn certificate_by(variable: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    one_of(variable, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
        .map(|(_, file)| file.into())
}

impl Settings {
    /// What an option and the variables of the environment say; `None` if no traces are sent.
    pub(super) fn read(
        option: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Option<Self>> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let is_disabled =
            set("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let exporter = set("OTEL_TRACES_EXPORTER").unwrap_or_else(|| "otlp".to_owned());
        if is_disabled || exporter == "none" {
            return Ok(None);
        }
        let Some(endpoint) = endpoint(option, &set)? else { return Ok(None) };
        if exporter != "otlp" {
            bail!("OTEL_TRACES_EXPORTER is {exporter:?}: there are otlp and none");
        }
        let [traces, all] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
        if let Some((name, protocol)) = one_of(&set, traces, all)
            && protocol != "http/protobuf"
        {
            bail!(
                "{name} is {protocol:?}: only http/protobuf is spoken, to which collectors listen \
                 at port 4318"
            );
        }
        let attributes = set("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let mut attributes = attributes.split(',').map(str::trim);
        let uri: Uri = endpoint.parse().context("it must be a URL")?;
        let is_encrypted = uri.scheme_str() != Some("http");
        let trust = Trust { is_encrypted, certificate: certificate_by(&set) };
        Ok(Some(Self {
            host: uri.authority().map_or("", |it| it.as_str()).to_owned(),
            endpoint,
            trust,
            sampling: Sampling::read(&set)?,
            has_service_name: set("OTEL_SERVICE_NAME").is_some()
                || attributes.any(|it| it.starts_with("service.name=")),
        }))
    }
}

/// The one of two variables that is set; the first goes before the second.
fn one_of(
    variable: &impl Fn(&str) -> Option<String>,
    first: &'static str,
    second: &'static str,
) -> Option<(&'static str, String)> {
    [first, second].into_iter().find_map(|name| Some((name, variable(name)?)))
}

/// Where traces are posted to.
fn endpoint(
    option: Option<&str>,
    variable: &impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<String>> {
    let below = |base: &str| format!("{}/v1/traces", base.trim_end_matches('/'));
    let whole = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    let (said, given, endpoint) = match (option, variable(whole)) {
        (Some(base), _) => ("--otlp-endpoint", base.to_owned(), below(base)),
        (None, Some(url)) => (whole, url.clone(), url),
        (None, None) => match variable("OTEL_EXPORTER_OTLP_ENDPOINT") {
            Some(base) => ("OTEL_EXPORTER_OTLP_ENDPOINT", base.clone(), below(&base)),
            None => return Ok(None),
        },
    };
    let uri: Option<Uri> = endpoint.parse().ok();
    let is_meant = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|it| !it.is_empty())
    };
    if !uri.as_ref().is_some_and(is_meant) {
        bail!("{said}: a URL is wanted, such as http://127.0.0.1:4318, not {given:?}");
    }
    // What is wrong is not shown: it is a secret.
    if uri.as_ref().and_then(Uri::authority).is_some_and(|it| it.as_str().contains('@')) {
        bail!(
            "{said}: a user and a password in the URL are not sent to the collector; say them in \
             OTEL_EXPORTER_OTLP_HEADERS, such as Authorization=Basic%20dXNlcjpwYXNzd29yZA=="
        );
    }
    Ok(Some(endpoint))
}

impl Sampling {
    fn read(variable: &impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let name = variable("OTEL_TRACES_SAMPLER");
        let name = name.as_deref().unwrap_or("parentbased_always_on");
        let (follows_parent, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let root = match root {
            "always_on" => Sampler::AlwaysOn,
            "always_off" => Sampler::AlwaysOff,
            "traceidratio" => Sampler::TraceIdRatioBased(ratio(variable)?),
            _ => bail!(
                "OTEL_TRACES_SAMPLER is {name:?}: there are always_on, always_off and \
                 traceidratio, each also after parentbased_"
            ),
        };
        Ok(Self { follows_parent, root })
    }
}

/// Which share of traces is kept: all, if nothing is said.
fn ratio(variable: &impl Fn(&str) -> Option<String>) -> anyhow::Result<f64> {
    let Some(text) = variable("OTEL_TRACES_SAMPLER_ARG") else { return Ok(1.0) };
    let wanted = || format!("OTEL_TRACES_SAMPLER_ARG is {text:?}: a share from 0 to 1 is wanted");
    let share: f64 = text.trim().parse().with_context(wanted)?;
    if !(0.0..=1.0).contains(&share) {
        bail!(wanted());
    }
    Ok(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(option: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(it, _)| *it == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::read(option, variable).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn nothing_is_sent_unless_somebody_says_where() {
        assert!(read(None, &[]).expect("it is good").is_none());
        assert!(read(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).expect("good").is_none());
        for (name, value) in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            let off = read(Some("http://a:4318"), &[(name, value)]);
            assert!(off.expect("it is good").is_none(), "{name}");
        }
    }

    #[test]
    fn the_nearest_word_on_the_endpoint_counts() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces/x");
        let check = |option, variables: &[(&str, &str)], expect: &str| {
            let settings = read(option, variables).expect("it is good").expect("there is one");
            assert_eq!(settings.endpoint, expect);
        };
        check(None, &[all], "http://all:4318/v1/traces");
        check(None, &[all, traces], "https://traces/x");
        check(Some("http://option:1"), &[all, traces], "http://option:1/v1/traces");
    }

    #[test]
    fn what_is_encrypted_is_known_by_its_url() {
        let is_encrypted = |endpoint: &str| {
            let settings = read(Some(endpoint), &[]).expect("it is good");
            settings.expect("there is one").trust.is_encrypted
        };
        assert!(!is_encrypted("http://a:4318") && is_encrypted("https://a:4318"));
    }

    #[test]
    fn what_samples() {
        let check = |variables: &[(&str, &str)], expect: &str| {
            let settings = read(Some("http://a"), variables).expect("it is good");
            let sampling = settings.expect("there is one").sampling;
            assert_eq!(format!("{} {:?}", sampling.follows_parent, sampling.root), expect);
        };
        check(&[], "true AlwaysOn");
        check(&[("OTEL_TRACES_SAMPLER", "always_off")], "false AlwaysOff");
        check(&[("OTEL_TRACES_SAMPLER", "traceidratio")], "false TraceIdRatioBased(1.0)");
        let share = ("OTEL_TRACES_SAMPLER_ARG", "0.25");
        let sampler = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
        check(&[sampler, share], "true TraceIdRatioBased(0.25)");
    }

    #[test]
    fn what_is_wrong_is_said_by_its_name() {
        let check = |option: Option<&str>, variables: &[(&str, &str)], expect: &str| {
            let complaint = read(option, variables).expect_err("it is bad");
            assert!(complaint.contains(expect), "{complaint}");
        };
        check(Some("a:4318"), &[], "--otlp-endpoint: a URL is wanted");
        check(Some("ftp://a"), &[], "not \"ftp://a\"");
        check(Some("http://me:secret@a:4318"), &[], "in OTEL_EXPORTER_OTLP_HEADERS");
        check(Some("https://me@a:4318"), &[], "--otlp-endpoint: a user and a password");
        let complaint = read(Some("http://me:secret@a:4318"), &[]).expect_err("it is bad");
        assert!(!complaint.contains("secret"), "{complaint}");
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense");
        check(None, &[endpoint], "OTEL_EXPORTER_OTLP_ENDPOINT: a URL is wanted");
        for (name, value, expect) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\""),
            ("OTEL_TRACES_EXPORTER", "zipkin", "there are otlp and none"),
            ("OTEL_TRACES_SAMPLER", "xray", "OTEL_TRACES_SAMPLER is \"xray\""),
        ] {
            check(Some("http://a"), &[(name, value)], expect);
        }
        for share in ["2", "-1", "NaN", "half"] {
            let sampler = ("OTEL_TRACES_SAMPLER", "traceidratio");
            let share = ("OTEL_TRACES_SAMPLER_ARG", share);
            check(Some("http://a"), &[sampler, share], "a share from 0 to 1 is wanted");
        }
    }
}
