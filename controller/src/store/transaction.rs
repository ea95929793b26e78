//! What is to be changed, all or nothing.

use std::sync::Arc;

use crate::api::{Key, Kind, Object, Resource};

/// Operations that happen together or not at all, in order, on the newest state.
#[derive(Default)]
#[must_use = "a transaction does nothing until it is committed"]
pub struct Transaction {
    pub(super) operations: Vec<Operation>,
}

/// How to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Only this object, not another that has its name by now.
    pub uid: Option<String>,
    /// How long a bound pod has to end; its own word for it if `None`.
    pub grace_period_seconds: Option<i64>,
}

/// What a transaction has done.
#[derive(Clone, Debug)]
pub struct Committed {
    /// For each create, and each other operation that found its object, that object after it, in
    /// order. A deleted one is as it was last. Guards have none, nor has what is collected.
    pub objects: Vec<Object>,
    /// The state in which all of it is visible.
    pub resource_version: u64,
}

/// The new version of an object, if it was of the right kind.
type Edit = Box<dyn FnOnce(&Object) -> Option<Object> + Send>;

/// The new version of an object, if it was of the right kind, or why there may be none.
pub(super) type EachEdit = Box<dyn FnMut(&Object) -> Result<Option<Object>, String> + Send>;

/// Whether what is required of an object holds.
type Check = Box<dyn FnOnce(&Object) -> bool + Send>;

pub(super) enum Operation {
    Create(Object),
    Replace(Object),
    Modify { kind: Kind, key: Key, uid: Option<String>, edit: Edit },
    CreateOrModify { object: Object, edit: Edit },
    Each { kind: Kind, namespace: String, edit: EachEdit },
    Delete { kind: Kind, key: Key, options: DeleteOptions },
    Collect { kind: Kind, key: Key, options: DeleteOptions },
    Guard { kind: Kind, key: Key, resource_version: String },
    Require { kind: Kind, key: Key, uid: Option<String>, holds: Check },
    Within { namespace: String },
}

impl Transaction {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it would do nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// How many operations it has.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Adds `object`, with a name from its `generateName` if it has none and a new uid if it has
    /// none; fails if its name is taken.
    pub fn create(self, object: impl Resource) -> Self {
        self.create_object(Resource::into_object(Arc::new(object)))
    }

    /// The same for an object of any kind.
    pub fn create_object(self, object: Object) -> Self {
        self.with(Operation::Create(object))
    }

    /// Puts `object` in the place of what has its name; fails if there is nothing, or if `object`
    /// has a `resourceVersion` or uid and it is another.
    pub fn replace(self, object: impl Resource) -> Self {
        self.replace_object(Resource::into_object(Arc::new(object)))
    }

    /// The same for an object of any kind.
    pub fn replace_object(self, object: Object) -> Self {
        self.with(Operation::Replace(object))
    }

    /// Changes the newest version of an object; skipped if it is gone or has another uid.
    ///
    /// System metadata that `change` touches (name, uid, timestamps, versions) stays as it was.
    pub fn modify<T: Resource>(
        self,
        key: Key,
        uid: Option<String>,
        change: impl FnOnce(&mut T) + Send + 'static,
    ) -> Self {
        self.with(Operation::Modify { kind: T::KIND, key, uid, edit: edit(change) })
    }

    /// The same for an object of any kind.
    pub fn modify_object(
        self,
        kind: Kind,
        key: Key,
        uid: Option<String>,
        change: impl FnOnce(&mut Object) + Send + 'static,
    ) -> Self {
        let edit = Box::new(move |object: &Object| {
            let mut new = object.clone();
            change(&mut new);
            Some(new)
        });
        self.with(Operation::Modify { kind, key, uid, edit })
    }

    /// Adds `object`, or makes `change` to what has its name already.
    pub fn create_or_modify<T: Resource>(
        self,
        object: T,
        change: impl FnOnce(&mut T) + Send + 'static,
    ) -> Self {
        let object = Resource::into_object(Arc::new(object));
        self.with(Operation::CreateOrModify { object, edit: edit(change) })
    }

    /// Changes each object of kind `T` that is in `namespace` by then, or fails the transaction
    /// where `change` says why it may not be.
    pub fn each<T: Resource>(
        self,
        namespace: impl Into<String>,
        mut change: impl FnMut(&T) -> Result<T, String> + Send + 'static,
    ) -> Self {
        let edit = Box::new(move |object: &Object| {
            let Some(object) = T::from_object(object) else { return Ok(None) };
            change(object).map(|new| Some(T::into_object(Arc::new(new))))
        });
        self.with(Operation::Each { kind: T::KIND, namespace: namespace.into(), edit })
    }

    /// Deletes as Kubernetes' API server does: a bound pod that has not ended gets its grace
    /// period, what has finalizers waits for them, everything else goes at once. What is not there
    /// is not deleted.
    pub fn delete(self, kind: Kind, key: Key, options: DeleteOptions) -> Self {
        self.with(Operation::Delete { kind, key, options })
    }

    /// The same for who does not ask what became of it, which costs less.
    pub fn collect(self, kind: Kind, key: Key, options: DeleteOptions) -> Self {
        self.with(Operation::Collect { kind, key, options })
    }

    /// Fails the transaction if the object has changed since `resource_version`, or is gone.
    pub fn guard(self, kind: Kind, key: Key, resource_version: impl Into<String>) -> Self {
        self.with(Operation::Guard { kind, key, resource_version: resource_version.into() })
    }

    /// Fails the transaction if the object is there and `holds` does not hold of it, as it is when
    /// this comes to it.
    pub fn require<T: Resource>(
        self,
        key: Key,
        uid: Option<String>,
        holds: impl FnOnce(&T) -> bool + Send + 'static,
    ) -> Self {
        let holds = Box::new(|object: &Object| T::from_object(object).is_none_or(|it| holds(it)));
        self.with(Operation::Require { kind: T::KIND, key, uid, holds })
    }

    /// Fails the transaction if `namespace` is not there, or is on its way out.
    pub fn within(self, namespace: impl Into<String>) -> Self {
        self.with(Operation::Within { namespace: namespace.into() })
    }

    /// Adds what `other` does after what this one does.
    pub fn and(mut self, other: Self) -> Self {
        self.operations.extend(other.operations);
        self
    }

    fn with(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }
}

fn edit<T: Resource>(change: impl FnOnce(&mut T) + Send + 'static) -> Edit {
    Box::new(move |object: &Object| {
        let mut new = T::clone(T::from_object(object)?);
        change(&mut new);
        Some(T::into_object(Arc::new(new)))
    })
}
