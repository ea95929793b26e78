//! The log on standard error: its form, and how much it says, which can be changed while we run.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use mayfly_controller::http::LogFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::LogFormat;

/// Words that say how much, of all that is ours.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// All that is ours, as directives name it.
const ROOMS: [&str; 5] =
    ["mayfly", "mayfly_cluster", "mayfly_controller", "mayfly_images", "mayfly_runtime"];

/// Whose code is in here beside, and says anything; a module of theirs may follow.
const OTHERS: [&str; 17] = [
    "axum",
    "cranelift_codegen",
    "fjall",
    "h2",
    "hyper",
    "hyper_util",
    "kube_client",
    "lsm_tree",
    "opentelemetry_otlp",
    "opentelemetry_sdk",
    "reqwest",
    "rustls",
    "tower",
    "wasmtime",
    "wasmtime_internal_cranelift",
    "wasmtime_wasi",
    "wasmtime_wasi_http",
];

/// How much the log says. A clone is the same.
#[derive(Clone)]
pub(crate) struct Log(Arc<Shared>);

struct Shared {
    /// What it began with.
    first: String,
    now: Mutex<String>,
    reload: Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>,
}

impl Log {
    /// Begins to write what `directives` want, which must be good.
    pub(crate) fn start(directives: &str, format: LogFormat) -> Self {
        let filter = filter(directives).unwrap_or_default();
        let colours = std::io::stderr().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colours);
        let reload: Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync> = match format {
            LogFormat::Text => {
                let log = log.with_env_filter(filter).with_filter_reloading();
                let handle = log.reload_handle();
                log.init();
                Box::new(move |filter| handle.reload(filter).map_err(|it| it.to_string()))
            }
            LogFormat::Json => {
                let log = log.json().flatten_event(true);
                let log = log.with_env_filter(filter).with_filter_reloading();
                let handle = log.reload_handle();
                log.init();
                Box::new(move |filter| handle.reload(filter).map_err(|it| it.to_string()))
            }
        };
        let (first, now) = (directives.to_owned(), Mutex::new(directives.to_owned()));
        Self(Arc::new(Shared { first, now, reload }))
    }
}

impl LogFilter for Log {
    fn get(&self) -> String {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, directives: &str) -> Result<(), String> {
        let wanted = if directives.is_empty() { &self.0.first } else { directives };
        let filter = if directives.is_empty() { filter(wanted) } else { strict(wanted) }?;
        let mut now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        (self.0.reload)(filter)?;
        tracing::info!(from = *now, to = wanted, "the log says something else from now on");
        wanted.clone_into(&mut now);
        Ok(())
    }
}

/// Checks that `text` says how much: a level, or directives.
pub(crate) fn checked(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err(
            "a level is wanted, such as info, or directives such as mayfly=debug".to_owned()
        );
    }
    strict(text).map(|_| text.trim().to_owned())
}

/// What `text` lets through, as long as each word in it that stands alone is a level or somebody's
/// name: another would be a name that nobody has, and all that others say would be silenced.
fn strict(text: &str) -> Result<EnvFilter, String> {
    let alone = text
        .split(',')
        .map(str::trim)
        .filter(|it| !it.is_empty() && !it.contains(['=', '[', ']', '{', '}']));
    let is_level = |word: &str| {
        LEVELS.iter().any(|it| it.eq_ignore_ascii_case(word)) || word.parse::<LevelFilter>().is_ok()
    };
    let speakers = [&ROOMS[..], &OTHERS].concat();
    let is_speaker = |word: &str| speakers.contains(&word.split("::").next().unwrap_or_default());
    if let Some(word) = alone.into_iter().find(|word| !is_level(word) && !is_speaker(word)) {
        return Err(format!(
            "{word:?} is neither a level ({}) nor the name of a part that says anything ({}, or a \
             module in one, such as mayfly::serve); NAME=LEVEL is taken whatever the name",
            LEVELS.join(", "),
            speakers.join(", ")
        ));
    }
    filter(text)
}

/// The same as `directives`, where a level alone means that of everybody whose code is in here, as
/// `RUST_LOG` has it.
pub(crate) fn everybodys(directives: &str) -> String {
    let level = directives.trim();
    match LEVELS.iter().any(|it| it.eq_ignore_ascii_case(level)) {
        true => format!("{level},mayfly={level}"),
        false => directives.to_owned(),
    }
}

/// What `text` lets through: a level of all that is ours, or directives as `RUST_LOG` has them.
fn filter(text: &str) -> Result<EnvFilter, String> {
    let text = text.trim();
    let of_all = |level: &str| ROOMS.map(|room| format!("{room}={level}")).join(",");
    let level = LEVELS.iter().find(|level| level.eq_ignore_ascii_case(text));
    let directives = level.map_or(text.to_owned(), |level| of_all(level));
    // Without regular expressions, which can take all memory to compile.
    EnvFilter::builder().with_regex(false).parse(&directives).map_err(|error| {
        format!(
            "{text:?} does not say what to log ({error}): a level is wanted ({}), or directives \
             such as mayfly=debug,mayfly_controller=trace",
            LEVELS.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_that_of_all_that_is_ours() {
        let check = |text: &str, expect: &str| {
            let shown = filter(text).expect("it is good").to_string();
            let mut shown: Vec<_> = shown.split(',').collect();
            shown.sort_unstable();
            assert_eq!(shown.join(","), expect, "{text}");
        };
        check(
            "debug",
            "mayfly=debug,mayfly_cluster=debug,mayfly_controller=debug,mayfly_images=debug,mayfly_runtime=debug",
        );
        check("mayfly::serve::requests=info", "mayfly::serve::requests=info");
        check(&everybodys("warn"), "mayfly=warn,warn");
        assert_eq!(everybodys("a=info"), "a=info");
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for text in ["mayfly=loud", "a=b=c", "[", "mayfly=debug,=x"] {
            let complaint = checked(text).expect_err(text);
            assert!(complaint.contains("a level is wanted"), "{text}: {complaint}");
        }
        for text in ["nonsense", "inof", "mayfly=debug,nonsense", "mayflies::serve", "debug mayfly"]
        {
            let complaint = checked(text).expect_err(text);
            assert!(complaint.contains("is neither a level (off, error"), "{text}: {complaint}");
            assert!(complaint.contains("mayfly_controller"), "{text}: {complaint}");
        }
        for text in [
            "mayfly",
            "mayfly_cluster",
            "mayfly::serve",
            "hyper,warn",
            "anybody=info",
            "trace,",
            "[span]",
        ] {
            assert_eq!(checked(text), Ok(text.to_owned()));
        }
        assert!(checked(" ").is_err());
        assert_eq!(checked(" INFO "), Ok("INFO".to_owned()));
    }
}
