//! The order in which clients have their turns.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::super::peer::Peer;

/// Work that waits. Peers take turns. Of one peer, handshakes that have begun come before new ones, and either in
/// the order of arrival.
pub(super) struct Turns<T> {
    /// The number of the next item.
    next: u64,
    len: usize,
    /// The keys of `items`, in the order of their turns.
    peers: VecDeque<Peer>,
    /// A peer whose items were all removed stays until its turn.
    items: HashMap<Peer, BTreeMap<Order, T>>,
}

/// Whether a handshake is new, and the number.
type Order = (bool, u64);

/// Where an item waits.
#[derive(Clone, Copy)]
pub(super) struct Place {
    peer: Peer,
    order: Order,
}

impl<T> Turns<T> {
    /// The number of items.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an item. `has_begun` is whether it continues a handshake.
    pub(super) fn push(&mut self, peer: Peer, has_begun: bool, item: T) -> Place {
        let order = (!has_begun, self.next);
        self.next += 1;
        self.len += 1;
        let items = self.items.entry(peer).or_insert_with(|| {
            self.peers.push_back(peer);
            BTreeMap::new()
        });
        items.insert(order, item);
        Place { peer, order }
    }

    /// Removes the item whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        while let Some(peer) = self.peers.pop_front() {
            let Some(items) = self.items.get_mut(&peer) else {
                continue;
            };
            let first = items.pop_first();
            if items.is_empty() {
                self.items.remove(&peer);
            } else {
                self.peers.push_back(peer);
            }
            if let Some((_, item)) = first {
                self.len -= 1;
                return Some(item);
            }
        }
        None
    }

    /// Removes an item, if it still waits.
    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        let item = self.items.get_mut(&place.peer)?.remove(&place.order)?;
        self.len -= 1;
        Some(item)
    }
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Turns {
            next: 0,
            len: 0,
            peers: VecDeque::new(),
            items: HashMap::new(),
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

    /// Adds an item for each of `(peer, has_begun)`: its index.
    fn turns(items: &[(u8, bool)]) -> (Turns<usize>, Vec<Place>) {
        let mut turns = Turns::default();
        let push = |(index, (last, has_begun)): (usize, &(u8, bool))| {
            turns.push(peer(*last), *has_begun, index)
        };
        let places = items.iter().enumerate().map(push).collect();
        (turns, places)
    }

    fn all(turns: &mut Turns<usize>) -> Vec<usize> {
        let order = std::iter::from_fn(|| turns.pop()).collect();
        assert_eq!(turns.len(), 0);
        assert!(turns.items.is_empty());
        assert!(turns.peers.is_empty());
        order
    }

    #[test]
    fn peers_take_turns_and_the_items_of_each_come_in_the_order_of_arrival() {
        let (mut turns, _) = turns(&[1, 1, 1, 2, 3, 2].map(|last| (last, false)));
        assert_eq!(turns.len(), 6);
        assert_eq!(all(&mut turns), [0, 3, 4, 1, 5, 2]);
    }

    #[test]
    fn handshakes_that_have_begun_come_before_new_ones_of_their_peer() {
        let (mut turns, _) = turns(&[(1, false), (1, true), (1, true), (2, false)]);
        assert_eq!(all(&mut turns), [1, 3, 2, 0]);
    }

    #[test]
    fn removed_items_are_skipped_and_their_peer_keeps_one_turn() {
        let (mut turns, places) = turns(&[1, 2, 2, 3].map(|last| (last, false)));
        let removed = [0, 2].map(|index| turns.remove(places[index]));
        assert_eq!(removed, [Some(0), Some(2)]);
        let again = turns.push(peer(1), false, 4);
        assert_eq!(turns.remove(again), Some(4));
        assert_eq!(turns.remove(again), None);
        assert_eq!(all(&mut turns), [1, 3]);
    }
}
