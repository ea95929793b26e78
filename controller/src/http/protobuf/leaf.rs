//! The ends of messages: text, numbers, times, and values that are written in a form of their own.

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

use super::wire::{Corrupt, Wire};
use crate::api::Timestamp;

macro_rules! scalars {
    ($($type:ty)*) => { $(
        impl Wire<$type> for $type {
            fn wire(message: $type) -> Result<Self, Corrupt> {
                Ok(message)
            }

            fn is_empty(message: &$type) -> bool {
                *message == <$type>::default()
            }
        }

        impl Wire<Option<$type>> for $type {
            fn wire(message: Option<$type>) -> Result<Self, Corrupt> {
                Ok(message.unwrap_or_default())
            }
        }
    )* };
}

scalars! { String bool i32 i64 f64 }

impl Wire<Vec<u8>> for ByteString {
    fn wire(message: Vec<u8>) -> Result<Self, Corrupt> {
        Ok(Self(message))
    }

    fn is_empty(message: &Vec<u8>) -> bool {
        message.is_empty()
    }
}

impl Wire<Option<Vec<u8>>> for ByteString {
    fn wire(message: Option<Vec<u8>>) -> Result<Self, Corrupt> {
        Ok(Self(message.unwrap_or_default()))
    }
}

/// Kubernetes writes whole seconds, and for no time an empty message.
impl Wire<pb_meta::Time> for Time {
    fn wire(message: pb_meta::Time) -> Result<Self, Corrupt> {
        timestamp(message.seconds, None).map(Self)
    }

    fn is_absent(message: &pb_meta::Time) -> bool {
        message.seconds.is_none()
    }
}

impl Wire<Option<pb_meta::Time>> for Time {
    fn wire(message: Option<pb_meta::Time>) -> Result<Self, Corrupt> {
        Self::wire(message.unwrap_or_default())
    }
}

impl Wire<pb_meta::MicroTime> for MicroTime {
    fn wire(message: pb_meta::MicroTime) -> Result<Self, Corrupt> {
        let nanos = message.nanos.map(|nanos| nanos / 1_000 * 1_000);
        timestamp(message.seconds, nanos).map(Self)
    }

    fn is_absent(message: &pb_meta::MicroTime) -> bool {
        message.seconds.is_none() && message.nanos.is_none()
    }
}

impl Wire<Option<pb_meta::MicroTime>> for MicroTime {
    fn wire(message: Option<pb_meta::MicroTime>) -> Result<Self, Corrupt> {
        Self::wire(message.unwrap_or_default())
    }
}

fn timestamp(seconds: Option<i64>, nanos: Option<i32>) -> Result<Timestamp, Corrupt> {
    let (seconds, nanos) = (seconds.unwrap_or_default(), nanos.unwrap_or_default());
    Timestamp::new(seconds, nanos).map_err(|_| Corrupt(format!("time out of range: {seconds}")))
}

impl Wire<pb_resource::Quantity> for Quantity {
    fn wire(message: pb_resource::Quantity) -> Result<Self, Corrupt> {
        Ok(Self(message.string.unwrap_or_else(|| "0".to_owned())))
    }
}

impl Wire<Option<pb_resource::Quantity>> for Quantity {
    fn wire(message: Option<pb_resource::Quantity>) -> Result<Self, Corrupt> {
        Self::wire(message.unwrap_or_default())
    }
}

impl Wire<pb_intstr::IntOrString> for IntOrString {
    fn wire(message: pb_intstr::IntOrString) -> Result<Self, Corrupt> {
        match message.r#type.unwrap_or_default() {
            0 => Ok(Self::Int(message.int_val.unwrap_or_default())),
            1 => Ok(Self::String(message.str_val.unwrap_or_default())),
            other => Err(Corrupt(format!("impossible IntOrString.Type {other}"))),
        }
    }
}

impl Wire<Option<pb_intstr::IntOrString>> for IntOrString {
    fn wire(message: Option<pb_intstr::IntOrString>) -> Result<Self, Corrupt> {
        Self::wire(message.unwrap_or_default())
    }
}

/// They are JSON within the message.
impl Wire<pb_meta::FieldsV1> for FieldsV1 {
    fn wire(message: pb_meta::FieldsV1) -> Result<Self, Corrupt> {
        let fields = serde_json::from_slice(&message.raw.unwrap_or_default());
        fields.map(Self).map_err(|error| Corrupt(format!("fieldsV1: {error}")))
    }

    fn is_absent(message: &pb_meta::FieldsV1) -> bool {
        message.raw.as_ref().is_none_or(Vec::is_empty)
    }
}

impl Wire<pb_authorization::ExtraValue> for Vec<String> {
    fn wire(message: pb_authorization::ExtraValue) -> Result<Self, Corrupt> {
        Ok(message.items)
    }
}

impl Wire<pb_certificates::ExtraValue> for Vec<String> {
    fn wire(message: pb_certificates::ExtraValue) -> Result<Self, Corrupt> {
        Ok(message.items)
    }
}

impl Wire<pb_authentication::ExtraValue> for Vec<String> {
    fn wire(message: pb_authentication::ExtraValue) -> Result<Self, Corrupt> {
        Ok(message.items)
    }
}
