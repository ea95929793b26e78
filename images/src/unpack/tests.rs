//! Layers as strangers make them.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;

use super::*;
use crate::limits::ZSTD_FRAMES_MAX;

/// One entry of a layer: its type, path, target of a link, and content.
type Raw<'a> = (u8, &'a str, &'a str, &'a [u8]);

/// An archive whose headers say what no honest tool would write.
fn tar(entries: &[Raw<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (kind, path, target, content) in entries {
        let mut header = tar::Header::new_gnu();
        let old = header.as_old_mut();
        old.name[..path.len()].copy_from_slice(path.as_bytes());
        old.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(tar::EntryType::new(*kind));
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

struct Unpacked {
    _folder: tempfile::TempDir,
    root: PathBuf,
    result: Result<Option<PathBuf>>,
}

impl Unpacked {
    fn of(
        layers: &[Vec<u8>],
        compression: Compression,
        entry: Option<(&str, Option<&str>)>,
    ) -> Self {
        let (patience, _waiting) = Patience::new();
        Self::within(&patience, layers, compression, entry)
    }

    fn within(
        patience: &Patience,
        layers: &[Vec<u8>],
        compression: Compression,
        entry: Option<(&str, Option<&str>)>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Shelf::of(folder.path()).blobs();
        let layers: Vec<_> =
            layers.iter().map(|layer| (blobs.write(layer).unwrap(), compression)).collect();
        let target = folder.path().join("target");
        fs::create_dir(&target).unwrap();
        let result = unpack(&layers, &blobs, entry, &target, patience);
        Self { _folder: folder, root: target.join(ROOT), result }
    }

    fn plain(layers: &[&[Raw<'_>]]) -> Self {
        let layers: Vec<_> = layers.iter().map(|entries| tar(entries)).collect();
        Self::of(&layers, Compression::None, None)
    }

    /// Every path with what it is, in order.
    fn listing(&self) -> String {
        let mut lines = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                let shown = path.strip_prefix(&self.root).unwrap().display().to_string();
                let kind = entry.file_type().unwrap();
                lines.push(if kind.is_symlink() {
                    format!("{shown} -> {}", fs::read_link(&path).unwrap().display())
                } else if kind.is_dir() {
                    folders.push(path);
                    format!("{shown}/")
                } else {
                    format!("{shown} {}", fs::read_to_string(&path).unwrap())
                });
            }
        }
        lines.sort();
        lines.join("; ")
    }
}

fn makes(layers: &[&[Raw<'_>]], expect: &str) {
    let unpacked = Unpacked::plain(layers);
    if let Err(error) = &unpacked.result {
        panic!("{error}");
    }
    assert_eq!(unpacked.listing(), expect);
}

fn refuses(layers: &[&[Raw<'_>]], expect: &str) {
    let error = Unpacked::plain(layers).result.unwrap_err().to_string();
    assert!(error.contains(expect), "{error}");
}

const FILE: u8 = b'0';
const HARD: u8 = b'1';
const LINK: u8 = b'2';
const DIR: u8 = b'5';

#[test]
fn upper_layers_cover_lower_ones() {
    makes(
        &[&[(DIR, "a/", "", b""), (FILE, "a/b", "", b"1"), (FILE, "./c", "", b"2")]],
        "a/; a/b 1; c 2",
    );
    makes(&[&[(FILE, "a/b", "", b"1")], &[(FILE, "a/b", "", b"2")]], "a/; a/b 2");
    makes(&[&[(FILE, "a/b", "", b"1")], &[(FILE, "a", "", b"2")]], "a 2");
    makes(&[&[(FILE, "a", "", b"1")], &[(DIR, "a", "", b"")]], "a/");
    makes(
        &[&[(FILE, "a/b", "", b"1"), (FILE, "a/c", "", b"2")], &[(FILE, "a/.wh.b", "", b"")]],
        "a/; a/c 2",
    );
    makes(&[&[(FILE, "a/b", "", b"1")], &[(FILE, ".wh.a", "", b"")]], "");
    makes(
        &[
            &[(FILE, "a/b", "", b"1")],
            &[(FILE, "a/n", "", b"3"), (FILE, "a/.wh..wh..opq", "", b"")],
        ],
        "a/; a/n 3",
    );
    makes(&[&[(FILE, "a", "", b"1")], &[(FILE, ".wh.none", "", b"")]], "a 1");
    makes(&[&[(FILE, "a", "", b"1"), (HARD, "b", "a", b"")], &[(FILE, "a", "", b"2")]], "a 2; b 1");
}

#[test]
fn links_are_followed_in_the_image_alone() {
    makes(
        &[
            &[(DIR, "usr/lib", "", b""), (LINK, "lib", "usr/lib", b"")],
            &[(FILE, "lib/x", "", b"1")],
        ],
        "lib -> usr/lib; usr/; usr/lib/; usr/lib/x 1",
    );
    makes(
        &[&[(DIR, "a/b", "", b""), (LINK, "a/b/l", "/etc/x", b"")]],
        "a/; a/b/; a/b/l -> ../../etc/x",
    );
    makes(&[&[(LINK, "top", "/", b"")]], "top -> .");
    // As far as the top there is a way up, and no further.
    makes(&[&[(LINK, "a/l", "../b", b"")]], "a/; a/l -> ../b");
    refuses(&[&[(LINK, "a/l", "../../b", b"")]], "leads out of the image");
    refuses(&[&[(LINK, "l", "../../../etc/passwd", b"")]], "leads out of the image");
    refuses(
        &[&[(LINK, "a", "b", b""), (LINK, "b", "a", b""), (FILE, "a/x", "", b"")]],
        "in circles",
    );
    refuses(
        &[&[(FILE, "f", "", b""), (LINK, "l", "f", b""), (FILE, "l/x", "", b"")]],
        "no directory",
    );
}

#[test]
fn the_way_up_is_from_where_a_link_has_led() {
    let way: &[Raw<'_>] =
        &[(DIR, "a/b", "", b""), (LINK, "l", "a/b", b""), (LINK, "m", "l/..", b"")];
    makes(&[way, &[(FILE, "m/x", "", b"1")]], "a/; a/b/; a/x 1; l -> a/b; m -> l/..");
    refuses(
        &[&[(LINK, "l", ".", b""), (LINK, "m", "l/../x", b""), (FILE, "m/x", "", b"")]],
        "in circles, or to no directory",
    );
}

#[test]
fn no_link_leads_out_by_another_name_or_another_link() {
    let deep = (LINK, "a/b/l", "../../x", &b""[..]);
    refuses(&[&[deep, (HARD, "h", "a/b/l", b"")]], "leads out of the image, to ../../x");
    makes(
        &[&[deep, (HARD, "a/b/h", "a/b/l", b"")]],
        "a/; a/b/; a/b/h -> ../../x; a/b/l -> ../../x",
    );
    // Each of them stays in the image by its text.
    let top = (LINK, "a/b/top", "/", &b""[..]);
    let out = (LINK, "out", "a/b/top/../../../etc/passwd", &b""[..]);
    refuses(&[&[top, out]], "leads out of the image, by way of others");
    refuses(&[&[out], &[top]], "leads out of the image, by way of others");
    makes(
        &[&[(LINK, "a/here", ".", b""), (LINK, "up", "a/here/../x", b"")]],
        "a/; a/here -> .; up -> a/here/../x",
    );
}

#[test]
fn no_link_leads_a_file_out_of_the_folder() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().to_str().unwrap().to_owned();
    let unpacked =
        Unpacked::plain(&[&[(LINK, "l", &target, b"")], &[(FILE, "l/planted", "", b"x")]]);
    unpacked.result.unwrap();
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    let inside = unpacked.root.join(target.trim_start_matches('/')).join("planted");
    assert_eq!(fs::read_to_string(inside).unwrap(), "x");
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    makes(&[&[(FILE, "/etc/x", "", b"1")]], "etc/; etc/x 1");
    refuses(&[&[(FILE, "../x", "", b"")]], "it has .. in it");
    refuses(&[&[(FILE, "a/../../x", "", b"")]], "it has .. in it");
    refuses(&[&[(DIR, "a/..", "", b"")]], "it has .. in it");
    refuses(&[&[(FILE, ".", "", b"")]], "it is no directory");
    refuses(&[&[(HARD, "x", "../../etc/passwd", b"")]], "it has .. in it");
    refuses(&[&[(HARD, "x", "/etc/passwd", b"")]], "what is no file in the image");
    refuses(&[&[(LINK, "x", "", b"")]], "it links to nothing");
    refuses(&[&[(b'3', "dev/null", "", b"")]], "it is a device");
    refuses(&[&[(b'4', "dev/sda", "", b"")]], "it is a device");
    refuses(&[&[(b'6', "pipe", "", b"")]], "it is a pipe");
    refuses(&[&[(b'S', "holes", "", b"")]], "are not known");
    refuses(&[&[(b'Z', "odd", "", b"")]], "are not known");
    // A link to a link of the host is one in the image all the same.
    refuses(&[&[(LINK, "p", "/etc/passwd", b""), (HARD, "x", "p/y", b"")]], "no file in the image");
}

#[test]
fn long_names_are_read_and_have_an_end() {
    let long = format!("{}/file", vec!["directory"; 20].join("/"));
    let unpacked = Unpacked::plain(&[&[
        (b'L', "././@LongLink", "", format!("{long}\0").as_bytes()),
        (FILE, "cut", "", b"1"),
    ]]);
    unpacked.result.unwrap();
    assert_eq!(fs::read_to_string(unpacked.root.join(&long)).unwrap(), "1");

    let record = |text: &str| {
        let mut length = text.len() + 3;
        while length.to_string().len() + text.len() + 2 != length {
            length = length.to_string().len() + text.len() + 2;
        }
        format!("{length} {text}\n")
    };
    let pax = record("path=pax/name");
    makes(&[&[(b'x', "h", "", pax.as_bytes()), (FILE, "cut", "", b"1")]], "pax/; pax/name 1");
    let evil = record("path=../../evil");
    refuses(&[&[(b'x', "h", "", evil.as_bytes()), (FILE, "x", "", b"")]], "it has .. in it");
    let evil = record("linkpath=../../evil");
    refuses(&[&[(b'x', "h", "", evil.as_bytes()), (LINK, "x", "y", b"")]], "out of the image");
    let sparse = record("GNU.sparse.major=1");
    refuses(&[&[(b'x', "h", "", sparse.as_bytes()), (FILE, "x", "", b"")]], "files with holes");
    refuses(
        &[&[(b'L', "l", "", "x".repeat(3000).as_bytes()), (FILE, "x", "", b"")]],
        "longer than",
    );
    refuses(&[&[(b'L', "l", "", &[b'x'; 70_000]), (FILE, "x", "", b"")]], "at most 65536 bytes");
    refuses(&[&[(b'L', "l", "", b"a\0b"), (FILE, "x", "", b"")]], "a NUL");
    refuses(&[&[(b'L', "l", "", b"\xff\xfe"), (FILE, "x", "", b"")]], "not UTF-8");
}

#[test]
fn an_archive_that_is_cut_short_or_damaged_is_refused() {
    let whole = tar(&[(FILE, "a", "", &[b'x'; 2000])]);
    let check = |layer: &[u8]| Unpacked::of(&[layer.to_vec()], Compression::None, None).result;
    assert!(check(&whole[..1024]).is_err());
    assert!(check(&whole[..300]).is_err());
    let mut damaged = whole.clone();
    damaged[0] = b'b';
    assert!(check(&damaged).unwrap_err().to_string().contains("damaged"));
    assert!(check(b"").is_ok(), "an empty layer adds nothing");
}

#[test]
fn layers_are_read_however_they_are_compressed() {
    let layer = tar(&[(FILE, "a", "", b"1")]);
    for (bytes, said) in [
        (layer.clone(), Compression::None),
        (gzip(&layer), Compression::Gzip),
        (zstd(&layer), Compression::Zstd),
        // Registries are not always told the truth.
        (gzip(&layer), Compression::None),
        (zstd(&layer), Compression::Gzip),
    ] {
        let unpacked = Unpacked::of(&[bytes], said, None);
        unpacked.result.as_ref().unwrap();
        assert_eq!(unpacked.listing(), "a 1");
    }
    let error = Unpacked::of(&[layer], Compression::Gzip, None).result.unwrap_err().to_string();
    assert!(error.contains("not compressed by gzip"), "{error}");
}

/// A zstd frame that decoders skip, with `content`.
fn skippable(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [&0x184d_2a50_u32.to_le_bytes()[..], &length.to_le_bytes(), content].concat()
}

#[test]
fn frames_of_zstd_that_are_to_be_skipped_are() {
    let layer = tar(&[(FILE, "a", "", b"1"), (FILE, "b", "", b"2")]);
    let frames = |parts: &[&[u8]]| parts.iter().flat_map(|part| zstd(part)).collect::<Vec<_>>();
    let (first, rest) = layer.split_at(700);
    // As zstd:chunked has it: files in frames of their own, then a table of contents and where it is.
    let chunked = [frames(&[first, b"", rest]), skippable(b"{}"), skippable(&[7; 64])].concat();
    // As pzstd has it: the size of each frame before it.
    let sized =
        [skippable(&[1; 4]), frames(&[first]), skippable(&[1; 4]), frames(&[rest])].concat();
    for bytes in [chunked.clone(), sized] {
        for said in [Compression::Zstd, Compression::None] {
            let unpacked = Unpacked::of(std::slice::from_ref(&bytes), said, None);
            unpacked.result.as_ref().unwrap();
            assert_eq!(unpacked.listing(), "a 1; b 2");
        }
    }
    let refused = |bytes: Vec<u8>, expect: &str| {
        let error = Unpacked::of(&[bytes], Compression::Zstd, None).result.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    refused(chunked[..chunked.len() - 1].to_vec(), "unexpected end of file");
    refused([frames(&[&layer]), b"more".to_vec()].concat(), "zstd: ");
    refused(skippable(b"").repeat(ZSTD_FRAMES_MAX + 1), "more than 1000000 frames");
}

#[test]
fn a_bomb_is_stopped_long_before_it_is_unpacked() {
    let zeros = vec![0; 64 << 20];
    let bomb = tar(&[(FILE, "zeros", "", &zeros)]);
    for (bytes, said) in [(gzip(&bomb), Compression::Gzip), (zstd(&bomb), Compression::Zstd)] {
        let unpacked = Unpacked::of(&[bytes], said, None);
        let error = unpacked.result.as_ref().unwrap_err().to_string();
        assert!(error.contains("more than 100 times as many"), "{error}");
    }
    // What stands behind the archive's end is no way around it.
    let mut hidden = tar(&[(FILE, "a", "", b"1")]);
    hidden.extend(zeros);
    let error =
        Unpacked::of(&[gzip(&hidden)], Compression::Gzip, None).result.unwrap_err().to_string();
    assert!(error.contains("more than 100 times as many"), "{error}");
}

#[test]
fn nothing_is_unpacked_for_longer_than_it_may_take_nor_for_nobody() {
    let layer = tar(&[(b'0', "file", "", b"content")]);
    let end = |patience: &Patience| {
        let unpacked =
            Unpacked::within(patience, std::slice::from_ref(&layer), Compression::None, None);
        assert!(!unpacked.root.exists());
        unpacked.result.unwrap_err().to_string()
    };
    let (patience, _waiting) = patience::tests::none();
    let error = end(&patience);
    assert!(error.contains("an image is unpacked for at most 600 s"), "{error}");
    let (patience, waiting) = Patience::new();
    drop(waiting);
    let error = end(&patience);
    assert!(error.contains("nobody waits for it any more"), "{error}");
}

#[test]
fn more_files_than_an_image_may_have_are_refused() {
    // Two layers, so that it is seen that they count together.
    let names: Vec<_> = (0..=FILES_MAX / 2).map(|number| format!("d/{number}")).collect();
    let entries: Vec<Raw<'_>> =
        names.iter().map(|name| (LINK, name.as_str(), "x", &b""[..])).collect();
    let layer = tar(&entries);
    let error = Unpacked::of(&[layer.clone(), layer], Compression::None, None).result.unwrap_err();
    assert!(error.to_string().contains("at most 100000 files"), "{error}");
}

#[test]
fn a_path_without_end_is_refused() {
    let deep = |names: usize| vec!["d"; names].join("/");
    let named = |path: &str| {
        let path = format!("{path}\0");
        Unpacked::plain(&[&[(b'L', "l", "", path.as_bytes()), (FILE, "x", "", b"")]]).result
    };
    named(&deep(64)).unwrap();
    let error = named(&deep(65)).unwrap_err().to_string();
    assert!(error.contains("more than 64 names"), "{error}");
    // Links make a path longer than it is.
    let half = &deep(40)[..];
    refuses(&[&[(LINK, "l", half, b""), (FILE, &format!("l/{half}"), "", b"")]], "more than 64");
}

#[test]
fn directories_that_only_lie_on_the_way_count() {
    let paths: Vec<_> = (0..2000).map(|number| format!("{number}/{}", "d/".repeat(47))).collect();
    let entries: Vec<Raw<'_>> =
        paths.iter().map(|path| (DIR, &path[..path.len().min(100)], "", &b""[..])).collect();
    refuses(&[&entries], "have at most 2000000 names together");
}

#[test]
fn a_size_beyond_all_bounds_is_no_way_to_begin_anew() {
    for size in [u64::MAX, u64::MAX - 511, i64::MAX as u64, 1 << 40] {
        let size = format!("size={size}\n");
        let record = format!("{} {size}", size.len() + 3);
        assert_eq!(record.len(), size.len() + 3, "its length must have two digits");
        let sized = [(b'x', "h", "", record.as_bytes()), (FILE, "a", "", &b"1"[..])];
        assert!(Unpacked::plain(&[&sized]).result.is_err());
        let sized = [(b'x', "h", "", record.as_bytes()), (FILE, "a/", "", &b"1"[..])];
        assert!(Unpacked::plain(&[&sized]).result.is_err());
    }
}

#[test]
fn taking_away_the_same_again_costs_nothing() {
    let names: Vec<_> = (0..20_000).map(|number| format!("d/{number}")).collect();
    let mut entries: Vec<Raw<'_>> =
        names.iter().map(|name| (LINK, name.as_str(), "x", &b""[..])).collect();
    entries.extend(vec![(FILE, "d/.wh..wh..opq", "", &b""[..]); 20_000]);
    entries.extend(vec![(FILE, ".wh.d", "", &b""[..]); 20_000]);
    let unpacked = Unpacked::plain(&[&[(FILE, "d/old", "", b"")], &entries]);
    unpacked.result.unwrap();
    assert!(!unpacked.root.join("d/old").exists());
    assert!(unpacked.root.join("d/19999").is_symlink());
}

#[test]
fn the_entrypoint_is_found_where_links_and_the_working_directory_lead() {
    let layer = tar(&[
        (FILE, "app/pi.wasm", "", b"m"),
        (LINK, "bin/pi", "../app/pi.wasm", b""),
        (LINK, "out", "nowhere", b""),
    ]);
    let check = |entry: &str, working_dir: Option<&str>, expect: Option<&str>| {
        let found = Unpacked::of(
            std::slice::from_ref(&layer),
            Compression::None,
            Some((entry, working_dir)),
        )
        .result;
        let found = found.ok().flatten().map(|path| path.display().to_string());
        assert_eq!(found.as_deref(), expect, "{entry}");
    };
    check("/app/pi.wasm", None, Some("root/app/pi.wasm"));
    check("pi.wasm", Some("/app"), Some("root/app/pi.wasm"));
    check("./app/pi.wasm", Some("/"), Some("root/app/pi.wasm"));
    check("/bin/pi", None, Some("root/app/pi.wasm"));
    check("pi.wasm", None, None);
    check("out", None, None);
    check("app", None, None);
    check("../../../etc/passwd", None, None);
}

#[test]
fn files_of_an_image_are_nobody_elses() {
    let unpacked = Unpacked::plain(&[&[(FILE, "a", "", b"1")]]);
    unpacked.result.unwrap();
    assert_eq!(fs::metadata(unpacked.root.join("a")).unwrap().nlink(), 1);
}
