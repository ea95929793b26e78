//! A manifest becomes an object that may be stored: decoded, given its defaults, validated.
mod error;
pub mod decode;
mod path;

pub use self::error::{ErrorKind, FieldError, Invalid};
