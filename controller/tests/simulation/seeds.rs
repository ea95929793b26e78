//! The seeds that are always played: some that do much, and each that has once found something.

/// A seed, and why it is here.
pub(crate) const FIXED: &[(u64, &str)] = &[
    (1, "two CronJobs, a second node and a disk that is full for a while"),
    (5, "a container waited for ever for its turn, when its report was answered late"),
    (12, "the same, for a restart"),
    (17, "a pod failed while its Job, which had its successes, let it go"),
    (18, "a Job ended before it began, since the clock had been set back"),
    (55, "the same, for a CronJob's Job"),
    (88, "a run that was lost twice counted as a restart"),
    (122, "the same, while its image was not there"),
    (194, "completions are raised when the Job has ended"),
    (335, "a failed pod of a suspended Job waits to be counted with its successor"),
    (379, "a pod is orphaned while its Job counts it"),
    (2123, "a report that is tried again waits for a clock that was set back"),
    (4342, "a suspended Job ended, without ever having begun, when it was made smaller"),
    (5038, "a pod is deleted at once, and its Job is suspended"),
    (5723, "a work queue's success is on its way while a pod is made"),
    (5837, "a pod is evicted, and its Job's parallelism is 0 from then on"),
    (6213, "the removal of a pod is tried again, and the clock is set back meanwhile"),
    (1006185, "a node has a write of its own on its way when others end the pod"),
    (3009990, "completions are raised when success is declared already"),
    (3024575, "a pod that is being deleted succeeds while its replacement is planned"),
    (3028688, "a Job is deleted, and its pods stay behind"),
    (3034976, "the same as 3024575, with a crash"),
    (5098849, "a Job loses an index that has succeeded, and then its parallelism"),
    (5050355, "the end of a run is told when the run has been begun once more"),
];
