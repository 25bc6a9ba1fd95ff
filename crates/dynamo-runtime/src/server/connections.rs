//! The open connections: their number, and which of them are closed and when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{Notify, watch};
use tokio::time;

use super::activity::Activity;
use super::limits::Limits;
use crate::sync::lock;

/// An order to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Serve requests.
    Serve,
    /// Finish the current response, then close.
    Finish,
    /// Close now.
    Close,
}

/// All connections of a server. Only the server's thread takes its locks, and a forked child never does, so
/// that no section of [`crate::sync`] is needed.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    /// By number, in the order of acceptance.
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    /// Notified when a connection is closed or becomes idle.
    freed: Notify,
    /// Notified when a connection is admitted.
    opened: Notify,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Connection {
    activity: Mutex<Activity>,
    orders: watch::Sender<Order>,
}

impl Connection {
    fn order(&self, order: Order) {
        self.orders.send_replace(order);
    }

    fn is_closing(&self) -> bool {
        *self.orders.borrow() == Order::Close
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
            orders: watch::Sender::new(Order::Serve),
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

    /// Waits until one more connection is within the limit. Closes a connection that may be closed for it.
    pub(super) async fn make_room(&self) {
        while self.len() >= self.limits.connections {
            if self.not_closing() >= self.limits.connections {
                self.evict();
            }
            // The timeout is for writes that stall for long enough meanwhile.
            let _ = time::timeout(self.limits.check_interval, self.freed.notified()).await;
        }
    }

    /// Closes the connection that has been idle for longest or, if none is idle, the one that has stalled for
    /// longest. Returns whether there was one.
    pub(super) fn evict(&self) -> bool {
        let now = Instant::now();
        let open = lock(&self.open);
        let candidates = || open.values().filter(|one| !one.is_closing());
        let oldest = |since: &dyn Fn(Activity) -> Option<Instant>| {
            candidates()
                .filter_map(|one| Some((since(one.activity())?, one)))
                .min_by_key(|(since, _)| *since)
        };
        let stalled = |activity: Activity| activity.stalled_since(now, self.limits.stall_when_full);
        match oldest(&|activity| activity.idle_since()).or_else(|| oldest(&stalled)) {
            Some((_, connection)) => {
                connection.order(Order::Close);
                true
            }
            None => false,
        }
    }

    /// Closes connections past their deadlines. Never returns.
    pub(super) async fn close_expired(self: Arc<Self>) {
        loop {
            if self.len() == 0 {
                self.opened.notified().await;
            }
            time::sleep(self.limits.check_interval).await;
            let now = Instant::now();
            for connection in lock(&self.open).values() {
                let deadline = connection.activity().deadline(&self.limits);
                if deadline.is_some_and(|deadline| deadline <= now) {
                    connection.order(Order::Close);
                }
            }
        }
    }

    /// Closes idle connections, and waits for the others until the drain timeout.
    pub(super) async fn drain(&self) {
        for connection in lock(&self.open).values() {
            connection.order(match connection.activity().idle_since() {
                Some(_) => Order::Close,
                None => Order::Finish,
            });
        }
        let all_closed = async {
            while self.len() > 0 {
                self.freed.notified().await;
            }
        };
        let _ = time::timeout(self.limits.drain, all_closed).await;
    }

    fn len(&self) -> usize {
        lock(&self.open).len()
    }

    fn not_closing(&self) -> usize {
        let open = lock(&self.open);
        open.values().filter(|one| !one.is_closing()).count()
    }
}

/// An admitted connection, which counts until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    number: u64,
}

impl Admitted {
    /// The orders to the connection. The first value is the current order.
    pub(super) fn orders(&self) -> watch::Receiver<Order> {
        self.connection.orders.subscribe()
    }

    /// The recorder of the activity.
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

/// Records the activity of a connection.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Monitor {
    /// Records an event of [`Activity`] that happens now.
    pub(super) fn record(&self, event: fn(&mut Activity, Instant)) {
        event(&mut lock(&self.connection.activity), Instant::now());
    }

    /// Records a request, which is in flight until the returned value is dropped.
    pub(super) fn request(&self) -> Busy {
        self.record(Activity::request_began);
        Busy(self.clone())
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct Busy(Monitor);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.record(Activity::response_ended);
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
    fn the_connection_that_is_idle_for_longest_is_closed_first() {
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
    fn a_connection_inside_a_request_is_not_evicted() {
        let connections = connections();
        let busy = connections.admit();
        let request = busy.monitor().request();
        assert!(!connections.evict());
        drop(request);
        assert!(connections.evict());
        assert_eq!(order(&busy), Order::Close);
    }

    #[test]
    fn a_stalled_client_is_closed_if_no_connection_is_idle() {
        let limits = Limits {
            stall_when_full: std::time::Duration::ZERO,
            ..Limits::default()
        };
        let connections = Connections::new(limits);
        let (reads, stalls) = (connections.admit(), connections.admit());
        let _requests = (reads.monitor().request(), stalls.monitor().request());
        stalls.monitor().record(Activity::blocked);
        assert!(connections.evict());
        assert_eq!(
            (order(&reads), order(&stalls)),
            (Order::Serve, Order::Close)
        );
    }

    #[test]
    fn a_dropped_connection_is_not_counted() {
        let connections = connections();
        let (first, second) = (connections.admit(), connections.admit());
        drop(first);
        let third = connections.admit();
        assert_eq!(connections.len(), 2);
        drop((second, third));
        assert_eq!(connections.len(), 0);
    }
}
