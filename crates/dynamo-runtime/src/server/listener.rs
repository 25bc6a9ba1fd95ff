//! The accept loop.

use std::io;
use std::sync::Arc;

use tokio::{task, time};

use super::connection;
use super::connections::Connections;
use super::routes::Responder;
use super::sockets::Socket;
use super::stream::Listener;
use super::unix::SocketFile;

/// The connections that are accepted before others have their turn.
const AT_ONCE: usize = 16;

/// A listener, and its file if it is a Unix socket.
pub(super) struct Listening {
    pub(super) listener: Socket<Listener>,
    /// Removed when this is dropped.
    pub(super) file: Option<SocketFile>,
}

/// Accepts connections and serves each in its own task. Never returns.
pub(super) async fn accept_all(
    listening: Listening,
    connections: Arc<Connections>,
    responder: Arc<Responder>,
    backoff: time::Duration,
) {
    let Listening {
        listener,
        file: _file,
    } = listening;
    let mut failing = false;
    let mut accepted = 0_usize;
    loop {
        match listener.accept().await {
            Ok(socket) => {
                failing = false;
                accepted += 1;
                if accepted.is_multiple_of(AT_ONCE) {
                    task::yield_now().await;
                }
                connections.make_room().await;
                let admitted = connections.admit(socket.peer());
                let served = connection::serve(admitted, socket, Arc::clone(&responder));
                task::spawn(served);
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                // Mostly EMFILE or ENFILE. The connection is still in the backlog: close another one to free a
                // descriptor, and wait, because the rest of the process may take that descriptor.
                if !failing {
                    tracing::warn!(%error, "the system status server cannot accept connections");
                }
                // A connection that was just accepted may have an unread request. Then it is not idle.
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

/// Whether the client disconnected before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
