//! The order in which clients have their turns.
//!
//! Peers take turns. Of one peer, what has waited for less than [`PATIENCE`] comes in the order of arrival. What
//! has waited for longer comes when there is nothing else, the latest first. So where clients ask for more than
//! can be done, most are answered at once, and some wait until their time ends. If all of them came in the order
//! of arrival, each would wait for as long as the work for all takes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::super::peer::Peer;

/// The wait after which newer work of the same peer comes first.
const PATIENCE: Duration = Duration::from_millis(20);

/// Work that waits.
pub(super) struct Turns<T> {
    /// The number of the next item.
    next: u64,
    /// The keys of `lines`, in the order of their turns.
    peers: VecDeque<Peer>,
    /// Empty lines, if all of a peer's work was removed, stay until its turn.
    lines: HashMap<Peer, Lines<T>>,
}

/// The work of one peer.
struct Lines<T> {
    /// Of handshakes that have begun, which comes first.
    begun: Line<T>,
    new: Line<T>,
}

struct Line<T> {
    /// By number, with the time of arrival.
    items: BTreeMap<u64, (Instant, T)>,
    /// Items with lesser numbers have waited for too long.
    late: u64,
}

/// Where an item waits.
#[derive(Clone, Copy)]
pub(super) struct Place {
    peer: Peer,
    has_begun: bool,
    number: u64,
}

impl<T> Turns<T> {
    /// Adds work that arrives `now`. `has_begun` is whether it continues a handshake.
    pub(super) fn push(&mut self, peer: Peer, has_begun: bool, item: T, now: Instant) -> Place {
        let number = self.next;
        self.next += 1;
        let lines = self.lines.entry(peer).or_insert_with(|| {
            self.peers.push_back(peer);
            Lines::default()
        });
        lines.of(has_begun).items.insert(number, (now, item));
        Place {
            peer,
            has_begun,
            number,
        }
    }

    /// Removes what comes next.
    pub(super) fn pop(&mut self, now: Instant) -> Option<T> {
        while let Some(peer) = self.peers.pop_front() {
            let Some(lines) = self.lines.get_mut(&peer) else {
                continue;
            };
            let item = lines.begun.pop(now).or_else(|| lines.new.pop(now));
            if lines.is_empty() {
                self.lines.remove(&peer);
            } else {
                self.peers.push_back(peer);
            }
            if item.is_some() {
                return item;
            }
        }
        None
    }

    /// Removes an item, if it still waits.
    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        let line = self.lines.get_mut(&place.peer)?.of(place.has_begun);
        line.items.remove(&place.number).map(|(_, item)| item)
    }
}

impl<T> Lines<T> {
    fn of(&mut self, has_begun: bool) -> &mut Line<T> {
        match has_begun {
            true => &mut self.begun,
            false => &mut self.new,
        }
    }

    fn is_empty(&self) -> bool {
        self.begun.items.is_empty() && self.new.items.is_empty()
    }
}

impl<T> Line<T> {
    fn pop(&mut self, now: Instant) -> Option<T> {
        let number = self.first_in_time(now).or_else(|| self.latest())?;
        self.items.remove(&number).map(|(_, item)| item)
    }

    fn first_in_time(&mut self, now: Instant) -> Option<u64> {
        for (number, (since, _)) in self.items.range(self.late..) {
            if now.saturating_duration_since(*since) < PATIENCE {
                return Some(*number);
            }
            self.late = *number + 1;
        }
        None
    }

    fn latest(&self) -> Option<u64> {
        self.items.last_key_value().map(|(number, _)| *number)
    }
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Turns {
            next: 0,
            peers: VecDeque::new(),
            lines: HashMap::new(),
        }
    }
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        let line = || Line {
            items: BTreeMap::new(),
            late: 0,
        };
        Lines {
            begun: line(),
            new: line(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn peer(last: u8) -> Peer {
        Some(IpAddr::from([127, 0, 0, last]))
    }

    /// Adds an item for each of `(peer, has_begun, milliseconds of its arrival)`: its index.
    fn turns(items: &[(u8, bool, u64)], start: Instant) -> (Turns<usize>, Vec<Place>) {
        let mut turns = Turns::default();
        let push = |(index, (last, has_begun, at)): (usize, &(u8, bool, u64))| {
            let at = start + Duration::from_millis(*at);
            turns.push(peer(*last), *has_begun, index, at)
        };
        let places = items.iter().enumerate().map(push).collect();
        (turns, places)
    }

    fn all(turns: &mut Turns<usize>, now: Instant) -> Vec<usize> {
        let order = std::iter::from_fn(|| turns.pop(now)).collect();
        assert!(turns.lines.is_empty());
        assert!(turns.peers.is_empty());
        order
    }

    #[test]
    fn peers_take_turns_and_the_work_of_each_comes_in_the_order_of_arrival() {
        let start = Instant::now();
        let peers = [1, 1, 1, 2, 3, 2].map(|last| (last, false, 0));
        let (mut turns, _) = turns(&peers, start);
        assert_eq!(all(&mut turns, start), [0, 3, 4, 1, 5, 2]);
    }

    #[test]
    fn handshakes_that_have_begun_come_before_new_ones_of_their_peer() {
        let start = Instant::now();
        let items = [(1, false, 0), (1, true, 0), (1, true, 0), (2, false, 0)];
        let (mut turns, _) = turns(&items, start);
        assert_eq!(all(&mut turns, start), [1, 3, 2, 0]);
    }

    #[test]
    fn what_has_waited_for_too_long_comes_last_and_the_latest_of_it_first() {
        let start = Instant::now();
        let items = [0, 1, 2, 30, 31].map(|at| (1, false, at));
        let (mut turns, _) = turns(&items, start);
        assert_eq!(
            all(&mut turns, start + Duration::from_millis(40)),
            [3, 4, 2, 1, 0]
        );
    }

    #[test]
    fn removed_work_is_skipped_and_its_peer_keeps_one_turn() {
        let start = Instant::now();
        let items = [1, 2, 2, 3].map(|last| (last, false, 0));
        let (mut turns, places) = turns(&items, start);
        assert_eq!(
            [0, 2].map(|index| turns.remove(places[index])),
            [Some(0), Some(2)]
        );
        let again = turns.push(peer(1), false, 4, start);
        assert_eq!(turns.remove(again), Some(4));
        assert_eq!(turns.remove(again), None);
        assert_eq!(all(&mut turns, start), [1, 3]);
    }
}
