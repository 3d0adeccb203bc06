//! The socket under hyper: it refuses broken framing, tells the deadlines what moves, and closes with care.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

use super::{framing::Framing, progress::SharedProgress};

/// A socket whose first bytes were read already.
#[derive(Debug)]
pub(super) struct Transport {
    stream: TcpStream,
    first_bytes: Bytes,
    /// Set for HTTP/1 alone: frames of HTTP/2 have their lengths in front.
    framing: Option<Framing>,
    /// Set once the framing is broken: what is still to be read, then the end.
    refusal: Option<&'static [u8]>,
    write_ended: bool,
    drained_bytes: usize,
    progress: SharedProgress,
}

impl Transport {
    pub(super) const fn http1(stream: TcpStream, first_bytes: Bytes, progress: SharedProgress) -> Self {
        let mut transport = Self::http2(stream, first_bytes, progress);
        transport.framing = Some(Framing::new());
        transport
    }

    pub(super) const fn http2(stream: TcpStream, first_bytes: Bytes, progress: SharedProgress) -> Self {
        Self {
            stream,
            first_bytes,
            framing: None,
            refusal: None,
            write_ended: false,
            drained_bytes: 0,
            progress,
        }
    }

    /// Reads into the whole of `buf`'s room and returns without a look at what came.
    fn poll_read_unchecked(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first_bytes.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        put_some(&mut self.first_bytes, buf);
        Poll::Ready(Ok(()))
    }

    /// Follows the framing through what was read since `before`, and replaces what breaks it.
    fn check_framing(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let Some(framing) = &mut self.framing else { return };
        let (was_in_head, heads) = (framing.in_head(), framing.heads());
        let fresh = buf.filled().get(before..).unwrap_or_default();
        if let Err(at) = framing.scan(fresh) {
            tracing::debug!("request refused: its framing is broken");
            buf.set_filled(before + at);
            let mut refusal = REFUSAL;
            put_some(&mut refusal, buf);
            self.refusal = Some(refusal);
            return;
        }
        let (is_new, in_head) = (framing.heads() != heads, framing.in_head());
        if is_new || was_in_head != in_head {
            let (mut progress, now) = (self.progress.lock(), Instant::now());
            if is_new || was_in_head {
                progress.head_ended(now);
            }
            if in_head {
                progress.head_began(now);
            }
        }
    }

    /// Tells the deadlines whether a write got on.
    fn note_write<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match written {
            Poll::Pending => self.progress.lock().write_blocked(Instant::now()),
            Poll::Ready(_) => self.progress.lock().write_moved(Instant::now),
        }
        written
    }

    /// Whether the client may be in the middle of sending something that will never be read.
    fn peer_may_be_sending(&self) -> bool {
        match &self.framing {
            Some(framing) => {
                self.refusal.is_some()
                    || !framing.between_requests()
                    || framing.heads() != self.progress.lock().requests()
            }
            None => true,
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(refusal) = &mut self.refusal {
            put_some(refusal, buf);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(self.poll_read_unchecked(cx, buf))?;
        self.check_framing(buf, before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Ends the writing side, then reads and forgets what the client still sends, until it hangs up as well.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.write_ended {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.write_ended = true;
            self.progress.lock().closing(Instant::now());
        }
        while self.drained_bytes < DRAINED_BYTES_MAX {
            let mut scratch = [0; 4096];
            let mut scratch = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut scratch) {
                Poll::Ready(Ok(())) if !scratch.filled().is_empty() => {
                    self.drained_bytes += scratch.filled().len();
                }
                Poll::Pending if self.peer_may_be_sending() => return Poll::Pending,
                // It hung up, or the answer cannot be harmed any more.
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Moves as much from `source` to `buf` as there is room for.
fn put_some(source: &mut impl Buf, buf: &mut ReadBuf<'_>) {
    let length = source.remaining().min(buf.remaining());
    let piece = source.copy_to_bytes(length);
    buf.put_slice(&piece);
}

/// What a parser reads in place of the byte that broke the framing: a NUL, which hyper takes nowhere but in a chunk's
/// extension; a bare LF, which it does not take there; and the end of a head, since it looks at a head in pieces only when
/// that is complete. A CR LF behind the NUL would end an extension, and in that of the last chunk the body.
const REFUSAL: &[u8] = b"\0\n\r\n\r\n";

/// What is read from a client that goes on sending after its connection was closed. It costs time and no memory.
const DRAINED_BYTES_MAX: usize = 256 * 1024;
