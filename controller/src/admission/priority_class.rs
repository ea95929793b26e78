//! PriorityClasses: given their defaults, validated.

use super::error::Errors;
use super::path::Path;
use super::validate::meta::{object_meta, object_meta_update};
use super::validate::{format, pod};
use super::{Admitted, Invalid, keep_system_metadata};
use crate::api::{Kind, PriorityClass};

/// The classes of the system, with their values and descriptions: Kubernetes' own.
pub(crate) const SYSTEM_PRIORITY_CLASSES: [(&str, i32, &str); 2] = [
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another \
         node if necessary.",
    ),
];

/// The highest priority of what is not the system's.
const VALUE_MAX: i32 = 1_000_000_000;

/// The first step of admission alone: sets the defaults of a PriorityClass.
pub fn default_priority_class(class: &mut PriorityClass) {
    class.value.get_or_insert_default();
    class.preemption_policy.get_or_insert_with(|| "PreemptLowerPriority".to_owned());
}

/// Admits a PriorityClass that is to be created with this uid. Its name must have been made.
pub fn admit_priority_class(
    mut object: PriorityClass,
    uid: &str,
) -> Result<Admitted<PriorityClass>, Invalid> {
    default_priority_class(&mut object);
    object.metadata.uid = Some(uid.to_owned());
    let mut errors = Errors::default();
    object_meta(&object.metadata, format::dns_subdomain, &Path::new("metadata"), &mut errors);
    let name = object.metadata.name.as_deref().unwrap_or_default();
    if name.starts_with("system-") {
        if let Err(why) = is_known(name, &object) {
            let why = format!(
                "priority class names with 'system-' prefix are reserved for system use only. \
                 error: {why}"
            );
            errors.forbidden(&Path::new("metadata").child("name"), &why);
        }
    } else if object.value.unwrap_or_default() > VALUE_MAX {
        let why = format!("maximum allowed value of a user defined priority is {VALUE_MAX}");
        errors.forbidden(&Path::new("value"), &why);
    }
    let policy = object.preemption_policy.as_deref();
    pod::preemption_policy(policy, &Path::new("preemptionPolicy"), &mut errors);
    errors.into_result(Kind::PriorityClass, Some(name))?;
    Ok(Admitted { object, warnings: Vec::new() })
}

/// Admits `new` to be written over `old`: what pods have of it may not change.
pub fn admit_priority_class_update(
    mut new: PriorityClass,
    old: &PriorityClass,
) -> Result<Admitted<PriorityClass>, Invalid> {
    default_priority_class(&mut new);
    keep_system_metadata(&mut new.metadata, &old.metadata);
    let mut errors = Errors::default();
    object_meta_update(&new.metadata, &old.metadata, &Path::new("metadata"), &mut errors);
    if new.value != old.value {
        errors.forbidden(&Path::new("value"), "may not be changed in an update.");
    }
    if new.preemption_policy != old.preemption_policy {
        let policy = new.preemption_policy.as_deref().unwrap_or_default();
        errors.invalid(&Path::new("preemptionPolicy"), policy, "field is immutable");
    }
    errors.into_result(Kind::PriorityClass, new.metadata.name.as_deref())?;
    Ok(Admitted { object: new, warnings: Vec::new() })
}

/// Whether the system has a class of this name that is like this.
fn is_known(name: &str, class: &PriorityClass) -> Result<(), String> {
    let mut all = SYSTEM_PRIORITY_CLASSES.iter();
    let Some((_, value, _)) = all.find(|(known, ..)| *known == name) else {
        return Err(format!("{name} is not a known system priority class"));
    };
    if class.value.unwrap_or_default() != *value {
        return Err(format!("value of {name} PriorityClass must be {value}"));
    }
    if class.global_default == Some(true) {
        return Err(format!("globalDefault of {name} PriorityClass must be false"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn class(fields: &Value) -> PriorityClass {
        let mut class = json!({"metadata": {"name": "c"}, "value": 7});
        class.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap());
        serde_json::from_value(class).expect("must be a PriorityClass")
    }

    fn complaints(result: Result<Admitted<PriorityClass>, Invalid>) -> Vec<String> {
        let causes = result.err().map(|invalid| invalid.causes).unwrap_or_default();
        causes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn admits_classes_and_those_of_the_system_as_they_are() {
        let check = |fields: Value| {
            assert_eq!(complaints(admit_priority_class(class(&fields), "u")), [""; 0], "{fields}");
        };
        check(json!({}));
        check(json!({"value": -7, "globalDefault": true, "preemptionPolicy": "Never"}));
        check(json!({"value": VALUE_MAX}));
        check(json!({"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000}));
        let admitted = admit_priority_class(class(&json!({})), "u").expect("it is good");
        assert_eq!(admitted.object.preemption_policy.as_deref(), Some("PreemptLowerPriority"));
    }

    #[test]
    fn denies_what_is_the_systems_and_what_means_nothing() {
        let check = |fields: Value, expected: &str| {
            assert_eq!(complaints(admit_priority_class(class(&fields), "u")), [expected]);
        };
        check(
            json!({"value": VALUE_MAX + 1}),
            "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
        );
        let reserved = "metadata.name: Forbidden: priority class names with 'system-' prefix are \
                        reserved for system use only. error: ";
        check(
            json!({"metadata": {"name": "system-mine"}}),
            &format!("{reserved}system-mine is not a known system priority class"),
        );
        check(
            json!({"metadata": {"name": "system-node-critical"}}),
            &format!("{reserved}value of system-node-critical PriorityClass must be 2000001000"),
        );
        check(
            json!({"preemptionPolicy": "Always"}),
            "preemptionPolicy: Unsupported value: \"Always\": supported values: \
             \"PreemptLowerPriority\", \"Never\"",
        );
    }

    #[test]
    fn what_pods_have_of_a_class_stays() {
        let old = admit_priority_class(class(&json!({})), "u").expect("it is good").object;
        let check = |fields: Value, expected: &[&str]| {
            assert_eq!(complaints(admit_priority_class_update(class(&fields), &old)), expected);
        };
        check(json!({"description": "other", "globalDefault": true}), &[]);
        check(
            json!({"value": 8, "preemptionPolicy": "Never"}),
            &[
                "value: Forbidden: may not be changed in an update.",
                "preemptionPolicy: Invalid value: \"Never\": field is immutable",
            ],
        );
    }
}
