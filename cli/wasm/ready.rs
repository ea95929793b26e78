//! Has images ready to be run, from wherever they come.
//!
//! ```text
//! name ─▶ a file that is mapped, or lies at its path ─▶ Code ─┐
//!    └──▶ an image that was built or pulled ──▶ Code, Program ┴▶ Ready
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mayfly_controller::node::{
    Container, LoginFile, Mount, MountAccess, Pull, PullError, PullPolicy,
};
use mayfly_images::{ImageName, InUse, Keyring, Program};

use super::code::{Code, Stamp};
use crate::images::{Advice, Found, Images, Missing, Registries};
use crate::threads;

/// An image that can be run.
pub(crate) struct Ready {
    /// What it is called in statuses.
    pub(crate) id: String,
    pub(crate) code: Arc<Code>,
    /// As it was fetched.
    pub(crate) bytes: u64,
    program: Program,
    /// Its files, which every container of it sees at `/`.
    root: Option<PathBuf>,
    /// Keeps one of a registry's from being pruned.
    in_use: Option<InUse>,
    used_at: Mutex<Instant>,
}

/// How long an image of a registry is held that nobody runs. Each has a file open and can't be pruned
/// meanwhile; stops whoever names many images from using up descriptors, and the room for images.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// Has images ready.
pub(crate) struct Fetcher {
    images: Images,
    registries: Registries,
    known: Mutex<Known>,
}

/// What has been asked for before.
#[derive(Default)]
struct Known {
    /// The image that each name last stood for, of those that are files.
    names: HashMap<String, Arc<Ready>>,
    /// Every image, by its id.
    images: HashMap<String, Arc<Ready>>,
    /// Every module, by its digest.
    codes: HashMap<String, Arc<Code>>,
    /// What names of registries stood for, and for whom.
    looked_up: HashMap<String, LookedUp>,
}

/// An image that was here, for somebody.
struct LookedUp {
    /// What the files of names were like.
    stamps: Vec<Option<Stamp>>,
    logins: Vec<LoginFile>,
    ready: Arc<Ready>,
}

impl Known {
    /// Forgets images of registries that nobody has used lately, and that nobody has at the moment.
    fn forget(&mut self, now: Instant) {
        let is_idle = |ready: &Ready| {
            let used_at = *ready.used_at.lock().unwrap_or_else(PoisonError::into_inner);
            ready.in_use.is_some() && now.saturating_duration_since(used_at) > IDLE_MAX
        };
        self.looked_up.retain(|_, it| !is_idle(&it.ready));
        self.images.retain(|_, ready| !is_idle(ready) || Arc::strong_count(ready) > 1);
        self.codes.retain(|_, code| Arc::strong_count(code) > 1);
    }
}

impl Ready {
    /// Takes note that it is used: somebody is about to run it.
    pub(crate) fn touch(&self) {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// The whole argument vector of `container`, out of which it is taken.
    ///
    /// As in Kubernetes, its command stands for the image's entrypoint and arguments, and its
    /// arguments for the image's. Kubernetes differs: the command does not choose the module, which
    /// is always the one that the image runs.
    pub(crate) fn arguments(&self, container: &mut Container) -> Vec<String> {
        let (command, args) =
            (std::mem::take(&mut container.command), std::mem::take(&mut container.args));
        let mut arguments = match command.is_empty() {
            true => self.program.entrypoint.clone(),
            false => command.clone(),
        };
        if args.is_empty() && command.is_empty() {
            arguments.extend(self.program.cmd.clone());
        } else if arguments.is_empty() && self.root.is_none() {
            // A module has no command of its own; programs want to be called something.
            arguments.push(container.name.clone());
        }
        arguments.extend(args);
        if arguments.is_empty() {
            arguments.push(container.name.clone());
        }
        arguments
    }

    /// Gives `container` what the image says and the pod does not: variables, files and a directory
    /// to begin in.
    pub(crate) fn complete(&self, container: &mut Container) {
        let is_given = |name: &String| container.env.iter().any(|(given, _)| given == name);
        let mut env: Vec<_> =
            self.program.env.iter().filter(|(name, _)| !is_given(name)).cloned().collect();
        env.append(&mut container.env);
        container.env = env;
        let Some(root) = &self.root else { return };
        if !container.mounts.iter().any(|mount| mount.mount_path == "/") {
            let root = Mount {
                // None of the pod: it is the image's.
                volume: String::new(),
                host_path: root.clone(),
                below: PathBuf::new(),
                mount_path: "/".to_owned(),
                access: MountAccess::ReadOnly,
            };
            container.mounts.insert(0, root);
        }
        if container.working_dir.is_none() {
            container.working_dir.clone_from(&self.program.working_dir);
        }
    }
}

impl Fetcher {
    /// Those of `images`, and else of `registries`.
    pub(crate) fn new(images: Images, registries: Registries) -> Self {
        Self { images, registries, known: Mutex::default() }
    }

    /// The image with this id, if it has been fetched.
    pub(crate) fn ready(&self, id: &str) -> Option<Arc<Ready>> {
        self.known().images.get(id).cloned().inspect(|ready| ready.touch())
    }

