//! What bounds the agent's requests, queues and files.

use std::time::Duration;

/// How long an answer may take that is not a stream. Stops a server that has ceased to answer from
/// holding up everything that waits for it; the kubelet's own is as long.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How long a watch goes on before it is begun anew. A line that was cut without a word is noticed
/// after that time at the latest.
pub(crate) const WATCH_SECONDS: u32 = 120;

/// After so long without a word, a watch is taken for cut off: the server should have ended it.
pub(crate) const WATCH_SILENCE_MAX: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 15);

/// Pods in one page of a list, as kubectl and the kubelet ask for it.
pub(crate) const PAGE_PODS: u32 = 500;

/// Pages of one list. Stops a server that always has one more.
pub(crate) const PAGES_MAX: usize = 10_000;

/// Changes of pods that wait for the agent, beyond which the watch is not read on.
pub(crate) const CHANGES_MAX: usize = 256;

/// Requests about pods that are under way at once. Stops thousands of pods that end together from
/// taking every connection that the API server has.
pub(crate) const ERRANDS_MAX: usize = 32;

/// Events that wait to be told. Those beyond are lost, which only people miss.
pub(crate) const EVENTS_MAX: usize = 4096;

/// Bytes of what an event says, of which a server may have made up a part. Kubernetes takes none that
/// is longer.
pub(crate) const EVENT_MESSAGE_BYTES_MAX: usize = 1024;

/// Answers that are remembered of who may ask the node, all of which are forgotten beyond.
pub(crate) const ANSWERS_KEPT_MAX: usize = 1024;

/// How large the journal may grow, beyond twice of what counts in it, before it is written anew.
pub(crate) const JOURNAL_SLACK_BYTES: u64 = 4 << 20;

/// How long one line of the journal may be. A status is at most some kilobytes; what this stops is
/// a file that is none of ours.
pub(crate) const JOURNAL_LINE_BYTES_MAX: usize = 8 << 20;
