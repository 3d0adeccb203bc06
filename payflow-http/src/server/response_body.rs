//! The body of an answer, watched on its way out.

use std::{
    any::Any,
    error::Error,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::under_way::{Piece, UnderWay};

/// The error type that hyper takes from bodies and services.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

pin_project! {
    /// The body of an answer: the service's, in pieces of at most 16 KiB, or the server's own.
    ///
    /// A panic in the service's body becomes an error of the body, which breaks off the answer and nothing else.
    /// While it or one of its pieces lives, the request counts as under way.
    #[derive(Debug)]
    pub(super) struct ResponseBody<B> {
        #[pin]
        source: Source<B>,
        // What is left of a frame that was too large for one piece.
        rest: Bytes,
        // Goes with the last piece.
        under_way: Option<UnderWay>,
    }
}

pin_project! {
    #[project = SourceProjection]
    #[derive(Debug)]
    enum Source<B> {
        Service { #[pin] body: B },
        Own { bytes: Bytes },
        Panicked,
    }
}

impl<B> ResponseBody<B> {
    pub(super) const fn of_service(body: B, under_way: UnderWay) -> Self {
        Self { source: Source::Service { body }, rest: Bytes::new(), under_way: Some(under_way) }
    }

    pub(super) const fn own(bytes: Bytes, under_way: UnderWay) -> Self {
        Self { source: Source::Own { bytes }, rest: Bytes::new(), under_way: Some(under_way) }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Data = Piece;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, BoxError>>> {
        let mut this = self.project();
        if this.rest.is_empty() {
            match ready!(this.source.as_mut().poll_source(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => *this.rest = data,
                    Err(trailers) => {
                        let trailers = trailers.map_data(|bytes| Piece::new(bytes, None));
                        return Poll::Ready(Some(Ok(trailers)));
                    }
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let bytes = this.rest.split_to(this.rest.len().min(PIECE_BYTES_MAX));
        let is_last = this.rest.is_empty() && this.source.is_end_stream();
        let under_way = if is_last {
            this.under_way.take().map(UnderWay::into_last_piece)
        } else {
            this.under_way.as_ref().map(UnderWay::with_piece)
        };
        Poll::Ready(Some(Ok(Frame::data(Piece::new(bytes, under_way)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let source = match &self.source {
            Source::Service { body } => body.size_hint(),
            Source::Own { bytes } => SizeHint::with_exact(bytes.len() as u64),
            Source::Panicked => SizeHint::with_exact(0),
        };
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        if let Some(upper) = source.upper().and_then(|upper| upper.checked_add(rest)) {
            hint.set_upper(upper);
        }
        hint.set_lower(source.lower().saturating_add(rest));
        hint
    }
}

impl<B> Source<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Service { body } => body.is_end_stream(),
            Self::Own { bytes } => bytes.is_empty(),
            Self::Panicked => true,
        }
    }

    fn poll_source(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = match self.as_mut().project() {
            SourceProjection::Service { body } => catch_unwind(AssertUnwindSafe(|| body.poll_frame(cx))),
            SourceProjection::Own { bytes } if !bytes.is_empty() => {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))));
            }
            SourceProjection::Own { .. } | SourceProjection::Panicked => return Poll::Ready(None),
        };
        match polled {
            Ok(polled) => polled.map_err(Into::into),
            Err(panic) => {
                tracing::error!(panic = panic_message(&*panic), "body of an answer panicked");
                self.set(Self::Panicked);
                Poll::Ready(Some(Err("body panicked".into())))
            }
        }
    }
}

/// The text of a panic, for the log alone.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "(not a text)",
    }
}

/// So small that "a piece was taken" means progress of the client, and that HTTP/2 queues little beyond its window.
const PIECE_BYTES_MAX: usize = 16 * 1024;
