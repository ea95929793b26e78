//! The smaller groups.

use super::wire::{Corrupt, Wire, wire};

mod certificates {
    use k8s_openapi::api::certificates::v1 as api;
    use k8s_pb::api::certificates::v1 as pb;

    use super::{Corrupt, Wire, wire};

    wire! {
        CertificateSigningRequestSpec {
            extra, groups, request, signer_name, uid, usages, username,
        } keeps { expiration_seconds };
        CertificateSigningRequestCondition {
            last_transition_time, last_update_time, message, reason, status,
        } renames { type_ = r#type };
        CertificateSigningRequestStatus { certificate, conditions };
        CertificateSigningRequest { metadata, spec, status };
    }
}

mod coordination {
    use k8s_openapi::api::coordination::v1 as api;
    use k8s_pb::api::coordination::v1 as pb;

    use super::{Corrupt, Wire, wire};

    wire! {
        LeaseSpec { acquire_time, renew_time }
            keeps {
                holder_identity, lease_duration_seconds, lease_transitions, preferred_holder, strategy,
            };
        Lease { metadata, spec };
    }
}

mod events {
    use k8s_openapi::api::events::v1 as api;
    use k8s_pb::api::events::v1 as pb;

    use super::{Corrupt, Wire, wire};

    wire! {
        EventSeries { count, last_observed_time };
        Event {
            action, deprecated_count, deprecated_first_timestamp, deprecated_last_timestamp,
            deprecated_source, event_time, metadata, note, reason, regarding, related,
            reporting_controller, reporting_instance, series,
        } renames { type_ = r#type };
    }
}

mod policy {
    use k8s_openapi::api::policy::v1 as api;
    use k8s_pb::api::policy::v1 as pb;

    use super::{Corrupt, Wire, wire};

    wire! {
        Eviction { delete_options, metadata };
    }
}

mod scheduling {
    use k8s_openapi::api::scheduling::v1 as api;
    use k8s_pb::api::scheduling::v1 as pb;

    use super::{Corrupt, Wire, wire};

    wire! {
        PriorityClass { description, global_default, metadata, value } keeps { preemption_policy };
    }
}

mod authentication {
    use k8s_openapi::api::authentication::v1 as api;
    use k8s_pb::api::authentication::v1 as pb;

    use super::{Corrupt, Wire, wire};

    wire! {
        UserInfo { extra, groups, uid, username };
        SelfSubjectReviewStatus { user_info };
        SelfSubjectReview { metadata, status };
        TokenReviewSpec { audiences, token };
        TokenReviewStatus { audiences, authenticated, error, user };
        TokenReview { metadata, spec, status };
    }
}

mod authorization {
    use k8s_openapi::api::authorization::v1 as api;
    use k8s_pb::api::authorization::v1 as pb;

    use super::{Corrupt, Wire, wire};

    wire! {
        NonResourceAttributes { path, verb };
        FieldSelectorAttributes { raw_selector, requirements };
        LabelSelectorAttributes { raw_selector, requirements };
        ResourceAttributes {
            field_selector, group, label_selector, name, namespace, resource, subresource, verb,
            version,
        };
        SelfSubjectAccessReviewSpec { non_resource_attributes, resource_attributes };
        SubjectAccessReviewStatus { allowed, denied, evaluation_error, reason };
        SelfSubjectAccessReview { metadata, spec, status };
        SelfSubjectRulesReviewSpec { namespace };
        NonResourceRule { verbs } renames { non_resource_urls = non_resource_ur_ls };
        ResourceRule { api_groups, resource_names, resources, verbs };
        SubjectRulesReviewStatus { evaluation_error, incomplete, non_resource_rules, resource_rules };
        SelfSubjectRulesReview { metadata, spec, status };
        SubjectAccessReviewSpec {
            extra, groups, non_resource_attributes, resource_attributes, uid, user,
        };
        SubjectAccessReview { metadata, spec, status };
        LocalSubjectAccessReview { metadata, spec, status };
    }
}
