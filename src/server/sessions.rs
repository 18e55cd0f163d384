//! The sessions of compact frames on this server: which of them wait for their relay to come back, and how it finds them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amt_provision_fsm::identity::Uuid;
use smol::channel::{Receiver, Sender, bounded};

use super::road::Socket;
use super::session::SessionError;
use crate::access::Identity;
use crate::protocol::compact::SessionId;
use crate::store::Tenant;

/// The most sessions that may be parked at a time (G10). Each holds a device's lease and a TLS session.
pub(super) const MAX_PARKED: usize = 1024;

/// A relay that has come back.
pub(super) struct Comeback {
    /// Its new WebSocket.
    pub(super) socket: Box<Socket>,
    /// How far it has received.
    pub(super) received: u64,
}

/// All of them.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    last: u64,
    seats: BTreeMap<u64, Entry>,
    /// The devices for which a new session begins.
    asking: Vec<(Tenant, Uuid)>,
}

struct Entry {
    id: SessionId,
    device: (Tenant, Uuid),
    who: Identity,
    parked: bool,
    comebacks: Sender<Comeback>,
}

impl Sessions {
    /// A place for a session that its relay may come back to.
    pub(super) fn sit(self: &Arc<Self>, id: SessionId, device: (Tenant, Uuid), who: Identity) -> Seat {
        let (comebacks, received) = bounded(1);
        let mut inner = self.inner();
        inner.last += 1;
        let number = inner.last;
        inner.seats.insert(number, Entry { id, device, who, parked: false, comebacks });
        Seat { sessions: Arc::clone(self), number, comebacks: received }
    }

    /// Brings a relay back to its session: the one of that name, which the same relay began.
    ///
    /// # Errors
    /// Its WebSocket, if there is no such session.
    pub(super) fn go_on(&self, id: SessionId, who: &Identity, comeback: Comeback) -> Result<(), Comeback> {
        let mut inner = self.inner();
        // All are looked at, each in constant time: how long it takes says nothing about their names.
        let found: Vec<u64> = inner.seats.iter().filter(|(_, seat)| seat.id == id).map(|(number, _)| *number).collect();
        let seat = found.first().and_then(|number| inner.seats.get_mut(number)).filter(|seat| seat.who == *who);
        match seat {
            // A relay that is quicker than its session replaces what the session has not seen yet.
            Some(seat) => seat.comebacks.force_send(comeback).map(drop).map_err(|error| error.into_inner()),
            None => Err(comeback),
        }
    }

    /// Says that a new session begins for a device: sessions of it that are parked, or come to be while this lives, end.
    pub(super) fn ask(&self, tenant: &Tenant, uuid: Uuid) -> Asking<'_> {
        let device = (tenant.clone(), uuid);
        let mut inner = self.inner();
        inner.seats.retain(|_, seat| !(seat.parked && seat.device == device));
        inner.asking.push(device.clone());
        Asking { sessions: self, device }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that begins.
pub(super) struct Asking<'a> {
    sessions: &'a Sessions,
    device: (Tenant, Uuid),
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let asking = &mut self.sessions.inner().asking;
        if let Some(place) = asking.iter().position(|device| *device == self.device) {
            asking.swap_remove(place);
        }
    }
}

/// A session's place. Dropping it ends what its relay can come back to.
pub(super) struct Seat {
    sessions: Arc<Sessions>,
    number: u64,
    comebacks: Receiver<Comeback>,
}

impl Seat {
    /// The session's line is gone.
    ///
    /// # Errors
    /// If it cannot wait for another one: [`SessionError::NoRoom`], [`SessionError::Displaced`].
    pub(super) fn park(&self) -> Result<(), SessionError> {
        let mut inner = self.sessions.inner();
        let parked = inner.seats.values().filter(|seat| seat.parked).count();
        let Inner { seats, asking, .. } = &mut *inner;
        let seat = seats.get_mut(&self.number).ok_or(SessionError::Displaced)?;
        if asking.contains(&seat.device) {
            return Err(SessionError::Displaced);
        }
        if parked >= MAX_PARKED {
            return Err(SessionError::NoRoom);
        }
        seat.parked = true;
        Ok(())
    }

