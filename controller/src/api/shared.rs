//! What many objects, and the versions of one object, have in common: held once.
//!
//! ```text
//! a template ─▶ pod, pod, pod …        (one spec for all)
//! a version ─▶ the next ─▶ the next …  (one spec until somebody writes it)
//! ```
//!
//! Nothing else sees that it is shared: it reads, compares and is written as if it were held by each.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use foldhash::fast::RandomState;
use serde::{Serialize, Serializer};

use super::json;
use crate::limits::COMMONS_MAX;

/// By this name our own JSON writer knows what comes with the JSON that it has; no other serializer
/// looks at it.
pub(super) const WRITTEN: &str = "mayfly::Written";

/// A value that others may hold as well. Who writes it gets a copy of its own then.
pub struct Shared<T>(Arc<Held<T>>);

struct Held<T> {
    value: T,
    /// What was found when an equal one was looked for, as long as nobody has written the value.
    found: OnceLock<Found<T>>,
    /// What it was made of, if it is known to differ from that in what nobody asked for.
    variant_of: Option<Shared<T>>,
}

enum Found<T> {
    /// This is the one to be held, as JSON.
    This(Box<[u8]>),
    /// This is.
    Other(Shared<T>),
}

/// Values that are to be held once, found by what they are as JSON.
pub(crate) struct Commons<T> {
    /// By the hash of their JSON.
    known: Mutex<HashMap<u64, Weak<Held<T>>, RandomState>>,
    hasher: RandomState,
}

impl<T> Shared<T> {
    /// `value`, held by nobody else yet.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Held { value, found: OnceLock::new(), variant_of: None }))
    }

    /// `value`, made of `original`, from which it differs in what is nobody's wish: such as the node
    /// of a pod. As long as nobody writes it, [`is_variant_of`](Self::is_variant_of) says so without
    /// a look at either.
    pub(crate) fn variant(value: T, original: &Self) -> Self {
        let variant_of = Some(original.clone());
        Self(Arc::new(Held { value, found: OnceLock::new(), variant_of }))
    }

    /// Whether it was made of `original` as its variant.
    pub(crate) fn is_variant_of(&self, original: &Self) -> bool {
        self.0.variant_of.as_ref().is_some_and(|it| it.is_one_with(original))
    }

    /// Where it is in memory: the same for all that hold it, and nobody else's while one of them does.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// The value alone, which is copied if others hold it.
    pub fn into_inner(self) -> T
    where
        T: Clone,
    {
        Arc::unwrap_or_clone(self.0).value
    }

    /// Whether both hold the same, and not only something equal.
    pub fn is_one_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether an equal one has been looked for, and this is the one to be held.
    pub(crate) fn is_common(&self) -> bool {
        self.json().is_some()
    }

    fn json(&self) -> Option<&[u8]> {
        match self.0.found.get()? {
            Found::This(json) => Some(json),
            Found::Other(_) => None,
        }
    }
}

impl<T: Serialize> Commons<T> {
    /// Has `value` hold what others hold already, if something equal is known.
    ///
    /// Equal is what is written as the same JSON: that is all that is kept of it, and all that is
    /// ever shown.
    pub(crate) fn share(&self, value: &mut Shared<T>) {
        if let Found::Other(other) = value.0.found.get_or_init(|| self.find(value)) {
            *value = other.clone();
        }
    }

    fn find(&self, value: &Shared<T>) -> Found<T> {
        let mut json = Vec::new();
        json::write(&**value, &mut json);
        let hash = self.hasher.hash_one(&json[..]);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&hash).and_then(Weak::upgrade).map(Shared) {
            Some(other) if other.json() == Some(&json[..]) => return Found::Other(other),
            // Two that differ and have one hash: neither is worse off than without this.
            Some(_) => {}
            None => {
                if known.len() >= COMMONS_MAX {
                    known.clear();
                }
                known.insert(hash, Arc::downgrade(&value.0));
            }
        }
        Found::This(json.into())
    }
}

