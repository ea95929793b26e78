//! An OCI bundle whose one process is `/bin/true`, for runtimes of Linux containers.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

/// What `/bin/true` is made of: the host's own folders, to be read alone.
const FOLDERS: [&str; 4] = ["/bin", "/lib", "/lib64", "/usr"];

/// Namespaces of its own, as bwrap's `--unshare-all` makes.
const NAMESPACES: [&str; 5] = ["pid", "ipc", "uts", "mount", "network"];

/// Makes one in a new folder, with `state/` beside for what the runtime keeps.
pub(crate) fn make() -> io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for name in ["rootfs", "state"] {
        fs::create_dir(folder.path().join(name))?;
    }
    let owner = fs::metadata(folder.path())?;
    let config = config((owner.uid(), owner.gid())).to_string();
    fs::write(folder.path().join("config.json"), config)?;
    Ok(folder)
}

fn config((user, group): (u32, u32)) -> Value {
    let own = |id: u32| json!([{"containerID": 0, "hostID": id, "size": 1}]);
    let mut namespaces: Vec<_> = NAMESPACES.iter().map(|kind| json!({"type": kind})).collect();
    let mut linux = json!({});
    if user != 0 {
        namespaces.push(json!({"type": "user"}));
        linux = json!({"uidMappings": own(user), "gidMappings": own(group)});
    }
    linux["namespaces"] = namespaces.into();
    let folders = FOLDERS.iter().filter(|folder| Path::new(folder).is_dir());
    let mounts = folders.map(|folder| {
        json!({
            "destination": folder, "type": "bind", "source": folder,
            "options": ["rbind", "ro"],
        })
    });
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/bin/true"],
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": true},
        "mounts": mounts.collect::<Vec<_>>(),
        "linux": linux,
    })
}
