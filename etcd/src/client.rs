//! Asks the members of one etcd, one after the other until one answers.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, Response};
use serde_json::Value;

use crate::address::{Address, Prefix};
use crate::error::{Error, Result};
use crate::format;
use crate::layout::Layout;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_MAX, CONNECT_MAX};
use crate::memory::Memory;
use crate::wire::{Answer, Found, KeyValue, Refusal, Transacted, get};

/// gRPC's codes of what may well be answered a moment later, or by another member: cancelled, unknown,
/// deadline exceeded, resource exhausted, aborted, internal, unavailable.
const PASSING: &[u16] = &[1, 2, 4, 8, 10, 13, 14];

/// Where transactions are posted to, and what looks for keys.
const TRANSACTION: &str = "/v3/kv/txn";
const RANGE: &str = "/v3/kv/range";

/// What an etcd says that has no room left, under the code of one that is only busy.
const NO_SPACE: &str = "space exceeded";

/// What etcd is known by, and what it is shown; each as PEM.
#[derive(Clone, Default)]
pub struct Credentials {
    /// Whom to trust; with it, etcd is spoken to by TLS.
    pub authority: Option<Vec<u8>>,
    /// Our certificate, followed by its key.
    pub identity: Option<Vec<u8>>,
}

/// One etcd, and where in it the state is. A clone asks the same.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    address: Address,
    /// The URL of each member.
    members: Vec<String>,
    /// The one that has answered last.
    usual: AtomicUsize,
    /// Of which cluster the first one was that has answered: the others must be of the same.
    cluster: OnceLock<String>,
    layout: Layout,
    memory: Memory,
}

/// What asking has come to.
pub(crate) struct Attempt<T> {
    pub(crate) result: Result<T>,
    /// Whether a member was asked that has not said what became of it: it may have done it, or may do
    /// it yet.
    pub(crate) may_have_happened: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.place())
    }
}

