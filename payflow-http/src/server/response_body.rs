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
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::progress::SharedProgress;

/// The error type that hyper takes from bodies and services.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

pin_project! {
    /// The body of an answer: the service's, in pieces of at most 16 KiB, or the server's own.
    ///
    /// A panic in the service's body becomes an error of the body, which breaks off the answer and nothing else.
    /// While it lives, the request counts as under way.
    #[derive(Debug)]
    pub(super) struct ResponseBody<B> {
        #[pin]
        source: Source<B>,
        // What is left of a frame that was too large for one piece.
        rest: Bytes,
        under_way: UnderWay,
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
        Self { source: Source::Service { body }, rest: Bytes::new(), under_way }
    }

    pub(super) const fn own(bytes: Bytes, under_way: UnderWay) -> Self {
        Self { source: Source::Own { bytes }, rest: Bytes::new(), under_way }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        this.under_way.frame_taken();
        if this.rest.is_empty() {
            match ready!(this.source.poll_source(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => *this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES_MAX));
        this.under_way.frame_handed();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
            && match &self.source {
                Source::Service { body } => body.is_end_stream(),
                Source::Own { bytes } => bytes.is_empty(),
                Source::Panicked => true,
            }
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

/// Counts a request as under way for as long as it lives, and says when the client takes nothing of its answer.
#[derive(Debug)]
pub(super) struct UnderWay {
    progress: SharedProgress,
    frame_is_out: bool,
    permit: Option<OwnedSemaphorePermit>,
}

impl UnderWay {
    pub(super) fn begin(progress: SharedProgress) -> Self {
        progress.lock().request_began();
        Self { progress, frame_is_out: false, permit: None }
    }

    /// Holds one of the server's places for requests until the end.
    pub(super) fn hold(&mut self, permit: OwnedSemaphorePermit) {
        self.permit = Some(permit);
    }

    fn frame_handed(&mut self) {
        self.frame_is_out = true;
        self.progress.lock().frame_handed(Instant::now());
    }

    fn frame_taken(&mut self) {
        if std::mem::take(&mut self.frame_is_out) {
            self.progress.lock().frame_taken(Instant::now());
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut progress = self.progress.lock();
        if self.frame_is_out {
            progress.frame_taken(now);
        }
        progress.request_ended(now);
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
