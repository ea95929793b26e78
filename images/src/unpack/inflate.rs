//! Reads a layer as it was before it was compressed, and no more of it than is in proportion.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::Patience;
use crate::limits::{
    UNPACKED_BYTES_FREE, UNPACKED_BYTES_MAX, UNPACKED_RATIO_MAX, ZSTD_FRAMES_MAX,
    ZSTD_WINDOW_BYTES_MAX,
};
use crate::media::Compression;

/// A layer without its compression.
pub(crate) struct Inflate {
    source: Source,
    read: u64,
    /// No more is read; with what to say then.
    max: (u64, String),
    patience: Patience,
}

enum Source {
    Plain(BufReader<File>),
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
    Zstd(Frames),
}

impl Inflate {
    /// Reads `file`, which has so many bytes; `left` is what the image may still become.
    pub(crate) fn new(
        mut file: BufReader<File>,
        compression: Compression,
        compressed: u64,
        left: u64,
        patience: Patience,
    ) -> io::Result<Self> {
        // Media types are often wrong about it: the first bytes never are.
        let source = match actual(&mut file, compression)? {
            Compression::None => Source::Plain(file),
            Compression::Gzip => Source::Gzip(Box::new(MultiGzDecoder::new(file))),
            Compression::Zstd => Source::Zstd(Frames::new(file)),
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
        Ok(Self { source, read: 0, max, patience })
    }

    /// Reads what is left, and gives how much it was altogether.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.read)
    }
}

impl Read for Inflate {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patience.check()?;
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
        [a, b, c, d, ..] if is_skippable([*a, *b, *c, *d]) => Compression::Zstd,
        _ if said == Compression::None => Compression::None,
        [] => Compression::None,
        _ => {
            let name = if said == Compression::Gzip { "gzip" } else { "zstd" };
            return Err(io::Error::other(format!("it is not compressed by {name}, as it says")));
        }
    })
}

/// Whether a frame of zstd that begins so is one that decoders skip.
fn is_skippable(magic: [u8; 4]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// A file of zstd frames, one after the other.
struct Frames {
    at: At,
    /// How many have begun.
    count: usize,
}

/// How far a file of frames has been read.
enum At {
    /// A frame begins here, or the file ends.
    Between(BufReader<File>),
    In(Box<StreamingDecoder<Frame, FrameDecoder>>),
    End,
}

/// A frame, whose first bytes have been looked at, and what follows it.
type Frame = io::Chain<Cursor<[u8; 4]>, BufReader<File>>;

impl Frames {
    fn new(file: BufReader<File>) -> Self {
        Self { at: At::Between(file), count: 0 }
    }

    /// Begins with the frame that is next in `file`.
    ///
    /// Some are not for decoders: zstd:chunked keeps a table of contents in them, pzstd the size of
    /// the frame that comes next.
    fn begin(&mut self, mut file: BufReader<File>) -> io::Result<At> {
        if io::BufRead::fill_buf(&mut file)?.is_empty() {
            return Ok(At::End);
        }
        self.count += 1;
        if self.count > ZSTD_FRAMES_MAX {
            let limit = format!("zstd: it has more than {ZSTD_FRAMES_MAX} frames");
            return Err(io::Error::other(limit));
        }
        let mut magic = [0; 4];
        file.read_exact(&mut magic)?;
        if is_skippable(magic) {
            let mut length = [0; 4];
            file.read_exact(&mut length)?;
            let length = u64::from(u32::from_le_bytes(length));
            let skipped = io::copy(&mut file.by_ref().take(length), &mut io::sink())?;
            return if skipped < length {
                Err(io::ErrorKind::UnexpectedEof.into())
            } else {
                Ok(At::Between(file))
            };
        }
        let frame = Cursor::new(magic).chain(file);
        StreamingDecoder::new_with_max_window_size(frame, ZSTD_WINDOW_BYTES_MAX)
            .map(|decoder| At::In(Box::new(decoder)))
            .map_err(|error| io::Error::other(format!("zstd: {error}")))
    }
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.at, At::End) {
                At::End => return Ok(0),
                At::Between(file) => self.at = self.begin(file)?,
                At::In(mut decoder) => {
                    let count = decoder.read(buffer)?;
                    if count > 0 || buffer.is_empty() {
                        self.at = At::In(decoder);
                        return Ok(count);
                    }
                    let (_, file) = decoder.into_inner().into_inner();
                    self.at = At::Between(file);
                }
            }
        }
    }
}
