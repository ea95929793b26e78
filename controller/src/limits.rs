//! Every bound of the control plane, by name. Each says what it stops.

use std::time::Duration;

/// Changes that the store remembers for its watchers. Stops a watcher that is slow or gone from
/// costing memory: with pods of some 6 KB this is about 100 MB at worst (a change holds the version
/// before it as well, which mostly is that of another change), and at 20,000 changes a second it
/// still lets a watcher pause for the better part of a second.
pub const WATCH_HISTORY_MAX: usize = 16_384;

/// Bytes of all those changes together, as they are written to disk. Stops objects of a megabyte
/// each from filling memory; twice what a whole history of pods and their events has. What the last
/// batch has brought stays all the same, until the next one comes.
pub const WATCH_HISTORY_BYTES_MAX: usize = 64 << 20;

/// Requests for certificates that are kept at once. Stops hosts that join, or whoever has a token, from
/// filling memory and the disk; those that are signed or refused go after an hour.
pub const CERTIFICATE_REQUESTS_MAX: usize = 4_096;

/// Of those, the ones that are signed or refused; beyond, the oldest go before their time. Stops a node
/// that asks again and again from leaving no room for others: half of all, and a host that joins looks
/// for its certificate twice a second.
pub const CERTIFICATE_REQUESTS_OVER_MAX: usize = CERTIFICATE_REQUESTS_MAX / 2;

/// Requests for certificates of one user that nobody has decided on, unless they may do everything.
/// Stops a node, or whoever has a token, from leaving no room for others; a whole rack that joins at
/// once has as many for a moment.
pub const CERTIFICATE_REQUESTS_PENDING_MAX: usize = 128;

/// Bytes of what a certificate is asked with (PEM), and of the names, labels and annotations of a request
/// of who may not do everything. Stops requests from filling memory and the disk; with the largest keys
/// that there are it is a third of this.
pub const CERTIFICATE_REQUEST_BYTES_MAX: usize = 16 * 1024;

/// Seconds for which the store remembers a change, unless it is one of the latest
/// [`WATCH_HISTORY_IDLE`]. Stops a server that has nothing to do from holding what it has done;
/// Kubernetes compacts its history as often, and so a list in pages has as long.
pub const WATCH_HISTORY_SECONDS: u64 = 300;

/// Changes that the store remembers however old they are. Stops a watcher of a server that has little
/// to do from being sent back to listing.
pub const WATCH_HISTORY_IDLE: usize = 1_024;

/// Bytes of JSON of an object that is packed when nobody has written it for a while. Stops the packing
/// of one from holding up commits, and is as far as what is packed can refer back.
pub const PACKED_BYTES_MAX: usize = 32 * 1024;

/// Jobs, CronJobs and pods, of each so many, that have series of their own on the page of metrics,
/// unless the operator says another number: those that have not ended, and then the newest. Stops a
/// scrape from growing with all that was ever run: ten thousand pods make some 60 MB of text, which
/// is written while it is read.
pub const METRICS_OBJECTS_MAX: usize = 10_000;

/// Pages of metrics that are sent at once. Stops clients that never read on from keeping what their
/// pages are of in memory, some 10 MB each; a few Prometheus servers ask at the same moment.
pub const METRICS_PAGES_AT_ONCE_MAX: usize = 16;

/// Seconds that a client may take to read a page of metrics. Stops one that does not read from being
/// one of those for ever; Prometheus gives up sooner.
pub const METRICS_SECONDS_MAX: u64 = 60;

/// Bytes of directives for the log. Stops a body from filling memory; nobody writes as many.
pub const FLAG_BYTES_MAX: usize = 4096;

/// Changes that a watcher takes from the history at once. Stops one that has much to catch up on
/// from holding up commits.
pub const WATCH_CHUNK_MAX: usize = 256;

/// Watches over HTTP at once. Stops clients that open them and never end them from filling memory:
/// with what each may have waiting (below), all of them together hold some 200 MB at worst.
pub const WATCHES_MAX: usize = 1_024;

/// Bytes of a list that are written at once, and then go to the client before there are more. Stops
/// the list of very many objects from being built up in memory; large enough to spare most writes.
pub const LIST_PIECE_BYTES: usize = 64 * 1024;

/// Bytes of events that go to a client together, unless a single event has more. Stops a watch that
/// has much to tell from building it all up at once; large enough to spare most writes.
pub const WATCH_FRAME_BYTES_MAX: usize = 64 * 1024;

/// Such frames that wait for a client to read on. Stops one that is slow from costing memory: with
/// the one that is being filled, a watch holds this many and one.
pub const WATCH_FRAMES_MAX: usize = 2;

