//! Metadata, options and selectors.

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as api;
use k8s_pb::apimachinery::pkg::apis::meta::v1 as pb;

use super::wire::{Corrupt, Wire, more, wire};

wire! {
    ManagedFieldsEntry {
        api_version, fields_type, fields_v1, manager, operation, subresource, time,
    };
    OwnerReference { api_version, kind, name, uid } keeps { block_owner_deletion, controller };
    ObjectMeta {
        annotations, creation_timestamp, deletion_timestamp, finalizers, generate_name,
        generation, labels, managed_fields, name, namespace, owner_references, resource_version,
        self_link, uid,
    } keeps { deletion_grace_period_seconds };
    LabelSelectorRequirement { key, operator, values };
    LabelSelector { match_expressions, match_labels };
    Preconditions {} keeps { resource_version, uid };
    DeleteOptions { dry_run, preconditions }
        keeps {
            grace_period_seconds, ignore_store_read_error_with_cluster_breaking_potential,
            orphan_dependents, propagation_policy,
        } and more;
    FieldSelectorRequirement { key, operator, values };
}
