//! The Job controller.

pub mod indexes;
