//! The firmware's web server: one path, digest authentication, envelopes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::{GetRandomFailed, SecureRandom, aws_lc_rs};
use time::OffsetDateTime;

use amt_provision_fsm::time::Instant;

use crate::http::digest::{Denied, Login, Verifier};
use crate::http::{Chunks, Connection, DeviceResponse, Framing, Request, WSMAN_PATH};
use crate::simulator::config::ConnectionHabit;
use crate::simulator::firmware::{Action, Aftermath, Firmware};
use crate::wsman::envelope::{DeviceMessageId, Fault, read_request, write_fault, write_response};
use crate::wsman::xml::Limits;

/// A reply that is ready, and what the request did.
pub(super) struct Served {
    pub(super) bytes: Vec<u8>,
    /// The connection ends with the reply.
    pub(super) closes: bool,
    /// What was asked, by somebody who had logged in.
    pub(super) action: Option<Action>,
    pub(super) aftermath: Aftermath,
    pub(super) unauthorized: bool,
}

/// The web server. Its nonces are good on any connection.
pub(super) struct Web {
    verifier: Verifier,
    habit: ConnectionHabit,
    chunks: Chunks,
    server: String,
    messages: u64,
    random: &'static dyn SecureRandom,
}

impl Web {
    pub(super) fn new(firmware: &Firmware, habit: ConnectionHabit, chunks: Chunks) -> Self {
        Self {
            verifier: Verifier::new(firmware.realm().clone()),
            habit,
            chunks,
            server: format!("Intel(R) Active Management Technology {}.2124", firmware.version()),
            messages: 0,
            random: aws_lc_rs::default_provider().secure_random,
        }
    }

    pub(super) fn forget_nonces(&mut self) {
        self.verifier.forget_nonces();
    }

    pub(super) fn serve(&mut self, firmware: &mut Firmware, request: &Request, now: Instant) -> Served {
        let (mut action, mut aftermath, mut unauthorized) = (None, Aftermath::None, false);
        let response = if request.path != WSMAN_PATH {
            DeviceResponse::html(404, "Not Found")
        } else if request.method != "POST" {
            DeviceResponse::html(405, "Method Not Allowed")
        } else {
            match self.log_in(firmware, request) {
                Err(denied) => {
                    unauthorized = true;
                    self.challenge(denied.is_some_and(Denied::is_stale))
                }
                Ok(login) => {
                    let response;
                    (response, action, aftermath) = self.manage(firmware, &login, request, now);
                    response
                }
            }
        };
        let response = self.finish(response, request.keeps_connection());
        let closes = response.connection == Connection::Close;
        Served { bytes: response.to_bytes(), closes, action, aftermath, unauthorized }
    }

    /// The answer to bytes that are no request.
    pub(super) fn bad_request() -> Vec<u8> {
        DeviceResponse::html(400, "Bad Request").to_bytes()
    }

    fn log_in(&mut self, firmware: &Firmware, request: &Request) -> Result<Login, Option<Denied>> {
        let authorization = request.fields.get("Authorization").ok_or(None)?;
        let method = request.method.as_str();
        self.verifier.verify(authorization, method, |user| firmware.ha1_of(user)).map_err(Some)
    }

    fn challenge(&mut self, stale: bool) -> DeviceResponse {
        match fresh_nonce(self.random) {
            Ok(nonce) => DeviceResponse::unauthorized(&self.verifier.challenge(&nonce, stale), &self.server),
            Err(GetRandomFailed) => DeviceResponse::html(500, "Internal Server Error"),
        }
    }

    fn manage(
        &mut self,
        firmware: &mut Firmware,
        login: &Login,
        request: &Request,
        now: Instant,
    ) -> (DeviceResponse, Option<Action>, Aftermath) {
        self.messages += 1;
        let id = DeviceMessageId(self.messages);
        let date = http_date(firmware.clock(now));
        let refuse = |relates_to: Option<&str>, fault: &Fault| {
            DeviceResponse::envelope(fault.http_status(), &date, &self.server, &write_fault(relates_to, id, fault))
        };
        let request = match read_request(&request.body, Limits::DEFAULT) {
            Ok(request) => request,
            Err(error) => {
                return (refuse(error.message_id.as_deref(), &error.fault()), None, Aftermath::None);
            }
        };
        let answer = firmware.answer(login, &request.call, now);
        let response = match answer.outcome {
            Ok(body) => DeviceResponse::envelope(200, &date, &self.server, &write_response(&request, id, body)),
            Err(fault) => refuse(Some(&request.message_id), &fault),
        };
        (response, Action::of(&request.call), answer.aftermath)
    }

    fn finish(&self, mut response: DeviceResponse, client_keeps: bool) -> DeviceResponse {
        let closes = match self.habit {
            ConnectionHabit::Honors => !client_keeps,
            ConnectionHabit::Never => false,
            ConnectionHabit::AfterRefusals => !client_keeps || response.status != 200,
            ConnectionHabit::Always => true,
        };
        response.connection = if closes { Connection::Close } else { Connection::KeepAlive };
        if let Framing::Chunked(chunks) = &mut response.framing {
            chunks.clone_from(&self.chunks);
        }
        response
    }
}

/// 24 random bytes in base64, as long as the firmware's own.
fn fresh_nonce(random: &dyn SecureRandom) -> Result<String, GetRandomFailed> {
    let mut bytes = [0; 24];
    random.fill(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}

/// RFC 9110 §5.6.7; the epoch for a clock that is beyond all dates.
fn http_date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let time = time.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (weekday, month) = (time.weekday().to_string(), time.month().to_string());
    let (hour, minute, second) = time.to_hms();
    let (day, year) = (time.day(), time.year());
    format!("{weekday:.3}, {day:02} {month:.3} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_wants_them() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(u64::MAX), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
