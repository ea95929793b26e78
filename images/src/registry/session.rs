//! What is asked of one repository, by one login.

use std::sync::{Mutex, PoisonError};

use reqwest::header::HeaderValue;
use reqwest::{Response, StatusCode, Url};

use super::answer::{body, success};
use super::challenge::Challenge;
use super::token::{Wish, authorization};
use super::transport::{Ask, Transport};
use crate::address::Host;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::{ANSWER_TIME_MAX, MANIFEST_BYTES_MAX};
use crate::login::Login;
use crate::manifest::Descriptor;
use crate::media;
use crate::name::ImageName;

/// Docker's registry is not at the host that it is called by.
const DOCKER_NAME: &str = "docker.io";
const DOCKER_HOST: &str = "registry-1.docker.io";

/// What one means to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Pull,
    Push,
}

/// Requests about the repository of one name.
pub(crate) struct Session<'a> {
    transport: &'a Transport,
    name: &'a ImageName,
    login: Option<&'a Login>,
    access: Access,
    /// What the registry wants to see, once it has said so.
    authorization: Mutex<Option<HeaderValue>>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        transport: &'a Transport,
        name: &'a ImageName,
        login: Option<&'a Login>,
        access: Access,
    ) -> Self {
        Self { transport, name, login, access, authorization: Mutex::default() }
    }

    /// The manifest or index `version`, with its digest. One that is asked for by digest has it.
    pub(crate) async fn manifest(&self, version: &str) -> Result<(Vec<u8>, Digest)> {
        let what = format!("the manifest {version} of {}", self.name.repository());
        let fetch = async {
            let accept = Some(media::MANIFESTS.join(", "));
            let ask = Ask { accept, ..Ask::get(self.url(&format!("manifests/{version}"))?) };
            let response = success(self.send(ask).await?, &what).await?;
            body(response, &what, MANIFEST_BYTES_MAX).await
        };
        let bytes = timely(&what, fetch).await?;
        let found = Digest::of(&bytes);
        if let Ok(expected) = Digest::parse(version)
            && expected != found
        {
            return Err(Error::Digest { what, expected, found });
        }
        Ok((bytes, found))
    }

    /// A small blob, in memory.
    pub(crate) async fn blob(&self, blob: &Descriptor, bytes_max: u64) -> Result<Vec<u8>> {
        let what = format!("blob {}", blob.digest);
        let fetch = async {
            let ask = Ask::get(self.url(&format!("blobs/{}", blob.digest))?);
            body(success(self.send(ask).await?, &what).await?, &what, bytes_max).await
        };
        let bytes = timely(&what, fetch).await?;
        let found = Digest::of(&bytes);
        if found == blob.digest {
            return Ok(bytes);
        }
        Err(Error::Digest { what, expected: blob.digest.clone(), found })
    }

    /// The registry and the repository that are asked.
    pub(super) fn repository(&self) -> &str {
        self.name.repository()
    }

    /// The address of `rest` in the repository.
    pub(crate) fn url(&self, rest: &str) -> Result<Url> {
        let registry = self.name.registry();
        let host: Host = registry.parse().map_err(|why: String| Error::answer(registry, why))?;
        let place = if registry == DOCKER_NAME { DOCKER_HOST } else { registry };
        let text = format!("{}://{place}/v2/{}/{rest}", host.scheme(), self.name.path());
        Url::parse(&text).map_err(|error| Error::answer(registry, error.to_string()))
    }

    /// Sends `ask`, and once more with what the registry wants to see.
    pub(crate) async fn send(&self, mut ask: Ask) -> Result<Response> {
        let is_ours = Host::of(&ask.url) == Host::of(&self.url("")?);
        if !is_ours {
            // An upload goes where the registry says; who we are is not that server's business.
            return self.transport.send(ask).await;
        }
        let known = self.known();
        ask.authorization.clone_from(&known);
        let repeatable = ask.body.is_none().then(|| Ask {
            method: ask.method.clone(),
            accept: ask.accept.clone(),
            from: ask.from,
            length: ask.length,
            ..Ask::get(ask.url.clone())
        });
        let response = self.transport.send(ask).await?;
        let Some(again) = repeatable.filter(|_| response.status() == StatusCode::UNAUTHORIZED)
        else {
            return Ok(response);
        };
        // Whoever asks to see something must be the registry itself.
        let is_registry = Host::of(response.url()) == Host::of(&again.url);
        let Some(challenge) = Challenge::of(response.headers()).filter(|_| is_registry) else {
            return Ok(response);
        };
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let wish = Wish {
            registry: self.name.registry(),
            scope: format!("repository:{}:{actions}", self.name.path()),
            login: self.login,
        };
        let Some(shown) = authorization(self.transport, challenge, &wish).await? else {
            return Ok(response);
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown.clone());
        self.transport.send(Ask { authorization: Some(shown), ..again }).await
    }

    fn known(&self) -> Option<HeaderValue> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What `answer` gives, unless it takes longer than a small answer may.
pub(super) async fn timely<T>(what: &str, answer: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(ANSWER_TIME_MAX, answer).await.unwrap_or_else(|_| {
        let seconds = ANSWER_TIME_MAX.as_secs();
        Err(Error::limit(what, format!("the answer took longer than {seconds} seconds")))
    })
}
