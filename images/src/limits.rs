//! What bounds a registry, an image and whoever names one. Each limit says what it stops.

use std::time::Duration;

/// The largest manifest or index. What the distribution specification tells registries to take.
pub const MANIFEST_BYTES_MAX: u64 = 4 << 20;
/// The largest config of an image. Real ones have a few kilobytes; it is kept in memory.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// The largest answer with a token in it. Real ones have some kilobytes.
pub const TOKEN_BYTES_MAX: u64 = 64 << 10;
/// How much is read of an answer that says what went wrong.
pub const COMPLAINT_BYTES_MAX: u64 = 8 << 10;
/// The largest file of signatures' payloads; real ones have less than a kilobyte.
pub const PAYLOAD_BYTES_MAX: u64 = 64 << 10;
/// The most signatures of one image that are looked at. Each costs a request and a verification.
pub const SIGNATURES_MAX: usize = 32;
/// The largest file of logins: a Secret has at most so much.
pub const LOGINS_BYTES_MAX: usize = 1 << 20;

/// The most layers of an image. Docker makes no more than 127.
pub const LAYERS_MAX: usize = 128;
/// The largest layer, as it is sent.
pub const LAYER_BYTES_MAX: u64 = 1 << 30;
/// The largest module. Language runtimes with their libraries are a tenth of it.
pub const MODULE_BYTES_MAX: u64 = 512 << 20;
/// The largest image, as it is sent: all of its layers.
pub const IMAGE_BYTES_MAX: u64 = 2 << 30;
/// The largest image when it is unpacked. Stops what only its compression keeps small.
pub const UNPACKED_BYTES_MAX: u64 = 4 << 30;
/// How many times larger than what was sent a layer may become, beyond [`UNPACKED_BYTES_FREE`].
/// Text becomes ten times as large, a bomb a thousand times.
pub const UNPACKED_RATIO_MAX: u64 = 100;
/// What a layer may become in any case: a small file of zeros is none of our business.
pub const UNPACKED_BYTES_FREE: u64 = 16 << 20;
/// How long an image may take to be unpacked, once it is its turn. Stops one whose content is
/// quickly sent and slowly made from keeping the others waiting; 4 GiB take a minute or two.
pub const UNPACK_TIME_MAX: Duration = Duration::from_secs(600);
/// The largest window of a layer compressed by zstd, which is kept in memory. Its own default for
/// what a decoder must take is an eighth of it.
pub const ZSTD_WINDOW_BYTES_MAX: u64 = 64 << 20;
/// The most frames of a layer compressed by zstd. Stops empty ones, each of which costs time;
/// zstd:chunked has one for each file and some more.
pub const ZSTD_FRAMES_MAX: usize = 1_000_000;
/// The most entries of all layers of an image. Stops many files of no size; a full Python has a
/// tenth of it.
pub const FILES_MAX: usize = 100_000;
/// The longest path in a layer. Leaves room for where it is unpacked, below Linux' 4096.
pub const PATH_BYTES_MAX: usize = 2048;
/// The most names in one path, once the links on its way are followed. Stops what looking through
/// deep trees costs; real ones have a dozen.
pub const PATH_NAMES_MAX: usize = 64;
/// The most names in all paths of an image together, those of directories among them that only lie on
/// the way. Stops entries that each bring directories of their own: all of it is kept in memory, some
/// 50 bytes each. A hundred thousand files twenty deep have as many.
pub const TREE_NAMES_MAX: usize = 2_000_000;
/// The longest name of one file, as file systems have it.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// The most links that lead from one to the next, as Linux has it.
pub const LINKS_MAX: usize = 40;

/// The most times that an answer may send us elsewhere. Registries do it once, to where their files
/// are.
pub const REDIRECTS_MAX: usize = 5;
/// The names of registries that are looked up at a time; the next wait. Stops those that are given up,
/// which the system's resolver goes on with, from taking every thread.
pub const LOOKUPS_MAX: usize = 32;
/// The most addresses of one name that are looked at.
pub const ADDRESSES_MAX: usize = 64;
/// How long a registry may take to be connected to.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(15);
/// How long a small answer may take altogether.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// How long sending one blob may take.
pub const UPLOAD_TIME_MAX: Duration = Duration::from_secs(3600);
/// How long a download may bring nothing at all.
pub const SILENCE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a download may bring less than [`RATE_BYTES_MIN`]. Stops a registry that sends a byte
/// now and then to keep us waiting for ever.
pub const RATE_TIME_MAX: Duration = Duration::from_secs(60);
/// See [`RATE_TIME_MAX`]: about a kilobyte a second.
pub const RATE_BYTES_MIN: u64 = 64 << 10;
/// How often one download is begun or gone on with before it has failed; what is there stays for
/// the next pull.
pub const DOWNLOAD_ATTEMPTS_MAX: usize = 5;
/// The pulls that go on at a time; the next wait. Each has a few connections and buffers.
pub const PULLS_MAX: usize = 8;
/// The most names that are kept in one folder, beyond which nothing is pulled. The file of names is
/// read whole.
pub const NAMES_MAX: usize = 20_000;
/// What all images from registries may take up in one folder. Stops whoever can name images from
/// filling the disk.
pub const STORE_BYTES_MAX: u64 = 32 << 30;
/// The most logins that one image remembers to have been pulled with; the oldest are asked again.
pub const LOGINS_REMEMBERED_MAX: usize = 64;
/// The most repositories that one content is remembered to have come from; the oldest are asked
/// again.
pub const SOURCES_REMEMBERED_MAX: usize = 64;
/// The most logins that are tried for one image.
pub const LOGINS_TRIED_MAX: usize = 16;
