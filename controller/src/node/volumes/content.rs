//! What is in a volume, from its source. Pure.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path};

use crate::api::{
    ConfigMap, ConfigMapProjection, DownwardAPIVolumeFile, KeyToPath, Secret, SecretProjection,
    Volume, VolumeProjection,
};
use crate::node::downward::Downward;
use crate::node::sources::{ConfigError, Sources};

/// Kubernetes' default for the files of a volume.
const MODE: i32 = 0o644;

/// What is in a volume when its pod starts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing; containers may write to it.
    Scratch,
    /// These files; containers may only read them.
    Files(Vec<File>),
}

/// A file of a volume.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative to the volume.
    pub(crate) path: String,
    /// Permission bits.
    pub(crate) mode: u32,
    pub(crate) bytes: Vec<u8>,
}

/// What `volume` is to hold.
pub(crate) fn content(
    volume: &Volume,
    downward: &Downward<'_>,
    sources: &Sources,
) -> Result<Content, ConfigError> {
    if volume.empty_dir.is_some() {
        return Ok(Content::Scratch);
    }
    // Every source but emptyDir is a projection of one.
    let (sources_of_volume, default_mode) = if let Some(source) = &volume.config_map {
        let config_map = Some(ConfigMapProjection {
            items: source.items.clone(),
            name: source.name.clone(),
            optional: source.optional,
        });
        (vec![VolumeProjection { config_map, ..VolumeProjection::default() }], source.default_mode)
    } else if let Some(source) = &volume.secret {
        let secret = Some(SecretProjection {
            items: source.items.clone(),
            name: source.secret_name.clone().unwrap_or_default(),
            optional: source.optional,
        });
        (vec![VolumeProjection { secret, ..VolumeProjection::default() }], source.default_mode)
    } else if let Some(source) = &volume.downward_api {
        return downward_files(source.items.iter().flatten(), source.default_mode, downward)
            .map(Content::Files);
    } else if let Some(source) = &volume.projected {
        (source.sources.clone().unwrap_or_default(), source.default_mode)
    } else {
        let name = &volume.name;
        return Err(ConfigError(format!("volume \"{name}\" is of a type that this node has not")));
    };
    let mut files = BTreeMap::new();
    for source in &sources_of_volume {
        // A later source overwrites the file of an earlier one.
        for file in projected(source, default_mode, downward, sources)? {
            files.insert(file.path.clone(), file);
        }
    }
    Ok(Content::Files(files.into_values().collect()))
}

fn projected(
    source: &VolumeProjection,
    default_mode: Option<i32>,
    downward: &Downward<'_>,
    sources: &Sources,
) -> Result<Vec<File>, ConfigError> {
    if let Some(reference) = &source.config_map {
        let map = sources.config_map(&reference.name, reference.optional)?;
        let data = map.map(config_map_data).unwrap_or_default();
        let missing = "configmap references non-existent config key";
        let optional = reference.optional == Some(true);
        return keys(&data, reference.items.as_ref(), default_mode, optional, missing);
    }
    if let Some(reference) = &source.secret {
        let secret = sources.secret(&reference.name, reference.optional)?;
        let data = secret.map(secret_data).unwrap_or_default();
        let missing = "references non-existent secret key";
        let optional = reference.optional == Some(true);
        return keys(&data, reference.items.as_ref(), default_mode, optional, missing);
    }
    if let Some(reference) = &source.downward_api {
        return downward_files(reference.items.iter().flatten(), default_mode, downward);
    }
    Err(ConfigError("a projected source is of a type that this node has not".to_owned()))
}

/// A file for each entry, or for each of `items`.
fn keys(
    data: &BTreeMap<&str, &[u8]>,
    items: Option<&Vec<KeyToPath>>,
    default_mode: Option<i32>,
    optional: bool,
    missing: &str,
) -> Result<Vec<File>, ConfigError> {
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        let file = |(key, bytes): (&&str, &&[u8])| file(key, None, default_mode, bytes.to_vec());
        return data.iter().map(file).collect();
    };
    let mut files = Vec::with_capacity(items.len());
    for item in items {
        match data.get(item.key.as_str()) {
            Some(bytes) => {
                files.push(file(&item.path, item.mode, default_mode, bytes.to_vec())?);
            }
            None if optional => {}
            None => return Err(ConfigError(format!("{missing}: {}", item.key))),
        }
    }
    Ok(files)
}

fn downward_files<'a>(
    items: impl Iterator<Item = &'a DownwardAPIVolumeFile>,
    default_mode: Option<i32>,
    downward: &Downward<'_>,
) -> Result<Vec<File>, ConfigError> {
    let one = |item: &DownwardAPIVolumeFile| {
        let value = match (&item.field_ref, &item.resource_field_ref) {
            (Some(field), _) => downward.field(&field.field_path)?,
            (None, Some(resource)) => downward.resource(resource, None)?,
            (None, None) => String::new(),
        };
        file(&item.path, item.mode, default_mode, value.into_bytes())
    };
    items.map(one).collect()
}

fn file(
    path: &str,
    mode: Option<i32>,
    default_mode: Option<i32>,
    bytes: Vec<u8>,
) -> Result<File, ConfigError> {
    relative(path).map_err(|error| ConfigError(error.to_string()))?;
    let mode = mode.or(default_mode).unwrap_or(MODE);
    Ok(File { path: path.to_owned(), mode: mode.unsigned_abs(), bytes })
}

/// `path` if it stays inside what it is relative to. Admission has checked it already.
pub(super) fn relative(path: &(impl AsRef<Path> + ?Sized)) -> io::Result<&Path> {
    let path = path.as_ref();
    let mut parts = path.components();
    let is_inside = parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    (is_inside && !path.as_os_str().is_empty()).then_some(path).ok_or_else(|| {
        let message = format!("path {} leads out of its volume", path.display());
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

fn config_map_data(map: &ConfigMap) -> BTreeMap<&str, &[u8]> {
    let text = map.data.iter().flatten().map(|(key, value)| (key.as_str(), value.as_bytes()));
    let binary = map.binary_data.iter().flatten();
    text.chain(binary.map(|(key, value)| (key.as_str(), value.0.as_slice()))).collect()
}

fn secret_data(secret: &Secret) -> BTreeMap<&str, &[u8]> {
    let data = secret.data.iter().flatten();
    data.map(|(key, value)| (key.as_str(), value.0.as_slice())).collect()
}
