//! What holds a request under way: the body of its answer, and the pieces of that until they have left.

use bytes::{Buf, Bytes};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::progress::SharedProgress;

/// Counts a request as under way for as long as one of these lives, and says when the client takes nothing of its answer.
#[derive(Debug)]
pub(super) struct UnderWay {
    progress: SharedProgress,
    number: usize,
    is_piece: bool,
}

impl UnderWay {
    /// Holds one of the server's places for requests, if it is given one, until the end.
    pub(super) fn begin(progress: SharedProgress, permit: Option<OwnedSemaphorePermit>) -> Self {
        let number = progress.lock().request_began(permit);
        Self { progress, number, is_piece: false }
    }

    /// For a piece that is handed over now, with others to come.
    pub(super) fn with_piece(&self) -> Self {
        let now = Instant::now();
        self.progress.lock().piece_handed(self.number, false, now);
        Self { progress: self.progress.clone(), number: self.number, is_piece: true }
    }

    /// For the last piece, which is handed over now.
    pub(super) fn into_last_piece(mut self) -> Self {
        let now = Instant::now();
        self.progress.lock().piece_handed(self.number, true, now);
        self.is_piece = true;
        self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = Instant::now();
        let ended = self.progress.lock().let_go(self.number, self.is_piece, now);
        // Its permit has a lock of its own, so not under this one.
        drop(ended);
    }
}

/// A piece of an answer, which holds its request until it is written, or copied to where it is written from next.
///
/// The body alone cannot tell: of HTTP/2, hyper hands a piece on when the window has room for one byte, and drops a body that has
/// no other piece.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    _under_way: Option<UnderWay>,
}

impl Piece {
    pub(super) const fn new(bytes: Bytes, under_way: Option<UnderWay>) -> Self {
        Self { bytes, _under_way: under_way }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
