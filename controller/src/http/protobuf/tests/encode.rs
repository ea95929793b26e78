//! The way back, from wire types to messages, which only tests go.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, MicroTime, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_pb::api::authentication::v1 as pb_authentication;
use k8s_pb::api::authorization::v1 as pb_authorization;
use k8s_pb::api::certificates::v1 as pb_certificates;
use k8s_pb::apimachinery::pkg::api::resource as pb_resource;
use k8s_pb::apimachinery::pkg::apis::meta::v1 as pb_meta;
use k8s_pb::apimachinery::pkg::util::intstr as pb_intstr;

/// A type that is written as the message `M`.
pub(in crate::http::protobuf) trait Encode<M> {
    fn encode(self) -> M;
}

impl<M, T: Encode<M>> Encode<Option<M>> for Option<T> {
    fn encode(self) -> Option<M> {
        self.map(T::encode)
    }
}

impl<M, T: Encode<M>> Encode<Vec<M>> for Vec<T> {
    fn encode(self) -> Vec<M> {
        self.into_iter().map(T::encode).collect()
    }
}

impl<M, T: Encode<M>> Encode<Vec<M>> for Option<Vec<T>> {
    fn encode(self) -> Vec<M> {
        self.unwrap_or_default().encode()
    }
}

impl<M, T: Encode<M>> Encode<BTreeMap<String, M>> for BTreeMap<String, T> {
    fn encode(self) -> BTreeMap<String, M> {
        self.into_iter().map(|(key, value)| (key, value.encode())).collect()
    }
}

impl<M, T: Encode<M>> Encode<BTreeMap<String, M>> for Option<BTreeMap<String, T>> {
    fn encode(self) -> BTreeMap<String, M> {
        self.unwrap_or_default().encode()
    }
}

macro_rules! leaves {
    ($($type:ty as $message:ty: $value:ident => $encoded:expr;)*) => { $(
        impl Encode<$message> for $type {
            fn encode(self) -> $message {
                let $value = self;
                $encoded
            }
        }

        impl Encode<Option<$message>> for $type {
            fn encode(self) -> Option<$message> {
                Some(self.encode())
            }
        }
    )* };
}

leaves! {
    String as String: it => it;
    bool as bool: it => it;
    i32 as i32: it => it;
    i64 as i64: it => it;
    f64 as f64: it => it;
    ByteString as Vec<u8>: it => it.0;
    Time as pb_meta::Time: it => pb_meta::Time {
        seconds: Some(it.0.as_second()),
        nanos: Some(0),
    };
    MicroTime as pb_meta::MicroTime: it => pb_meta::MicroTime {
        seconds: Some(it.0.as_second()),
        nanos: Some(it.0.subsec_nanosecond()),
    };
    Quantity as pb_resource::Quantity: it => pb_resource::Quantity { string: Some(it.0) };
    FieldsV1 as pb_meta::FieldsV1: it => pb_meta::FieldsV1 {
        raw: Some(it.0.to_string().into_bytes()),
    };
    IntOrString as pb_intstr::IntOrString: it => match it {
        IntOrString::Int(number) => pb_intstr::IntOrString {
            r#type: Some(0),
            int_val: Some(number),
            str_val: Some(String::new()),
        },
        IntOrString::String(text) => pb_intstr::IntOrString {
            r#type: Some(1),
            int_val: Some(0),
            str_val: Some(text),
        },
    };
    Vec<String> as pb_authorization::ExtraValue: it => pb_authorization::ExtraValue { items: it };
    Vec<String> as pb_certificates::ExtraValue: it => pb_certificates::ExtraValue { items: it };
    Vec<String> as pb_authentication::ExtraValue: it => pb_authentication::ExtraValue { items: it };
}
