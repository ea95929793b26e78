//! What a guest sees of files, and can't.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::{Access, Mount};

/// The guest's error numbers that are looked for here.
const ACCES: u32 = 2;
const BADF: u32 = 8;
const NOENT: u32 = 44;
const NOTSUP: u32 = 58;
const PERM: u32 = 63;
const ROFS: u32 = 69;

/// Opens `path` below the preopen `dir`, to write if `write`; exits with the error of that, or else
/// prints what it reads, or writes `new` to it.
pub(super) fn opens(dir: u32, path: &str, write: bool) -> String {
    let (oflags, rights) = if write { (1, 64) } else { (0, 2) };
    let then = if write { "fd_write" } else { "fd_read" };
    format!(
        r#"(memory (export "memory") 1)
           (data (i32.const 1024) "{path}") (data (i32.const 4096) "new")
           (func (export "_start") (local $errno i32)
             (local.set $errno (call $path_open (i32.const {dir}) (i32.const 1)
               (i32.const 1024) (i32.const {length}) (i32.const {oflags})
               (i64.const {rights}) (i64.const 0) (i32.const 0) (i32.const 16)))
             (if (local.get $errno) (then (call $exit (local.get $errno))))
             (i32.store (i32.const 0) (i32.const 4096)) (i32.store (i32.const 4) (i32.const 3))
             (local.set $errno
               (call ${then} (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 4)))
             (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
             (call $exit (local.get $errno)))"#,
        length = path.len()
    )
}

/// Prints the name of the preopen `dir`, or exits with the error of asking for it.
fn preopen(dir: u32) -> String {
    format!(
        r#"(memory (export "memory") 1)
           (func (export "_start") (local $errno i32)
             (local.set $errno (call $fd_prestat_get (i32.const {dir}) (i32.const 0)))
             (if (local.get $errno) (then (call $exit (local.get $errno))))
             (i32.store (i32.const 0) (i32.const 64))
             (drop (call $fd_prestat_dir_name
               (i32.const {dir}) (i32.const 64) (i32.load (i32.const 4))))
             (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#
    )
}

pub(super) fn mount(host: &std::path::Path, guest: &str, access: Access) -> Mount {
    Mount { host: host.to_owned(), below: <_>::default(), guest: guest.to_owned(), access }
}

/// A folder with a file `in/file`, a secret outside of `in`, and links from there to it.
pub(super) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("in/sub")).unwrap();
    fs::write(folder.path().join("in/file"), "old").unwrap();
    fs::write(folder.path().join("in/sub/file"), "sub").unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    symlink("../secret", folder.path().join("in/link")).unwrap();
    symlink(folder.path().join("secret"), folder.path().join("in/absolute")).unwrap();
    symlink("..", folder.path().join("in/up")).unwrap();
    symlink("sub/file", folder.path().join("in/inside")).unwrap();
    folder
}

#[tokio::test]
async fn without_mounts_there_is_only_dev() {
    assert_eq!(printed(&preopen(3), Guest::new()).await, (End::Exited(0), "/dev".to_owned()));
    assert_eq!(printed(&preopen(4), Guest::new()).await.0, End::Exited(BADF));
    for path in ["etc/passwd", "../etc/passwd", "/etc/passwd", "."] {
        let (end, read) = printed(&opens(4, path, false), Guest::new()).await;
        assert_eq!((end, read.as_str()), (End::Exited(BADF), ""), "{path}");
    }
}

#[tokio::test]
async fn nothing_leads_out_of_a_mount() {
    let folder = folder();
    let mounts = [Access::ReadOnly, Access::ReadWrite]
        .map(|access| mount(&folder.path().join("in"), "/data", access));
    for mount in mounts {
        for path in
            ["../secret", "link", "absolute", "up/secret", "sub/../../secret", "/etc/passwd"]
        {
            for write in [false, true] {
                let guest = Guest::new().mount(mount.clone());
                let (end, _) = printed(&opens(4, path, write), guest).await;
                let refused = [PERM, ROFS, ACCES].map(End::Exited).contains(&end);
                assert!(refused, "{path}, write {write}: {end:?}");
            }
        }
        for path in ["file", "./sub/../file", "sub/file", "inside"] {
            let (end, read) =
                printed(&opens(4, path, false), Guest::new().mount(mount.clone())).await;
            assert_eq!((end, read.len()), (End::Exited(0), 3), "{path}");
        }
    }
    assert_eq!(fs::read(folder.path().join("secret")).unwrap(), b"secret");
}

#[tokio::test]
async fn what_is_mounted_to_read_cannot_be_written() {
    let folder = folder();
    for (access, expect) in [(Access::ReadOnly, "old"), (Access::ReadWrite, "new")] {
        let guest = Guest::new().mount(mount(&folder.path().join("in"), "/data", access));
        let (end, _) = printed(&opens(4, "file", true), guest).await;
        assert_eq!(end == End::Exited(0), access == Access::ReadWrite, "{end:?}");
        assert_eq!(fs::read_to_string(folder.path().join("in/file")).unwrap(), expect);
    }
    let guest = Guest::new().mount(mount(&folder.path().join("in"), "/data", Access::ReadOnly));
    assert_ne!(printed(&opens(4, "made", true), guest).await.0, End::Exited(0));
    assert!(!folder.path().join("in/made").exists());
}

/// A folder with a named pipe `in/pipe` that nobody else opens.
pub(super) fn folder_with_a_pipe() -> tempfile::TempDir {
    let folder = folder();
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
    rustix::fs::mknodat(rustix::fs::CWD, folder.path().join("in/pipe"), kind, mode, 0).unwrap();
    folder
}

#[tokio::test]
async fn a_named_pipe_keeps_nobody_waiting() {
    let folder = folder_with_a_pipe();
    for write in [false, true] {
        let mount = mount(&folder.path().join("in"), "/data", Access::ReadWrite);
        let (end, _) = printed(&opens(4, "pipe", write), Guest::new().mount(mount)).await;
        assert_eq!(end, End::Exited(NOTSUP), "write {write}");
    }
}

#[tokio::test]
async fn a_single_file_is_mounted_without_its_neighbours() {
    let folder = folder();
    let file = folder.path().join("in/file");
    let guest = || Guest::new().mount(mount(&file, "/etc/app/config", Access::ReadOnly));
    assert_eq!(printed(&preopen(4), guest()).await.1, "/etc/app");
    assert_eq!(printed(&opens(4, "config", false), guest()).await, (End::Exited(0), "old".into()));
    for path in ["file", "sub/file", "link"] {
        assert_eq!(printed(&opens(4, path, false), guest()).await.0, End::Exited(NOENT), "{path}");
    }
    assert_ne!(printed(&opens(4, "config", true), guest()).await.0, End::Exited(0));
    assert_eq!(fs::read(&file).unwrap(), b"old");
}

#[tokio::test]
async fn what_is_below_the_host_side_is_found_without_following_a_link() {
    let folder = folder();
    let host = folder.path().join("in");
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("sub/file"), "out").unwrap();
    symlink("sub", host.join("alias")).unwrap();
    let below =
        |below: &str| Mount { below: below.into(), ..mount(&host, "/data", Access::ReadOnly) };
    let (end, read) = printed(&opens(4, "file", false), Guest::new().mount(below("sub"))).await;
    assert_eq!((end, read.as_str()), (End::Exited(0), "sub"));
    let (end, read) =
        printed(&opens(4, "data", false), Guest::new().mount(below("sub/file"))).await;
    assert_eq!((end, read.as_str()), (End::Exited(0), "sub"));
    let table = [
        ("link", "link is a symbolic link"),
        ("up/sub", "up is a symbolic link"),
        ("alias", "alias is a symbolic link"),
        ("absolute", "absolute is a symbolic link"),
        ("../sub", "leads out"),
        ("file/file", "Not a directory"),
        ("missing", "No such file"),
    ];
    let module = load(&preopen(3), Metering::Epochs).await;
    let sandbox = Sandbox::new(ENGINE.clone());
    for (path, expect) in table {
        let guest = Guest::new().mount(below(path));
        let run = sandbox.run(&module, guest, Limits::default(), CancellationToken::new());
        let error = run.await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(expect), "{path}: {expect:?} in {source:?}");
    }
}

