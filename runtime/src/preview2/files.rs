//! `wasi:filesystem/types`: each call finds what is behind its descriptor or path, and is done by
//! wasmtime-wasi in a mount, and here for what we make up.

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntryStream, ErrorCode,
    Filesize, HostDescriptor, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult, IoError};

use super::device::{device_type, made_up_hash, stat};
use super::file_stream::{FileInput, FileOutput, Store};
use super::handle::{Behind, Handle, Place, StreamPermit};
use super::seeded::seeded_hash;
use super::storing::{Opening, full};
use super::world::World;
use crate::device::Device;
use crate::stored::Stored;
use crate::tree::Node;

impl types::Host for World {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<IoError>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.filesystem().filesystem_error_code(error)
    }
}

impl HostDescriptor for World {
    async fn advise(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        let fd = self.mounted(&fd, ErrorCode::BadDescriptor)?;
        self.filesystem().advise(fd, offset, length, advice).await
    }

    async fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        let fd = self.mounted(&fd, ErrorCode::Invalid)?;
        self.filesystem().sync_data(fd).await
    }

    async fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        match self.behind(&fd)? {
            Behind::Device(_) => Ok(DescriptorFlags::READ | DescriptorFlags::WRITE),
            Behind::MadeUp { .. } => Ok(DescriptorFlags::READ),
            Behind::Wasi { rep, .. } => {
                let fd = Resource::new_borrow(*rep);
                self.filesystem().get_flags(fd).await
            }
        }
    }

    async fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        match self.behind(&fd)? {
            Behind::Device(device) => Ok(device_type(*device)),
            Behind::MadeUp { .. } => Ok(DescriptorType::Directory),
            Behind::Wasi { rep, .. } => {
                let fd = Resource::new_borrow(*rep);
                self.filesystem().get_type(fd).await
            }
        }
    }

    async fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        if let (Behind::Device(Device::TerminationLog), 0) = (self.behind(&fd)?, size) {
            super::world::locked(&self.termination).clear();
            return Ok(());
        }
        let stored = self.stored(&fd);
        let fd = self.mounted(&fd, ErrorCode::Invalid)?;
        // What is added so is a hole, which takes nothing.
        let set = self.filesystem().set_size(fd, size).await;
        stored.inspect(Stored::note_removal);
        set
    }

    async fn set_times(
        &mut self,
        fd: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let fd = self.mounted(&fd, ErrorCode::NotPermitted)?;
        self.filesystem().set_times(fd, accessed, modified).await
    }

    async fn read(
        &mut self,
        fd: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        if let Behind::Device(device) = *self.behind(&fd)? {
            return self.device_read(device, length, offset);
        }
        let fd = self.mounted(&fd, ErrorCode::IsDirectory)?;
        let read = self.filesystem().read(fd, length, offset).await?;
        self.meter.read(read.0.len() as u64);
        Ok(read)
    }

    async fn write(
        &mut self,
        fd: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        if let Behind::Device(device) = *self.behind(&fd)? {
            return self.device_write(device, &bytes);
        }
        let stored = self.stored(&fd);
        let fd = self.mounted(&fd, ErrorCode::IsDirectory)?;
        self.write_mounted(stored, fd, bytes, offset).await
    }

    async fn read_directory(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        if let Behind::MadeUp { path } = self.behind(&fd)? {
            let path = path.clone();
            return self.list_made_up(&path);
        }
        let fd = self.mounted(&fd, ErrorCode::NotDirectory)?;
        self.list_mounted(&fd).await
    }

    async fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        let fd = self.mounted(&fd, ErrorCode::Invalid)?;
        self.filesystem().sync(fd).await
    }

    async fn create_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let directory = self.mounted_at(&fd, &path, ErrorCode::Exist, ErrorCode::ReadOnly)?;
        let _naming = match self.stored(&fd) {
            Some(stored) => Some(stored.new_directory().await.map_err(full)?),
            None => None,
        };
        self.filesystem().create_directory_at(directory, path).await
    }

    async fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        match self.behind(&fd)? {
            Behind::Device(device) => Ok(self.device_stat(*device)),
            Behind::MadeUp { .. } => Ok(stat(DescriptorType::Directory, 0)),
            Behind::Wasi { rep, .. } => {
                let fd = Resource::new_borrow(*rep);
                let stat = self.filesystem().stat(fd).await?;
                Ok(self.seeded_stat(stat))
            }
        }
    }

    async fn stat_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        match self.place(&fd, &path)? {
            Place::Nowhere => Err(ErrorCode::NoEntry.into()),
            Place::Mount { directory, .. } => {
                let stat = self.filesystem().stat_at(directory, flags, path).await?;
                Ok(self.seeded_stat(stat))
            }
            Place::MadeUp { node: Node::Directory, .. } => Ok(stat(DescriptorType::Directory, 0)),
            Place::MadeUp { node: Node::Device(device), .. } => Ok(self.device_stat(device)),
            Place::MadeUp { node: Node::File { mount, name }, .. } => {
                let mount = Resource::new_borrow(self.mount(mount));
                let follow = PathFlags::SYMLINK_FOLLOW;
                let stat = self.filesystem().stat_at(mount, follow, name).await?;
                Ok(self.seeded_stat(stat))
            }
        }
    }

    async fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let fd = self.mounted_at(&fd, &path, ErrorCode::NotPermitted, ErrorCode::NoEntry)?;
        self.filesystem().set_times_at(fd, flags, path, accessed, modified).await
    }

    async fn link_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let old = self.mounted_at(&fd, &path, ErrorCode::CrossDevice, ErrorCode::NoEntry)?;
        let new = self.mounted_at(&new_fd, &new_path, ErrorCode::Exist, ErrorCode::ReadOnly)?;
        let _naming = match self.both(&fd, &new_fd)? {
            Some(stored) => Some(stored.new_name().await.map_err(full)?),
            None => None,
        };
        self.filesystem().link_at(old, flags, path, new, new_path).await
    }

    async fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        follow: PathFlags,
        path: String,
        oflags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let permit = self.file_permit()?;
        let behind = match self.place(&fd, &path)? {
            Place::Nowhere if oflags.contains(OpenFlags::CREATE) => {
                return Err(ErrorCode::ReadOnly.into());
            }
            Place::Nowhere => return Err(ErrorCode::NoEntry.into()),
            Place::Mount { directory, path: absolute } => {
                let (opening, stored) = (Opening { follow, oflags, flags }, self.stored(&fd));
                self.open_mounted(directory, path, opening, stored, absolute).await?
            }
            Place::MadeUp { node, path } => self.open_made_up(node, path, oflags, flags).await?,
        };
        self.open(behind, permit)
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        let handle = self.table.delete(Resource::<Handle>::new_own(fd.rep()))?;
        match handle.behind {
            Behind::Wasi { rep, .. } if handle.is_own => {
                HostDescriptor::drop(&mut self.filesystem(), Resource::new_own(rep))
            }
            _ => Ok(()),
        }
    }

    async fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        let fd = self.mounted_at(&fd, &path, ErrorCode::Invalid, ErrorCode::NoEntry)?;
        self.filesystem().readlink_at(fd, path).await
    }

    async fn remove_directory_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let directory = self.mounted_at(&fd, &path, ErrorCode::Busy, ErrorCode::NoEntry)?;
        let naming = self.name(&fd).await?;
        self.filesystem().remove_directory_at(directory, path).await?;
        if let Some(naming) = naming {
            naming.removed(None);
        }
        Ok(())
    }

    async fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let old = self.mounted_at(&fd, &path, ErrorCode::Busy, ErrorCode::NoEntry)?;
        let new = self.mounted_at(&new_fd, &new_path, ErrorCode::Busy, ErrorCode::ReadOnly)?;
        let naming = match self.both(&fd, &new_fd)? {
            Some(stored) => Some(stored.other_name().await.map_err(full)?),
            None => None,
        };
        self.rename_mounted(naming, (old, path), (new, new_path)).await
    }

    async fn symlink_at(
        &mut self,
        fd: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FsResult<()> {
        let directory = self.mounted_at(&fd, &path, ErrorCode::Exist, ErrorCode::ReadOnly)?;
        let _naming = match self.stored(&fd) {
            Some(stored) => Some(stored.new_link(target.len()).await.map_err(full)?),
            None => None,
        };
        self.filesystem().symlink_at(directory, target, path).await
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let directory = self.mounted_at(&fd, &path, ErrorCode::Busy, ErrorCode::NoEntry)?;
        let naming = self.name(&fd).await?;
        let named = self.named(naming.as_ref(), &directory, &path).await;
        self.filesystem().unlink_file_at(directory, path).await?;
        if let Some(naming) = naming {
            naming.removed(named);
        }
        Ok(())
    }

    fn read_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        if let Behind::Device(device) = *self.behind(&fd)? {
            return self.device_input(device, offset);
        }
        let (stored, permit) = (self.stored(&fd), self.stream_permit(&fd));
        let fd = self.mounted(&fd, ErrorCode::IsDirectory)?;
        let permit = permit?;
        let stream = self.filesystem().read_via_stream(fd, offset)?;
        let stream = self.table.delete(stream).map_err(FsError::trap)?;
        let meter = self.meter.clone();
        let stream: DynInputStream = Box::new(FileInput { stream, permit, stored, meter });
        self.table.push(stream).map_err(FsError::trap)
    }

    fn write_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        if let Behind::Device(device) = *self.behind(&fd)? {
            return self.device_output(device);
        }
        let store = self.stored(&fd).and_then(|stored| Store::new(stored, Some(offset)));
        let permit = self.stream_permit(&fd);
        let fd = self.mounted(&fd, ErrorCode::IsDirectory)?;
        let stream = self.filesystem().write_via_stream(fd, offset)?;
        self.count_output(stream, store, permit?)
    }

    fn append_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        if let Behind::Device(device) = *self.behind(&fd)? {
            return self.device_output(device);
        }
        let store = self.stored(&fd).and_then(|stored| Store::new(stored, None));
        let permit = self.stream_permit(&fd);
        let fd = self.mounted(&fd, ErrorCode::IsDirectory)?;
        let stream = self.filesystem().append_via_stream(fd)?;
        self.count_output(stream, store, permit?)
    }

    async fn is_same_object(
        &mut self,
        a: Resource<Descriptor>,
        b: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        let (a, b) = match (self.behind(&a)?, self.behind(&b)?) {
            (Behind::Device(a), Behind::Device(b)) => return Ok(a == b),
            (Behind::MadeUp { path: a }, Behind::MadeUp { path: b }) => return Ok(a == b),
            (Behind::Wasi { rep: a, .. }, Behind::Wasi { rep: b, .. }) => (*a, *b),
            _ => return Ok(false),
        };
        self.filesystem().is_same_object(Resource::new_borrow(a), Resource::new_borrow(b)).await
    }

    async fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        match self.behind(&fd)? {
            Behind::Device(device) => Ok(made_up_hash(&format!("{device:?}"))),
            Behind::MadeUp { path } => Ok(made_up_hash(path)),
            Behind::Wasi { rep, path, .. } => {
                if let Some(seeded) = &self.seeded {
                    return Ok(seeded_hash(seeded, path));
                }
                let fd = Resource::new_borrow(*rep);
                self.filesystem().metadata_hash(fd).await
            }
        }
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        match self.place(&fd, &path)? {
            Place::Nowhere => Err(ErrorCode::NoEntry.into()),
            Place::Mount { directory, path: absolute } => {
                if let Some(seeded) = &self.seeded {
                    return Ok(seeded_hash(seeded, &absolute));
                }
                self.filesystem().metadata_hash_at(directory, flags, path).await
            }
            Place::MadeUp { node: Node::Device(device), .. } => {
                Ok(made_up_hash(&format!("{device:?}")))
            }
            Place::MadeUp { node: Node::Directory, path } => Ok(made_up_hash(&path)),
            Place::MadeUp { node: Node::File { mount, name }, path } => {
                if let Some(seeded) = &self.seeded {
                    return Ok(seeded_hash(seeded, &path));
                }
                let mount = Resource::new_borrow(self.mount(mount));
                let follow = PathFlags::SYMLINK_FOLLOW;
                self.filesystem().metadata_hash_at(mount, follow, name).await
            }
        }
    }
}

