//! Manifests to objects that may be stored: everything is read, decoded and admitted before
//! anything is started, and every complaint is told.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use mayfly_controller::admission::decode::{self, Document, FieldValidation, Place};
use mayfly_controller::admission::{self, Admitted, Invalid};
use mayfly_controller::api::{
    CronJob, Job, Key, Kind, Object, ObjectMeta, PriorityClass, Resource,
};
use mayfly_controller::cronjob::template;
use mayfly_controller::store::Store;

use super::prepare;
use crate::args::RunArguments;
use crate::manifest::Manifest;

/// The namespace of what names none.
const DEFAULT_NAMESPACE: &str = "default";

/// What is to be run.
pub(crate) struct Input {
    /// Every object, in the order of the manifests, with where it is from.
    pub(crate) objects: Vec<(Object, Place)>,
    /// The folders that the manifests are in.
    pub(crate) folders: Vec<PathBuf>,
    /// What the user should be told.
    pub(crate) warnings: Vec<String>,
}

/// Everything that is wrong with what was given, a complaint each.
#[derive(Debug)]
pub(crate) struct BadInput(pub(crate) Vec<String>);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\nmayfly: "))
    }
}

impl std::error::Error for BadInput {}

impl BadInput {
    /// An error if there are any `complaints`.
    pub(crate) fn if_any(complaints: Vec<String>) -> Result<(), Self> {
        if complaints.is_empty() { Ok(()) } else { Err(Self(complaints)) }
    }
}

/// What manifests say, decoded and not yet admitted.
pub(crate) struct Documents {
    found: Vec<Document>,
    /// The folders that the manifests are in.
    pub(crate) folders: Vec<PathBuf>,
    complaints: Vec<String>,
}

impl Documents {
    /// Decodes `manifests`, beside which `errors` were found.
    pub(crate) fn decode(manifests: &[Manifest], errors: &[anyhow::Error]) -> Self {
        let mut complaints: Vec<String> = errors.iter().map(|it| format!("{it:#}")).collect();
        let mut found = Vec::new();
        for manifest in manifests {
            match decode::decode(&manifest.bytes, &manifest.source, FieldValidation::Strict) {
                Ok(documents) if documents.is_empty() => {
                    complaints.push(format!("{}: there is no object in it", manifest.source));
                }
                Ok(documents) => found.extend(documents),
                Err(malformed) => complaints.extend(malformed.0.iter().map(ToString::to_string)),
            }
        }
        let folders = manifests.iter().map(|manifest| manifest.folder.clone()).collect();
        Self { found, folders, complaints }
    }

    /// How many guests may be at work at a time where they are all that is run.
    pub(crate) fn guests_at_once(&self) -> u32 {
        prepare::guests_at_once(self.found.iter().map(|it| &it.object))
    }

    /// The images that they name, as they name them.
    pub(crate) fn images(&self) -> Vec<String> {
        let mut images: Vec<_> = self.found.iter().flat_map(|it| images_of(&it.object)).collect();
        images.sort();
        images.dedup();
        images
    }
}

/// The images of `object`'s pods, also if it is a CronJob.
fn images_of(object: &Object) -> Vec<String> {
    let containers = prepare::made_pod(object).into_iter().flat_map(prepare::containers);
    containers.filter_map(|it| it.image.clone()).collect()
}

impl Input {
    /// Admits `documents` as `arguments` say. An object that `store` has already keeps its uid.
    pub(crate) fn admit(
        documents: Documents,
        arguments: &RunArguments,
        store: &Store,
    ) -> Result<Self, BadInput> {
        let Documents { found, folders, mut complaints } = documents;
        let mut admission = Admission {
            store,
            namespace: arguments.namespace.as_deref(),
            are_cron_jobs_run: arguments.now,
            has_cron_jobs: false,
            origins: BTreeMap::new(),
            input: Self { objects: Vec::new(), folders, warnings: Vec::new() },
        };
        for document in found {
            complaints.extend(admission.add(document).err());
        }
        let Admission { input, has_cron_jobs, .. } = admission;
        if arguments.now && complaints.is_empty() && !has_cron_jobs {
            complaints
                .push("--now is for CronJobs, and there is none in what was given".to_owned());
        }
        if complaints.is_empty() && !input.objects.iter().any(|(it, _)| it.kind().runs()) {
            complaints.push("there is no Job and no Pod to run in what was given".to_owned());
        }
        BadInput::if_any(complaints)?;
        Ok(input.with_priority_classes(store))
    }

    /// The same, with each class that is named and is not given: here is one node, and a manifest
    /// that is tried on it need not bring what a cluster has.
    fn with_priority_classes(mut self, store: &Store) -> Self {
        let is_there = |name: &str, input: &Self| {
            let key = Key::new("", name);
            let mut objects = input.objects.iter().map(|(object, _)| object);
            let is_given = |it: &Object| it.kind() == Kind::PriorityClass && it.key() == key;
            name.starts_with("system-")
                || objects.any(is_given)
                || store.get_object(Kind::PriorityClass, &key).is_some()
        };
        for (object, place) in self.objects.clone() {
            let spec = prepare::pod_of(&object).map(|(_, spec)| spec);
            let name = spec.and_then(|spec| spec.priority_class_name.as_deref());
            let Some(name) = name.filter(|it| !it.is_empty() && !is_there(it, &self)) else {
                continue;
            };
            let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
            let class = PriorityClass { metadata, ..PriorityClass::default() };
            // One that could not be is complained of where it is named.
            let Ok(class) = admission::admit_priority_class(class, &store.names().uid()) else {
                continue;
            };
            self.warnings.push(format!(
                "{place}: no PriorityClass {name} is given, so its pods have the priority 0"
            ));
            self.objects.push((PriorityClass::into_object(class.object.into()), place));
        }
        self
    }
}

