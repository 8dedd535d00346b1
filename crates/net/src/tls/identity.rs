//! Who a certificate is of.

use polywire_core::PeerIdentity;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// Reads the names in a certificate that the handshake has accepted.
pub(super) fn identity(certificate: &CertificateDer<'_>) -> PeerIdentity {
    // The handshake has read it before; if it ever could not be read, it would have no names.
    let (dns_names, uris) = EndEntityCert::try_from(certificate)
        .map(|parsed| {
            let dns_names = parsed.valid_dns_names().map(str::to_owned).collect();
            (dns_names, parsed.valid_uri_names().map(str::to_owned).collect())
        })
        .unwrap_or_default();
    PeerIdentity::new(certificate.to_vec(), dns_names, uris)
}
