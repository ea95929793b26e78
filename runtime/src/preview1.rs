//! WASI preview 1 as a guest sees it.
//!
//! Each call finds what is behind its descriptor or path. What lies in a mount goes to
//! wasmtime-wasi, which keeps it inside; what we make up (`/dev`, the standard streams) is done in
//! `device_io` and `lookup`, what takes space in a mount in `storing`; the rest goes to wasmtime-wasi as it is. Nothing here opens a file of
//! the host by itself.

use wasmtime_wasi::p1::types::{
    Advice, CiovecArray, Clockid, Dircookie, Errno, Error, Event, Exitcode, Fd, Fdflags, Fdstat,
    Filedelta, Filesize, Filestat, Fstflags, IovecArray, Lookupflags, Oflags, Prestat, PrestatDir,
    Riflags, Rights, Roflags, Sdflags, Siflags, Signal, Size, Subscription, Timestamp, Whence,
};
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1;
use wiggle::{GuestMemory, GuestPtr};

use crate::descriptor::Descriptor;
use crate::poll;
use crate::readdir::seeded_filestat;
use crate::stop::Stop;
use crate::tree::{made_up_fdstat, made_up_filestat};
use crate::world::World;

type Result<T, E = Error> = std::result::Result<T, E>;

impl WasiSnapshotPreview1 for World {
    fn set_hostcall_fuel(&mut self, fuel: usize) {
        self.wasi.set_hostcall_fuel(fuel);
    }

