//! TLS handshakes: one at a time on a blocking thread; clients that wait take turns.
//!
//! The server signs in the handshake, which takes 0.1 ms (ECDSA) to 5 ms (RSA) of a core, and a client can
//! ask for it with a few hundred bytes. So a flood of handshakes must neither run on the thread that answers,
//! nor delay the handshakes of other clients.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot};
use tokio::task;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::super::peer::Peer;
use crate::sync::lock;

/// The handshakes that may wait. Beyond, no connection is accepted: clients wait in the order in which they
/// connect, and none is closed for another before its handshake.
const MAX_WAITING: usize = 64;

/// The handshakes that wait.
///
/// The lock is taken by the server's threads only, and never in a forked child.
#[derive(Debug, Default)]
pub(in crate::server) struct Handshakes {
    queue: Mutex<Queue>,
    /// Those that wait or run.
    count: AtomicUsize,
    /// Notified when one has ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    is_running: bool,
    /// The peers with waiting handshakes, in the order of their turns.
    peers: VecDeque<Peer>,
    waiting: HashMap<Peer, VecDeque<oneshot::Sender<Turn>>>,
}

/// The right to run a handshake, until it is dropped.
#[derive(Debug)]
struct Turn(Option<Arc<Handshakes>>);

impl Handshakes {
    /// Runs the handshake of a client.
    ///
    /// # Errors
    /// The client does not speak TLS, shares no version or cipher suite, or has no valid certificate.
    pub(in crate::server) async fn accept<T>(
        self: &Arc<Self>,
        acceptor: &TlsAcceptor,
        peer: Peer,
        io: T,
    ) -> std::io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // A client that sends nothing takes no turn.
        let hello = LazyConfigAcceptor::new(Default::default(), io).await?;
        let waiting = Waiting::new(self);
        let turn = self.turn(peer).await;
        let config = Arc::clone(acceptor.config());
        // The reply to the first message is made here, with the key exchange and the signature.
        let reply = task::spawn_blocking(move || {
            let accept = hello.into_stream(config);
            drop(turn);
            accept
        });
        let accept = reply.await?;
        drop(waiting);
        accept.await
    }

    /// Waits until a new client's handshake would not wait for many others.
    pub(in crate::server) async fn room(&self) {
        while self.count.load(Relaxed) >= MAX_WAITING {
            self.ended.notified().await;
        }
    }

    /// Waits for the turn of a client. Each peer has one in each round.
    async fn turn(self: &Arc<Self>, peer: Peer) -> Turn {
        let receiver = {
            let mut queue = lock(&self.queue);
            if !mem::replace(&mut queue.is_running, true) {
                return Turn(Some(Arc::clone(self)));
            }
            queue.push(peer)
        };
        // The sender is dropped only after it has sent.
        receiver
            .await
            .unwrap_or_else(|_| Turn(Some(Arc::clone(self))))
    }
}

/// Counts a handshake until it is dropped.
struct Waiting<'a>(&'a Handshakes);

impl<'a> Waiting<'a> {
    fn new(handshakes: &'a Handshakes) -> Self {
        handshakes.count.fetch_add(1, Relaxed);
        Waiting(handshakes)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Relaxed);
        self.0.ended.notify_one();
    }
}

impl Queue {
    fn push(&mut self, peer: Peer) -> oneshot::Receiver<Turn> {
        let (sender, receiver) = oneshot::channel();
        let waiting = self.waiting.entry(peer).or_default();
        if waiting.is_empty() {
            self.peers.push_back(peer);
        }
        waiting.push_back(sender);
        receiver
    }

    fn pop(&mut self) -> Option<oneshot::Sender<Turn>> {
        let peer = self.peers.pop_front()?;
        let waiting = self.waiting.get_mut(&peer)?;
        let sender = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&peer);
        } else {
            self.peers.push_back(peer);
        }
        sender
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(handshakes) = &self.0 else {
            return;
        };
        loop {
            let next = {
                let mut queue = lock(&handshakes.queue);
                let next = queue.pop();
                queue.is_running = next.is_some();
                next
            };
            let Some(next) = next else {
                return;
            };
            match next.send(Turn(Some(Arc::clone(handshakes)))) {
                Ok(()) => return,
                // The connection was closed meanwhile. The next one has the turn.
                Err(turn) => turn.forget(),
            }
        }
    }
}

impl Turn {
    /// Ends without passing the turn on.
    fn forget(mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use tokio::sync::mpsc;

    fn peer(last: u8) -> Peer {
        Some(IpAddr::from([127, 0, 0, last]))
    }

    #[tokio::test]
    async fn a_client_waits_for_one_handshake_of_each_other_client() {
        let handshakes = Arc::new(Handshakes::default());
        let first = handshakes.turn(peer(1)).await;
        let (sender, mut order) = mpsc::unbounded_channel();
        for last in [1, 1, 1, 2, 3, 2] {
            let (handshakes, sender) = (Arc::clone(&handshakes), sender.clone());
            task::spawn(async move {
                let turn = handshakes.turn(peer(last)).await;
                sender.send(last).unwrap();
                drop(turn);
            });
            task::yield_now().await;
        }
        drop((first, sender));
        let mut taken = Vec::new();
        while let Some(last) = order.recv().await {
            taken.push(last);
        }
        assert_eq!(taken, [1, 2, 3, 1, 2, 1]);
    }

    #[tokio::test]
    async fn a_closed_connection_passes_its_turn_on() {
        let handshakes = Arc::new(Handshakes::default());
        let first = handshakes.turn(peer(1)).await;
        let closed = lock(&handshakes.queue).push(peer(2));
        let closed_later = lock(&handshakes.queue).push(peer(3));
        let waiting = lock(&handshakes.queue).push(peer(2));
        drop(closed);
        drop(first);
        // It has got the turn, and is closed before it begins.
        drop(closed_later);
        drop(waiting.await.unwrap());
        let queue = lock(&handshakes.queue);
        assert!(!queue.is_running && queue.waiting.is_empty() && queue.peers.is_empty());
    }
}
