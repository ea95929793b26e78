//! The devices of `/dev`, and the directories that hold them, as a component sees them.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::Resource;
use wasmtime_wasi::cli::WasiCliView as _;
use wasmtime_wasi::p1::types::Filetype;
use wasmtime_wasi::p2::bindings::cli::stdin;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorStat, DescriptorType, ErrorCode, MetadataHashValue,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};
use wasmtime_wasi::{Rng, thread_rng};

use super::stream::{DeviceInput, Message, Sink};
use super::world::{World, locked};
use crate::device::Device;
use crate::limits::TRANSFER_BYTES_MAX;
use crate::output::Stream;

/// What no mount's files have in the upper half of their hash.
const MADE_UP_HASH: u64 = 2;

impl World {
    pub(super) fn device_stat(&self, device: Device) -> DescriptorStat {
        let is_log = device == Device::TerminationLog;
        let size = if is_log { locked(&self.termination).bytes().len() as u64 } else { 0 };
        stat(device_type(device), size)
    }

    /// A stream that reads from `device`, the termination log from `position` on.
    pub(super) fn device_input(
        &mut self,
        device: Device,
        position: u64,
    ) -> FsResult<Resource<DynInputStream>> {
        let input = match device {
            Device::Stdin => {
                return stdin::Host::get_stdin(&mut self.cli()).map_err(FsError::trap);
            }
            Device::Stdout | Device::Stderr => return Err(ErrorCode::BadDescriptor.into()),
            Device::Null => DeviceInput::Rest(Bytes::new()),
            Device::Zero => DeviceInput::Zeros,
            Device::Random => DeviceInput::Random(self.random_source()),
            Device::TerminationLog => DeviceInput::Rest(self.message_from(position)),
        };
        let input: DynInputStream = Box::new(input);
        self.table.push(input).map_err(FsError::trap)
    }

    fn random_source(&mut self) -> Box<dyn Rng + Send> {
        match &mut self.seeded {
            Some(seeded) => Box::new(seeded.random()),
            None => thread_rng(),
        }
    }

    /// A stream that writes to `device`.
    pub(super) fn device_output(&mut self, device: Device) -> FsResult<Resource<DynOutputStream>> {
        let output: DynOutputStream = match device {
            Device::Stdin => return Err(ErrorCode::BadDescriptor.into()),
            Device::Stdout => return self.printer(Stream::Stdout).map_err(FsError::trap),
            Device::Stderr => return self.printer(Stream::Stderr).map_err(FsError::trap),
            Device::TerminationLog => Box::new(Message(Arc::clone(&self.termination))),
            Device::Null | Device::Zero | Device::Random => Box::new(Sink),
        };
        self.table.push(output).map_err(FsError::trap)
    }

    /// What one call reads: at most that many bytes, and whether it was the end.
    pub(super) fn device_read(
        &mut self,
        device: Device,
        length: u64,
        position: u64,
    ) -> FsResult<(Vec<u8>, bool)> {
        let length = length.min(TRANSFER_BYTES_MAX.into());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match device {
            Device::Null => Ok((Vec::new(), true)),
            Device::Zero => Ok((vec![0; length], false)),
            Device::Random => {
                let mut bytes = vec![0; length];
                self.random_source().fill_bytes(&mut bytes);
                Ok((bytes, false))
            }
            Device::TerminationLog => {
                let mut rest = self.message_from(position);
                rest.truncate(length);
                Ok((rest.to_vec(), rest.is_empty()))
            }
            Device::Stdin | Device::Stdout | Device::Stderr => Err(ErrorCode::InvalidSeek.into()),
        }
    }

    /// What one call writes; the place in the file makes no difference to any device.
    pub(super) fn device_write(&self, device: Device, bytes: &[u8]) -> FsResult<u64> {
        match device {
            Device::Stdin | Device::Stdout | Device::Stderr => {
                return Err(ErrorCode::InvalidSeek.into());
            }
            Device::TerminationLog => locked(&self.termination).write(bytes),
            Device::Null | Device::Zero | Device::Random => {}
        }
        Ok(bytes.len() as u64)
    }

    fn message_from(&self, position: u64) -> Bytes {
        let termination = locked(&self.termination);
        let bytes = termination.bytes();
        let start = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
        Bytes::copy_from_slice(&bytes[start..])
    }
}

pub(super) fn device_type(device: Device) -> DescriptorType {
    match device.filetype() {
        Filetype::CharacterDevice => DescriptorType::CharacterDevice,
        Filetype::RegularFile => DescriptorType::RegularFile,
        _ => DescriptorType::Unknown,
    }
}

/// What `stat` says of what we make up.
pub(super) fn stat(type_: DescriptorType, size: u64) -> DescriptorStat {
    DescriptorStat {
        type_,
        link_count: 1,
        size,
        data_access_timestamp: None,
        data_modification_timestamp: None,
        status_change_timestamp: None,
    }
}

/// Tells what we make up from each other, and from all in mounts.
pub(super) fn made_up_hash(path_or_device: &str) -> MetadataHashValue {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    path_or_device.hash(&mut hasher);
    MetadataHashValue { lower: hasher.finish(), upper: MADE_UP_HASH }
}
