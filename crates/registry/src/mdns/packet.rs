//! Packets of multicast DNS as go-micro sends and expects them.
//!
//! Source of the layout: what go-micro v5.30 sends, byte for byte; `testdata` has it.

use std::net::IpAddr;

use hickory_proto::op::{Header, HeaderCounts, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, PTR, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{
    BinDecodable, BinDecoder, BinEncodable, BinEncoder, NameEncoding,
};
use polywire_core::RegistryError;

use super::name::text;

/// What is known of an instance in DNS: one set of records, one packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Records {
    /// `<service>.<domain>`.
    pub(super) service: Name,
    /// `<id>.<service>.<domain>`.
    pub(super) instance: Name,
    pub(super) host: Name,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// Packed; empty is no text at all.
    pub(super) text: String,
    /// For how long others may remember it.
    pub(super) ttl_secs: u32,
}

impl Records {
    /// What answers a question; `None` if it is about something else.
    ///
    /// The question is in the answer, since go-micro's clients drop answers without it.
    pub(super) fn answer(&self, question: &Question) -> Result<Option<Vec<u8>>, RegistryError> {
        let (name, kind) = (&question.0.name, question.0.query_type);
        let answers = if name.eq_case(&self.service) {
            match kind {
                RecordType::PTR | RecordType::ANY => self.all(true),
                _ => return Ok(None),
            }
        } else if name.eq_case(&self.instance) {
            match kind {
                RecordType::ANY => self.all(false),
                RecordType::SRV => vec![self.srv(PRIORITY, WEIGHT), self.address()],
                RecordType::TXT => vec![self.txt()],
                _ => return Ok(None),
            }
        } else {
            return Ok(None);
        };
        let mut metadata = Metadata::new(0, MessageType::Response, OpCode::Query);
        metadata.authoritative = true;
        let questions = std::slice::from_ref(&question.0);
        self.encode(metadata, questions, &answers, &[], NameEncoding::Compressed).map(Some)
    }

    /// What says unasked that the instance is there.
    pub(super) fn announcement(&self) -> Result<Vec<u8>, RegistryError> {
        let metadata = Metadata::new(0, MessageType::Response, OpCode::Query);
        self.encode(metadata, &[], &self.all(false), &[], NameEncoding::Uncompressed)
    }

    /// What says that the instance is no more.
    pub(super) fn goodbye(&self) -> Result<Vec<u8>, RegistryError> {
        Self { ttl_secs: 0, ..self.clone() }.announcement()
    }

    /// What asks whether the name is taken; go-micro sends it and does not look at the answers.
    pub(super) fn probe(&self, id: u16) -> Result<Vec<u8>, RegistryError> {
        let metadata = Metadata::new(id, MessageType::Query, OpCode::Query);
        let question = [Query::query(self.instance.clone(), RecordType::PTR)];
        let claimed = [self.srv(0, 0), self.txt()];
        self.encode(metadata, &question, &[], &claimed, NameEncoding::Uncompressed)
    }

    /// SRV before A before TXT: go-micro's clients need the first to know whose the second is.
    fn all(&self, pointed: bool) -> Vec<Record> {
        let mut records = Vec::with_capacity(4);
        if pointed {
            records.push(self.record(&self.service, RData::PTR(PTR(self.instance.clone()))));
        }
        records.extend([self.srv(PRIORITY, WEIGHT), self.address(), self.txt()]);
        records
    }

    fn srv(&self, priority: u16, weight: u16) -> Record {
        let srv = SRV::new(priority, weight, self.port, self.host.clone());
        self.record(&self.instance, RData::SRV(srv))
    }

    fn address(&self) -> Record {
        self.record(
            &self.host,
            match self.address {
                IpAddr::V4(address) => RData::A(A(address)),
                IpAddr::V6(address) => RData::AAAA(AAAA(address)),
            },
        )
    }

    fn txt(&self) -> Record {
        let strings = self.text.as_bytes().chunks(MAX_STRING_BYTES).collect();
        self.record(&self.instance, RData::TXT(TXT::from_bytes(strings)))
    }

    fn record(&self, name: &Name, data: RData) -> Record {
        Record::from_rdata(name.clone(), self.ttl_secs, data)
    }

    fn encode(
        &self,
        metadata: Metadata,
        questions: &[Query],
        answers: &[Record],
        authorities: &[Record],
        names: NameEncoding,
    ) -> Result<Vec<u8>, RegistryError> {
        encode(metadata, questions, answers, authorities, names).map_err(|error| {
            let instance = text(&self.instance).unwrap_or_default();
            RegistryError::new(format!("`{instance}` does not fit into a packet of DNS"))
                .with_source(error)
        })
    }
}

/// A question for every instance of a service.
pub(super) fn query_service(id: u16, service: &Name) -> Vec<u8> {
    query(id, service, RecordType::PTR)
}

/// A question for the records of one instance.
pub(super) fn query_instance(id: u16, instance: &Name) -> Vec<u8> {
    query(id, instance, RecordType::ANY)
}