#[tokio::test]
async fn the_working_directory_is_given_as_a_dot() {
    let folder = folder();
    let data = || Guest::new().mount(mount(&folder.path().join("in"), "/data", Access::ReadWrite));
    let (end, name) = printed(&preopen(3), data().working_dir("/data/sub/")).await;
    assert_eq!((end, name.as_str()), (End::Exited(0), "."));
    let (_, read) = printed(&opens(3, "file", false), data().working_dir("/data/sub")).await;
    assert_eq!(read, "sub");
    // A directory that lies in no mount is empty, and so is not given at all.
    assert_eq!(printed(&preopen(5), data().working_dir("/srv")).await.0, End::Exited(BADF));
}

/// The number of what is closed is given to the next file, which must not be reached by another.
#[tokio::test]
async fn a_closed_working_directory_leaves_its_mount_where_it_is() {
    let (first, second) = (folder(), folder());
    let mount =
        |folder: &tempfile::TempDir, guest, access| mount(&folder.path().join("in"), guest, access);
    // `.`, /dev, /first and /second are 3 to 6.
    let guest = Guest::new()
        .mount(mount(&first, "/first", Access::ReadOnly))
        .mount(mount(&second, "/second", Access::ReadWrite))
        .working_dir("/first");
    let body = r#"(memory (export "memory") 1)
        (data (i32.const 1024) "sub") (data (i32.const 1028) "made")
        (func (export "_start")
          (if (call $fd_close (i32.const 3)) (then unreachable))
          (if (call $path_open (i32.const 6) (i32.const 0) (i32.const 1024) (i32.const 3)
            (i32.const 2) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 16))
            (then unreachable))
          (call $exit (call $path_open (i32.const 5) (i32.const 0) (i32.const 1028) (i32.const 4)
            (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16))))"#;
    let (end, _) = printed(body, guest).await;
    assert!(!second.path().join("in/sub/made").exists());
    assert!([PERM, ROFS, ACCES].map(End::Exited).contains(&end), "{end:?}");
}

