//! The types that hold times, written as k8s-openapi writes them but for how long it takes.
//!
//! It has every time written by a format that is read anew, which was a tenth of all that a control
//! plane does for a pod. Here their digits are put down one by one, and so everything that holds
//! times is gone through here: a field that is new or gone there does not compile.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::Offset;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStatus, Event,
    JobCondition, JobStatus, ManagedFields, ObjectMeta, PodCondition, PodStatus, Time,
};

/// A value that is written quickly.
pub(super) struct Quick<'a, T>(pub(super) &'a T);

impl Serialize for Quick<'_, Time> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match in_digits(self.0.0) {
            Some(digits) => {
                serializer.serialize_str(std::str::from_utf8(&digits).expect("digits must be text"))
            }
            None => self.0.serialize(serializer),
        }
    }
}

impl<T> Serialize for Quick<'_, Vec<T>>
where
    for<'item> Quick<'item, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Quick))
    }
}

/// `time` to the second, such as `2026-01-31T23:59:59Z`; none for one before our era.
fn in_digits(time: Timestamp) -> Option<[u8; 20]> {
    let time = Offset::UTC.to_datetime(time);
    let year = u16::try_from(time.year()).ok()?;
    let mut digits = *b"0000-00-00T00:00:00Z";
    let mut put = |at: usize, number: u16| {
        for (place, tens) in [(at, 10), (at + 1, 1)] {
            digits[place] += (number / tens % 10).to_le_bytes()[0];
        }
    };
    put(0, year / 100);
    put(2, year % 100);
    let parts = [time.month(), time.day(), time.hour(), time.minute(), time.second()];
    for (place, part) in parts.into_iter().enumerate() {
        put(5 + 3 * place, u16::from(part.unsigned_abs()));
    }
    Some(digits)
}

/// Writes the fields of types, each with its name. Before it stands how: `=` as it is, `*` quickly,
/// `?` and `~` the same if it is set.
macro_rules! quick {
    ($($type:ident $([$($key:literal: $value:literal),+])? {
        $($how:tt $field:ident $name:literal,)+
    })+) => {
        $(impl Serialize for Quick<'_, $type> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $type { $($field),+ } = self.0;
                // At most: an empty one is written in another way by some, to the same end.
                let count = [$(stringify!($field)),+].len();
                let mut fields = serializer.serialize_struct(stringify!($type), count)?;
                $($(fields.serialize_field($key, $value)?;)+)?
                $(quick!($how fields $name $field);)+
                fields.end()
            }
        })+
    };
    (= $fields:ident $name:literal $field:ident) => {
        $fields.serialize_field($name, $field)?;
    };
    (* $fields:ident $name:literal $field:ident) => {
        $fields.serialize_field($name, &Quick($field))?;
    };
    (? $fields:ident $name:literal $field:ident) => {
        if let Some(value) = $field {
            $fields.serialize_field($name, value)?
        }
    };
    (~ $fields:ident $name:literal $field:ident) => {
        if let Some(value) = $field {
            $fields.serialize_field($name, &Quick(value))?
        }
    };
}

impl Serialize for Quick<'_, ObjectMeta> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Metadata(self.0, None).serialize(serializer)
    }
}

/// The metadata of an object, and who owns its fields if that is kept elsewhere.
pub(super) struct Metadata<'a>(pub(super) &'a ObjectMeta, pub(super) Option<&'a ManagedFields>);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ObjectMeta {
            annotations,
            creation_timestamp,
            deletion_grace_period_seconds,
            deletion_timestamp,
            finalizers,
            generate_name,
            generation,
            labels,
            managed_fields,
            name,
            namespace,
            owner_references,
            resource_version,
            self_link,
            uid,
        } = self.0;
        let mut fields = serializer.serialize_struct("ObjectMeta", 15)?;
        quick!(? fields "annotations" annotations);
        quick!(~ fields "creationTimestamp" creation_timestamp);
        quick!(? fields "deletionGracePeriodSeconds" deletion_grace_period_seconds);
        quick!(~ fields "deletionTimestamp" deletion_timestamp);
        quick!(? fields "finalizers" finalizers);
        quick!(? fields "generateName" generate_name);
        quick!(? fields "generation" generation);
        quick!(? fields "labels" labels);
        match self.1 {
            Some(kept) => fields.serialize_field("managedFields", kept)?,
            None => quick!(~ fields "managedFields" managed_fields),
        }
        quick!(? fields "name" name);
        quick!(? fields "namespace" namespace);
        quick!(? fields "ownerReferences" owner_references);
        quick!(? fields "resourceVersion" resource_version);
        quick!(? fields "selfLink" self_link);
        quick!(? fields "uid" uid);
        fields.end()
    }
}