/// Seconds that a client may take to read on. Stops one that has stopped reading from holding a
/// watch for ever, and with it old versions of the objects that it began with.
pub const WATCH_STALL_SECONDS: u64 = 60;

/// Specs of pods that are looked through for an equal one, so that it is held once. Stops those of
/// pods that all differ, and are gone, from taking memory: some 2 KB each.
pub const COMMONS_MAX: usize = 1_024;

/// Operations of one transaction. Stops a single plan from filling the watch history, which would
/// send every watcher back to listing.
pub const TRANSACTION_OPERATIONS_MAX: usize = 8_192;

/// Attempts at a name for `generateName`. Stops a loop when nearly all names are taken; Kubernetes
/// tries as often.
pub const GENERATED_NAME_ATTEMPTS_MAX: usize = 8;

/// Bytes of one file of a log, of which a run has [`LOG_FILES_MAX`]. Stops a flood from filling the
/// node's disk; the kubelet's `containerLogMaxSize`.
pub const LOG_FILE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Files of the log of one run; beyond, the oldest goes. Stops a flood from filling the node's disk;
/// the kubelet's `containerLogMaxFiles`.
pub const LOG_FILES_MAX: u32 = 5;

/// Bytes of one line of a log; a longer one goes on in the next. Stops output without newlines from
/// filling memory; container runtimes for Kubernetes cut at the same length.
pub const LOG_LINE_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a log that is kept in memory while it grows, and with others in one file; a longer one
/// has files of its own. Stops what running containers print from filling memory; what most of them
/// print fits, and a disk's block has as many.
pub const LOG_SMALL_BYTES_MAX: usize = 4096;

/// Bytes of a file of small logs, after which the next one begins. Stops the logs of pods that are no
/// more from taking space for long, and a look through one of them from taking more than some
/// milliseconds.
pub const LOG_SEGMENT_BYTES_MAX: u64 = 4 << 20;

/// Runs of one container whose logs are kept: the one that goes on, and the one before it. Stops a
/// container that restarts for ever from filling the node's disk; the kubelet keeps as many.
pub const LOG_RUNS_MAX: u32 = 2;

/// Bytes of an `emptyDir` on disk that has no `sizeLimit`. Stops a pod from filling the node's disk;
/// enough for the build trees and data sets that Jobs unpack.
pub const VOLUME_BYTES_DEFAULT: u64 = 10 << 30;

/// Files, directories and links of an `emptyDir`. Stops a pod from using up the inodes of the node's
/// disk, and from making its end take minutes: removing as many takes some seconds.
pub const VOLUME_ENTRIES_MAX: u64 = 250_000;

/// Bytes of an `emptyDir` in memory, if neither it nor its pod has a limit. Stops a pod from filling
/// the node's memory; as much as a container may use that has no limit.
pub const MEMORY_VOLUME_BYTES_DEFAULT: u64 = 256 << 20;

/// Bytes that are left of the disk that a node keeps its state on, unless a tenth of it is less. Stops
/// pods from taking what the store needs to write: its journals and tables, several times.
pub const DISK_RESERVE_BYTES: u64 = 1 << 30;

/// Files that can still be made on it, unless a twentieth of all is less. Stops pods from taking
/// those that the store and logs need.
pub const DISK_ENTRIES_RESERVE: u64 = 100_000;

/// Logs that are sent and clients that are attached at once. Stops clients that open them and never
/// read from filling memory: with a chunk of a log and the buffers of a connection each, all of them
/// together hold some 200 MB at worst.
pub const STREAMS_MAX: usize = 512;

/// Seconds that a node on another host may take to answer, and to go on with an answer that follows
/// nothing. Stops one that has fallen silent from keeping its clients, and their places.
pub const NODE_ANSWER_SECONDS: u64 = 30;

/// Bytes of a log that are sent, or attached to, at once. Stops a large log from filling memory.
pub const LOG_CHUNK_BYTES: usize = 32 * 1024;

/// Bytes of a container's input that wait until it reads them. Stops whoever types faster than it
/// reads from filling memory: the next byte waits at the sender.
pub const INPUT_BYTES_MAX: usize = 64 * 1024;

/// Bytes of one message from a client that is attached to a container; a larger one ends the
/// connection. Stops a client from filling memory; kubectl sends at most 32 KiB at once.
pub const ATTACH_MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// How long a client that was attached to a container has to close its connection after we have.
/// Stops one that never does from keeping the connection.
pub const ATTACH_CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Pods that the scheduler decides on in one transaction. Stops a great many that come at once from
/// holding up the commits of everything else; more than this gains nothing.
pub const SCHEDULER_DECISIONS_MAX: usize = 1_000;

