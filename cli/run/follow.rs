//! Follows Jobs and bare Pods in the store until each has ended.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use mayfly_controller::api::{Event, Job, Key, Kind, Object, Pod, Resource};
use mayfly_controller::store::{Change, ChangeKind, Gone, Store, Watch};

use super::board::{Name, Standing, name_of};
use super::printer::{Printer, To};
use super::progress::Progress;
use super::warnings::Warnings;

/// What is followed, and where it stands.
pub(crate) struct Followed {
    store: Store,
    board: BTreeMap<Name, Standing>,
    /// Each as it was last.
    objects: BTreeMap<Name, Object>,
    /// Those that have not ended.
    unfinished: BTreeSet<Name>,
    /// The Jobs among them, to know their pods.
    job_uids: HashSet<String>,
    warnings: Warnings,
    progress: Progress,
    printer: Printer,
}

impl Followed {
    /// Follows `objects`, which are in `store`; what is neither a Job nor a Pod is left out.
    pub(crate) fn new(
        store: Store,
        objects: &[Object],
        progress: Progress,
        printer: Printer,
    ) -> Self {
        let mut followed = Self {
            store,
            board: BTreeMap::new(),
            objects: BTreeMap::new(),
            unfinished: BTreeSet::new(),
            job_uids: HashSet::new(),
            warnings: Warnings::default(),
            progress,
            printer,
        };
        for object in objects {
            let name = (object.kind(), object.key());
            match object {
                Object::Job(job) => {
                    followed.job_uids.insert(job.uid().to_owned());
                    followed.see(name, Standing::of_job(job), object);
                }
                Object::Pod(pod) => followed.see(name, Standing::of_pod(pod), object),
                _ => {}
            }
        }
        followed
    }

    /// Where everything stands.
    pub(crate) fn board(&self) -> &BTreeMap<Name, Standing> {
        &self.board
    }

    /// Every Job, then every bare Pod, as it was last.
    pub(crate) fn objects(&self) -> Vec<Object> {
        self.objects.values().cloned().collect()
    }

    /// Returns when everything has ended. Dropping the future leaves the board as it is.
    pub(crate) async fn until_the_end(&mut self) {
        let mut watch = self.list_and_watch();
        while !self.unfinished.is_empty() {
            tokio::select! {
                change = watch.next() => match change {
                    Ok(change) => self.fold(&change),
                    Err(Gone { .. }) => watch = self.list_and_watch(),
                },
                () = self.progress.due() => self.progress.write_due(&self.printer),
            }
        }
    }

    /// Sees what has happened since, and stops showing progress.
    pub(crate) fn finish(&mut self) {
        let _newest = self.list_and_watch();
        self.progress.clear();
    }

    /// Sees everything as it is now, and watches from there.
    fn list_and_watch(&mut self) -> Watch {
        loop {
            let jobs = self.store.list::<Job>(None);
            let pods = self.store.list::<Pod>(None).items;
            for job in &jobs.items {
                self.see_job(job);
            }
            for pod in &pods {
                self.see_pod(pod);
            }
            for name in self.board.keys().cloned().collect::<Vec<_>>() {
                let is_gone = match name.0 {
                    Kind::Job => self.store.get::<Job>(&name.1).is_none(),
                    _ => self.store.get::<Pod>(&name.1).is_none(),
                };
                if is_gone {
                    self.see_end(&name);
                }
            }
            // So much may have happened meanwhile that the list is too old already.
            if let Ok(watch) =
                self.store.watch(&[Kind::Job, Kind::Pod, Kind::Event], jobs.resource_version)
            {
                return watch;
            }
        }
    }

    fn fold(&mut self, change: &Change) {
        if change.what == ChangeKind::Deleted {
            return self.see_end(&(change.kind, change.key.clone()));
        }
        match &change.object {
            Object::Job(job) => self.see_job(job),
            Object::Pod(pod) => self.see_pod(pod),
            Object::Event(event) => self.see_event(event),
            _ => {}
        }
    }

    fn see_job(&mut self, job: &Arc<Job>) {
        let name = name_of(&**job);
        if self.board.contains_key(&name) {
            self.see(name, Standing::of_job(job), &Object::Job(job.clone()));
        }
    }

    fn see_pod(&mut self, pod: &Arc<Pod>) {
        let name = name_of(&**pod);
        let is_bare = self.board.contains_key(&name);
        if !is_bare && !self.is_of_our_jobs(pod) {
            return;
        }
        for warning in self.warnings.of(pod) {
            self.printer.print(To::Stderr, format!("mayfly: {warning}\n"));
        }
        if is_bare {
            self.see(name, Standing::of_pod(pod), &Object::Pod(pod.clone()));
        }
    }

    fn see_event(&mut self, event: &Event) {
        if event.type_.as_deref() != Some("Warning") {
            return;
        }
        let warning = match event.involved_object.kind.as_deref() {
            Some("Job") => self.warning_of_job(event),
            Some("Pod") => self.warning_of_pod(event),
            _ => None,
        };
        if let Some(warning) = warning {
            self.printer.print(To::Stderr, format!("mayfly: {warning}\n"));
        }
    }

    fn warning_of_job(&mut self, event: &Event) -> Option<String> {
        let uid = event.involved_object.uid.as_ref()?;
        self.job_uids.contains(uid).then(|| self.warnings.of_job_event(event))?
    }

    fn warning_of_pod(&mut self, event: &Event) -> Option<String> {
        let about = &event.involved_object;
        let key = Key::new(about.namespace.as_ref()?, about.name.as_ref()?);
        let pod = self.store.get::<Pod>(&key)?;
        let is_ours = self.board.contains_key(&name_of(&*pod)) || self.is_of_our_jobs(&pod);
        is_ours.then(|| self.warnings.of_event(&pod, event))?
    }

    fn is_of_our_jobs(&self, pod: &Pod) -> bool {
        let mut owners = pod.metadata.owner_references.iter().flatten();
        owners.any(|owner| self.job_uids.contains(&owner.uid))
    }

    fn see_end(&mut self, name: &Name) {
        if let Some((standing, object)) = self.board.get(name).zip(self.objects.get(name)) {
            self.see(name.clone(), standing.clone().deleted(), &object.clone());
        }
    }

    fn see(&mut self, name: Name, standing: Standing, object: &Object) {
        if self.board.get(&name) != Some(&standing) {
            self.progress.show(&name, &standing, &self.printer);
        }
        if standing.end.is_none() {
            self.unfinished.insert(name.clone());
        } else {
            self.unfinished.remove(&name);
        }
        self.objects.insert(name.clone(), object.clone());
        self.board.insert(name, standing);
    }
}