fn query(id: u16, name: &Name, kind: RecordType) -> Vec<u8> {
    let metadata = Metadata::new(id, MessageType::Query, OpCode::Query);
    let question = [Query::query(name.clone(), kind)];
    // A question of a valid name is always short enough.
    encode(metadata, &question, &[], &[], NameEncoding::Uncompressed).unwrap_or_default()
}

fn encode(
    metadata: Metadata,
    questions: &[Query],
    answers: &[Record],
    authorities: &[Record],
    names: NameEncoding,
) -> Result<Vec<u8>, hickory_proto::ProtoError> {
    let count = |records: usize| u16::try_from(records).unwrap_or(u16::MAX);
    let counts = HeaderCounts {
        queries: count(questions.len()),
        answers: count(answers.len()),
        authorities: count(authorities.len()),
        additionals: 0,
    };
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_max_size(MAX_PACKET_BYTES);
    encoder.set_name_encoding(names);
    Header { metadata, counts }.emit(&mut encoder)?;
    for question in questions {
        question.emit(&mut encoder)?;
    }
    for record in answers.iter().chain(authorities) {
        record.emit(&mut encoder)?;
    }
    Ok(bytes)
}

/// What somebody asks.
#[derive(Debug, Clone)]
pub(super) struct Question(Query);

/// What somebody tells of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Told {
    /// `<id>.<service>.<domain>`.
    pub(super) name: String,
    /// Nothing is left of it.
    pub(super) is_gone: bool,
    pub(super) port: u16,
    /// The first of IPv4; without one, the first of IPv6.
    pub(super) address: Option<IpAddr>,
    pub(super) text: Option<Vec<u8>>,
}

impl Told {
    /// Takes what another record says of the one that `srv` is about, which is at `host`.
    fn add(&mut self, host: &Name, record: &Record, srv: &Record) {
        match &record.data {
            RData::A(A(address)) if record.name.eq_case(host) => {
                let first = self.address.take().filter(IpAddr::is_ipv4);
                self.address = first.or(Some(IpAddr::V4(*address)));
            }
            RData::AAAA(AAAA(address)) if record.name.eq_case(host) => {
                self.address.get_or_insert(IpAddr::V6(*address));
            }
            RData::TXT(txt) if record.name.eq_case(&srv.name) => {
                self.text.get_or_insert_with(|| txt.txt_data.concat());
            }
            _ => {}
        }
    }
}

/// What came in a packet.
#[derive(Debug)]
pub(super) enum Packet {
    Questions(Vec<Question>),
    Told(Vec<Told>),
}

/// Reads a packet as far as it can be read; `None` if nothing in it is of use here.
pub(super) fn decode(bytes: &[u8]) -> Option<Packet> {
    let mut decoder = BinDecoder::new(bytes);
    let Header { metadata, counts } = Header::read(&mut decoder).ok()?;
    // RFC 6762, 18.3 and 18.11: packets with other values are to be ignored.
    if metadata.op_code != OpCode::Query || metadata.response_code != ResponseCode::NoError {
        return None;
    }
    let mut questions = Vec::new();
    for number in 0..counts.queries {
        let question = Query::read(&mut decoder).ok()?;
        if number < MAX_QUESTIONS {
            questions.push(Question(question));
        }
    }
    match metadata.message_type {
        MessageType::Query => Some(Packet::Questions(questions)),
        MessageType::Response => {
            Some(Packet::Told(told(&answers(&mut decoder, counts.answers, counts))))
        }
    }
}

/// The answers and the additional records, as far as they can be read.
fn answers(decoder: &mut BinDecoder<'_>, answers: u16, counts: HeaderCounts) -> Vec<Record> {
    let mut records = Vec::new();
    let mut read = |count: u16, kept: bool| {
        for _ in 0..count {
            // Not by the parser of whole messages: it refuses the empty text that go-micro's
            // lists of services have.
            let Ok(record) = Record::read(decoder) else { return };
            if kept && records.len() < MAX_RECORDS {
                records.push(record);
            }
        }
    };
    read(answers, true);
    read(counts.authorities, false);
    read(counts.additionals, true);
    records
}

/// Puts together what belongs together. A host of several instances in one packet is all of theirs.
fn told(records: &[Record]) -> Vec<Told> {
    let mut all = Vec::new();
    for record in records {
        let RData::SRV(srv) = &record.data else { continue };
        let Some(name) = text(&record.name) else { continue };
        let mut told =
            Told { name, is_gone: record.ttl == 0, port: srv.port, address: None, text: None };
        for other in records {
            told.add(&srv.target, other, record);
        }
        all.push(told);
    }
    all
}

/// Of go-micro's SRV records.
const PRIORITY: u16 = 10;
const WEIGHT: u16 = 1;

/// RFC 1035, 3.3: a string has one byte for its length.
const MAX_STRING_BYTES: usize = 255;

/// How long a packet may be: what UDP takes over both IPv4 and IPv6, and a little less.
pub(super) const MAX_PACKET_BYTES: u16 = 60_000;

/// How many questions of a packet are looked at; go-micro asks one.
const MAX_QUESTIONS: u16 = 16;

/// How many records of a packet are looked at; go-micro sends four.
const MAX_RECORDS: usize = 64;

#[cfg(test)]
mod tests;