#[tokio::test]
async fn what_cannot_be_mounted_or_entered_is_said() {
    let folder = folder();
    let missing = mount(&folder.path().join("missing"), "/data", Access::ReadOnly);
    let there = mount(&folder.path().join("in"), "/data", Access::ReadOnly);
    let relative = Mount { guest: "data".to_owned(), ..there.clone() };
    let table = [
        (Guest::new().mount(missing), "missing at /data"),
        (Guest::new().mount(relative), "a mount must be an absolute path"),
        (Guest::new().mount(there.clone()).working_dir("/data/none"), "/data/none as the working"),
        // Planted by an earlier guest, say: it must not lead the host out of the mount either.
        (Guest::new().mount(there.clone()).working_dir("/data/up"), "/data/up as the working"),
        (Guest::new().mount(there).working_dir("/data/file"), "/data/file as the working"),
    ];
    let module = load(&preopen(3), Metering::Epochs).await;
    let sandbox = Sandbox::new(ENGINE.clone());
    for (guest, expect) in table {
        let run = sandbox.run(&module, guest, Limits::default(), CancellationToken::new());
        let error = run.await.unwrap_err().to_string();
        assert!(error.contains(expect), "{expect:?} in {error:?}");
    }
}

#[tokio::test]
async fn dev_can_be_listed() {
    let body = r#"(memory (export "memory") 1)
        (func (export "_start")
          (drop (call $fd_readdir
            (i32.const 3) (i32.const 4096) (i32.const 4096) (i64.const 0) (i32.const 4)))
          (i32.store (i32.const 0) (i32.const 4096))
          (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#;
    let (end, listing) = printed(body, Guest::new()).await;
    assert_eq!(end, End::Exited(0));
    for name in ["null", "zero", "urandom", "stdin", "stdout", "stderr", "termination-log"] {
        assert!(listing.contains(name), "{name} in {listing:?}");
    }
}
