//! One connection: HTTP/1, with or without TLS, over a socket that records its activity.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::Response;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;

use super::activity::Activity;
use super::connections::{Admitted, Busy, Monitor, Order};
use super::routes::Responder;
use super::sockets::Socket;
use super::stream::Stream;
use super::web::{Handshakes, Tls};

/// The largest header, in bytes, as in other servers. hyper's default is above 400,000.
const MAX_HEADER: usize = 16 * 1024;

/// The bytes that a connection sends before others have their turn.
const TURN: usize = 256 * 1024;

/// The response to a client that speaks HTTP without TLS on a port with TLS.
const PLAIN_ON_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nthis port speaks HTTPS: use https://\n";

/// Serves a connection until its end, or until an order to close.
pub(super) async fn serve(admitted: Admitted, socket: Socket<Stream>, responder: Arc<Responder>) {
    // Declared before the connection: it counts until the socket is closed.
    let mut orders = admitted.orders();
    let monitor = admitted.monitor();
    let io = Monitored {
        socket,
        monitor: monitor.clone(),
        written: 0,
        unread: None,
    };
    let handshake = async {
        match responder.web().tls().await {
            Some(tls) => {
                let stream = secure(tls, responder.web().handshakes(), &monitor, io).await;
                stream.map(Transport::Tls)
            }
            None => Some(Transport::Plain(io)),
        }
    };
    let transport = tokio::select! {
        biased;
        _ = orders.wait_for(|order| *order != Order::Serve) => return,
        transport = handshake => transport,
    };
    match transport {
        Some(Transport::Plain(io)) => serve_http(io, monitor, orders, responder).await,
        Some(Transport::Tls(io)) => serve_http(io, monitor, orders, responder).await,
        None => {}
    }
}

enum Transport {
    Plain(Monitored),
    Tls(Box<TlsStream<Monitored>>),
}

/// The TLS handshake. `None` if it fails.
async fn secure(
    tls: Arc<Tls>,
    handshakes: &Arc<Handshakes>,
    monitor: &Monitor,
    mut io: Monitored,
) -> Option<Box<TlsStream<Monitored>>> {
    let first = io.read_u8().await.ok()?;
    // A TLS record begins with a control character, a request with the letter of its method.
    if first.is_ascii_alphabetic() {
        // A close with unread bytes would discard the response.
        let _ = io.read(&mut [0; 8192]).await;
        let _ = io.write_all(PLAIN_ON_TLS).await;
        let _ = io.shutdown().await;
        return None;
    }
    io.unread = Some(first);
    match handshakes.accept(tls, monitor, io).await {
        Ok(stream) => Some(Box::new(stream)),
        Err(error) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
    }
}

async fn serve_http<T: AsyncRead + AsyncWrite + Unpin>(
    io: T,
    monitor: Monitor,
    mut orders: watch::Receiver<Order>,
    responder: Arc<Responder>,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let busy = monitor.request();
        let monitor = monitor.clone();
        let responder = Arc::clone(&responder);
        async move {
            monitor.delay().await;
            let response = responder.respond(request.map(Body::new)).await;
            Ok::<_, Infallible>(counted(response, busy))
        }
    });
    // hyper's own header timeout would also count the time between two requests.
    let http = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(MAX_HEADER)
        .serve_connection(TokioIo::new(io), service);
    let mut http = pin!(http);
    let order = tokio::select! {
        biased;
        order = orders.wait_for(|order| *order != Order::Serve) => order.map(|order| *order),
        // An error is the client's: it disconnected or does not speak HTTP.
        _ = http.as_mut() => return,
    };
    if !matches!(order, Ok(Order::Finish)) {
        return;
    }
    http.as_mut().graceful_shutdown();
    let closed = orders.wait_for(|order| *order == Order::Close);
    tokio::select! {
        _ = closed => {}
        _ = http => {}
    }
}

fn counted(response: Response<Body>, busy: Busy) -> Response<Counted> {
    busy.responds();
    response.map(|body| Counted { body, _busy: busy })
}

/// A body that keeps its request in flight until all of it is handed over.
struct Counted {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket that records when bytes are received, sent or blocked.
struct Monitored {
    socket: Socket<Stream>,
    monitor: Monitor,
    /// The bytes sent in this turn.
    written: usize,
    /// A byte that was read ahead.
    unread: Option<u8>,
}

impl Monitored {
    fn stream(&mut self) -> Pin<&mut Stream> {
        Pin::new(&mut *self.socket)
    }

    /// Lets other connections have their turn before a client that reads fast gets more.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.written < TURN {
            return Poll::Ready(());
        }
        self.written = 0;
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn wrote(&mut self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(written)) = outcome {
            self.written += written;
        }
        self.monitor.record(match outcome {
            Poll::Ready(_) => Activity::sent,
            Poll::Pending => Activity::blocked,
        });
        outcome
    }
}

impl AsyncRead for Monitored {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(byte) = self.unread.take_if(|_| buffer.remaining() > 0) {
            buffer.put_slice(&[byte]);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(self.stream().poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.monitor.record(Activity::received);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Monitored {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(context));
        let outcome = self.stream().poll_write(context, bytes);
        self.wrote(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(context));
        let outcome = self.stream().poll_write_vectored(context, slices);
        self.wrote(outcome)
    }

    /// Lets hyper send an exposition of any size without copying it.
    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}