    /// The image that `pull` names, and whether it was here before.
    pub(crate) async fn fetch(&self, pull: Pull) -> Result<(Arc<Ready>, bool), PullError> {
        let before = self.known().names.get(&pull.image).cloned();
        if let Some(ready) = before.as_ref().filter(|_| pull.policy != PullPolicy::Always) {
            return Ok((ready.clone(), true));
        }
        let missing = match self.images.find(&pull.image) {
            Ok(Found::File { path, is_kept }) => {
                if !is_kept {
                    if pull.policy == PullPolicy::Never {
                        return Err(PullError::NeverPull { image: pull.image });
                    }
                    pull.fetching.notify_one();
                }
                let ready = self.file(&pull.image, &path, before);
                let ready = ready.map_err(|error| PullError::Failed(format!("{error:#}")))?;
                return Ok((ready, is_kept));
            }
            Ok(Found::Built) => return self.registered(pull, true, None).await,
            Err(missing) => missing,
        };
        match missing {
            Missing::Invalid(invalid) => {
                Err(PullError::InvalidName { image: pull.image, detail: invalid.to_string() })
            }
            Missing::Unknown { .. } if ImageName::parse(&pull.image).is_ok() => {
                self.registered(pull, false, Some(missing)).await
            }
            Missing::Unknown { .. } if pull.policy == PullPolicy::Never => {
                Err(PullError::NeverPull { image: pull.image })
            }
            other => Err(PullError::Failed(other.to_string())),
        }
    }

    /// The image in the file at `path`, unless it is what was there `before`.
    fn file(
        &self,
        image: &str,
        path: &Path,
        before: Option<Arc<Ready>>,
    ) -> anyhow::Result<Arc<Ready>> {
        if let Some(ready) = before.filter(|ready| ready.code.is_still(path)) {
            return Ok(ready);
        }
        // It may be large, and the thread is one of the async runtime's.
        let code = Arc::new(threads::in_place(|| Code::read(path))?);
        let mut known = self.known();
        let code = known.codes.entry(code.id().to_owned()).or_insert(code).clone();
        let ready = Arc::new(Ready {
            id: code.id().to_owned(),
            bytes: code.bytes(),
            code,
            program: Program::default(),
            root: None,
            in_use: None,
            used_at: Mutex::new(Instant::now()),
        });
        known.images.insert(ready.id.clone(), ready.clone());
        known.names.insert(image.to_owned(), ready.clone());
        Ok(ready)
    }

    /// The image behind a name that registries know; if it `is_built`, they are not asked. `missing`
    /// says where else it was looked for.
    async fn registered(
        &self,
        pull: Pull,
        is_built: bool,
        missing: Option<Missing>,
    ) -> Result<(Arc<Ready>, bool), PullError> {
        let failed = |error: anyhow::Error| failure(&error, &pull.image, missing.as_ref());
        self.known().forget(Instant::now());
        let asks = !is_built && !self.registries.is_offline();
        let is_pulled = asks && pull.policy == PullPolicy::Always;
        let stamps = self.registries.stamps();
        if !is_pulled && let Some(ready) = self.looked_up(&pull, &stamps) {
            return Ok((ready, true));
        }
        let name = ImageName::parse(&pull.image).map_err(|error| failed(error.into()))?;
        let keyring = keyring(&pull.logins).map_err(failed)?;
        let keyring = self.registries.keyring(keyring);
        let kept = self.registries.kept(&name, &keyring).await;
        let kept = kept.map_err(|error| failed(error.into()))?;
        match (pull.policy, kept) {
            (_, None) if is_built => Err(PullError::Failed(
                "it was built here, and is damaged: build it again".to_owned(),
            )),
            (PullPolicy::Never, None) if self.registries.knows(&name) => {
                Err(PullError::NeverPullPrivate { image: pull.image })
            }
            (PullPolicy::Never, None) => Err(PullError::NeverPull { image: pull.image }),
            (_, Some(image)) if !is_pulled => {
                let ready = self.image(&name, image).map_err(failed)?;
                let looked_up = LookedUp { stamps, logins: pull.logins, ready: ready.clone() };
                self.known().looked_up.insert(pull.image, looked_up);
                Ok((ready, true))
            }
            _ => {
                pull.fetching.notify_one();
                let image = self.registries.pull(&name, &keyring).await.map_err(failed)?;
                self.image(&name, image).map(|ready| (ready, false)).map_err(failed)
            }
        }
    }

    /// What was found for the same name and logins, while the files of names are what they were.
    fn looked_up(&self, pull: &Pull, stamps: &[Option<Stamp>]) -> Option<Arc<Ready>> {
        let known = self.known();
        let before = known.looked_up.get(&pull.image)?;
        let is_same = before.stamps == stamps && before.logins == pull.logins;
        is_same.then(|| before.ready.clone()).inspect(|ready| ready.touch())
    }