    fn args_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        argv: GuestPtr<GuestPtr<u8>>,
        argv_buf: GuestPtr<u8>,
    ) -> Result<()> {
        self.wasi.args_get(memory, argv, argv_buf)
    }

    fn args_sizes_get(&mut self, memory: &mut GuestMemory<'_>) -> Result<(Size, Size)> {
        self.wasi.args_sizes_get(memory)
    }

    fn environ_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        environ: GuestPtr<GuestPtr<u8>>,
        environ_buf: GuestPtr<u8>,
    ) -> Result<()> {
        self.wasi.environ_get(memory, environ, environ_buf)
    }

    fn environ_sizes_get(&mut self, memory: &mut GuestMemory<'_>) -> Result<(Size, Size)> {
        self.wasi.environ_sizes_get(memory)
    }

    fn clock_res_get(&mut self, memory: &mut GuestMemory<'_>, id: Clockid) -> Result<Timestamp> {
        self.wasi.clock_res_get(memory, id)
    }

    fn clock_time_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        id: Clockid,
        precision: Timestamp,
    ) -> Result<Timestamp> {
        self.wasi.clock_time_get(memory, id, precision)
    }

    async fn fd_advise(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        offset: Filesize,
        len: Filesize,
        advice: Advice,
    ) -> Result<()> {
        let fd = self.mounted(fd, Errno::Spipe)?;
        self.wasi.fd_advise(memory, fd, offset, len, advice).await
    }

    fn fd_allocate(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        offset: Filesize,
        len: Filesize,
    ) -> Result<()> {
        let fd = self.mounted(fd, Errno::Nodev)?;
        self.wasi.fd_allocate(memory, fd, offset, len)
    }

    async fn fd_close(&mut self, memory: &mut GuestMemory<'_>, fd: Fd) -> Result<()> {
        match self.descriptors.close(fd)? {
            Descriptor::Wasi { fd, .. } => self.wasi.fd_close(memory, fd.into()).await,
            Descriptor::Device { .. } | Descriptor::MadeUp { .. } => Ok(()),
        }
    }

    async fn fd_datasync(&mut self, memory: &mut GuestMemory<'_>, fd: Fd) -> Result<()> {
        let fd = self.mounted(fd, Errno::Inval)?;
        self.wasi.fd_datasync(memory, fd).await
    }

    async fn fd_fdstat_get(&mut self, memory: &mut GuestMemory<'_>, fd: Fd) -> Result<Fdstat> {
        match self.descriptors.get(fd)? {
            Descriptor::Device { device, .. } => Ok(device.fdstat()),
            Descriptor::MadeUp { .. } => Ok(made_up_fdstat()),
            Descriptor::Wasi { fd, .. } => self.wasi.fd_fdstat_get(memory, (*fd).into()).await,
        }
    }

    fn fd_fdstat_set_flags(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        flags: Fdflags,
    ) -> Result<()> {
        match self.descriptors.get_mut(fd)? {
            // All of ours is ready at once and appends, so none of the flags makes a difference.
            Descriptor::Device { .. } => Ok(()),
            Descriptor::MadeUp { .. } => Err(Errno::Badf.into()),
            Descriptor::Wasi { fd, stored, .. } => {
                self.wasi.fd_fdstat_set_flags(memory, (*fd).into(), flags)?;
                let appends = flags.contains(Fdflags::APPEND);
                stored.iter_mut().for_each(|stored| stored.appends = appends);
                Ok(())
            }
        }
    }

    fn fd_fdstat_set_rights(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        base: Rights,
        inheriting: Rights,
    ) -> Result<()> {
        let fd = self.mounted(fd, Errno::Notsup)?;
        self.wasi.fd_fdstat_set_rights(memory, fd, base, inheriting)
    }

    async fn fd_filestat_get(&mut self, memory: &mut GuestMemory<'_>, fd: Fd) -> Result<Filestat> {
        match self.descriptors.get(fd)? {
            Descriptor::Device { device, .. } => Ok(self.device_filestat(*device)),
            Descriptor::MadeUp { .. } => Ok(made_up_filestat()),
            Descriptor::Wasi { fd, path, .. } => {
                let stat = self.wasi.fd_filestat_get(memory, (*fd).into()).await?;
                Ok(seeded_filestat(self.seeded.as_ref(), stat, path))
            }
        }
    }

    async fn fd_filestat_set_size(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        size: Filesize,
    ) -> Result<()> {
        if let Descriptor::Device { device, .. } = *self.descriptors.get(fd)? {
            return self.device_set_size(device, size);
        }
        self.set_size(memory, fd, size).await
    }

    async fn fd_filestat_set_times(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        atim: Timestamp,
        mtim: Timestamp,
        flags: Fstflags,
    ) -> Result<()> {
        let fd = self.mounted(fd, Errno::Perm)?;
        self.wasi.fd_filestat_set_times(memory, fd, atim, mtim, flags).await
    }

    async fn fd_pread(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: IovecArray,
        offset: Filesize,
    ) -> Result<Size> {
        if let Descriptor::Device { device, .. } = *self.descriptors.get(fd)? {
            device.check_seekable()?;
            return self.device_read(memory, device, iovs, offset);
        }
        let fd = self.mounted(fd, Errno::Isdir)?;
        self.file_read(memory, fd, iovs, Some(offset)).await
    }

    fn fd_prestat_get(&mut self, _memory: &mut GuestMemory<'_>, fd: Fd) -> Result<Prestat> {
        let name = self.descriptors.get(fd)?.preopen_name().ok_or(Errno::Badf)?;
        Ok(Prestat::Dir(PrestatDir { pr_name_len: name.len().try_into()? }))
    }

    fn fd_prestat_dir_name(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<u8>,
        path_max_len: Size,
    ) -> Result<()> {
        let name = self.descriptors.get(fd)?.preopen_name().ok_or(Errno::Notdir)?;
        let length = u32::try_from(name.len())?;
        if length > path_max_len {
            return Err(Errno::Nametoolong.into());
        }
        Ok(memory.copy_from_slice(name.as_bytes(), path.as_array(length))?)
    }

    async fn fd_pwrite(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        ciovs: CiovecArray,
        offset: Filesize,
    ) -> Result<Size> {
        if let Descriptor::Device { device, .. } = *self.descriptors.get(fd)? {
            device.check_seekable()?;
            return self.device_write(memory, device, ciovs).await;
        }
        self.write(memory, fd, ciovs, Some(offset)).await
    }

    async fn fd_read(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        iovs: IovecArray,
    ) -> Result<Size> {
        let Descriptor::Device { device, position } = *self.descriptors.get(fd)? else {
            let fd = self.mounted(fd, Errno::Isdir)?;
            return self.file_read(memory, fd, iovs, None).await;
        };
        if device == crate::device::Device::Stdin {
            return self.wasi.fd_read(memory, WASI_STDIN.into(), iovs).await;
        }
        let read = self.device_read(memory, device, iovs, position)?;
        if let Descriptor::Device { position, .. } = self.descriptors.get_mut(fd)? {
            *position += u64::from(read);
        }
        Ok(read)
    }

    async fn fd_readdir(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        buf: GuestPtr<u8>,
        buf_len: Size,
        cookie: Dircookie,
    ) -> Result<Size> {
        self.list(memory, fd, buf.as_array(buf_len), cookie).await
    }

    async fn fd_renumber(&mut self, memory: &mut GuestMemory<'_>, fd: Fd, to: Fd) -> Result<()> {
        match self.descriptors.renumber(fd, to)? {
            Some(Descriptor::Wasi { fd, .. }) => self.wasi.fd_close(memory, fd.into()).await,
            _ => Ok(()),
        }
    }

    async fn fd_seek(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        offset: Filedelta,
        whence: Whence,
    ) -> Result<Filesize> {
        if let Descriptor::Device { device, position } = *self.descriptors.get(fd)? {
            let sought = self.device_seek(device, position, offset, whence)?;
            if let Descriptor::Device { position, .. } = self.descriptors.get_mut(fd)? {
                *position = sought;
            }
            return Ok(sought);
        }
        let fd = self.mounted(fd, Errno::Isdir)?;
        self.wasi.fd_seek(memory, fd, offset, whence).await
    }

    async fn fd_sync(&mut self, memory: &mut GuestMemory<'_>, fd: Fd) -> Result<()> {
        let fd = self.mounted(fd, Errno::Inval)?;
        self.wasi.fd_sync(memory, fd).await
    }

    fn fd_tell(&mut self, memory: &mut GuestMemory<'_>, fd: Fd) -> Result<Filesize> {
        if let Descriptor::Device { device, position } = *self.descriptors.get(fd)? {
            device.check_seekable()?;
            return Ok(position);
        }
        let fd = self.mounted(fd, Errno::Isdir)?;
        self.wasi.fd_tell(memory, fd)
    }

    async fn fd_write(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        ciovs: CiovecArray,
    ) -> Result<Size> {
        match *self.descriptors.get(fd)? {
            Descriptor::Device { device, .. } => self.device_write(memory, device, ciovs).await,
            Descriptor::MadeUp { .. } => Err(Errno::Badf.into()),
            Descriptor::Wasi { .. } => self.write(memory, fd, ciovs, None).await,
        }
    }

    async fn path_create_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        self.make_directory(memory, fd, path).await
    }

    async fn path_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        flags: Lookupflags,
        path: GuestPtr<str>,
    ) -> Result<Filestat> {
        self.stat_at(memory, fd, flags, path).await
    }

    async fn path_filestat_set_times(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        flags: Lookupflags,
        path: GuestPtr<str>,
        atim: Timestamp,
        mtim: Timestamp,
        fst_flags: Fstflags,
    ) -> Result<()> {
        let fd = self.mounted_at(memory, fd, path, Errno::Perm, Errno::Noent)?;
        self.wasi.path_filestat_set_times(memory, fd, flags, path, atim, mtim, fst_flags).await
    }

    async fn path_link(
        &mut self,
        memory: &mut GuestMemory<'_>,
        old_fd: Fd,
        old_flags: Lookupflags,
        old_path: GuestPtr<str>,
        new_fd: Fd,
        new_path: GuestPtr<str>,
    ) -> Result<()> {
        self.link(memory, (old_fd, old_flags, old_path), (new_fd, new_path)).await
    }

    async fn path_open(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        dirflags: Lookupflags,
        path: GuestPtr<str>,
        oflags: Oflags,
        rights: Rights,
        _inheriting: Rights,
        fdflags: Fdflags,
    ) -> Result<Fd> {
        self.open_at(memory, fd, dirflags, path, oflags, rights, fdflags).await
    }

    async fn path_readlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
        buf: GuestPtr<u8>,
        buf_len: Size,
    ) -> Result<Size> {
        let fd = self.mounted_at(memory, fd, path, Errno::Inval, Errno::Noent)?;
        self.wasi.path_readlink(memory, fd, path, buf, buf_len).await
    }

    async fn path_remove_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        self.remove_directory(memory, fd, path).await
    }

    async fn path_rename(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        old_path: GuestPtr<str>,
        new_fd: Fd,
        new_path: GuestPtr<str>,
    ) -> Result<()> {
        self.rename(memory, (fd, old_path), (new_fd, new_path)).await
    }

    async fn path_symlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        old_path: GuestPtr<str>,
        fd: Fd,
        new_path: GuestPtr<str>,
    ) -> Result<()> {
        self.symlink(memory, old_path, fd, new_path).await
    }

    async fn path_unlink_file(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: Fd,
        path: GuestPtr<str>,
    ) -> Result<()> {
        self.unlink(memory, fd, path).await
    }

    async fn poll_oneoff(
        &mut self,
        memory: &mut GuestMemory<'_>,
        subscriptions: GuestPtr<Subscription>,
        events: GuestPtr<Event>,
        count: Size,
    ) -> Result<Size> {
        poll::poll(self, memory, subscriptions, events, count).await
    }

    fn proc_exit(&mut self, _memory: &mut GuestMemory<'_>, code: Exitcode) -> wasmtime::Error {
        // wasmtime-wasi's own makes a failure of the codes from 126 on, which are as good as any.
        Stop::Exit(code).into()
    }

    fn proc_raise(&mut self, memory: &mut GuestMemory<'_>, signal: Signal) -> Result<()> {
        self.wasi.proc_raise(memory, signal)
    }

    fn sched_yield(&mut self, memory: &mut GuestMemory<'_>) -> Result<()> {
        self.wasi.sched_yield(memory)
    }

    fn random_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        buf: GuestPtr<u8>,
        buf_len: Size,
    ) -> Result<()> {
        self.random(memory, buf, buf_len)
    }

    fn sock_accept(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: Fdflags) -> Result<Fd> {
        self.no_socket(fd)
    }

    fn sock_recv(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: Fd,
        _: IovecArray,
        _: Riflags,
    ) -> Result<(Size, Roflags)> {
        self.no_socket(fd)
    }

    fn sock_send(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: Fd,
        _: CiovecArray,
        _: Siflags,
    ) -> Result<Size> {
        self.no_socket(fd)
    }

    fn sock_shutdown(&mut self, _: &mut GuestMemory<'_>, fd: Fd, _: Sdflags) -> Result<()> {
        self.no_socket(fd)
    }
}

/// wasmtime-wasi's number of the standard input.
pub(crate) const WASI_STDIN: u32 = 0;

impl World {
    fn no_socket<T>(&self, fd: Fd) -> Result<T> {
        self.descriptors.get(fd)?;
        Err(Errno::Notsock.into())
    }
}