impl<T> Default for Commons<T> {
    fn default() -> Self {
        Self { known: Mutex::default(), hasher: RandomState::default() }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Clone for Held<T> {
    /// To be written, so what was found is not taken along.
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), found: OnceLock::new(), variant_of: None }
    }
}

impl<T> From<T> for Shared<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    /// Copies the value first if others hold it.
    fn deref_mut(&mut self) -> &mut T {
        let held = Arc::make_mut(&mut self.0);
        held.found.take();
        held.variant_of = None;
        &mut held.value
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        let differ = self.is_variant_of(other) || other.is_variant_of(self);
        self.is_one_with(other) || (!differ && **self == **other)
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.json() {
            Some(json) => {
                serializer.serialize_newtype_struct(WRITTEN, &Written { value: &**self, json })
            }
            None => (**self).serialize(serializer),
        }
    }
}

/// A value, and the same as JSON for the one who can take it: our own writer, which says then that
/// what it writes is not for people.
struct Written<'a, T> {
    value: &'a T,
    json: &'a [u8],
}

impl<T: Serialize> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.value.serialize(serializer)
        } else {
            serializer.serialize_bytes(self.json)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::PodSpec;

    fn spec(node: &str) -> Shared<PodSpec> {
        let spec = json!({
            "nodeName": node, "containers": [{"name": "main", "args": ["\"\n", "é"]}],
        });
        Shared::new(serde_json::from_value(spec).expect("it is a spec"))
    }

    fn written(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        json::write(value, &mut out);
        String::from_utf8(out).expect("JSON must be text")
    }

    #[test]
    fn what_is_equal_becomes_one() {
        let commons = Commons::default();
        let (mut one, mut same, mut other) = (spec("a"), spec("a"), spec("b"));
        for spec in [&mut one, &mut same, &mut other] {
            commons.share(spec);
        }
        assert!(one.is_one_with(&same));
        assert!(!one.is_one_with(&other));
        assert_ne!(one, other);
    }

    #[test]
    fn who_writes_gets_a_copy() {
        let commons = Commons::default();
        let mut one = spec("a");
        commons.share(&mut one);
        let mut other = one.clone();
        other.node_name = Some("b".to_owned());
        assert_eq!((one, other.clone()), (spec("a"), spec("b")));
        // Also the one who is alone.
        commons.share(&mut other);
        other.node_name = Some("c".to_owned());
        assert_eq!(written(&other), written(&*spec("c")));
    }

    #[test]
    fn a_variant_is_known_until_it_is_written() {
        let one = spec("");
        let mut on_node = Shared::variant((*spec("a")).clone(), &one);
        assert!(on_node.is_variant_of(&one) && !one.is_variant_of(&on_node));
        assert_ne!(on_node, one);
        assert!(!on_node.is_variant_of(&spec("")), "it is equal, but not the one");
        assert_eq!(on_node, spec("a"));
        on_node.node_name = Some(String::new());
        assert!(!on_node.is_variant_of(&one));
        assert_eq!(on_node, one);
    }

    #[test]
    fn it_is_written_as_if_it_were_not_shared() {
        let mut shared = spec("a");
        let plain = serde_json::to_string(&*shared).expect("it has a JSON form");
        assert_eq!(written(&[&shared, &shared]), format!("[{plain},{plain}]"));
        Commons::default().share(&mut shared);
        assert_eq!(written(&[&shared, &shared]), format!("[{plain},{plain}]"));
        assert_eq!(serde_json::to_string(&shared).expect("it has a JSON form"), plain);
        let tree = serde_json::to_value(&shared).expect("it has a JSON form");
        assert_eq!(tree, serde_json::to_value(&*shared).expect("it has a JSON form"));
    }

    #[test]
    fn no_more_are_known_than_the_limit() {
        let commons = Commons::default();
        let mut all: Vec<_> = (0..=COMMONS_MAX).map(|number| spec(&number.to_string())).collect();
        all.iter_mut().for_each(|spec| commons.share(spec));
        assert_eq!(commons.known.lock().expect("nobody panics").len(), 1);
    }
}
