//! The open connections: their number, and which of them are closed and when.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{Notify, watch};
use tokio::{task, time};

use super::activity::{Activity, Rank};
use super::limits::Limits;
use super::peer::{self, Peer};
use super::slots::Slots;
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

/// All connections of a server. Only the server's threads take its locks, and a forked child never does, so
/// that no section of [`crate::sync`] is needed.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    /// By number, in the order of acceptance.
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    /// Notified when a connection is closed, or waits no longer.
    freed: Notify,
    /// Notified when a connection is admitted.
    opened: Notify,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Connection {
    peer: Peer,
    activity: Mutex<Activity>,
    orders: watch::Sender<Order>,
    is_closing: AtomicBool,
}

impl Connection {
    fn order(&self, order: Order) {
        self.is_closing.store(order == Order::Close, Relaxed);
        self.orders.send_replace(order);
    }

    fn is_closing(&self) -> bool {
        self.is_closing.load(Relaxed)
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
    pub(super) fn admit(self: &Arc<Self>, peer: Peer) -> Admitted {
        let connection = Arc::new(Connection {
            peer,
            activity: Mutex::new(Activity::new(Instant::now())),
            orders: watch::Sender::new(Order::Serve),
            is_closing: AtomicBool::new(false),
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

    /// Closes a connection if there are as many as the limit. Waits while there are more than half as many again,
    /// which are closing or cannot be closed.
    pub(super) async fn make_room(&self) {
        let limit = self.limits.connections;
        if self.len() >= limit {
            self.evict_above(limit - 1);
        }
        let most = limit + limit / 2;
        while self.len() > most {
            // A connection that is too new to be closed now may be closed after this time.
            let _ = time::timeout(self.limits.accept_backoff, self.freed.notified()).await;
            self.evict_above(limit - 1);
        }
    }

    /// Closes a connection for a new one. Returns whether there was one.
    pub(super) fn evict(&self) -> bool {
        self.evict_above(0)
    }

    /// Closes the connection with the least [`Rank`] if there are more than `most`. One that became idle just
    /// now, as new ones are, is closed after those with a request in flight, unless most are such. If most
    /// connections are of one client, the one that is closed is too: a flood closes no connection of others.
    /// None is closed while it waits for a step of its TLS handshake. While most are in their handshakes, only those
    /// that have been idle for long or do not read are closed: clients of new ones would reconnect.
    fn evict_above(&self, most: usize) -> bool {
        let now = Instant::now();
        let is_fresh = |rank| match rank {
            Rank::Idle(since) => now.saturating_duration_since(since) < self.limits.grace,
            _ => false,
        };
        let is_overdue = |rank| match rank {
            Rank::Idle(_) => !is_fresh(rank),
            Rank::Stalled(_) => true,
            Rank::SendsAhead(_) | Rank::Busy(..) => false,
        };
        let open = lock(&self.open);
        let open = open.values().filter(|one| !one.is_closing());
        if open.clone().count() <= most {
            return false;
        }
        let flooding = peer::majority(open.clone().map(|one| one.peer));
        let (mut count, mut fresh, mut in_handshake) = (0, 0, 0);
        let mut first: Option<(Rank, &Arc<Connection>)> = None;
        let mut first_busy = None;
        for connection in open.filter(|one| flooding.is_none_or(|flooding| one.peer == flooding)) {
            let activity = connection.activity();
            count += 1;
            in_handshake += usize::from(activity.is_in_handshake());
            if activity.waits() {
                fresh += 1;
                continue;
            }
            let rank = activity.rank(now, &self.limits);
            let lesser = |best: Option<(Rank, _)>| best.is_none_or(|(best, _)| rank < best);
            if lesser(first) {
                first = Some((rank, connection));
            }
            fresh += usize::from(is_fresh(rank));
            if !matches!(rank, Rank::Idle(_)) && lesser(first_busy) {
                first_busy = Some((rank, connection));
            }
        }
        let victim = match (first, first_busy) {
            (Some((rank, _)), Some(busy)) if is_fresh(rank) && fresh <= count / 2 => Some(busy),
            // The others will soon be served, or can be closed.
            (Some((rank, _)), _) if 2 * in_handshake > count && !is_overdue(rank) => None,
            (first, _) => first,
        };
        if let Some((_, connection)) = victim {
            connection.order(Order::Close);
        }
        victim.is_some()
    }

    /// The number of connections.
    pub(super) fn len(&self) -> usize {
        lock(&self.open).len()
    }

    /// Closes connections past their deadlines, which are shorter while `slots` is full. Never returns.
    pub(super) async fn close_expired(self: Arc<Self>, slots: Arc<Slots>) {
        loop {
            if self.len() == 0 {
                self.opened.notified().await;
            }
            time::sleep(self.limits.check_interval).await;
            let now = Instant::now();
            let is_full = slots.is_full();
            for connection in lock(&self.open).values() {
                let deadline = connection.activity().deadline(&self.limits, is_full);
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

    /// The client.
    pub(super) fn peer(&self) -> Peer {
        self.connection.peer
    }

    /// Records that the client waits for a step of its TLS handshake, until the returned value is dropped.
    pub(super) fn waits(&self) -> Waits<'_> {
        self.record(Activity::step_waits);
        Waits(self)
    }

    /// Records a request, which is in flight until the returned value is dropped.
    pub(super) fn request(&self) -> Busy {
        self.record(Activity::request_began);
        Busy(self.clone())
    }

    /// Delays a request that was sent ahead of a response, so that such clients cannot occupy the thread.
    pub(super) async fn delay(&self) {
        if !lock(&self.connection.activity).sends_ahead() {
            return;
        }
        let limits = &self.connections.limits;
        match self.connections.len() >= limits.busy {
            true => time::sleep(limits.ahead_delay).await,
            false => task::yield_now().await,
        }
    }
}

/// A client that waits for a step of its TLS handshake.
#[derive(Debug)]
pub(super) struct Waits<'a>(&'a Monitor);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.record(Activity::step_ended);
        self.0.connections.freed.notify_one();
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct Busy(Monitor);

impl Busy {
    /// Records the start of the response.
    pub(super) fn responds(&self) {
        self.0.record(Activity::response_began);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.record(Activity::response_ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections() -> Arc<Connections> {
        Connections::new(Limits::default())
    }

    /// Connections of which none counts as new.
    fn impatient() -> Arc<Connections> {
        Connections::new(Limits {
            grace: std::time::Duration::ZERO,
            ..Limits::default()
        })
    }

    fn admitted<const N: usize>(connections: &Arc<Connections>) -> ([Admitted; N], [Monitor; N]) {
        let clients = [(); N].map(|()| connections.admit(None));
        let monitors = clients.each_ref().map(Admitted::monitor);
        (clients, monitors)
    }

    fn order(connection: &Admitted) -> Order {
        *connection.orders().borrow()
    }

    #[test]
    fn the_connection_that_is_idle_for_longest_is_closed_first() {
        let connections = connections();
        let (first, second) = (connections.admit(None), connections.admit(None));
        drop(first.monitor().request());
        drop(second.monitor().request());
        drop(first.monitor().request());
        assert!(connections.evict());
        assert_eq!(
            (order(&first), order(&second)),
            (Order::Serve, Order::Close)
        );
        assert!(connections.evict());
        assert_eq!(order(&first), Order::Close);
        assert!(!connections.evict());
    }

    #[test]
    fn a_new_connection_outlives_busy_ones() {
        let connections = connections();
        let busy = [(); 2].map(|()| connections.admit(None));
        let _requests = busy.each_ref().map(|busy| {
            busy.monitor().record(Activity::received);
            busy.monitor().request()
        });
        let new = connections.admit(None);
        assert!(connections.evict());
        assert_eq!(order(&new), Order::Serve);
        assert_eq!(busy.each_ref().map(order), [Order::Serve, Order::Close]);
    }

    #[test]
    fn a_busy_connection_outlives_many_new_ones() {
        let connections = connections();
        let busy = connections.admit(None);
        busy.monitor().record(Activity::received);
        let _request = busy.monitor().request();
        let new = [(); 2].map(|()| connections.admit(None));
        assert!(connections.evict());
        assert_eq!(order(&busy), Order::Serve);
        assert_eq!(new.each_ref().map(order), [Order::Close, Order::Serve]);
    }

    #[test]
    fn many_connections_of_one_client_close_only_its_own_connections() {
        let connections = connections();
        let [one, other] = [1, 2].map(|last| Some([127, 0, 0, last].into()));
        let oldest = connections.admit(other);
        let many = [(); 3].map(|()| connections.admit(one));
        assert!(connections.evict());
        assert!(connections.evict());
        let orders = many.each_ref().map(order);
        assert_eq!(orders, [Order::Close, Order::Close, Order::Serve]);
        assert_eq!(order(&oldest), Order::Serve);
    }

    #[test]
    fn a_stalled_client_is_closed_if_no_connection_is_idle() {
        let limits = Limits {
            stall_when_full: std::time::Duration::ZERO,
            ..Limits::default()
        };
        let connections = Connections::new(limits);
        let (reads, stalls) = (connections.admit(None), connections.admit(None));
        let _requests = (reads.monitor().request(), stalls.monitor().request());
        stalls.monitor().record(Activity::blocked);
        assert!(connections.evict());
        assert_eq!(
            (order(&reads), order(&stalls)),
            (Order::Serve, Order::Close)
        );
    }

    #[test]
    fn a_connection_that_waits_for_a_step_of_its_handshake_is_not_closed() {
        let connections = impatient();
        let (first, second) = (connections.admit(None), connections.admit(None));
        let monitor = first.monitor();
        let waits = monitor.waits();
        assert!(connections.evict());
        assert_eq!(order(&second), Order::Close);
        assert!(!connections.evict());
        drop(waits);
        assert!(connections.evict());
        assert_eq!(order(&first), Order::Close);
    }

    #[test]
    fn a_new_connection_is_not_closed_while_most_are_in_their_handshakes() {
        let connections = connections();
        let (clients, monitors) = admitted::<3>(&connections);
        drop(monitors[0].waits());
        let _waits = monitors[1].waits();
        assert!(!connections.evict());
        drop(monitors[0].request());
        assert!(connections.evict());
        assert_eq!(order(&clients[2]), Order::Close);
    }

    #[test]
    fn a_request_in_flight_outlives_many_handshakes() {
        let connections = connections();
        let (_clients, monitors) = admitted::<4>(&connections);
        monitors[0].record(Activity::received);
        let _request = monitors[0].request();
        let _waits = [&monitors[1], &monitors[2]].map(Monitor::waits);
        drop(monitors[3].waits());
        assert!(!connections.evict());
    }

    #[test]
    fn the_connection_whose_handshake_stands_still_for_longest_is_closed_first() {
        let connections = impatient();
        let (clients, monitors) = admitted::<2>(&connections);
        drop(monitors[1].waits());
        drop(monitors[0].waits());
        assert!(connections.evict());
        assert_eq!(clients.each_ref().map(order), [Order::Serve, Order::Close]);
    }

    #[test]
    fn a_dropped_connection_is_not_counted() {
        let connections = connections();
        let (first, second) = (connections.admit(None), connections.admit(None));
        drop(first);
        let third = connections.admit(None);
        assert_eq!(connections.len(), 2);
        drop((second, third));
        assert_eq!(connections.len(), 0);
    }
}
