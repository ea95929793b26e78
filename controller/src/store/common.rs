//! How objects are kept in little memory: what they have in common is held once, such as the specs of
//! pods, of which thousands are alike.

use std::sync::Arc;

use crate::api::{Commons, Object, PodSpec};

/// The specs of pods, those in templates too.
pub(super) type PodSpecs = Commons<PodSpec>;

/// What objects have in common, for whoever makes objects that a store will hold. A clone is the same.
#[derive(Clone, Default)]
pub struct Sharing(pub(super) Arc<PodSpecs>);

impl Sharing {
    /// Has `object`, which nobody else holds yet, hold what others hold already.
    pub(crate) fn share(&self, object: &mut Object) {
        share(object, &self.0);
    }
}

/// Has `object`, which nobody else holds yet, take little memory, and hold what others hold already.
pub(super) fn share(object: &mut Object, specs: &PodSpecs) {
    object.pack_managed_fields();
    match object {
        Object::Pod(pod) => {
            if let Some(spec) = &mut Arc::make_mut(pod).spec {
                specs.share(spec);
            }
        }
        Object::Job(job) => {
            let template = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
            // Also the spec of the Job may be one that others hold, and is not to be copied for it.
            if template.is_some_and(|spec| !spec.is_common())
                && let Some(spec) = &mut Arc::make_mut(job).spec
                && let Some(spec) = &mut spec.template.spec
            {
                specs.share(spec);
            }
        }
        _ => {}
    }
}
