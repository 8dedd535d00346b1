//! What went wrong in a handshake, in words that name both sides.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::HandshakeError;

/// What both sides of a handshake are called.
#[derive(Debug, Clone)]
pub(super) struct Sides {
    /// Who the peer is.
    pub(super) peer: String,
    /// Where the authorities are that this side trusts.
    pub(super) trusted: String,
    /// What this side shows: its certificate, or that it has none.
    pub(super) shown: String,
    /// What may be spoken, by ALPN.
    pub(super) protocols: String,
}

impl Sides {
    /// Says in plain words why a handshake failed; other errors are left as they are.
    pub(super) fn explain(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        let why = match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(tls) => self.of_tls(tls.clone()),
            None if kind == io::ErrorKind::UnexpectedEof => {
                HandshakeError::Closed { peer: self.peer.clone(), source: Box::new(error) }
            }
            None => return error,
        };
        io::Error::new(kind, why)
    }

    /// As [`explain`](Self::explain), after the handshake, when only the refusal of this side's
    /// certificate still belongs to it.
    pub(super) fn explain_later(&self, error: io::Error) -> io::Error {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::AlertReceived(alert)) if is_refusal(*alert) => self.explain(error),
            _ => error,
        }
    }

    /// That the peer chose none of the protocols it was offered.
    pub(super) fn no_protocol(&self) -> io::Error {
        let (peer, offered) = (self.peer.clone(), self.protocols.clone());
        io::Error::new(io::ErrorKind::InvalidData, HandshakeError::Protocol { peer, offered })
    }

    fn of_tls(&self, error: Error) -> HandshakeError {
        let (peer, trusted) = (self.peer.clone(), self.trusted.clone());
        match &error {
            Error::InvalidCertificate(why) => self.of_certificate(&why.clone(), error),
            Error::NoCertificatesPresented => {
                HandshakeError::NoCertificate { peer, trusted, source: Box::new(error) }
            }
            Error::NoApplicationProtocol => {
                HandshakeError::Protocol { peer, offered: self.protocols.clone() }
            }
            Error::AlertReceived(alert) => self.of_alert(*alert, error),
            Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                // Which clients of TLS 1.1 and older do not send, having no such thing.
                | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            ) => HandshakeError::Version { peer, source: Box::new(error) },
            Error::InvalidMessage(_) => HandshakeError::NotTls { peer, source: Box::new(error) },
            _ => HandshakeError::Failed { peer, source: Box::new(error) },
        }
    }

    fn of_certificate(&self, why: &CertificateError, error: Error) -> HandshakeError {
        use CertificateError as Why;
        let (peer, source) = (self.peer.clone(), Box::new(error));
        match why {
            Why::Expired | Why::ExpiredContext { .. } => HandshakeError::Expired { peer, source },
            Why::NotValidYet | Why::NotValidYetContext { .. } => {
                HandshakeError::NotYetValid { peer, source }
            }
            Why::NotValidForName | Why::NotValidForNameContext { .. } => {
                HandshakeError::WrongHost { peer, source }
            }
            Why::UnknownIssuer | Why::BadSignature => {
                let trusted = self.trusted.clone();
                HandshakeError::UnknownIssuer { peer, trusted, source }
            }
            Why::Revoked => HandshakeError::Revoked { peer, source },
            Why::UnknownRevocationStatus => HandshakeError::RevocationUnknown { peer, source },
            _ => HandshakeError::Certificate { peer, source },
        }
    }

    fn of_alert(&self, alert: AlertDescription, error: Error) -> HandshakeError {
        let (peer, source) = (self.peer.clone(), Box::new(error));
        match alert {
            alert if is_refusal(alert) => {
                HandshakeError::Refused { peer, shown: self.shown.clone(), source }
            }
            AlertDescription::ProtocolVersion => HandshakeError::Version { peer, source },
            AlertDescription::NoApplicationProtocol => {
                HandshakeError::Protocol { peer, offered: self.protocols.clone() }
            }
            _ => HandshakeError::Failed { peer, source },
        }
    }
}

/// Whether a peer says by this alert that it does not accept what it was shown.
const fn is_refusal(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate
    )
}
