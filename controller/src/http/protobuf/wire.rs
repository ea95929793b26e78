//! How a message of the wire becomes a wire type: field by field, each named once.

use std::collections::BTreeMap;

/// Something in a message that means nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Corrupt(pub(super) String);

/// A type that is written as the message `M`.
pub(super) trait Wire<M>: Sized {
    /// What `message` means.
    fn wire(message: M) -> Result<Self, Corrupt>;

    /// What `message` means where an empty value means that there is none, since Go, which has no
    /// pointer there, writes it all the same; and leaves it out of JSON.
    fn plain(message: M) -> Result<Self, Corrupt> {
        Self::wire(message)
    }

    /// Whether `message` is how nothing is written, pointer or not.
    fn is_absent(_message: &M) -> bool {
        false
    }

    /// Whether `message` is empty.
    fn is_empty(_message: &M) -> bool {
        false
    }
}

impl<M, T: Wire<M>> Wire<Option<M>> for Option<T> {
    fn wire(message: Option<M>) -> Result<Self, Corrupt> {
        message.filter(|it| !T::is_absent(it)).map(T::wire).transpose()
    }

    fn plain(message: Option<M>) -> Result<Self, Corrupt> {
        Self::wire(message.filter(|it| !T::is_empty(it)))
    }
}

impl<M, T: Wire<M>> Wire<Vec<M>> for Vec<T> {
    fn wire(message: Vec<M>) -> Result<Self, Corrupt> {
        message.into_iter().map(T::wire).collect()
    }
}

impl<M, T: Wire<M>> Wire<Vec<M>> for Option<Vec<T>> {
    fn wire(message: Vec<M>) -> Result<Self, Corrupt> {
        if message.is_empty() { Ok(None) } else { Vec::wire(message).map(Some) }
    }
}

impl<M, T: Wire<M>> Wire<BTreeMap<String, M>> for BTreeMap<String, T> {
    fn wire(message: BTreeMap<String, M>) -> Result<Self, Corrupt> {
        message.into_iter().map(|(key, value)| Ok((key, T::wire(value)?))).collect()
    }
}

impl<M, T: Wire<M>> Wire<BTreeMap<String, M>> for Option<BTreeMap<String, T>> {
    fn wire(message: BTreeMap<String, M>) -> Result<Self, Corrupt> {
        if message.is_empty() { Ok(None) } else { BTreeMap::wire(message).map(Some) }
    }
}

/// What a message can't say: the fields that Kubernetes has got since 1.35, for which the messages
/// were made. In 1.36 all of them are behind gates that are closed by default, so nobody sends them.
pub(super) fn more<T: Default>() -> T {
    T::default()
}

/// Has types of the module `api` be written as messages of the module `pb`, both of which are named
/// where this is used:
///
/// ```text
/// Message as Type { fields } keeps { pointers } renames { to = from } within part { its fields } and more;
/// ```
///
/// Fields have the same name on both sides. `keeps` are those that are pointers in Go, so that an
/// empty value counts. `within` names a message that Go has inlined. `and more` says that the type
/// has fields which the message has not.
macro_rules! wire {
    ($(
        $message:ident $(as $type:ident)? { $($field:ident),* $(,)? }
        $(keeps { $($kept:ident),* $(,)? })?
        $(renames { $($to:ident = $from:ident),* })?
        $(within $part:ident { $($inner:ident),* $(,)? })?
        $(and $more:ident)?;
    )*) => { $(
        wire! { @impl $message [$($type)? $message]
            { $($field)* } { $($($kept)*)? } { $($($to = $from)*)? }
            { $($part { $($inner)* })? } { $($more)? } }
    )* };
    (@impl $message:ident [$type:ident $($same:ident)?]
        { $($field:ident)* } { $($kept:ident)* } { $($to:ident = $from:ident)* }
        { $($part:ident { $($inner:ident)* })? } { $($more:ident)? }
    ) => {
        impl Wire<pb::$message> for api::$type {
            fn wire(message: pb::$message) -> Result<Self, Corrupt> {
                $(let $part = message.$part.unwrap_or_default();)?
                Ok(Self {
                    $($field: Wire::plain(message.$field)?,)*
                    $($kept: Wire::wire(message.$kept)?,)*
                    $($to: Wire::plain(message.$from)?,)*
                    $($($inner: Wire::plain($part.$inner)?,)*)?
                    $(..$more())?
                })
            }
        }

        #[cfg(test)]
        impl $crate::http::protobuf::tests::encode::Encode<pb::$message> for api::$type {
            #[allow(unused_mut, unused_variables, reason = "a type may have no such fields")]
            fn encode(self) -> pb::$message {
                use $crate::http::protobuf::tests::encode::Encode;
                let mut message = pb::$message::default();
                $(message.$field = Encode::encode(self.$field);)*
                $(message.$kept = Encode::encode(self.$kept);)*
                $(message.$from = Encode::encode(self.$to);)*
                $(
                    let part = message.$part.get_or_insert_with(Default::default);
                    $(part.$inner = Encode::encode(self.$inner);)*
                )?
                message
            }
        }

        #[cfg(test)]
        impl $crate::http::protobuf::tests::encode::Encode<Option<pb::$message>> for api::$type {
            fn encode(self) -> Option<pb::$message> {
                Some(self.encode())
            }
        }

        impl Wire<Option<pb::$message>> for api::$type {
            fn wire(message: Option<pb::$message>) -> Result<Self, Corrupt> {
                Self::wire(message.unwrap_or_default())
            }
        }
    };
}
pub(super) use wire;
