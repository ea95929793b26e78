//! Logins for registries, as Docker keeps them and Kubernetes' pull secrets hold them.
//!
//! Which login is for which image is decided as the kubelet does: hosts with `*` for parts of them,
//! ports that are equal, and paths that the image's begins with; the longest first.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::address::standard_port;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::{LOGINS_BYTES_MAX, LOGINS_TRIED_MAX};
use crate::name::ImageName;

/// A name and a password for one registry, or a token that the registry's token server takes.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// Who, and what proves it.
    Password {
        /// Who.
        username: String,
        /// The proof.
        password: String,
    },
    /// What `docker login` with a browser leaves: a token to get tokens with.
    IdentityToken(String),
    /// A token that is shown to the registry itself.
    RegistryToken(String),
}

/// Nobody is to read it in a log.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

impl Login {
    /// What tells it from others without telling what it is: for the registry of `name`.
    pub(crate) fn mark(&self, name: &ImageName) -> String {
        let parts = match self {
            Self::Password { username, password } => ["password", username, password],
            Self::IdentityToken(token) => ["identity", token, ""],
            Self::RegistryToken(token) => ["registry", token, ""],
        };
        let text = format!("{}\0{}", name.registry(), parts.join("\0"));
        Digest::of(text.as_bytes()).hex().to_owned()
    }
}

/// Logins for many registries.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    entries: Vec<(Pattern, Login)>,
}

/// For which images a login is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    host: String,
    port: Option<String>,
    path: String,
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct Entry {
    username: String,
    password: String,
    auth: String,
    identitytoken: String,
    registrytoken: String,
}

impl Keyring {
    /// That of Docker's `config.json`, which a Secret of type `kubernetes.io/dockerconfigjson` holds
    /// as well. Programs that it names to ask for passwords are not run.
    pub fn from_config_json(json: &[u8]) -> Result<Self> {
        let file: ConfigFile = parse(json)?;
        Self::of(file.auths)
    }

    /// That of the older `.dockercfg`, which a Secret of type `kubernetes.io/dockercfg` holds.
    pub fn from_dockercfg(json: &[u8]) -> Result<Self> {
        Self::of(parse(json)?)
    }

    /// One login for one registry.
    pub fn one(registry: &str, login: Login) -> Self {
        Self { entries: vec![(Pattern::parse(registry), login)] }
    }

    fn of(auths: BTreeMap<String, Entry>) -> Result<Self> {
        let mut entries = Vec::new();
        for (registry, entry) in auths {
            if let Some(login) = login(&registry, entry)? {
                entries.push((Pattern::parse(&registry), login));
            }
        }
        Ok(Self { entries })
    }

    /// Adds the logins of `other`, which come after ours where both have one.
    pub fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// The logins that are good for `name`, in the order in which to try them.
    pub fn logins_for(&self, name: &ImageName) -> Vec<Login> {
        let image = Pattern::parse(name.repository());
        let mut fitting: Vec<_> =
            self.entries.iter().filter(|(pattern, _)| pattern.fits(&image)).collect();
        // The most special first; a stable sort keeps the order of those that are alike.
        fitting.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.path.len()));
        let mut logins = Vec::new();
        for (_, login) in fitting {
            if !logins.contains(login) && logins.len() < LOGINS_TRIED_MAX {
                logins.push(login.clone());
            }
        }
        logins
    }
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T> {
    if json.len() > LOGINS_BYTES_MAX {
        let limit = LOGINS_BYTES_MAX >> 20;
        return Err(Error::Logins(format!("logins are larger than {limit} MiB")));
    }
    // The parser's own words could quote a password.
    serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Error::Logins(format!("no logins as Docker writes them (line {line}, column {column})"))
    })
}