quick! {
    ManagedFieldsEntry {
        ? api_version "apiVersion",
        ? fields_type "fieldsType",
        ? fields_v1 "fieldsV1",
        ? manager "manager",
        ? operation "operation",
        ? subresource "subresource",
        ~ time "time",
    }
    PodStatus {
        ? allocated_resources "allocatedResources",
        ~ conditions "conditions",
        ~ container_statuses "containerStatuses",
        ~ ephemeral_container_statuses "ephemeralContainerStatuses",
        ? extended_resource_claim_status "extendedResourceClaimStatus",
        ? host_ip "hostIP",
        ? host_ips "hostIPs",
        ~ init_container_statuses "initContainerStatuses",
        ? message "message",
        ? node_allocatable_resource_claim_statuses "nodeAllocatableResourceClaimStatuses",
        ? nominated_node_name "nominatedNodeName",
        ? observed_generation "observedGeneration",
        ? phase "phase",
        ? pod_ip "podIP",
        ? pod_ips "podIPs",
        ? qos_class "qosClass",
        ? reason "reason",
        ? resize "resize",
        ? resource_claim_statuses "resourceClaimStatuses",
        ? resources "resources",
        ~ start_time "startTime",
    }
    PodCondition {
        ~ last_probe_time "lastProbeTime",
        ~ last_transition_time "lastTransitionTime",
        ? message "message",
        ? observed_generation "observedGeneration",
        ? reason "reason",
        = status "status",
        = type_ "type",
    }
    ContainerStatus {
        ? allocated_resources "allocatedResources",
        ? allocated_resources_status "allocatedResourcesStatus",
        ? container_id "containerID",
        = image "image",
        = image_id "imageID",
        ~ last_state "lastState",
        = name "name",
        = ready "ready",
        ? resources "resources",
        = restart_count "restartCount",
        ? started "started",
        ~ state "state",
        ? stop_signal "stopSignal",
        ? user "user",
        ? volume_mounts "volumeMounts",
    }
    ContainerState {
        ~ running "running",
        ~ terminated "terminated",
        ? waiting "waiting",
    }
    ContainerStateRunning {
        ~ started_at "startedAt",
    }
    ContainerStateTerminated {
        ? container_id "containerID",
        = exit_code "exitCode",
        ~ finished_at "finishedAt",
        ? message "message",
        ? reason "reason",
        ? signal "signal",
        ~ started_at "startedAt",
    }
    JobStatus {
        ? active "active",
        ? completed_indexes "completedIndexes",
        ~ completion_time "completionTime",
        ~ conditions "conditions",
        ? failed "failed",
        ? failed_indexes "failedIndexes",
        ? ready "ready",
        ~ start_time "startTime",
        ? succeeded "succeeded",
        ? terminating "terminating",
        ? uncounted_terminated_pods "uncountedTerminatedPods",
    }
    JobCondition {
        ~ last_probe_time "lastProbeTime",
        ~ last_transition_time "lastTransitionTime",
        ? message "message",
        ? reason "reason",
        = status "status",
        = type_ "type",
    }
    Event ["apiVersion": "v1", "kind": "Event"] {
        ? action "action",
        ? count "count",
        ? event_time "eventTime",
        ~ first_timestamp "firstTimestamp",
        = involved_object "involvedObject",
        ~ last_timestamp "lastTimestamp",
        ? message "message",
        * metadata "metadata",
        ? reason "reason",
        ? related "related",
        ? reporting_component "reportingComponent",
        ? reporting_instance "reportingInstance",
        ? series "series",
        ? source "source",
        ? type_ "type",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    /// Whether `json`, which has every field of `T`, is written as k8s-openapi does.
    fn check<T: Serialize + DeserializeOwned>(json: &Value)
    where
        for<'a> Quick<'a, T>: Serialize,
    {
        let value: T = serde_json::from_value(json.clone()).expect("it is one");
        let theirs = serde_json::to_string(&value).expect("it has a JSON form");
        assert_eq!(serde_json::to_string(&Quick(&value)).expect("it has a JSON form"), theirs);
        assert_eq!(serde_json::to_value(&value).expect("it has a JSON form"), *json);
        // And with no more than it must have.
        let Value::Object(fields) = json else { panic!("it has fields") };
        for name in fields.keys() {
            let mut less = fields.clone();
            less.remove(name);
            let Ok(value) = serde_json::from_value::<T>(Value::Object(less)) else { continue };
            let theirs = serde_json::to_string(&value).expect("it has a JSON form");
            assert_eq!(serde_json::to_string(&Quick(&value)).expect("it has a JSON form"), theirs);
        }
    }

    fn metadata() -> Value {
        let owner = json!({
            "apiVersion": "batch/v1", "blockOwnerDeletion": true, "controller": true,
            "kind": "Job", "name": "j", "uid": "u",
        });
        let managed = json!({
            "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}},
            "manager": "m", "operation": "Apply", "subresource": "status",
            "time": "2024-02-29T12:34:56Z",
        });
        json!({
            "annotations": {"a": "b"}, "creationTimestamp": "2026-01-02T03:04:05Z",
            "deletionGracePeriodSeconds": 30, "deletionTimestamp": "2026-12-31T23:59:59Z",
            "finalizers": ["f"], "generateName": "g-", "generation": 2, "labels": {"c": "d"},
            "managedFields": [managed], "name": "n", "namespace": "ns",
            "ownerReferences": [owner], "resourceVersion": "7", "selfLink": "l", "uid": "u",
        })
    }

    fn container_status() -> Value {
        let terminated = json!({
            "containerID": "c", "exitCode": 1, "finishedAt": "1970-01-01T00:00:00Z",
            "message": "m", "reason": "r", "signal": 9, "startedAt": "1969-12-31T23:59:59Z",
        });
        check::<ContainerStateTerminated>(&terminated);
        let running = json!({"startedAt": "0000-01-01T00:00:00Z"});
        check::<ContainerStateRunning>(&running);
        let state = json!({
            "running": running, "terminated": terminated, "waiting": {"reason": "r"},
        });
        check::<ContainerState>(&state);
        json!({
            "allocatedResources": {"cpu": "1"}, "allocatedResourcesStatus": [{"name": "a"}],
            "containerID": "c", "image": "i", "imageID": "d", "lastState": state, "name": "n",
            "ready": true, "resources": {"limits": {"cpu": "1"}}, "restartCount": 3,
            "started": false, "state": state, "stopSignal": "SIGTERM",
            "user": {"linux": {"gid": 1, "uid": 2}},
            "volumeMounts": [{"mountPath": "/m", "name": "v"}],
        })
    }

    #[test]
    fn everything_is_written_as_it_was() {
        check::<ObjectMeta>(&metadata());
        let container_status = container_status();
        check::<ContainerStatus>(&container_status);
        let mut condition = json!({
            "lastProbeTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "9999-12-30T00:00:00Z",
            "message": "m", "reason": "r", "status": "True", "type": "t",
        });
        check::<JobCondition>(&condition);
        check::<JobStatus>(&json!({
            "active": 1, "completedIndexes": "1", "completionTime": "2026-01-01T00:00:00Z",
            "conditions": [condition], "failed": 2, "failedIndexes": "2", "ready": 3,
            "startTime": "2026-01-01T00:00:00Z", "succeeded": 4, "terminating": 5,
            "uncountedTerminatedPods": {"failed": ["a"]},
        }));
        condition["observedGeneration"] = json!(4);
        check::<PodCondition>(&condition);
        check::<PodStatus>(&json!({
            "allocatedResources": {"cpu": "1"}, "conditions": [condition],
            "containerStatuses": [container_status], "ephemeralContainerStatuses": [],
            "extendedResourceClaimStatus": {"requestMappings": [], "resourceClaimName": "c"},
            "hostIP": "1", "hostIPs": [{"ip": "1"}], "initContainerStatuses": [container_status],
            "message": "m", "nodeAllocatableResourceClaimStatuses": [], "nominatedNodeName": "n",
            "observedGeneration": 5, "phase": "Running", "podIP": "2", "podIPs": [{"ip": "2"}],
            "qosClass": "Burstable", "reason": "r", "resize": "s", "resourceClaimStatuses": [],
            "resources": {}, "startTime": "2026-01-01T00:00:00Z",
        }));
        check::<Event>(&json!({
            "apiVersion": "v1", "kind": "Event", "action": "a", "count": 1,
            "eventTime": "2026-01-01T00:00:00.000001Z", "firstTimestamp": "2026-01-01T00:00:00Z",
            "involvedObject": {"name": "o"}, "lastTimestamp": "2026-01-01T00:00:01Z",
            "message": "m", "metadata": metadata(), "reason": "r", "related": {"name": "p"},
            "reportingComponent": "c", "reportingInstance": "i", "series": {"count": 2},
            "source": {"component": "c"}, "type": "Normal",
        }));
    }

    proptest! {
        #[test]
        fn every_time_is_written_as_it_was(
            second in Timestamp::MIN.as_second()..=Timestamp::MAX.as_second(),
            nanosecond in 0..1_000_000_000,
        ) {
            let Ok(time) = Timestamp::new(second, nanosecond) else { return Ok(()) };
            let time = Time(time);
            let quick = serde_json::to_string(&Quick(&time)).expect("it has a JSON form");
            prop_assert_eq!(quick, serde_json::to_string(&time).expect("it has a JSON form"));
        }
    }
}
