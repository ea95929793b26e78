//! What `mayfly image` can be asked for.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueHint};

use super::Format;

/// `mayfly image`.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Let NAME stand for the module FILE, whose content is copied.
    #[command(after_help = "Example:\n  mayfly image add perl perl.wasm")]
    Add {
        /// As manifests name it; `perl`, `perl:latest` and `docker.io/library/perl` are the same.
        name: String,
        /// A WebAssembly module that is a WASI command.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        folder: ImageFolder,
    },
    /// Make an image of a module, and of files that it reads.
    #[command(after_help = BUILD_EXAMPLES)]
    Build {
        /// A WebAssembly module that is a WASI command.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// The image's name.
        #[arg(short, long, value_name = "NAME")]
        tag: String,
        /// A file or folder, and where the program finds it; may be given again.
        #[arg(long = "file", value_name = "SRC:DEST", value_parser = Source::from_str)]
        files: Vec<Source>,
        /// Something to note in the image; may be given again.
        #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
        annotations: Vec<(String, String)>,
        #[command(flatten)]
        folder: ImageFolder,
    },
    /// Fetch an image from its registry.
    #[command(after_help = "Example:\n  mayfly image pull ghcr.io/me/pi:1")]
    Pull {
        /// As manifests name it.
        name: String,
        #[command(flatten)]
        login: LoginOptions,
        /// Which images may come from registries, and by whom they must be signed.
        #[arg(long = "image-policy", value_name = "FILE", value_hint = ValueHint::FilePath)]
        policy: Option<PathBuf>,
        #[command(flatten)]
        folder: ImageFolder,
    },
    /// Send an image to a registry: one that was built or pulled.
    #[command(after_help = "Example:\n  mayfly image push pi ghcr.io/me/pi:1")]
    Push {
        /// As `mayfly image list` shows it.
        name: String,
        /// What it is called at its registry [default: NAME].
        destination: Option<String>,
        #[command(flatten)]
        login: LoginOptions,
        #[command(flatten)]
        folder: ImageFolder,
    },
    /// Show what is known of an image.
    Inspect {
        /// As `mayfly image list` shows it.
        name: String,
        /// For programs.
        #[arg(short, long, value_name = "FORMAT")]
        output: Option<Format>,
        #[command(flatten)]
        folder: ImageFolder,
    },
    /// List the names, with digest, size and origin of what is behind them.
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        folder: ImageFolder,
    },
    /// Forget NAME, and a module that was added unless another name has the same.
    #[command(visible_alias = "rm")]
    Remove {
        /// As `mayfly image list` shows it.
        name: String,
        #[command(flatten)]
        folder: ImageFolder,
    },
    /// Delete what no name stands for and no process runs.
    Prune {
        /// Also images from registries that have a name, if no process runs them.
        #[arg(short, long)]
        all: bool,
        /// Only say what would be deleted.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        folder: ImageFolder,
    },
}

const BUILD_EXAMPLES: &str = "\
Examples:
  mayfly image build pi.wasm -t ghcr.io/me/pi:1                 an artifact: the module alone
  mayfly image build python.wasm -t py --file lib:/lib          an image with files

What is built is run under its name without asking a registry, and can be pushed there.";

/// Where images are kept.
#[derive(Args, Debug)]
pub(crate) struct ImageFolder {
    /// The state folder that keeps them [default: $XDG_STATE_HOME/mayfly or ~/.local/state/mayfly].
    #[arg(long, value_name = "DIR", env = "MAYFLY_STATE_DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state_dir: Option<PathBuf>,
}

/// Who asks a registry.
#[derive(Args, Debug)]
pub(crate) struct LoginOptions {
    /// Log in with this name [default: what `docker login` or `podman login` have left; helper
    /// programs are not run].
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    pub(crate) username: Option<String>,
    /// Read the password from standard input.
    #[arg(long, requires = "username")]
    pub(crate) password_stdin: bool,
}

/// `SRC:DEST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// On this host.
    pub(crate) source: PathBuf,
    /// In the image.
    pub(crate) target: String,
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "SRC:DEST is wanted, such as lib:/lib";
        let (source, target) = text.rsplit_once(':').ok_or(wanted)?;
        let is_path = target.starts_with('/') && !target.split('/').any(|part| part == "..");
        if source.is_empty() || !is_path {
            return Err(format!("{wanted}, with an absolute DEST without .."));
        }
        Ok(Self { source: source.into(), target: target.to_owned() })
    }
}

fn annotation(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("KEY=VALUE is wanted, such as org.opencontainers.image.licenses=MIT".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(source, target)| Source {
                source: source.into(),
                target: target.to_owned(),
            });
            assert_eq!(Source::from_str(text).ok(), expect, "{text}");
        };
        check("lib:/lib", Some(("lib", "/lib")));
        check("a:b:/c", Some(("a:b", "/c")));
        check("lib:/", Some(("lib", "/")));
        check("lib", None);
        check("lib:rel", None);
        check(":/lib", None);
        check("lib:/a/../b", None);
    }
}
