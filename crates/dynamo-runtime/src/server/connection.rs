//! One connection: HTTP/1 over a socket that records its activity.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Response;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::activity::Activity;
use super::connections::{Admitted, Busy, Monitor, Order};
use super::routes;
use super::sockets::Socket;

/// The largest header, in bytes. hyper's default is above 400,000.
const MAX_HEADER: usize = 64 * 1024;

/// Serves a connection until its end, or until an order to close.
pub(super) async fn serve(admitted: Admitted, socket: Socket<TcpStream>, router: Router) {
    // Declared before the connection: it counts until the socket is closed.
    let mut orders = admitted.orders();
    let monitor = admitted.monitor();
    let io = TokioIo::new(Monitored {
        socket,
        monitor: monitor.clone(),
    });
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let busy = monitor.request();
        let response = routes::respond(router.clone(), request.map(Body::new));
        async move { Ok::<_, Infallible>(counted(response.await, busy)) }
    });
    // hyper's own header timeout would also count the time between two requests.
    let http = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(MAX_HEADER)
        .serve_connection(io, service);
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
    socket: Socket<TcpStream>,
    monitor: Monitor,
}

impl Monitored {
    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(&mut *self.socket)
    }

    fn wrote(&self, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
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
        let outcome = self.stream().poll_write(context, bytes);
        self.wrote(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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
