//! Jobs and CronJobs.

use k8s_openapi::api::batch::v1 as api;
use k8s_pb::api::batch::v1 as pb;

use super::wire::{Corrupt, Wire, wire};

wire! {
    PodFailurePolicyOnExitCodesRequirement { operator, values } keeps { container_name };
    PodFailurePolicyOnPodConditionsPattern { status } renames { type_ = r#type };
    PodFailurePolicyRule { action, on_exit_codes, on_pod_conditions };
    PodFailurePolicy { rules };
    SuccessPolicyRule {} keeps { succeeded_count, succeeded_indexes };
    SuccessPolicy { rules };
    JobSpec { pod_failure_policy, selector, success_policy, template }
        keeps {
            active_deadline_seconds, backoff_limit, backoff_limit_per_index, completion_mode,
            completions, managed_by, manual_selector, max_failed_indexes, parallelism,
            pod_replacement_policy, suspend, ttl_seconds_after_finished,
        };
    JobCondition { last_probe_time, last_transition_time, message, reason, status }
        renames { type_ = r#type };
    UncountedTerminatedPods { failed, succeeded };
    JobStatus {
        active, completed_indexes, completion_time, conditions, failed, start_time, succeeded,
        uncounted_terminated_pods,
    } keeps { failed_indexes, ready, terminating };
    Job { metadata, spec, status };
    JobTemplateSpec { metadata, spec };
    CronJobSpec { concurrency_policy, job_template, schedule }
        keeps {
            failed_jobs_history_limit, starting_deadline_seconds, successful_jobs_history_limit,
            suspend, time_zone,
        };
    CronJobStatus { active, last_schedule_time, last_successful_time };
    CronJob { metadata, spec, status };
}
