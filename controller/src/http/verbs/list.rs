//! The objects of a collection, in pages if that is asked for.
//!
//! All pages are of the state in which the first one was, for as long as the store's history
//! reaches back to it. A page is chosen by the keys of what there is, and no more is unpacked for it
//! than what is in it, and what a selector has to look at before it is full.

use axum::body::Body;
use axum::http::Response;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use tokio::task::coop;

use super::list_options;
use crate::api::Key;
use crate::http::answer::{self, ListMeta};
use crate::http::options::Query;
use crate::http::refusal::Refusal;
use crate::http::router::Call;
use crate::http::selector::Selector;
use crate::http::status::Status;
use crate::http::target::Target;
use crate::store::{Slot, Store};

/// Where a list goes on, as Kubernetes writes it.
const TOKENS: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

const TOKEN_VERSION: &str = "meta.k8s.io/v1";

/// Where a list goes on: after this object. Opaque to clients.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Continue {
    v: String,
    /// The version of the list; negative for the newest.
    rv: i64,
    namespace: String,
    name: String,
}

/// Objects that are looked through first for those that a selector takes; four times as many then.
/// More would be put in order for nothing where the first ones are taken.
const SELECTED_FROM_MIN: usize = 256;

pub(in crate::http) async fn list(call: Call) -> Result<Response<Body>, Refusal> {
    let Call { api, target, query, form, .. } = call;
    let (items, meta) = page(&api.store, &target, &query).await?;
    Ok(answer::list(form, target.kind, items, &meta, api.store.clock().now(), &[]))
}

/// The objects of `target` that `query` asks for, as many as it takes at once.
pub(super) async fn page(
    store: &Store,
    target: &Target,
    query: &Query,
) -> Result<(Vec<Slot>, ListMeta), Refusal> {
    let limit = query.number("limit")?.and_then(|it| usize::try_from(it).ok()).filter(|it| *it > 0);
    list_options::check_list(query)?;
    let selector = Selector::parse(target.kind, query)?;
    let state = State::wanted(query, limit.is_some())?;
    let (mut found, version) = state.read(store, target, &selector)?;
    if let State::Continued { after, .. } = &state {
        found.retain(|(key, _)| key > after);
    }
    let limit = limit.unwrap_or(usize::MAX);
    let left = found.len().saturating_sub(limit);
    // One more than are wanted tells that there are more.
    let mut items = first_of(found, &selector, limit.saturating_add(1)).await;
    let mut meta = ListMeta { resource_version: version, ..ListMeta::default() };
    if items.len() > limit {
        items.truncate(limit);
        let version = i64::try_from(version).ok();
        meta.proceed = items.last().map(|(last, _)| encode(last, version));
        // How many are left of a selection is not told, as in Kubernetes.
        meta.remaining = selector.is_empty().then_some(left);
    }
    Ok((items.into_iter().map(|(_, item)| item).collect(), meta))
}

/// The first of `found`, by namespace and name, which `selector` takes: at most so many as are
/// `wanted`.
///
/// No more are put in order than are looked at, and of what is looked at nothing stays unpacked.
/// Others have their turn in between.
async fn first_of(
    mut found: Vec<(Key, Slot)>,
    selector: &Selector,
    wanted: usize,
) -> Vec<(Key, Slot)> {
    if selector.is_empty() {
        return split_first(&mut found, wanted);
    }
    let mut taken = Vec::new();
    let mut some = wanted.max(SELECTED_FROM_MIN);
    while !found.is_empty() {
        for (key, slot) in split_first(&mut found, some) {
            if selector.matches(&slot.object()) {
                taken.push((key, slot));
            }
            if taken.len() == wanted {
                return taken;
            }
            coop::consume_budget().await;
        }
        some = some.saturating_mul(4);
    }
    taken
}

/// Takes the first `count` out of `found`, by namespace and name.
fn split_first(found: &mut Vec<(Key, Slot)>, count: usize) -> Vec<(Key, Slot)> {
    let by_key = |(one, _): &(Key, Slot), (other, _): &(Key, Slot)| one.cmp(other);
    let mut rest = Vec::new();
    if found.len() > count {
        found.select_nth_unstable_by(count - 1, by_key);
        rest = found.split_off(count);
    }
    let mut first = std::mem::replace(found, rest);
    first.sort_unstable_by(by_key);
    first
}

