//! The accept loop.

use std::io;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::{task, time};

use super::connection;
use super::connections::Connections;
use super::sockets::Socket;

/// Accepts connections and serves each in a task of its own, for ever.
pub(super) async fn accept_all(
    listener: Socket<TcpListener>,
    connections: Arc<Connections>,
    router: Router,
    backoff: time::Duration,
) {
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok(socket) => {
                failing = false;
                // Only latency: a small page must not wait for the client's acknowledgement.
                let _ = socket.set_nodelay(true);
                connections.make_room().await;
                let served = connection::serve(connections.admit(), socket, router.clone());
                task::spawn(served);
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                // Mostly EMFILE or ENFILE. A connection that waits is still in the backlog: free a
                // descriptor for it, and do not spin if the rest of the process takes that.
                if !failing {
                    tracing::warn!(%error, "the system status server cannot accept connections");
                }
                // Those accepted just now may have a request to be read; then they are not idle.
                task::yield_now().await;
                if listener.has_waiting() {
                    connections.evict();
                }
                failing = true;
                time::sleep(backoff).await;
            }
        }
    }
}

/// Errors of a connection that was gone before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