fn login(registry: &str, entry: Entry) -> Result<Option<Login>> {
    if !entry.registrytoken.is_empty() {
        return Ok(Some(Login::RegistryToken(entry.registrytoken)));
    }
    if !entry.identitytoken.is_empty() {
        return Ok(Some(Login::IdentityToken(entry.identitytoken)));
    }
    if !entry.auth.is_empty() {
        let wrong =
            || Error::Logins(format!("`auth` of {registry} is not name:password in base64"));
        let bytes = STANDARD.decode(entry.auth.trim()).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let (username, password) = text.split_once(':').ok_or_else(wrong)?;
        // Docker has padded passwords with NUL.
        let (username, password) = (username.to_owned(), password.trim_matches('\0').to_owned());
        return Ok(Some(Login::Password { username, password }));
    }
    if entry.username.is_empty() {
        // A helper program keeps it.
        return Ok(None);
    }
    Ok(Some(Login::Password { username: entry.username, password: entry.password }))
}

impl Pattern {
    fn parse(text: &str) -> Self {
        let text = text.strip_prefix("https://").or(text.strip_prefix("http://")).unwrap_or(text);
        let (authority, path) = text.split_once('/').unwrap_or((text, ""));
        // Docker's addresses have a version in place of a path.
        let path = match path.trim_matches('/') {
            "v1" | "v2" => "",
            path => path,
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => (host, Some(port)),
            _ => (authority, None),
        };
        let port = port.filter(|port| port.parse() != Ok(standard_port(host)));
        let host = match host.to_ascii_lowercase().as_str() {
            "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
            host => host.to_owned(),
        };
        Self { host, port: port.map(str::to_owned), path: path.to_owned() }
    }

    fn fits(&self, image: &Self) -> bool {
        let (ours, theirs): (Vec<_>, Vec<_>) =
            (self.host.split('.').collect(), image.host.split('.').collect());
        ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(pattern, part)| part_fits(pattern, part))
            && self.port == image.port
            && (image.path == self.path
                || image
                    .path
                    .strip_prefix(&self.path)
                    .is_some_and(|rest| self.path.is_empty() || rest.starts_with('/')))
    }
}

