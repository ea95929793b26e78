//! Priorities of pods: what PriorityClasses make of a pod that names one. Pure, but for what reads
//! them.
//!
//! Source: Kubernetes' admission plugin Priority, and the classes that its API server makes.

use std::sync::Arc;

use crate::admission::{self, SYSTEM_PRIORITY_CLASSES};
use crate::api::{Object, ObjectMeta, Pod, PodSpec, PriorityClass, Shared};
use crate::store::{Store, Transaction};

/// What a pod may do to others that says nothing of it.
const PREEMPTS: &str = "PreemptLowerPriority";

/// The PriorityClasses that there are, by name.
#[derive(Clone, Debug, Default)]
pub struct Classes(Vec<Arc<PriorityClass>>);

/// What one class makes of pods.
struct Priority {
    class: Option<String>,
    value: i32,
    policy: Option<String>,
}

impl Classes {
    /// Those in `store` now.
    pub fn of(store: &Store) -> Self {
        Self(store.list(None).items)
    }

    /// Whether `pod` has the priority of all that name no class.
    pub fn are_needless_for(&self, pod: &Pod) -> bool {
        let spec = pod.spec.as_deref();
        let is_plain = spec.is_none_or(|spec| class_of(spec).is_none() && is_usual(spec));
        is_plain && self.default().is_none()
    }

    /// The one that pods have which name none. Of several it is that of the lowest value.
    fn default(&self) -> Option<&PriorityClass> {
        let defaults = self.0.iter().filter(|class| class.global_default == Some(true));
        defaults.min_by_key(|class| class.value).map(Arc::as_ref)
    }

    /// Gives `pod`, which is to be made, the priority of its class; or says why it may not be made.
    pub fn apply(&self, pod: &mut Pod) -> Result<(), String> {
        self.apply_as(pod, &mut None)
    }

    /// The same, where pods that share a spec share what is made of it: `last` is the last spec and
    /// what was made of it.
    pub(crate) fn apply_as(&self, pod: &mut Pod, last: &mut Option<Made>) -> Result<(), String> {
        if self.are_needless_for(pod) {
            return Ok(());
        }
        let spec = pod.spec.get_or_insert_default();
        if let Some((of, made)) = last
            && spec.is_one_with(of)
        {
            *spec = made.clone();
            return Ok(());
        }
        let of = spec.clone();
        self.priority(spec)?.give(spec)?;
        *last = Some((of, spec.clone()));
        Ok(())
    }

    fn priority(&self, spec: &PodSpec) -> Result<Priority, String> {
        let of = |class: &PriorityClass| Priority {
            class: class.metadata.name.clone(),
            value: class.value.unwrap_or_default(),
            policy: class.preemption_policy.clone(),
        };
        let Some(name) = class_of(spec) else {
            let policy = Some(PREEMPTS.to_owned());
            let none = || Priority { class: None, value: 0, policy };
            return Ok(self.default().map_or_else(none, of));
        };
        let mut classes = self.0.iter();
        let found = classes.find(|class| class.metadata.name.as_deref() == Some(name));
        let why = || format!("no PriorityClass with name {name} was found");
        found.map(|class| of(class)).ok_or_else(why)
    }

    /// Whether `class` may be made, or be what it has become: there is one default at most.
    pub fn check(&self, class: &PriorityClass) -> Result<(), String> {
        let other = self.default().and_then(|it| it.metadata.name.as_deref());
        match other.filter(|other| Some(*other) != class.metadata.name.as_deref()) {
            Some(other) if class.global_default == Some(true) => Err(format!(
                "PriorityClass {other} is already marked as default. Only one default can exist"
            )),
            _ => Ok(()),
        }
    }
}

/// A spec, and what was made of it.
pub(crate) type Made = (Shared<PodSpec>, Shared<PodSpec>);

impl Priority {
    fn give(self, spec: &mut PodSpec) -> Result<(), String> {
        let Self { class, value, policy } = self;
        // Who names no class has 0 by default, which says nothing yet where there is another.
        let is_said = |said: i32| class_of(spec).is_some() || said != 0;
        if let Some(said) = spec.priority.filter(|said| *said != value && is_said(*said)) {
            return Err(format!(
                "the integer value of priority ({said}) must not be provided in pod spec; priority \
                 admission controller computed {value} from the given PriorityClass name"
            ));
        }
        if let Some(policy) = &policy {
            let is_said = |said: &&String| class_of(spec).is_some() || *said != PREEMPTS;
            let said = spec.preemption_policy.as_ref().filter(is_said);
            if let Some(said) = said.filter(|said| *said != policy) {
                return Err(format!(
                    "the string value of PreemptionPolicy ({said}) must not be provided in pod \
                     spec; priority admission controller computed {policy} from the given \
                     PriorityClass name"
                ));
            }
        }
        spec.priority = Some(value);
        spec.preemption_policy = policy.or(spec.preemption_policy.take());
        spec.priority_class_name = class.or(spec.priority_class_name.take());
        Ok(())
    }
}

/// The class that is named, if one is.
fn class_of(spec: &PodSpec) -> Option<&str> {
    spec.priority_class_name.as_deref().filter(|name| !name.is_empty())
}

/// Whether priority and policy are what they are where nothing is said.
fn is_usual(spec: &PodSpec) -> bool {
    spec.priority.is_none_or(|it| it == 0)
        && spec.preemption_policy.as_deref().is_none_or(|it| it == PREEMPTS)
}