/// Changes of nodes that the scheduler remembers. Stops it from remembering every pod that was ever
/// bound; who has been away for longer looks at all nodes once, which costs no more than as many.
pub const NODE_CHANGES_MAX: usize = 4_096;

/// Sorts of pods that the scheduler keeps a lane for when no pod of them waits, or as many as have
/// pods, if those are more. Stops what every sort there ever was had seen of the nodes from filling
/// memory, and those that are empty from being looked for whenever one more comes.
pub const SCHEDULER_LANES_MAX: usize = 256;

/// Specs of pods of which the scheduler keeps what it has made of them. Stops those that are gone from
/// taking memory: some 5 KB each.
pub const SCHEDULER_SPECS_MAX: usize = 256;

/// Pods that go for one of a higher priority. Stops a single pod from ending a whole node's work, and
/// the transaction that has them go from being too large; where more would have to, none does.
pub const PREEMPTION_VICTIMS_MAX: usize = 1_000;

/// Pods that are tried to be without before what is decided is written. Stops a great many pods that
/// have others go from holding up all else: some tenths of a second.
pub const PREEMPTION_TRIALS_MAX: u64 = 1_000_000;

/// Pods that a node takes at once. Stops what waits for ever (an image that is not there, a service)
/// from filling memory; ten thousand sleeping guests take some 250 MB.
pub const NODE_PODS_MAX: usize = 10_000;

/// Messages of a pod's containers that wait for its agent. Stops one that starts and ends without
/// pause from filling memory: it waits until it has been heard.
pub const PROGRESS_QUEUE_MAX: usize = 16;

/// Bytes of a termination message that a container writes; only its last ones are kept. Stops one
/// container from making its pod large. Kubernetes' own limit.
pub const TERMINATION_MESSAGE_BYTES_MAX: usize = 4096;

/// Bytes of termination messages that a pod's status shows, shared evenly by its containers. Stops
/// many of them from making their pod large. Kubernetes' own limit.
pub const POD_TERMINATION_MESSAGE_BYTES_MAX: usize = 12 * 1024;

/// Bytes of a log that stand for a termination message. Kubernetes' own limit.
pub const TERMINATION_LOG_BYTES_MAX: usize = 2048;

/// Lines of a log that stand for a termination message. Kubernetes' own limit.
pub const TERMINATION_LOG_LINES_MAX: usize = 80;

/// Transactions that wait for the disk. Stops callers from filling memory when it is slow: the next
/// one waits before it is queued.
pub const COMMIT_QUEUE_MAX: usize = 4_096;

/// Transactions that share one fsync. Stops a single batch from delaying its first caller for long;
/// more than this gains nothing, since fsync is by then a small part.
pub const BATCH_TRANSACTIONS_MAX: usize = 1_024;

/// Changes after which a batch takes no further transaction. Stops a batch from filling the watch
/// history, of which this and one transaction of the largest size are no more than the whole.
pub const BATCH_CHANGES_MAX: usize = WATCH_HISTORY_MAX - TRANSACTION_OPERATIONS_MAX;

/// A file of the journal, but for a larger batch. Stops what is removed at once from being much, and a
/// start from reading much to find the end.
pub const JOURNAL_FILE_BYTES: u64 = 16 << 20;

/// What the journal may have before its oldest file is emptied and removed. Stops little from being
/// written again and again; a start reads as much in a tenth of a second.
pub const JOURNAL_BYTES_MIN: u64 = 64 << 20;

/// Rows of a file of the journal that are remembered because they were written again. Stops these from
/// being held in memory once more; where there are more, the file is read.
pub const JOURNAL_REWRITTEN_MAX: usize = 1_024;

/// The memory that is kept for putting a batch together. Stops one large batch from holding it for ever.
pub const JOURNAL_BUFFER_BYTES_MAX: usize = 1 << 20;

/// Similar events about one object before they are combined into one. Stops a Job of a million
/// pods from having a million events; Kubernetes' number.
pub const SIMILAR_EVENTS_MAX: usize = 10;

/// Events that one component may write about one object at once. Stops an object that fails for
/// ever from writing for ever; Kubernetes' number.
pub const EVENT_BURST_MAX: f64 = 25.0;

/// Seconds after which it may write one more; Kubernetes' number.
pub const EVENT_REFILL_SECONDS: f64 = 300.0;

/// Objects and events that a recorder remembers in order to count and combine. Stops it from
/// remembering every pod there ever was; Kubernetes' number.
pub const EVENT_CORRELATIONS_MAX: usize = 4_096;

/// Seconds that an event is kept after it was last written; Kubernetes' number.
pub const EVENT_TTL_SECONDS: u64 = 3_600;

/// Events that are kept; beyond, the oldest go before their time. Stops a busy hour from filling
/// memory: at some 2 KB each this is about 100 MB.
pub const EVENTS_MAX: usize = 50_000;

