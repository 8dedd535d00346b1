//! Which clients a server lets in.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::material::{authorities, no_authority, read, revocations};
use crate::{Pem, TlsError};

/// Which certificates clients must show: mutual TLS.
///
/// A client whose certificate has expired, is revoked, or is signed by nobody who is trusted is
/// refused in the handshake, whether certificates are required or not.
#[derive(Debug, Clone)]
pub struct ClientAuth {
    authorities: Pem,
    revocations: Option<Pem>,
    required: bool,
}

impl ClientAuth {
    /// Every client must show a certificate that one of these authorities has signed.
    #[must_use]
    pub fn required(authorities: impl Into<Pem>) -> Self {
        Self { authorities: authorities.into(), revocations: None, required: true }
    }

    /// Clients may show a certificate; handlers tell those that have none by
    /// `Context::peer_identity`.
    #[must_use]
    pub fn optional(authorities: impl Into<Pem>) -> Self {
        Self { required: false, ..Self::required(authorities) }
    }

    /// Refuses certificates that are in these lists, signed by the authority that issued them.
    /// With lists, a certificate is refused, too, if none of them is of its issuer. Their age is
    /// not checked: an authority that is late with the next one locks nobody out.
    #[must_use]
    pub fn revocations(mut self, lists: impl Into<Pem>) -> Self {
        self.revocations = Some(lists.into());
        self
    }

    pub(super) const fn authorities(&self) -> &Pem {
        &self.authorities
    }

    pub(super) fn read(&self) -> Result<ClientAuthText, TlsError> {
        Ok(ClientAuthText {
            authorities: read(&self.authorities)?,
            revocations: self.revocations.as_ref().map(read).transpose()?,
        })
    }

    pub(super) fn verifier(
        &self,
        text: &ClientAuthText,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let mut roots = RootCertStore::empty();
        authorities(&self.authorities, &text.authorities, &mut roots)?;
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        if !self.required {
            builder = builder.allow_unauthenticated();
        }
        if let (Some(lists), Some(text)) = (&self.revocations, &text.revocations) {
            // Authorities rarely publish a list of revoked authorities.
            let lists = revocations(lists, text)?;
            builder = builder.with_crls(lists).only_check_end_entity_revocation();
        }
        let what = self.revocations.as_ref().unwrap_or(&self.authorities);
        builder.build().map_err(|error| no_authority(what, error))
    }
}

/// What the files hold.
#[derive(Hash)]
pub(super) struct ClientAuthText {
    authorities: Vec<u8>,
    revocations: Option<Vec<u8>>,
}