/// Makes those of the system that are not there.
pub(crate) fn initial(store: &Store) -> Transaction {
    SYSTEM_PRIORITY_CLASSES.iter().fold(Transaction::new(), |all, (name, value, description)| {
        let metadata = ObjectMeta { name: Some((*name).to_owned()), ..ObjectMeta::default() };
        let class = PriorityClass {
            metadata,
            value: Some(*value),
            description: Some((*description).to_owned()),
            ..PriorityClass::default()
        };
        let admitted = admission::admit_priority_class(class, &store.names().uid());
        let class = admitted.expect("a class that is known to be good must be admitted");
        all.create_or_modify(class.object, |_| {})
    })
}

/// Why `object` may not be there beside the classes in `store`, if so.
pub(crate) fn check(object: &Object, store: &Store) -> Result<(), String> {
    match object {
        Object::PriorityClass(class) => Classes::of(store).check(class),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn classes(more: &[Value]) -> Classes {
        let class = |class: &Value| {
            let class = serde_json::from_value(class.clone()).expect("must be a PriorityClass");
            let admitted = admission::admit_priority_class(class, "u").expect("must be admitted");
            Arc::new(admitted.object)
        };
        let high = json!({"metadata": {"name": "high"}, "value": 1000});
        let calm = json!({"metadata": {"name": "calm"}, "value": 5, "preemptionPolicy": "Never"});
        Classes([high, calm].iter().chain(more).map(class).collect())
    }

    /// A pod whose spec is this, and its priority, policy and class, or what is said.
    fn check(classes: &Classes, spec: &Value, expected: Result<(i32, &str, &str), &str>) {
        let mut all = json!({"containers": [{"name": "c", "image": "i"}]});
        all.as_object_mut().unwrap().extend(spec.as_object().cloned().unwrap());
        let mut pod: Pod = serde_json::from_value(json!({"spec": all})).unwrap();
        admission::default_pod(&mut pod);
        let result = classes.apply(&mut pod);
        let spec = pod.spec.as_ref().unwrap();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let found = result.map(|()| {
            let priority = spec.priority.unwrap_or_default();
            (priority, text(&spec.preemption_policy), text(&spec.priority_class_name))
        });
        let expected = expected.map(|(a, b, c)| (a, b.to_owned(), c.to_owned()));
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_pod_has_the_priority_of_its_class() {
        let plain = classes(&[]);
        check(&plain, &json!({}), Ok((0, PREEMPTS, "")));
        check(&plain, &json!({"priorityClassName": "high"}), Ok((1000, PREEMPTS, "high")));
        check(&plain, &json!({"priorityClassName": "calm"}), Ok((5, "Never", "calm")));
        check(
            &plain,
            &json!({"priorityClassName": "high", "priority": 1000}),
            Ok((1000, PREEMPTS, "high")),
        );
        let usual = json!({"metadata": {"name": "usual"}, "value": 7, "globalDefault": true});
        let with_default = classes(&[usual]);
        check(&with_default, &json!({}), Ok((7, PREEMPTS, "usual")));
        check(&with_default, &json!({"priorityClassName": "calm"}), Ok((5, "Never", "calm")));
    }

    #[test]
    fn what_no_class_gives_is_refused_in_kubernetes_words() {
        let classes = classes(&[]);
        check(
            &classes,
            &json!({"priorityClassName": "none"}),
            Err("no PriorityClass with name none was found"),
        );
        let computed = |said: &str, value: &str| {
            format!(
                "{said} must not be provided in pod spec; priority admission controller computed \
                 {value} from the given PriorityClass name"
            )
        };
        check(
            &classes,
            &json!({"priority": 9}),
            Err(&computed("the integer value of priority (9)", "0")),
        );
        check(
            &classes,
            &json!({"priorityClassName": "high", "priority": 9}),
            Err(&computed("the integer value of priority (9)", "1000")),
        );
        check(
            &classes,
            &json!({"preemptionPolicy": "Never"}),
            Err(&computed("the string value of PreemptionPolicy (Never)", PREEMPTS)),
        );
    }

    #[test]
    fn pods_that_share_a_spec_share_what_is_made_of_it() {
        let spec = json!({"priorityClassName": "high", "containers": []});
        let one: Pod = serde_json::from_value(json!({"spec": spec})).unwrap();
        let (mut one, mut other) = (one.clone(), one);
        let mut last = None;
        for pod in [&mut one, &mut other] {
            classes(&[]).apply_as(pod, &mut last).expect("it has a class");
        }
        assert!(one.spec.unwrap().is_one_with(&other.spec.unwrap()));
    }

    #[test]
    fn there_is_one_default_at_most() {
        let usual = json!({"metadata": {"name": "usual"}, "value": 7, "globalDefault": true});
        let classes = classes(&[usual]);
        let class = |name: &str, default: bool| {
            let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
            PriorityClass { metadata, global_default: Some(default), ..PriorityClass::default() }
        };
        assert_eq!(classes.check(&class("usual", true)), Ok(()));
        assert_eq!(classes.check(&class("other", false)), Ok(()));
        let why = "PriorityClass usual is already marked as default. Only one default can exist";
        assert_eq!(classes.check(&class("other", true)), Err(why.to_owned()));
    }
}