    fn image(&self, name: &ImageName, image: mayfly_images::Image) -> anyhow::Result<Arc<Ready>> {
        let id = format!("{}@{}", name.repository(), image.digest);
        let known_code = self.known().codes.get(image.module_digest.as_str()).cloned();
        let code = match known_code {
            Some(code) => code,
            None => {
                let code = threads::in_place(|| Code::read(&image.module))?;
                anyhow::ensure!(
                    code.id() == image.module_digest.as_str(),
                    "{} is not what it was when it was pulled; `mayfly image prune` and pull it \
                     again",
                    image.module.display()
                );
                Arc::new(code)
            }
        };
        let mut known = self.known();
        if let Some(ready) = known.images.get(&id) {
            ready.touch();
            return Ok(ready.clone());
        }
        known.codes.insert(code.id().to_owned(), code.clone());
        let ready = Arc::new(Ready {
            id: id.clone(),
            code,
            bytes: image.bytes,
            program: image.program,
            root: image.root,
            in_use: Some(image.in_use),
            used_at: Mutex::new(Instant::now()),
        });
        known.images.insert(id, ready.clone());
        Ok(ready)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keyring(files: &[LoginFile]) -> anyhow::Result<Keyring> {
    let mut keyring = Keyring::default();
    for file in files {
        keyring.extend(match file {
            LoginFile::ConfigJson(json) => Keyring::from_config_json(json)?,
            LoginFile::Dockercfg(json) => Keyring::from_dockercfg(json)?,
        });
    }
    Ok(keyring)
}

/// Why an image can't be had, in words for whoever named it.
fn failure(error: &anyhow::Error, image: &str, missing: Option<&Missing>) -> PullError {
    if let Some(mayfly_images::Error::Policy { .. }) = error.downcast_ref() {
        return PullError::Unsigned(format!("{error:#}"));
    }
    match (missing, ImageName::parse(image)) {
        (Some(Missing::Unknown { looked_at, .. }), Ok(name)) => {
            let why = match error.downcast_ref() {
                // Its address is that of the registry.
                Some(mayfly_images::Error::Request { source, .. }) => {
                    format!(", which can't be asked: {source}")
                }
                _ => format!(": {error:#}"),
            };
            PullError::Failed(format!(
                "no such image; looked at {}, then at the registry {}{why}. {}",
                looked_at.join(", then "),
                name.registry(),
                Advice(&name)
            ))
        }
        _ => PullError::Failed(format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use mayfly_images::{Digest, Kept, Origin, Shelf};

    use super::*;

    #[test]
    fn what_is_said_of_an_image_that_nobody_has() {
        let looked_at = vec!["--image".to_owned(), "/jobs/pi".to_owned()];
        let missing = Missing::Unknown { image: "pi".to_owned(), looked_at };
        let url = "https://registry-1.docker.io/v2/library/pi/manifests/latest".to_owned();
        let source = "failed to lookup address information".into();
        let error = anyhow::Error::new(mayfly_images::Error::Request { url, source });
        let PullError::Failed(said) = failure(&error, "pi", Some(&missing)) else { panic!() };
        assert_eq!(
            said,
            "no such image; looked at --image, then /jobs/pi, then at the registry docker.io, which \
             can't be asked: failed to lookup address information. Give its module with --image \
             pi=FILE, or once and for all with `mayfly image add pi FILE`"
        );
    }

    #[test]
    fn an_image_that_nobody_runs_is_let_go_of() {
        let folder = tempfile::tempdir().expect("a folder");
        let module = folder.path().join("module.wasm");
        std::fs::write(&module, b"\0asm\x01\0\0\0").expect("it must be written");
        let (shelf, digest) = (Shelf::of(folder.path()), Digest::of(b"manifest"));
        let (origin, manifest) = (Origin::Pulled, digest.clone());
        let kept = Kept { digest, manifest, origin, public: true, logins: Vec::new() };
        let mut known = Known::default();
        let add = |known: &mut Known, name: &str, in_use| {
            let code = Arc::new(Code::read(&module).expect("a module"));
            known.codes.insert(name.to_owned(), code.clone());
            let (id, program, root) = (name.to_owned(), Program::default(), None);
            let used_at = Mutex::new(Instant::now());
            let ready = Arc::new(Ready { id, code, bytes: 0, program, root, in_use, used_at });
            known.images.insert(name.to_owned(), ready.clone());
            let looked_up = LookedUp { stamps: Vec::new(), logins: Vec::new(), ready };
            known.looked_up.insert(name.to_owned(), looked_up);
        };
        add(&mut known, "file", None);
        for name in ["idle", "running"] {
            add(&mut known, name, Some(shelf.use_it(&kept).expect("it must be held")));
        }
        let running = known.images["running"].clone();
        known.forget(Instant::now());
        assert_eq!((known.images.len(), known.codes.len(), known.looked_up.len()), (3, 3, 3));
        let later = Instant::now() + IDLE_MAX + Duration::from_secs(1);
        known.forget(later);
        assert_eq!((known.images.len(), known.codes.len(), known.looked_up.len()), (2, 2, 1));
        assert!(known.images.contains_key("running") && known.looked_up.contains_key("file"));
        drop(running);
        known.forget(later);
        assert_eq!((known.images.len(), known.codes.len()), (1, 1));
    }
}