    /// It has one again.
    pub(super) fn unpark(&self) {
        if let Some(seat) = self.sessions.inner().seats.get_mut(&self.number) {
            seat.parked = false;
        }
    }

    /// The relay with another WebSocket.
    ///
    /// # Errors
    /// [`SessionError::Displaced`], if it is not to come any more.
    pub(super) async fn comeback(&self) -> Result<Comeback, SessionError> {
        self.comebacks.recv().await.map_err(|_| SessionError::Displaced)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.sessions.inner().seats.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use async_tungstenite::WebSocketStream;
    use async_tungstenite::tungstenite::protocol::Role;
    use smol::io::Cursor;

    use super::*;
    use crate::server::fair::Fair;
    use crate::server::road::Stream;

    fn id(n: u8) -> SessionId {
        SessionId::from_random([n; 16])
    }

    fn device(n: u8) -> (Tenant, Uuid) {
        (Tenant::default(), Uuid::from_bytes([n; 16]).unwrap())
    }

    fn token(name: &str) -> Identity {
        Identity::Token { name: name.parse().unwrap(), tenant: None }
    }

    async fn comeback(received: u64) -> Comeback {
        let stream: Box<dyn Stream> = Box::new(Cursor::new(Vec::new()));
        let socket = WebSocketStream::from_raw_socket(Fair::new(stream), Role::Server, None).await;
        Comeback { socket: Box::new(socket), received }
    }

    #[test]
    fn a_relay_comes_back_to_its_own_session_only_and_the_newest_line_counts() {
        smol::block_on(async {
            let sessions = Arc::new(Sessions::default());
            let seat = sessions.sit(id(1), device(1), token("depot"));
            let other = sessions.sit(id(2), device(2), token("depot"));
            assert!(sessions.go_on(id(3), &token("depot"), comeback(0).await).is_err(), "no such session");
            assert!(sessions.go_on(id(1), &token("office"), comeback(0).await).is_err(), "somebody else's");
            assert!(sessions.go_on(id(1), &Identity::Unasked, comeback(0).await).is_err());
            for received in [5, 6] {
                assert!(sessions.go_on(id(1), &token("depot"), comeback(received).await).is_ok());
            }
            assert_eq!(seat.comeback().await.unwrap().received, 6);
            drop(other);
            assert!(sessions.go_on(id(2), &token("depot"), comeback(0).await).is_err(), "it has ended");
        });
    }

    #[test]
    fn a_session_that_waits_makes_way_for_a_new_one_of_its_device_and_a_live_one_does_not() {
        smol::block_on(async {
            let sessions = Arc::new(Sessions::default());
            let sit = |n| sessions.sit(id(n), device(n), Identity::Unasked);
            let (waits, lives, later) = (sit(1), sit(2), sit(3));
            waits.park().unwrap();
            later.park().unwrap();
            later.unpark();
            let asking = [1, 2, 3].map(|n| sessions.ask(&Tenant::default(), device(n).1));
            assert!(matches!(waits.comeback().await, Err(SessionError::Displaced)));
            assert!(sessions.go_on(id(2), &Identity::Unasked, comeback(0).await).is_ok());
            assert!(lives.comeback().await.is_ok());
            assert!(matches!(later.park(), Err(SessionError::Displaced)), "somebody asks for its device already");
            drop(asking);
            assert!(later.park().is_ok() && lives.park().is_ok());
        });
    }

    #[test]
    fn g10_no_more_sessions_wait_than_there_is_room_for() {
        let sessions = Arc::new(Sessions::default());
        let sit = || sessions.sit(id(1), device(1), Identity::Unasked);
        let seats: Vec<Seat> = (0..=MAX_PARKED).map(|_| sit()).collect();
        assert!(seats[1..].iter().all(|seat| seat.park().is_ok()));
        assert!(matches!(seats[0].park(), Err(SessionError::NoRoom)));
        seats[1].unpark();
        assert!(seats[0].park().is_ok());
    }
}
