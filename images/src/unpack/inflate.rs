//! Reads a layer as it was before it was compressed, and no more of it than is in proportion.

use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use crate::limits::{
    UNPACKED_BYTES_FREE, UNPACKED_BYTES_MAX, UNPACKED_RATIO_MAX, ZSTD_WINDOW_BYTES_MAX,
};
use crate::media::Compression;

/// A layer without its compression.
pub(crate) struct Inflate {
    source: Source,
    read: u64,
    /// No more is read; with what to say then.
    max: (u64, String),
}

enum Source {
    Plain(BufReader<File>),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
    Zstd(Box<Frames>),
}

impl Inflate {
    /// Reads `file`, which has so many bytes; `left` is what the image may still become.
    pub(crate) fn new(
        mut file: BufReader<File>,
        compression: Compression,
        compressed: u64,
        left: u64,
    ) -> io::Result<Self> {
        // Media types are often wrong about it: the first bytes never are.
        let source = match actual(&mut file, compression)? {
            Compression::None => Source::Plain(file),
            Compression::Gzip => Source::Gzip(Box::new(MultiGzDecoder::new(file))),
            Compression::Zstd => Source::Zstd(Box::new(Frames::Between(Some(file)))),
        };
        let in_proportion =
            UNPACKED_BYTES_FREE.saturating_add(compressed.saturating_mul(UNPACKED_RATIO_MAX));
        let max = if in_proportion < left {
            let words = format!(
                "{compressed} bytes become more than {UNPACKED_RATIO_MAX} times as many when they \
                 are decompressed"
            );
            (in_proportion, words)
        } else {
            (
                left,
                format!("an image becomes at most {UNPACKED_BYTES_MAX} bytes when it is unpacked"),
            )
        };
        Ok(Self { source, read: 0, max })
    }

    /// Reads what is left, and gives how much it was altogether.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.read)
    }
}

impl Read for Inflate {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.source {
            Source::Plain(reader) => reader.read(buffer)?,
            Source::Gzip(reader) => reader.read(buffer)?,
            Source::Zstd(frames) => frames.read(buffer)?,
        };
        self.read += count as u64;
        if self.read > self.max.0 {
            return Err(io::Error::other(self.max.1.clone()));
        }
        Ok(count)
    }
}

fn actual(file: &mut BufReader<File>, said: Compression) -> io::Result<Compression> {
    let start = io::BufRead::fill_buf(file)?;
    Ok(match start {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ if said == Compression::None => Compression::None,
        [] => Compression::None,
        _ => {
            let name = if said == Compression::Gzip { "gzip" } else { "zstd" };
            return Err(io::Error::other(format!("it is not compressed by {name}, as it says")));
        }
    })
}

/// A file of zstd frames, one after the other.
enum Frames {
    Between(Option<BufReader<File>>),
    In(Box<StreamingDecoder<BufReader<File>, ruzstd::decoding::FrameDecoder>>),
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                Self::Between(file) => {
                    let Some(mut reader) = file.take() else { return Ok(0) };
                    if io::BufRead::fill_buf(&mut reader)?.is_empty() {
                        return Ok(0);
                    }
                    let decoder =
                        StreamingDecoder::new_with_max_window_size(reader, ZSTD_WINDOW_BYTES_MAX)
                            .map_err(|error| io::Error::other(format!("zstd: {error}")))?;
                    *self = Self::In(Box::new(decoder));
                }
                Self::In(decoder) => {
                    let count = decoder.read(buffer)?;
                    if count > 0 || buffer.is_empty() {
                        return Ok(count);
                    }
                    let Self::In(decoder) = std::mem::replace(self, Self::Between(None)) else {
                        unreachable!("it was a frame a line before")
                    };
                    *self = Self::Between(Some(decoder.into_inner()));
                }
            }
        }
    }
}