impl Client {
    /// Asks the members of `address`, with `credentials`, for what is below `prefix`. The file at
    /// `memory`, in a folder that there is, keeps what this server has seen of it: JSON, for its owner
    /// alone.
    pub fn new(
        address: Address,
        credentials: &Credentials,
        prefix: &Prefix,
        memory: &Path,
    ) -> Result<Self> {
        // Whoever was first has chosen the same.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_MAX)
            .read_timeout(ANSWER_MAX)
            .tcp_nodelay(true);
        let mut scheme = "http";
        if let Some(authority) = &credentials.authority {
            scheme = "https";
            let authorities =
                Certificate::from_pem_bundle(authority).map_err(Error::Credentials)?;
            builder = builder.tls_certs_only(authorities);
        }
        if let Some(identity) = &credentials.identity {
            builder = builder.identity(Identity::from_pem(identity).map_err(Error::Credentials)?);
        }
        let http = builder.build().map_err(Error::Credentials)?;
        let members = address.members.iter().map(|member| format!("{scheme}://{member}"));
        let members = members.collect();
        let (usual, cluster) = (AtomicUsize::new(0), OnceLock::new());
        let (layout, memory) = (Layout::new(prefix), Memory::new(memory, prefix));
        let inner = Inner { http, address, members, usual, cluster, layout, memory };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Where the state is, for messages.
    pub fn place(&self) -> String {
        format!("{}{}", self.inner.address, self.inner.layout.prefix())
    }

    /// Looks whether etcd answers, and whether the state in it, if there is one, is of our schema: so
    /// whoever starts learns at once what is wrong.
    pub async fn check(&self) -> Result<()> {
        let format = self.key(&self.layout().format).await?;
        format.map_or(Ok(()), |found| format::check(&found))
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    /// Of which cluster the members are; empty before one has answered.
    pub(crate) fn cluster(&self) -> &str {
        self.inner.cluster.get().map_or("", String::as_str)
    }

    /// What is at `key`.
    pub(crate) async fn key(&self, key: &str) -> Result<Option<KeyValue>> {
        let found: Found = self.ask(RANGE, &get(key)).await?;
        Ok(found.kvs.into_iter().next())
    }

    /// What a range has found. It may take as long as something of it comes.
    pub(crate) async fn page(&self, range: &Value) -> Result<Found> {
        self.attempt(RANGE, range, None).await.result
    }

    pub(crate) async fn transact(&self, transaction: &Value) -> Result<Transacted> {
        self.ask(TRANSACTION, transaction).await
    }

    /// The same, for whoever has to know of members that did not answer.
    pub(crate) async fn try_transact(&self, transaction: &Value) -> Attempt<Transacted> {
        self.attempt(TRANSACTION, transaction, Some(ANSWER_MAX)).await
    }

    /// The same, where each member is waited for no longer than `within`.
    pub(crate) async fn transact_within(
        &self,
        within: Duration,
        transaction: &Value,
    ) -> Result<Transacted> {
        self.ask_within(within, TRANSACTION, transaction).await
    }

    /// Posts `body` to `path` of a member that answers. Of one that did not, nobody knows whether it
    /// has done what it was asked, so what is asked is either done once by its own conditions, or does
    /// no harm when it is done twice.
    pub(crate) async fn ask<T: Answer>(&self, path: &str, body: &Value) -> Result<T> {
        self.ask_within(ANSWER_MAX, path, body).await
    }

    /// The same, where each member is waited for no longer than `within`.
    pub(crate) async fn ask_within<T: Answer>(
        &self,
        within: Duration,
        path: &str,
        body: &Value,
    ) -> Result<T> {
        self.attempt(path, body, Some(within)).await.result
    }

    async fn attempt<T: Answer>(
        &self,
        path: &str,
        body: &Value,
        within: Option<Duration>,
    ) -> Attempt<T> {
        let body = Bytes::from(body.to_string());
        let first = self.inner.usual.load(Ordering::Relaxed);
        let count = self.inner.members.len();
        let mut result = self.ask_member(first, path, &body, within).await;
        let mut may_have_happened = false;
        for next in (1..count).map(|step| (first + step) % count) {
            match &result {
                Err(error) if error.is_passing() => may_have_happened |= error.leaves_doubt(),
                _ => break,
            }
            result = self.ask_member(next, path, &body, within).await;
            if !result.as_ref().is_err_and(Error::is_passing) {
                self.inner.usual.store(next, Ordering::Relaxed);
            }
        }
        may_have_happened |= result.as_ref().is_err_and(Error::leaves_doubt);
        Attempt { result, may_have_happened }
    }

    /// Asks one member. All of its answer must be there `within` that time; without it, each piece of
    /// it in the time of one.
    async fn ask_member<T: Answer>(
        &self,
        index: usize,
        path: &str,
        body: &Bytes,
        within: Option<Duration>,
    ) -> Result<T> {
        let member = &self.inner.members[index];
        let mut request = self.inner.http.post(format!("{member}{path}")).body(body.clone());
        if let Some(within) = within {
            request = request.timeout(within);
        }
        let no_answer = |source| Error::NoAnswer { member: member.clone(), source };
        let answer = request.send().await.map_err(no_answer)?;
        let status = answer.status();
        let Some(bytes) = read(answer).await.map_err(no_answer)? else {
            let message = format!("more than {ANSWER_BYTES_MAX} bytes");
            return Err(Error::Strange { member: member.clone(), message });
        };
        if !status.is_success() {
            return Err(refusal(member, status.as_u16(), &bytes));
        }
        let answer: T = serde_json::from_slice(&bytes).map_err(|error| Error::Strange {
            member: member.clone(),
            message: error.to_string(),
        })?;
        self.check_cluster(member, &answer.header().cluster_id)?;
        Ok(answer)
    }

    /// An error unless `member`, which says that it is of the cluster `theirs`, is of the one that has
    /// answered first: what another one has is another state.
    fn check_cluster(&self, member: &str, theirs: &str) -> Result<()> {
        if theirs.is_empty() {
            return Ok(());
        }
        let ours = self.inner.cluster.get_or_init(|| theirs.to_owned());
        if ours == theirs {
            return Ok(());
        }
        let (member, theirs, ours) = (member.to_owned(), theirs.to_owned(), ours.clone());
        Err(Error::OtherCluster { member, theirs, ours })
    }
}

/// All of `answer`; `None` if it is too long.
async fn read(mut answer: Response) -> std::result::Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if ANSWER_BYTES_MAX < bytes.len() + chunk.len() {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

/// What an answer of `status` with `bytes` means.
fn refusal(member: &str, status: u16, bytes: &[u8]) -> Error {
    let member = member.to_owned();
    let Ok(refusal) = serde_json::from_slice::<Refusal>(bytes) else {
        let message = match status {
            404 => "404: it is no etcd, or has its gateway off (--enable-grpc-gateway)".to_owned(),
            status => format!("status {status}, and no reason"),
        };
        return match status {
            // Something between us and etcd, which may have passed it on.
            500.. => Error::Unable { member, message },
            _ => Error::Strange { member, message },
        };
    };
    let (code, message) = refusal.reason();
    if PASSING.contains(&code) && !message.contains(NO_SPACE) {
        Error::Unable { member, message }
    } else {
        Error::Refused { member, message }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::{Fake, Reply};

    #[test]
    fn what_a_refusal_means() {
        let check = |status: u16, body: &str, expect: &str| {
            assert_eq!(refusal("m", status, body.as_bytes()).to_string(), expect);
        };
        check(
            400,
            r#"{"error":"e","message":"etcdserver: request is too large","code":3}"#,
            "etcd at m refuses: etcdserver: request is too large",
        );
        check(
            503,
            r#"{"error":"etcdserver: no leader","code":14}"#,
            "etcd at m is not able to answer: etcdserver: no leader",
        );
        // Of a stream, such as the one that renews a lease; of etcd to 3.5, and from 3.6 on.
        check(
            503,
            r#"{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}}"#,
            "etcd at m is not able to answer: etcdserver: no leader",
        );
        check(
            503,
            r#"{"error":{"code":14,"message":"etcdserver: no leader","details":[]}}"#,
            "etcd at m is not able to answer: etcdserver: no leader",
        );
        check(
            429,
            r#"{"message":"etcdserver: mvcc: database space exceeded","code":8}"#,
            "etcd at m refuses: etcdserver: mvcc: database space exceeded",
        );
        check(
            404,
            "404 page not found\n",
            "what m answers is not understood: 404: it is no etcd, or has its gateway off \
             (--enable-grpc-gateway)",
        );
    }

    fn of_cluster(cluster: &'static str) -> impl Fn(&str, &Value) -> Reply + Clone {
        move |_, _| Reply::Json(200, json!({"header": {"cluster_id": cluster}}))
    }

    #[tokio::test]
    async fn a_member_that_has_not_answered_leaves_a_doubt() {
        let good = Fake::start(of_cluster("1")).await;
        let silent = Fake::start(|_, _| Reply::Hangup).await;
        let client = good.client_of(&[&silent, &good]);
        let attempt = client.try_transact(&json!({})).await;
        assert!(attempt.result.is_ok() && attempt.may_have_happened);
        // From now on the one that answers is asked first.
        let attempt = client.try_transact(&json!({})).await;
        assert!(attempt.result.is_ok() && !attempt.may_have_happened);
        let client = silent.client();
        let attempt = client.try_transact(&json!({})).await;
        assert!(attempt.result.is_err() && attempt.may_have_happened);
        // Who was not reached has done nothing.
        let mut nobody = silent;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        nobody.address = port.local_addr().unwrap().to_string();
        drop(port);
        let attempt = good.client_of(&[&nobody, &good]).try_transact(&json!({})).await;
        assert!(attempt.result.is_ok() && !attempt.may_have_happened);
    }

    #[tokio::test]
    async fn a_member_of_another_cluster_is_none() {
        let hang_up = Arc::new(AtomicUsize::new(0));
        let is_down = Arc::clone(&hang_up);
        let first = Fake::start(move |path, body| match is_down.load(Ordering::SeqCst) {
            0 => of_cluster("1")(path, body),
            _ => Reply::Hangup,
        });
        let (first, other) = (first.await, Fake::start(of_cluster("2")).await);
        let client = first.client_of(&[&first, &other]);
        client.transact(&json!({})).await.unwrap();
        assert_eq!(client.cluster(), "1");
        hang_up.store(1, Ordering::SeqCst);
        let error = client.transact(&json!({})).await.unwrap_err();
        assert!(matches!(error, Error::OtherCluster { .. }), "{error}");
        hang_up.store(0, Ordering::SeqCst);
        client.transact(&json!({})).await.expect("it is asked again");
    }
}