/// Whether `part` of a host is what `pattern` says, in which `*` is any text.
///
/// It takes no more steps than the one has bytes times those of the other: who writes a Secret
/// is a stranger, and must not choose how long we look.
fn part_fits(pattern: &str, part: &str) -> bool {
    let (pattern, part) = (pattern.as_bytes(), part.as_bytes());
    let (mut at, mut from) = (0, 0);
    // The last star, and where the text ends that it stands for.
    let mut star = None;
    while from < part.len() {
        match (pattern.get(at), star) {
            (Some(b'*'), _) => {
                star = Some((at, from));
                at += 1;
            }
            (Some(byte), _) if *byte == part[from] => (at, from) = (at + 1, from + 1),
            // Only the last star need stand for more: what is before it has been found.
            (_, Some((place, end))) => {
                star = Some((place, end + 1));
                (at, from) = (place + 1, end + 1);
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(keyring: &Keyring, image: &str) -> Vec<String> {
        let name = ImageName::parse(image).unwrap();
        let logins = keyring.logins_for(&name).into_iter();
        logins
            .map(|login| match login {
                Login::Password { username, password } => format!("{username}:{password}"),
                Login::IdentityToken(token) => format!("identity {token}"),
                Login::RegistryToken(token) => format!("registry {token}"),
            })
            .collect()
    }

    #[test]
    fn a_login_is_for_its_registry_alone() {
        let json = br#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
            "ghcr.io": {"username": "any", "password": "a:b"},
            "ghcr.io/me": {"username": "me", "password": "pw"},
            "*.example.org": {"username": "star", "password": "pw"},
            "localhost:5000": {"username": "local", "password": "pw"},
            "helped.example.com": {},
            "id.example.com": {"identitytoken": "T"},
            "reg.example.com": {"registrytoken": "R"}
        }, "credsStore": "desktop", "credHelpers": {"x": "y"}}"#;
        let keyring = Keyring::from_config_json(json).unwrap();
        let check =
            |image: &str, expect: &[&str]| assert_eq!(names(&keyring, image), expect, "{image}");
        check("perl", &["hub:pw"]);
        check("docker.io/me/x", &["hub:pw"]);
        check("ghcr.io/you/x", &["any:a:b"]);
        check("ghcr.io/me/x:1", &["me:pw", "any:a:b"]);
        check("ghcr.io/mean/x", &["any:a:b"]);
        check("a.example.org/x", &["star:pw"]);
        check("a.b.example.org/x", &[]);
        check("example.org/x", &[]);
        check("localhost:5000/x", &["local:pw"]);
        check("localhost:5001/x", &[]);
        check("helped.example.com/x", &[]);
        check("id.example.com/x", &["identity T"]);
        check("reg.example.com/x", &["registry R"]);
        check("ghcr.io.evil.example/x", &[]);
    }

    #[test]
    fn a_star_in_a_host_is_any_text() {
        let check = |pattern: &str, part: &str, expect: bool| {
            assert_eq!(part_fits(pattern, part), expect, "{pattern} {part}");
        };
        check("", "", true);
        check("*", "", true);
        check("*", "any", true);
        check("a*", "any", true);
        check("a*y", "any", true);
        check("a*y", "anyone", false);
        check("a*b*c", "a-b-b-c", true);
        check("*ab", "aab", true);
        check("*a*", "b", false);
        check("a", "", false);
    }

    #[test]
    fn no_pattern_takes_for_ever() {
        let keyring =
            Keyring::one(&format!("{}b", "*a".repeat(60)), Login::RegistryToken("".into()));
        assert!(names(&keyring, &format!("{}:1/x", "a".repeat(200))).is_empty());
    }

    #[test]
    fn the_port_that_a_registry_has_anyway_may_be_said() {
        let keyring = |registry| Keyring::one(registry, Login::RegistryToken("T".into()));
        for (registry, image) in [
            ("ghcr.io:443", "ghcr.io/x"),
            ("ghcr.io", "GHCR.io:443/x"),
            ("GHCR.IO", "ghcr.io/x"),
            ("localhost:80", "localhost/x"),
        ] {
            assert_eq!(names(&keyring(registry), image), ["registry T"], "{registry} {image}");
        }
        assert!(names(&keyring("localhost:443"), "localhost/x").is_empty());
        assert!(names(&keyring("ghcr.io:80"), "ghcr.io/x").is_empty());
    }

    #[test]
    fn the_older_form_is_read_as_well() {
        let keyring = Keyring::from_dockercfg(br#"{"ghcr.io": {"auth": "bWU6cHc="}}"#).unwrap();
        assert_eq!(names(&keyring, "ghcr.io/x"), ["me:pw"]);
    }

    #[test]
    fn a_password_is_told_to_nobody() {
        let login = Login::Password { username: "me".into(), password: "geheim".into() };
        assert!(!format!("{login:?}").contains("geheim"));
        for json in [&br#"{"auths": {"a": {"auth": "Z2VoZWlt"}}}"#[..], br#"{"auths": "geheim"}"#] {
            let error = Keyring::from_config_json(json).unwrap_err().to_string();
            assert!(!error.contains("geheim") && !error.contains("Z2VoZWlt"), "{error}");
        }
    }

    #[test]
    fn a_mark_is_of_registry_and_login() {
        let login =
            |password: &str| Login::Password { username: "me".into(), password: password.into() };
        let name = |text| ImageName::parse(text).unwrap();
        let mark = login("a").mark(&name("ghcr.io/x"));
        assert_eq!(mark, login("a").mark(&name("ghcr.io/y:2")));
        assert_ne!(mark, login("b").mark(&name("ghcr.io/x")));
        assert_ne!(mark, login("a").mark(&name("quay.io/x")));
    }
}
