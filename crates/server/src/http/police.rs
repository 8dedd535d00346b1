//! Frames that cost a server much and their sender nothing.
//!
//! HTTP/2 obliges a server to answer pings and settings, and to keep books of streams that are
//! opened and reset at once; the library below does so at any rate. Here the heads of frames are
//! looked at as they come in, and a peer that sends more of them than its calls explain is
//! told to calm down.

use std::time::Duration;

use tokio::time::Instant;

/// Control frames a peer may send in one go, and each second.
const CONTROL_FRAMES: u64 = 100;
/// Streams a peer may reset in one go beyond those that were answered, and each ten seconds; it is
/// to hear the goodbye before it has reset a thousand.
pub(super) const RESETS: u64 = 950;
/// Bytes written for which a peer may widen a window once.
const BYTES_PER_UPDATE: u64 = 64;
/// What a peer may save up of that. It answers to bytes that are on their way, and megabytes can be:
/// Go's client widens two windows for every 4 KiB that its callers read.
const SAVED_UPDATES: u64 = 64 * 1024;

/// Why a peer is sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offence {
    ControlFrames,
    Resets,
    HeaderBlock,
    SlowHead,
}

impl Offence {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::ControlFrames => "more control frames than its calls explain",
            Self::Resets => "more streams opened and reset than answered",
            Self::HeaderBlock => "a head in too many pieces",
            Self::SlowHead => "a head that does not come to its end (`head_time`)",
        }
    }
}

/// Watches the frames of one connection.
#[derive(Debug)]
pub(super) struct Police {
    /// What is left of the preface.
    preface: usize,
    /// The head of a frame, as far as it has come.
    head: [u8; HEAD],
    head_len: usize,
    /// What is left of a frame's payload.
    payload: usize,
    control: Bucket,
    resets: Bucket,
    updates: Bucket,
    /// Pieces of the head that is being sent.
    pieces: u32,
    /// No piece of it was the last.
    more_pieces: bool,
    /// How many heads there were.
    heads: u64,
}

const HEAD: usize = 9;
const PREFACE: usize = 24;
/// Pieces of one head: with 16 KiB a piece, more than any head may have.
const PIECES: u32 = 16;

/// What a frame is, as far as it matters.
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const WINDOW_UPDATE: u8 = 8;
    pub(super) const CONTINUATION: u8 = 9;
}

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Of pings and settings.
const ACK: u8 = 1;

impl Police {
    pub(super) fn new(now: Instant) -> Self {
        let second = Duration::from_secs(1);
        Self {
            preface: PREFACE,
            head: [0; HEAD],
            head_len: 0,
            payload: 0,
            control: Bucket::new(CONTROL_FRAMES, second, now),
            resets: Bucket::new(RESETS, second * 10, now),
            updates: Bucket::new(CONTROL_FRAMES, second, now).saving(SAVED_UPDATES),
            pieces: 0,
            more_pieces: false,
            heads: 0,
        }
    }

    /// The number of the head that has begun to come and not ended.
    pub(super) fn open_head(&self) -> Option<u64> {
        let [_, _, _, kind, ..] = self.head;
        (self.more_pieces || self.payload > 0 && is_head(kind)).then_some(self.heads)
    }

    /// A stream was answered: resetting it costs nobody anything.
    pub(super) const fn answered(&mut self, streams: u64) {
        self.resets.earn(streams);
    }

    /// Bytes went out: the peer has reason to widen its windows.
    pub(super) const fn wrote(&mut self, bytes: usize) {
        self.updates.earn(bytes as u64 / BYTES_PER_UPDATE);
    }

    /// Looks at bytes that came in.
    pub(super) fn see(&mut self, mut bytes: &[u8]) -> Result<(), Offence> {
        while !bytes.is_empty() {
            if self.preface > 0 {
                take(&mut bytes, &mut self.preface);
            } else if self.payload > 0 {
                take(&mut bytes, &mut self.payload);
            } else {
                let wanted = HEAD.saturating_sub(self.head_len).min(bytes.len());
                let (new, rest) = bytes.split_at(wanted);
                let end = self.head_len.saturating_add(wanted);
                if let Some(room) = self.head.get_mut(self.head_len..end) {
                    room.copy_from_slice(new);
                }
                (self.head_len, bytes) = (end, rest);
                if self.head_len == HEAD {
                    self.head_len = 0;
                    self.frame()?;
                }
            }
        }
        Ok(())
    }

    fn frame(&mut self) -> Result<(), Offence> {
        let [a, b, c, kind, flags, ..] = self.head;
        self.payload = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        let allowed = match kind {
            kind if is_head(kind) => {
                self.more_pieces = flags & END_HEADERS == 0;
                self.pieces = self.pieces.saturating_add(1);
                if kind == kind::HEADERS {
                    (self.pieces, self.heads) = (1, self.heads.saturating_add(1));
                }
                if self.more_pieces && self.pieces >= PIECES {
                    return Err(Offence::HeaderBlock);
                }
                true
            }
            // What a peer answers with data to, it may also ping for: that is how it measures.
            kind::DATA if self.payload > 0 => {
                self.control.earn(1);
                true
            }
            kind::DATA if flags & END_STREAM != 0 => true,
            kind::RST_STREAM => {
                return if self.resets.spend() { Ok(()) } else { Err(Offence::Resets) };
            }
            kind::WINDOW_UPDATE => self.updates.spend(),
            _ if flags & ACK != 0 => true,
            _ => self.control.spend(),
        };
        if allowed { Ok(()) } else { Err(Offence::ControlFrames) }
    }
}