/// Old events that are deleted together. Stops the end of a busy hour from holding up other
/// transactions.
pub const EVENTS_EXPIRED_AT_ONCE_MAX: usize = 512;

/// Objects that the garbage collector acts on in one transaction. Stops the end of a large Job from
/// holding up other transactions.
pub const GC_OBJECTS_MAX: usize = 512;

/// Pods that are collected in one transaction. Stops the end of many from holding up other
/// transactions.
pub const POD_GC_PODS_MAX: usize = 512;

/// Pods of lost nodes that are changed or deleted in one transaction. As above.
pub const EVICTIONS_MAX: usize = 512;

/// Objects of a collection that are deleted in one transaction. Stops the end of a large collection
/// from holding up other transactions.
pub const DELETED_AT_ONCE_MAX: usize = 512;

/// Objects of a namespace that are deleted in one transaction. Stops the end of a large namespace
/// from holding up other transactions.
pub const NAMESPACE_OBJECTS_MAX: usize = 512;

/// Bytes of the body of one request. Stops a client from filling memory; the API server's own.
pub const REQUEST_BODY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Attempts at a write whose object changes at the same time. Stops writers from keeping a request
/// for ever; a few would not do, since a Job at full speed changes in every group of commits. The
/// API server goes on until the request's time is up.
pub const WRITE_ATTEMPTS_MAX: usize = 100;

/// Operations of one JSON patch. Stops a body of many small ones from keeping a thread for long; the
/// API server's own.
pub const JSON_PATCH_OPERATIONS_MAX: usize = 10_000;

/// Bytes of a request's path, query and headers. Stops a client from filling memory with what is no
/// body; far more than any client sends.
pub const REQUEST_HEADER_BYTES_MAX: usize = 64 * 1024;

/// Headers of a request. As above.
pub const REQUEST_HEADERS_MAX: usize = 100;

/// Requests at once that only read, but for those that go on for long. Stops answers from filling
/// memory; the API server's own.
pub const READS_AT_ONCE_MAX: usize = 400;

/// Requests at once that change something. Stops bodies from filling memory; the API server's own.
pub const WRITES_AT_ONCE_MAX: usize = 200;

/// Seconds that a request may take, but for those that go on for long. Stops one that sends its body
/// byte by byte from keeping its place; the API server's own.
pub const REQUEST_SECONDS_MAX: u64 = 60;

/// Bytes that the steps of one JSON patch may copy together. Stops steps that each copy what the one
/// before has made from doubling an object until memory is full; ten times the largest body, as in
/// the API server.
pub const JSON_PATCH_COPIED_BYTES_MAX: usize = 10 * REQUEST_BODY_BYTES_MAX;

/// Bytes of what a client calls itself as the owner of fields; Kubernetes' own limit. Stops it from
/// making every object large that it writes.
pub const FIELD_MANAGER_BYTES_MAX: usize = 128;

/// Quotas whose status one transaction writes. Stops a great many of them from holding up the
/// commits of everything else; more than this gains nothing.
pub const QUOTAS_PER_COMMIT_MAX: usize = 256;

/// Bytes of a backup that is restored. Stops one that never ends from filling memory, where its
/// objects are before anything is done with them; some millions of pods have as many.
pub const BACKUP_BYTES_MAX: u64 = 4 << 30;

/// Bytes of a line of a backup, which is an object. Stops a file that is something else from being
/// read as one line; several times the largest body of a request.
pub const BACKUP_LINE_BYTES_MAX: usize = 16 << 20;

/// The newest resource version in a backup that is restored. Stops one that was made up from leaving
/// none to go on with: a client that reads them as JSON numbers knows those below 2^53.
pub const BACKUP_VERSION_MAX: u64 = 1 << 52;

/// Backups that are sent at once. Stops clients that never read on from keeping every object in
/// memory as it was once; the operator needs one.
pub const BACKUPS_AT_ONCE_MAX: usize = 4;

/// Seconds that a client may take to read on in a backup. Stops one that has stopped reading from being
/// one of those for ever, and with it the objects of that moment from staying.
pub const BACKUP_STALL_SECONDS: u64 = 60;

/// Seconds that may pass between two pieces of a backup that is sent to be restored. Stops a client
/// that has gone from keeping others from restoring.
pub const RESTORE_STALL_SECONDS: u64 = 60;

/// Folders of pods that are gone which the node puts aside before it looks at anything else, when it is
/// told all that there are. Stops a state that is older by very many pods from holding everything up:
/// beyond, it is done beside, and new pods wait for it. So many take some milliseconds.
pub const STRAYS_AT_ONCE_MAX: usize = 256;
