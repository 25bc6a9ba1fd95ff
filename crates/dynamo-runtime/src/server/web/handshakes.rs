//! TLS handshakes: one step at a time, on a thread of their own.
//!
//! In a handshake the server signs and verifies, which takes 0.1 ms (ECDSA) to 5 ms (RSA) of a core, more for a
//! chain of client certificates that is made to be slow, and a client can ask for it with a few hundred bytes.
//! So a flood of handshakes must neither run on the thread that answers, nor delay the handshakes of other
//! clients. Addresses take turns. Of one address, handshakes that have begun come first, then the newest: if
//! clients ask for more than the thread can do, those that come last are served at once, and some of the first
//! wait until their time ends. In the order of arrival, each of them would wait for all.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::{io, mem, thread};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, LazyConfigAcceptor, TlsAcceptor};

use super::super::connections::Monitor;
use super::super::peer::Peer;
use crate::sync::lock;

/// The steps of handshakes that wait.
///
/// The lock is taken by the server's threads only, and never in a forked child.
#[derive(Default)]
pub(in crate::server) struct Handshakes {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Whether a thread takes steps.
    is_served: bool,
    /// The number of the next step.
    next: u64,
    /// The keys of `waiting`, in the order of their turns.
    peers: VecDeque<Peer>,
    /// The waiting steps; none if all of a peer's were cancelled before its turn. The last one comes first.
    waiting: HashMap<Peer, BTreeMap<Place, Step>>,
}

/// Whether the handshake has begun, and the number of the step.
type Place = (bool, u64);

/// What the server does with the messages of a client that have come.
type Step = Box<dyn FnOnce() + Send>;

impl Handshakes {
    /// Runs the handshake of a client.
    ///
    /// # Errors
    /// The client does not speak TLS, shares no version or cipher suite, or has no valid certificate.
    pub(in crate::server) async fn accept<T>(
        self: &Arc<Self>,
        acceptor: &TlsAcceptor,
        monitor: &Monitor,
        io: T,
    ) -> io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // A client that sends nothing takes no turn.
        let hello = LazyConfigAcceptor::new(Default::default(), io).await?;
        let config = Arc::clone(acceptor.config());
        let awake = Arc::new(Awake::default());
        let waker = Waker::from(Arc::clone(&awake));
        let step = move |mut handshake: Accept<T>| {
            let outcome = poll(&mut handshake, &waker);
            (handshake, outcome)
        };
        let first = step.clone();
        let begin = move || first(hello.into_stream(config));
        let (mut handshake, mut outcome) = self.run(monitor, false, begin).await?;
        loop {
            match outcome {
                Poll::Ready(stream) => return stream,
                Poll::Pending => awake.0.notified().await,
            }
            let step = step.clone();
            (handshake, outcome) = self.run(monitor, true, move || step(handshake)).await?;
        }
    }

    /// Runs a step when it is its turn. If the returned future is dropped before, so is the step, unrun.
    async fn run<R: Send + 'static>(
        self: &Arc<Self>,
        monitor: &Monitor,
        has_begun: bool,
        step: impl FnOnce() -> R + Send + 'static,
    ) -> io::Result<R> {
        let (sender, receiver) = oneshot::channel();
        let run = move || drop(sender.send(step()));
        let _waits = monitor.waits();
        let _waiting = self.push(monitor.peer(), has_begun, Box::new(run));
        receiver.await.map_err(io::Error::other)
    }

    fn push(self: &Arc<Self>, peer: Peer, has_begun: bool, step: Step) -> Waiting<'_> {
        let (place, is_served) = {
            let mut queue = lock(&self.queue);
            let place = queue.push(peer, has_begun, step);
            (place, mem::replace(&mut queue.is_served, true))
        };
        if !is_served {
            let handshakes = Arc::clone(self);
            let thread = thread::Builder::new().name("dynamo-tls".to_owned());
            if let Err(error) = thread.spawn(move || handshakes.serve()) {
                tracing::debug!(%error, "no thread for TLS handshakes: they run on the one that answers");
                self.serve();
            }
        }
        Waiting {
            handshakes: self,
            peer,
            place,
        }
    }

    /// Runs steps until there are none.
    fn serve(&self) {
        while let Some(step) = self.next() {
            // The next ones must run even if this one panics.
            let _ = catch_unwind(AssertUnwindSafe(step));
        }
    }

    fn next(&self) -> Option<Step> {
        let mut queue = lock(&self.queue);
        let step = queue.pop();
        queue.is_served = step.is_some();
        step
    }
}

fn poll<T>(handshake: &mut Accept<T>, waker: &Waker) -> Poll<io::Result<TlsStream<T>>>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    Pin::new(handshake).poll(&mut Context::from_waker(waker))
}

