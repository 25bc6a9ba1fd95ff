//! The body of a scrape response: an exposition that several responses share.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::slots::{Held, Slot};

/// The bytes that are handed over at once.
const CHUNK: usize = 64 * 1024;
/// The end of a body is copied: what is handed over but not sent must not keep the whole exposition.
const COPIED: usize = 4 * CHUNK;

/// Hands an exposition over in chunks, as fast as the client reads. Keeps the slot of the scrape until all of
/// it is handed over.
pub(super) struct ScrapeBody {
    rest: Bytes,
    _held: Held,
    _slot: Slot,
}

impl ScrapeBody {
    pub(super) fn new(exposition: Bytes, held: Held, slot: Slot) -> Self {
        ScrapeBody {
            rest: exposition,
            _held: held,
            _slot: slot,
        }
    }
}

impl Body for ScrapeBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let is_end = self.rest.len() <= COPIED;
        let length = self.rest.len().min(CHUNK);
        let chunk = self.rest.split_to(length);
        let chunk = match is_end {
            true => Bytes::copy_from_slice(&chunk),
            false => chunk,
        };
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