/// Which kinds are run, beside those that are only used.
trait Runs {
    fn runs(self) -> bool;
}

impl Runs for Kind {
    fn runs(self) -> bool {
        matches!(self, Self::Job | Self::Pod)
    }
}

struct Admission<'a> {
    store: &'a Store,
    /// The one that was asked for.
    namespace: Option<&'a str>,
    /// Whether a CronJob is run once, now.
    are_cron_jobs_run: bool,
    has_cron_jobs: bool,
    /// What was there before, and where.
    origins: BTreeMap<(Kind, Key), Place>,
    input: Input,
}

impl Admission<'_> {
    fn add(&mut self, document: Document) -> Result<(), String> {
        let Document { mut object, place, .. } = document;
        self.has_cron_jobs |= object.kind() == Kind::CronJob;
        let admitted = self.locate(&mut object).and_then(|uid| match &object {
            Object::CronJob(cron_job) if self.are_cron_jobs_run => self.run_of(cron_job, &uid),
            _ => admit(object, &uid),
        });
        let admitted = admitted.map_err(|complaint| format!("{place}: {complaint}"))?;
        let object = admitted.object;
        let name = (object.kind(), object.key());
        if let Some(before) = self.origins.insert(name, place.clone()) {
            let (kind, key) = (object.kind().name(), object.key());
            return Err(format!("{place}: {kind} {key} is there already, in {before}"));
        }
        for warning in admitted.warnings {
            self.input.warnings.push(format!("{place}: {warning}"));
        }
        self.input.objects.push((object, place));
        Ok(())
    }

    /// The Job of one run of `cron_job`, which `kubectl create job --from` would make.
    ///
    /// Kubernetes differs: the CronJob owns it there. Here the CronJob is not kept, and what it
    /// owned would go with it.
    fn run_of(&self, cron_job: &CronJob, uid: &str) -> Result<Admitted<Object>, String> {
        let cron_job = admission::admit_cron_job(cron_job.clone(), uid);
        let Admitted { object, mut warnings } = cron_job.map_err(|it| it.to_string())?;
        let name = format!("{}-now", object.key().name);
        let mut job = Job::into_object(template::manual_job(&object, name).into());
        let uid = self.locate(&mut job)?;
        let job = admit(job, &uid)?;
        warnings.extend(job.warnings);
        Ok(Admitted { object: job.object, warnings })
    }

    /// Gives `object` its namespace and name, and returns its uid.
    fn locate(&self, object: &mut Object) -> Result<String, String> {
        let kind = object.kind();
        let names = self.store.names();
        let metadata = object.metadata_mut();
        if kind.is_namespaced() {
            let own = metadata.namespace.as_deref().filter(|own| !own.is_empty());
            if let Some((own, asked)) = own.zip(self.namespace).filter(|(own, asked)| own != asked)
            {
                return Err(format!(
                    "the namespace of the object is \"{own}\" and -n says \"{asked}\"; \
                     leave out one of them"
                ));
            }
            let namespace = own.or(self.namespace).unwrap_or(DEFAULT_NAMESPACE).to_owned();
            metadata.namespace = Some(namespace);
        }
        admission::name(metadata, || names.suffix());
        let before = self.store.get_object(kind, &object.key());
        let uid = before.and_then(|before| before.metadata().uid.clone());
        Ok(uid.unwrap_or_else(|| names.uid()))
    }
}

fn admit(object: Object, uid: &str) -> Result<Admitted<Object>, String> {
    fn any<T: Resource>(
        admitted: Result<Admitted<T>, Invalid>,
    ) -> Result<Admitted<Object>, String> {
        let Admitted { object, warnings } = admitted.map_err(|invalid| invalid.to_string())?;
        Ok(Admitted { object: T::into_object(object.into()), warnings })
    }
    match object {
        Object::Job(job) => any(admission::admit_job((*job).clone(), uid)),
        Object::Pod(pod) => any(admission::admit_pod((*pod).clone(), uid)),
        Object::ConfigMap(map) => any(admission::admit_config_map((*map).clone(), uid)),
        Object::Secret(secret) => any(admission::admit_secret((*secret).clone(), uid)),
        Object::ResourceQuota(quota) => any(admission::admit_resource_quota((*quota).clone(), uid)),
        Object::LimitRange(range) => any(admission::admit_limit_range((*range).clone(), uid)),
        Object::PriorityClass(class) => any(admission::admit_priority_class((*class).clone(), uid)),
        Object::CronJob(_) => Err(
            "a CronJob starts Jobs at their times, and `mayfly run` ends with what it was given; \
             run it once with --now, or have `mayfly serve` start it at its times"
                .to_owned(),
        ),
        Object::Namespace(_) => {
            Err("namespaces need not be made here; leave it out, objects may name any".to_owned())
        }
        Object::Event(_)
        | Object::Node(_)
        | Object::ServiceAccount(_)
        | Object::Lease(_)
        | Object::CertificateSigningRequest(_) => {
            let kind = object.kind().name();
            Err(format!(
                "`mayfly run` takes Jobs, Pods, ConfigMaps, Secrets, ResourceQuotas, LimitRanges and \
                 PriorityClasses, and no {kind}"
            ))
        }
    }
}