/// Notified when the socket of a handshake is ready.
#[derive(Default)]
struct Awake(Notify);

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// Removes a step that has not begun when it is dropped.
struct Waiting<'a> {
    handshakes: &'a Handshakes,
    peer: Peer,
    place: Place,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let step = lock(&self.handshakes.queue).remove(self.peer, self.place);
        // Closes the socket, which the lock is not held for.
        drop(step);
    }
}

impl Queue {
    fn push(&mut self, peer: Peer, has_begun: bool, step: Step) -> Place {
        let place = (has_begun, self.next);
        self.next += 1;
        let waiting = self.waiting.entry(peer).or_insert_with(|| {
            self.peers.push_back(peer);
            BTreeMap::new()
        });
        waiting.insert(place, step);
        place
    }

    fn pop(&mut self) -> Option<Step> {
        loop {
            let peer = self.peers.pop_front()?;
            let waiting = self.waiting.get_mut(&peer)?;
            let first = waiting.pop_last();
            if waiting.is_empty() {
                self.waiting.remove(&peer);
            } else {
                self.peers.push_back(peer);
            }
            if let Some((_, step)) = first {
                return Some(step);
            }
        }
    }

    fn remove(&mut self, peer: Peer, place: Place) -> Option<Step> {
        self.waiting.get_mut(&peer)?.remove(&place)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::mpsc;

    use super::super::super::connections::Connections;
    use super::super::super::limits::Limits;
    use super::*;

    fn peer(last: u8) -> Peer {
        Some(IpAddr::from([127, 0, 0, last]))
    }

    /// Queues a step for each peer that sends its index. `begun` are those of handshakes that have begun.
    fn queue(peers: &[u8], begun: &[usize]) -> (Queue, Vec<Place>, mpsc::Receiver<usize>) {
        let mut queue = Queue::default();
        let (sender, order) = mpsc::channel();
        let push = |(index, last): (usize, &u8)| {
            let sender = sender.clone();
            let step = Box::new(move || sender.send(index).unwrap());
            queue.push(peer(*last), begun.contains(&index), step)
        };
        let places = peers.iter().enumerate().map(push).collect();
        (queue, places, order)
    }

    fn run_all(mut queue: Queue, order: &mpsc::Receiver<usize>) -> Vec<usize> {
        while let Some(step) = queue.pop() {
            step();
        }
        assert!(queue.waiting.is_empty());
        assert!(queue.peers.is_empty());
        order.try_iter().collect()
    }

    #[test]
    fn addresses_take_turns_and_the_newest_step_of_each_comes_first() {
        let (queue, _, order) = queue(&[1, 1, 1, 2, 3, 2], &[]);
        assert_eq!(run_all(queue, &order), [2, 5, 4, 1, 3, 0]);
    }

    #[test]
    fn handshakes_that_have_begun_come_before_new_ones_of_their_address() {
        let (queue, _, order) = queue(&[1, 1, 1, 2, 1], &[0, 1]);
        assert_eq!(run_all(queue, &order), [1, 3, 0, 4, 2]);
    }

    #[test]
    fn a_cancelled_step_does_not_run_and_changes_no_turn() {
        let peers = [1, 2, 2, 3];
        let (mut queue, places, order) = queue(&peers, &[]);
        for cancelled in [0, 2] {
            assert!(
                queue
                    .remove(peer(peers[cancelled]), places[cancelled])
                    .is_some()
            );
        }
        let again = queue.push(peer(1), false, Box::new(|| ()));
        assert!(queue.remove(peer(1), again).is_some());
        assert!(queue.remove(peer(1), again).is_none());
        assert_eq!(run_all(queue, &order), [1, 3]);
    }

    #[tokio::test]
    async fn every_step_runs_even_after_one_that_panics() {
        let handshakes = Arc::new(Handshakes::default());
        let monitor = Connections::new(Limits::default()).admit(None).monitor();
        for number in 0..3 {
            let ran = handshakes.run(&monitor, false, move || number).await;
            assert_eq!(ran.unwrap(), number);
            let panics = || -> () { panic!("in a test") };
            handshakes.run(&monitor, true, panics).await.unwrap_err();
        }
    }

    #[test]
    fn a_step_whose_future_is_dropped_is_dropped_with_all_it_holds() {
        let handshakes = Arc::new(Handshakes::default());
        let (release, released) = mpsc::channel::<()>();
        let wait = move || drop(released.recv());
        let running = handshakes.push(None, false, Box::new(wait));
        let held = Arc::new(());
        let holds = Arc::clone(&held);
        drop(handshakes.push(None, false, Box::new(move || drop(holds))));
        assert_eq!(Arc::strong_count(&held), 1);
        drop((release, running));
    }
}