impl World {
    async fn open_made_up(
        &mut self,
        node: Node,
        path: String,
        oflags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Behind> {
        if oflags.contains(OpenFlags::CREATE | OpenFlags::EXCLUSIVE) {
            return Err(ErrorCode::Exist.into());
        }
        if oflags.contains(OpenFlags::DIRECTORY) && !matches!(node, Node::Directory) {
            return Err(ErrorCode::NotDirectory.into());
        }
        match node {
            Node::Directory => Ok(Behind::MadeUp { path }),
            Node::Device(device) => {
                if device == Device::TerminationLog && oflags.contains(OpenFlags::TRUNCATE) {
                    super::world::locked(&self.termination).clear();
                }
                Ok(Behind::Device(device))
            }
            Node::File { mount, name } => {
                let stored = self.mounts_stored[mount as usize].clone();
                let mount = Resource::new_borrow(self.mount(mount));
                let (follow, oflags) = (PathFlags::SYMLINK_FOLLOW, oflags & OpenFlags::TRUNCATE);
                let opening = Opening { follow, oflags, flags };
                self.open_mounted(mount, name, opening, stored, path).await
            }
        }
    }

    /// Counts a stream of wasmtime-wasi's that writes a file, and bounds what it takes.
    fn count_output(
        &mut self,
        stream: Resource<DynOutputStream>,
        store: Option<Store>,
        permit: StreamPermit,
    ) -> FsResult<Resource<DynOutputStream>> {
        let stream = self.table.delete(stream).map_err(FsError::trap)?;
        let meter = self.meter.clone();
        let stream: DynOutputStream = Box::new(FileOutput { stream, permit, store, meter });
        self.table.push(stream).map_err(FsError::trap)
    }
}