/// Which state a list is to be of.
enum State {
    /// The newest, which must be no older than this.
    Newest { at_least: u64 },
    /// That of this version.
    At(u64),
    /// The one in which a list was begun, from after this object on; the newest if it is not known
    /// any more, and the client takes that.
    Continued { after: Key, version: Option<u64> },
}

impl State {
    fn wanted(query: &Query, has_limit: bool) -> Result<Self, Refusal> {
        let version = resource_version(query)?;
        if let Some(token) = query.get("continue") {
            if version > 0 {
                let why = "specifying resource version is not allowed when using continue";
                return Err(Status::bad_request(why).into());
            }
            let (after, version) = decode(token)?;
            return Ok(Self::Continued { after, version });
        }
        let is_exact = version > 0 && list_options::is_exact(query, has_limit);
        Ok(if is_exact { Self::At(version) } else { Self::Newest { at_least: version } })
    }

    /// The objects that may be meant, in no order, and the version that they are of.
    fn read(
        &self,
        store: &Store,
        target: &Target,
        selector: &Selector,
    ) -> Result<(Vec<(Key, Slot)>, u64), Refusal> {
        let (kind, namespace) = (target.kind, target.namespace.as_deref());
        match self {
            Self::Newest { at_least } => {
                let is_one_place = namespace.is_some() || !kind.is_namespaced();
                let (items, version) = match selector.name().filter(|_| is_one_place) {
                    Some(name) => {
                        let key = target.key(name);
                        let (found, version) = store.find_one(kind, &key);
                        (found.map(|slot| (key, slot)).into_iter().collect(), version)
                    }
                    None => store.find(kind, namespace),
                };
                if *at_least > version {
                    return Err(Status::version_too_large(*at_least, version).into());
                }
                Ok((items, version))
            }
            Self::At(version) => match store.find_at(kind, namespace, *version) {
                Ok(items) => Ok((items, *version)),
                Err(gone) if gone.newest < *version => {
                    Err(Status::version_too_large(*version, gone.newest).into())
                }
                Err(_) => {
                    let why = "The resourceVersion for the provided list is too old.";
                    Err(Status::expired(why).into())
                }
            },
            Self::Continued { version: None, .. } => Ok(store.find(kind, namespace)),
            Self::Continued { after, version: Some(version) } => {
                let items = store
                    .find_at(kind, namespace, *version)
                    .map_err(|_| Status::list_expired(encode(after, None)))?;
                Ok((items, *version))
            }
        }
    }
}

/// The version that is named; 0 if none is.
fn resource_version(query: &Query) -> Result<u64, Refusal> {
    let Some(text) = query.get("resourceVersion") else { return Ok(0) };
    text.parse().map_err(|_| {
        Status::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: \"{text}\": \
             strconv.ParseUint: parsing \"{text}\": invalid syntax"
        ))
        .into()
    })
}

/// The token that means a list of the state `version`, or of the newest, from after `key` on.
fn encode(key: &Key, version: Option<i64>) -> String {
    let token = Continue {
        v: TOKEN_VERSION.to_owned(),
        rv: version.unwrap_or(-1),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
    };
    TOKENS.encode(serde_json::to_vec(&token).expect("a token must have a JSON form"))
}

fn decode(text: &str) -> Result<(Key, Option<u64>), Refusal> {
    let wrong = |why: String| {
        Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
    };
    let bytes = TOKENS.decode(text).map_err(|error| wrong(error.to_string()))?;
    let token: Continue = serde_json::from_slice(&bytes).map_err(|error| {
        wrong(match bytes.first() {
            Some(b'{') => error.to_string(),
            // Go reads the byte as a character of its own.
            Some(first) => {
                format!("invalid character '{}' looking for beginning of value", char::from(*first))
            }
            None => "unexpected end of JSON input".to_owned(),
        })
    })?;
    let Continue { v, rv, namespace, name } = token;
    if v != TOKEN_VERSION {
        return Err(wrong(format!("server does not recognize this encoded version \"{v}\"")).into());
    }
    if rv == 0 {
        let why = format!("incorrect encoded start resourceVersion (version {TOKEN_VERSION})");
        return Err(wrong(why).into());
    }
    if name.is_empty() {
        return Err(wrong(format!("encoded start key empty (version {TOKEN_VERSION})")).into());
    }
    Ok((Key::new(&namespace, &name), u64::try_from(rv).ok()))
}
