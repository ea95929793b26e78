//! How objects are kept in little memory: what they have in common is held once, such as the specs of
//! pods, of which thousands are alike.

use std::sync::Arc;

use crate::api::{Commons, Object, PodSpec};

/// The specs of pods, those in templates too.
pub(super) type PodSpecs = Commons<PodSpec>;

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
