use std::fs;
use std::os::unix::fs::symlink;

use super::*;

#[test]
fn only_what_is_below_an_allowed_folder_is_found() {
    let host = tempfile::tempdir().unwrap();
    let host = host.path().canonicalize().unwrap();
    for folder in ["data/inner", "other", "database"] {
        fs::create_dir_all(host.join(folder)).unwrap();
    }
    symlink("data", host.join("alias")).unwrap();
    let allowed = HostPaths::allow([host.join("alias"), host.join("data/inner")]).unwrap();
    let check = |path: &str, expected: Option<&str>| {
        let found = allowed.find(host.join(path).to_str().unwrap());
        let below = found.as_ref().ok().map(|place| {
            assert_eq!(place.folder, host.join("data"), "the outermost, without links");
            place.below.to_str().unwrap()
        });
        assert_eq!(below, expected, "{path}");
    };
    check("alias", Some(""));
    check("alias/", Some(""));
    check("alias/x/./y", Some("x/y"));
    check("data/x", Some("x"));
    check("data/inner/x", Some("inner/x"));
    check("alias/inner/x", Some("inner/x"));
    check("alias/../other", None);
    check("alias/x/../y", None);
    check("other", None);
    check("database", None);
    check("", None);
    check("/", None);
    assert!(allowed.find("x").is_err(), "it must be absolute");
    assert!(allowed.find("").is_err());
}

#[test]
fn a_refusal_says_what_is_allowed_and_by_whom() {
    assert_eq!(
        HostPaths::default().check("/srv").unwrap_err(),
        "hostPath /srv is not allowed: this node gives pods no path of its host unless its operator \
         allows a folder with --host-path"
    );
    let folder = tempfile::tempdir().unwrap();
    let allowed = HostPaths::allow([folder.path()]).unwrap();
    assert_eq!(
        allowed.check("/srv").unwrap_err(),
        format!(
            "hostPath /srv is not allowed: this node gives pods only what is below {}, which its \
             operator allows with --host-path",
            folder.path().display()
        )
    );
    let missing = folder.path().join("missing");
    let error = HostPaths::allow([&missing]).unwrap_err().to_string();
    assert!(error.starts_with(missing.to_str().unwrap()), "{error}");
}

#[test]
fn a_type_says_what_must_be_there_and_what_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let allowed = HostPaths::allow([folder.path()]).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    symlink("file", folder.path().join("link")).unwrap();
    let check = |type_: &str, name: &str, expected: Result<bool, &str>| {
        let path = folder.path().join(name).to_str().unwrap().to_owned();
        let source = HostPathVolumeSource { path: path.clone(), type_: Some(type_.to_owned()) };
        let prepared = allowed.prepare(&source).map_err(|error| error.to_string());
        let is_directory = prepared.map(|()| Path::new(&path).is_dir());
        let expected = expected.map_err(|text| text.replace('@', &path));
        assert_eq!(is_directory, expected, "{type_} {name}");
    };
    check("Directory", "", Ok(true));
    check("Directory", "none", Err("hostPath type check failed: @ is not a directory"));
    check("Directory", "file", Err("hostPath type check failed: @ is not a directory"));
    check("File", "none", Err("hostPath type check failed: @ is not a file"));
    check("File", "file", Ok(false));
    check("File", "", Err("hostPath type check failed: @ is not a file"));
    check("DirectoryOrCreate", "made/here", Ok(true));
    check("DirectoryOrCreate", "file", Err("hostPath type check failed: @ is not a directory"));
    check("FileOrCreate", "made/file", Ok(false));
    check("FileOrCreate", "file", Ok(false));
    check("FileOrCreate", "made/here", Err("hostPath type check failed: @ is not a file"));
    check("FileOrCreate", "no/file", Err("hostPath @: No such file or directory (os error 2)"));
    check("", "anything", Ok(true));
    check("", "file", Ok(false));
    check("", "link", Err("hostPath @: it leads through a symbolic link"));
    check("Socket", "file", Err("hostPath type Socket is one that this node has not"));
}
