//! TLS handshakes: one step at a time, on a thread of their own.
//!
//! In a handshake the server signs and verifies, which takes 0.1 ms (ECDSA) to 5 ms (RSA) of a core, more for a
//! chain of client certificates that is made to be slow, and a client can ask for it with a few hundred bytes.
//! So a flood of handshakes must neither run on the thread that answers, nor delay the handshakes of other
//! clients: they take [turns](Turns), and in a flood most clients of TLS 1.3 get a signature only for a
//! [second message](Tls::under_load).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::{io, mem, thread};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, LazyConfigAcceptor};

use super::super::connections::Monitor;
use super::super::peer::Peer;
use super::tls::Tls;
use super::turns::{Place, Turns};
use crate::sync::lock;

/// The number of waiting steps from which on clients must send a second message.
const MANY: usize = 64;

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
    waiting: Turns<Step>,
}

/// What the server does with the messages of a client that have come.
type Step = Box<dyn FnOnce() + Send>;

impl Handshakes {
    /// Runs the handshake of a client.
    ///
    /// # Errors
    /// The client does not speak TLS, shares no version or cipher suite, or has no valid certificate.
    pub(in crate::server) async fn accept<T>(
        self: &Arc<Self>,
        tls: Arc<Tls>,
        monitor: &Monitor,
        io: T,
    ) -> io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // A client that sends nothing takes no turn.
        let hello = LazyConfigAcceptor::new(Default::default(), io).await?;
        let awake = Arc::new(Awake::default());
        let waker = Waker::from(Arc::clone(&awake));
        let step = move |mut handshake: Accept<T>| {
            let outcome = poll(&mut handshake, &waker);
            (handshake, outcome)
        };
        let first = step.clone();
        let handshakes = Arc::clone(self);
        let begin = move || {
            let config = match handshakes.are_many_waiting() {
                true => tls.under_load(&hello.client_hello()),
                false => tls.config(),
            };
            first(hello.into_stream(Arc::clone(config)))
        };
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

    fn are_many_waiting(&self) -> bool {
        lock(&self.queue).waiting.len() >= MANY
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
            let place = queue.waiting.push(peer, has_begun, step);
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
        let step = queue.waiting.pop();
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
    place: Place,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let step = lock(&self.handshakes.queue).waiting.remove(self.place);
        // Closes the socket. The lock is not held here.
        drop(step);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::super::connections::Connections;
    use super::super::super::limits::Limits;
    use super::*;

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
        let wait = move || released.recv().unwrap_or_default();
        let running = handshakes.push(None, false, Box::new(wait));
        let held = Arc::new(());
        let holds = Arc::clone(&held);
        drop(handshakes.push(None, false, Box::new(move || drop(holds))));
        assert_eq!(Arc::strong_count(&held), 1);
        drop((release, running));
    }
}