const fn is_head(kind: u8) -> bool {
    matches!(kind, kind::HEADERS | kind::CONTINUATION)
}

/// Drops what is still to be passed over.
fn take(bytes: &mut &[u8], left: &mut usize) {
    let count = bytes.len().min(*left);
    *bytes = bytes.get(count..).unwrap_or_default();
    *left = left.saturating_sub(count);
}

/// So much at once, and as much again in each period; more where it is earned.
#[derive(Debug)]
struct Bucket {
    left: u64,
    size: u64,
    /// What is saved has a bound, so that a day of good conduct does not buy a flood.
    most: u64,
    period: Duration,
    since: Instant,
}

impl Bucket {
    const fn new(size: u64, period: Duration, now: Instant) -> Self {
        Self { left: size, size, most: size.saturating_mul(10), period, since: now }
    }

    const fn saving(self, most: u64) -> Self {
        Self { most, ..self }
    }

    const fn earn(&mut self, count: u64) {
        let sum = self.left.saturating_add(count);
        self.left = if sum > self.most { self.most } else { sum };
    }

    /// A clock is read only when nothing is left.
    fn spend(&mut self) -> bool {
        if self.left == 0 {
            let now = Instant::now();
            if now.saturating_duration_since(self.since) < self.period {
                return false;
            }
            (self.left, self.since) = (self.size, now);
        }
        self.left = self.left.saturating_sub(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[a, b, c, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn police() -> Police {
        let mut police = Police::new(Instant::now());
        police.see(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        police
    }

    /// How many such frames pass before the peer is sent away.
    fn passed(police: &mut Police, bytes: &[u8]) -> (u32, Option<Offence>) {
        for count in 0..100_000 {
            if let Err(offence) = police.see(bytes) {
                return (count, Some(offence));
            }
        }
        (100_000, None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_pings_settings_or_empty_frames_pass_each_second() {
        for bytes in [
            frame(6, 0, &[0; 8]),
            frame(4, 0, &[]),
            frame(kind::DATA, 0, &[]),
            frame(2, 0, &[0; 5]),
        ] {
            let mut police = police();
            for _ in 0..100 {
                police.see(&bytes).unwrap();
            }
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(passed(&mut police, &bytes), (100, Some(Offence::ControlFrames)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_to_our_own_frames_pass_at_any_rate() {
        for bytes in [frame(6, ACK, &[0; 8]), frame(4, ACK, &[])] {
            assert_eq!(passed(&mut police(), &bytes).1, None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_data_may_ping_to_measure() {
        let data_and_ping = [frame(kind::DATA, 0, b"x"), frame(6, 0, &[0; 8])].concat();
        assert_eq!(passed(&mut police(), &data_and_ping).1, None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_written_to_may_widen_its_windows() {
        let update = frame(kind::WINDOW_UPDATE, 0, &[0; 4]);
        assert_eq!(passed(&mut police(), &update), (100, Some(Offence::ControlFrames)));
        let mut police = police();
        for _ in 0..10_000 {
            police.wrote(100);
            police.see(&update).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn megabytes_that_were_on_their_way_may_be_answered_in_one_go() {
        let mut police = police();
        police.wrote(4 * 1024 * 1024);
        for _ in 0..2 * 1024 {
            police.see(&frame(kind::WINDOW_UPDATE, 0, &[0; 4])).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_saves_up_so_many_windows_to_widen_and_no_more() {
        let mut police = police();
        police.wrote(1024 * 1024 * 1024);
        for _ in 0..SAVED_UPDATES {
            police.see(&frame(kind::WINDOW_UPDATE, 0, &[0; 4])).unwrap();
        }
        police.see(&frame(kind::WINDOW_UPDATE, 0, &[0; 4])).unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn streams_that_were_answered_may_be_reset_and_so_many_others() {
        let reset = frame(kind::RST_STREAM, 0, &[0; 4]);
        let pair = [frame(kind::HEADERS, END_HEADERS, b"x"), reset].concat();
        assert_eq!(passed(&mut police(), &pair), (950, Some(Offence::Resets)));
        let mut police = police();
        for _ in 0..10_000 {
            police.answered(1);
            police.see(&pair).unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_sixteen_pieces_at_most() {
        let mut police = police();
        police.see(&frame(kind::HEADERS, 0, b"x")).unwrap();
        let piece = frame(kind::CONTINUATION, 0, &[]);
        assert_eq!(passed(&mut police, &piece), (14, Some(Offence::HeaderBlock)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_over_with_the_last_byte_of_its_last_piece() {
        let mut police = police();
        let (piece, last) = (frame(kind::HEADERS, 0, b"x"), frame(kind::CONTINUATION, 4, b"yz"));
        let (begun, end) = last.split_at(last.len() - 1);
        let seen = [(&*piece, Some(1)), (begun, Some(1)), (end, None), (&piece, Some(2))];
        for (bytes, open) in seen {
            police.see(bytes).unwrap();
            assert_eq!(police.open_head(), open, "{bytes:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn frames_are_seen_wherever_the_bytes_are_cut() {
        let ping = frame(6, 0, &[0; 8]);
        let mut police = police();
        for _ in 0..100 {
            for byte in &ping {
                police.see(std::slice::from_ref(byte)).unwrap();
            }
        }
        assert_eq!(police.see(&ping), Err(Offence::ControlFrames));
    }
}
