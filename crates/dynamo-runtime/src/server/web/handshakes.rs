//! TLS handshakes: one at a time on a blocking thread; clients that wait take turns.
//!
//! The server signs in the handshake, which takes 0.1 ms (ECDSA) to 5 ms (RSA) of a core, and a client can
//! ask for it with a few hundred bytes. So a flood of handshakes must neither run on the thread that answers,
//! nor delay the handshakes of other clients.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
#[derive(Default)]
pub(in crate::server) struct Handshakes {
    queue: Mutex<Queue>,
    /// Those that wait or run.
    count: AtomicUsize,
    /// Notified when one has ended.
    ended: Notify,
}

#[derive(Default)]
struct Queue {
    /// Whether a thread takes jobs.
    is_served: bool,
    /// The peers with waiting handshakes, in the order of their turns.
    peers: VecDeque<Peer>,
    waiting: HashMap<Peer, VecDeque<Job>>,
}

/// The server's reply to the first message of a client.
type Job = Box<dyn FnOnce() + Send>;

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
        let config = Arc::clone(acceptor.config());
        let (sender, receiver) = oneshot::channel();
        self.run(
            peer,
            Box::new(move || {
                // The reply is made here, with the key exchange and the signature. A client that has left
                // costs nothing.
                if !sender.is_closed() {
                    let _ = sender.send(hello.into_stream(config));
                }
            }),
        );
        let accept = receiver.await.map_err(std::io::Error::other)?;
        drop(waiting);
        accept.await
    }

    /// Waits until a new client's handshake would not wait for many others.
    pub(in crate::server) async fn room(&self) {
        while self.count.load(Relaxed) >= MAX_WAITING {
            self.ended.notified().await;
        }
    }

    /// Runs a job on a blocking thread, one at a time. Each peer has one job in each round.
    fn run(self: &Arc<Self>, peer: Peer, job: Job) {
        let is_served = {
            let mut queue = lock(&self.queue);
            queue.push(peer, job);
            mem::replace(&mut queue.is_served, true)
        };
        if !is_served {
            let handshakes = Arc::clone(self);
            task::spawn_blocking(move || handshakes.serve());
        }
    }

    /// Runs jobs until there are none.
    fn serve(&self) {
        while let Some(job) = self.next() {
            // The next ones must run even if this one panics.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = lock(&self.queue);
        let job = queue.pop();
        queue.is_served = job.is_some();
        job
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
    fn push(&mut self, peer: Peer, job: Job) {
        let waiting = self.waiting.entry(peer).or_default();
        if waiting.is_empty() {
            self.peers.push_back(peer);
        }
        waiting.push_back(job);
    }

    fn pop(&mut self) -> Option<Job> {
        let peer = self.peers.pop_front()?;
        let waiting = self.waiting.get_mut(&peer)?;
        let job = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&peer);
        } else {
            self.peers.push_back(peer);
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn clients_take_turns() {
        let mut queue = Queue::default();
        let (sender, order) = mpsc::channel();
        for last in [1, 1, 1, 2, 3, 2] {
            let sender = sender.clone();
            let peer = Some(IpAddr::from([127, 0, 0, last]));
            queue.push(peer, Box::new(move || sender.send(last).unwrap()));
        }
        drop(sender);
        while let Some(job) = queue.pop() {
            job();
        }
        assert_eq!(order.iter().collect::<Vec<u8>>(), [1, 2, 3, 1, 2, 1]);
        assert!(queue.waiting.is_empty());
    }

    #[tokio::test]
    async fn every_job_runs() {
        let handshakes = Arc::new(Handshakes::default());
        for _ in 0..3 {
            let (sender, receiver) = oneshot::channel();
            handshakes.run(None, Box::new(move || sender.send(()).unwrap()));
            receiver.await.unwrap();
        }
    }
}
