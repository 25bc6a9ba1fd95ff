//! The connections that are open: how many, which must go, and when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{Notify, watch};
use tokio::time;

use super::activity::Activity;
use super::limits::Limits;
use crate::sync::lock;

/// What a connection is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Serve request after request.
    Serve,
    /// Finish the response under way, then close.
    Finish,
    /// Close now.
    Close,
}

/// All connections of a server. Only the server's thread takes the locks in here, and a forked
/// child never does, so that no section of [`crate::sync`] is needed.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    /// By number, in the order of their accepts.
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    /// A connection has been closed or has become idle.
    freed: Notify,
    /// There is a connection.
    opened: Notify,
}

/// One connection, as seen by those who decide on it.
#[derive(Debug)]
pub(super) struct Connection {
    activity: Mutex<Activity>,
    order: watch::Sender<Order>,
}

impl Connection {
    fn tell(&self, order: Order) {
        self.order.send_replace(order);
    }

    fn is_closing(&self) -> bool {
        *self.order.borrow() == Order::Close
    }

    fn activity(&self) -> Activity {
        *lock(&self.activity)
    }
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            open: Mutex::default(),
            freed: Notify::new(),
            opened: Notify::new(),
        })
    }

    /// Counts a connection until the returned value is dropped.
    pub(super) fn admit(self: &Arc<Self>) -> Admitted {
        let connection = Arc::new(Connection {
            activity: Mutex::new(Activity::new(Instant::now())),
            order: watch::Sender::new(Order::Serve),
        });
        let mut open = lock(&self.open);
        let number = open.last_key_value().map_or(0, |(last, _)| last + 1);
        open.insert(number, Arc::clone(&connection));
        self.opened.notify_one();
        Admitted {
            connections: Arc::clone(self),
            connection,
            number,
        }
    }

    /// Waits until one more connection is within the limit, and closes one that can go for it.
    pub(super) async fn make_room(&self) {
        while self.len() >= self.limits.connections {
            if self.staying() >= self.limits.connections {
                self.evict();
            }
            // The tick is for writes that have meanwhile stalled for long enough.
            let _ = time::timeout(self.limits.tick, self.freed.notified()).await;
        }
    }

    /// Closes the connection that has been idle for longest, or if none is idle the one that has
    /// not been read from for longest. Returns whether there was one.
    pub(super) fn evict(&self) -> bool {
        let now = Instant::now();
        let open = lock(&self.open);
        let staying = || open.values().filter(|one| !one.is_closing());
        let oldest = |since: &dyn Fn(Activity) -> Option<Instant>| {
            staying()
                .filter_map(|one| Some((since(one.activity())?, one)))
                .min_by_key(|(since, _)| *since)
        };
        let stalled = |activity: Activity| activity.stalled_since(now, self.limits.stall_when_full);
        match oldest(&|activity| activity.idle_since()).or_else(|| oldest(&stalled)) {
            Some((_, connection)) => {
                connection.tell(Order::Close);
                true
            }
            None => false,
        }
    }

    /// Closes those whose time is up, for ever.
    pub(super) async fn reap(self: Arc<Self>) {
        loop {
            if self.len() == 0 {
                self.opened.notified().await;
            }
            time::sleep(self.limits.tick).await;
            let now = Instant::now();
            for connection in lock(&self.open).values() {
                let deadline = connection.activity().deadline(&self.limits);
                if deadline.is_some_and(|deadline| deadline <= now) {
                    connection.tell(Order::Close);
                }
            }
        }
    }

    /// Closes those that are idle, and waits for the others for as long as a shutdown allows.
    pub(super) async fn drain(&self) {
        for connection in lock(&self.open).values() {
            connection.tell(match connection.activity().idle_since() {
                Some(_) => Order::Close,
                None => Order::Finish,
            });
        }
        let gone = async {
            while self.len() > 0 {
                self.freed.notified().await;
            }
        };
        let _ = time::timeout(self.limits.drain, gone).await;
    }

    fn len(&self) -> usize {
        lock(&self.open).len()
    }

    fn staying(&self) -> usize {
        let open = lock(&self.open);
        open.values().filter(|one| !one.is_closing()).count()
    }
}

/// The place of one connection; dropping it frees the place.
#[derive(Debug)]
pub(super) struct Admitted {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    number: u64,
}

impl Admitted {
    /// Orders to follow. The first value is [`Order::Serve`] or one given meanwhile.
    pub(super) fn orders(&self) -> watch::Receiver<Order> {
        self.connection.order.subscribe()
    }

    /// A way to note what the connection does.
    pub(super) fn monitor(&self) -> Monitor {
        Monitor {
            connections: Arc::clone(&self.connections),
            connection: Arc::clone(&self.connection),
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        lock(&self.connections.open).remove(&self.number);
        self.connections.freed.notify_one();
    }
}

/// Notes what a connection does.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Monitor {
    /// Notes one event of [`Activity`], which happens now.
    pub(super) fn note(&self, event: fn(&mut Activity, Instant)) {
        event(&mut lock(&self.connection.activity), Instant::now());
    }

    /// Notes a request, until the returned value is dropped.
    pub(super) fn request(&self) -> Busy {
        self.note(Activity::request_began);
        Busy(self.clone())
    }
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Busy(Monitor);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.note(Activity::response_ended);
        self.0.connections.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections() -> Arc<Connections> {
        Connections::new(Limits::default())
    }

    fn order(connection: &Admitted) -> Order {
        *connection.orders().borrow()
    }

    #[test]
    fn the_connection_idle_for_longest_goes_first() {
        let connections = connections();
        let (first, second) = (connections.admit(), connections.admit());
        drop(first.monitor().request());
        assert!(connections.evict());
        assert_eq!(
            (order(&first), order(&second)),
            (Order::Serve, Order::Close)
        );
        assert!(connections.evict());
        assert_eq!(order(&first), Order::Close);
    }

    #[test]
    fn a_connection_inside_a_request_is_not_given_up() {
        let connections = connections();
        let busy = connections.admit();
        let request = busy.monitor().request();
        assert!(!connections.evict());
        drop(request);
        assert!(connections.evict());
        assert_eq!(order(&busy), Order::Close);
    }

    #[test]
    fn a_client_that_does_not_read_goes_when_nobody_is_idle() {
        let limits = Limits {
            stall_when_full: std::time::Duration::ZERO,
            ..Limits::default()
        };
        let connections = Connections::new(limits);
        let (reads, stalls) = (connections.admit(), connections.admit());
        let _requests = (reads.monitor().request(), stalls.monitor().request());
        stalls.monitor().note(Activity::blocked);
        assert!(connections.evict());
        assert_eq!(
            (order(&reads), order(&stalls)),
            (Order::Serve, Order::Close)
        );
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_is_dropped() {
        let connections = connections();
        let (first, second) = (connections.admit(), connections.admit());
        drop(first);
        let third = connections.admit();
        assert_eq!(connections.len(), 2);
        drop((second, third));
        assert_eq!(connections.len(), 0);
    }
}
