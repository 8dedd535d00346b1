//! An authority that signs certificates, and takes them back.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
    date_time_ymd,
};

use crate::directory::Directory;

/// An authority that signs certificates, and takes them back.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// How many it has signed, and one more.
    signed: AtomicU64,
}

/// A certificate that an authority has signed, and its key.
pub struct Certificate {
    /// The certificate, in PEM.
    pub pem: String,
    /// Its key, in PEM.
    pub key: String,
    serial: SerialNumber,
}

impl Authority {
    /// An authority of this name.
    ///
    /// # Panics
    /// When no key can be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate can be made");
        Self { issuer, signed: AtomicU64::new(1) }
    }

    /// Its own certificate, in PEM, for those who trust it.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Signs a certificate for hosts, IP addresses, and URIs.
    ///
    /// # Panics
    /// When a name is none of them.
    #[must_use]
    pub fn sign(&self, names: &[&str]) -> Certificate {
        self.sign_for_years(names, 2000, 3000)
    }

    /// Signs one that has expired.
    ///
    /// # Panics
    /// As [`sign`](Self::sign).
    #[must_use]
    pub fn sign_expired(&self, names: &[&str]) -> Certificate {
        self.sign_for_years(names, 2000, 2001)
    }

    /// Signs one that is not valid yet.
    ///
    /// # Panics
    /// As [`sign`](Self::sign).
    #[must_use]
    pub fn sign_for_later(&self, names: &[&str]) -> Certificate {
        self.sign_for_years(names, 2999, 3000)
    }

    fn sign_for_years(&self, names: &[&str], from: i32, until: i32) -> Certificate {
        let (uris, hosts): (Vec<&str>, Vec<&str>) =
            names.iter().partition(|name| name.contains("://"));
        let hosts: Vec<String> = hosts.into_iter().map(str::to_owned).collect();
        let mut params = CertificateParams::new(hosts).expect("these are names of hosts");
        for uri in uris {
            let uri = uri.try_into().expect("a URI is of ASCII");
            params.subject_alt_names.push(SanType::URI(uri));
        }
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key can be made");
        // Counted, so that no two are alike.
        let serial = SerialNumber::from(self.signed.fetch_add(1, Ordering::Relaxed));
        params.serial_number = Some(serial.clone());
        let signed = params.signed_by(&key, &self.issuer).expect("the authority can sign");
        Certificate { pem: signed.pem(), key: key.serialize_pem(), serial }
    }

    /// Its list of revoked certificates, in PEM.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn revoke(&self, certificates: &[&Certificate]) -> String {
        let revoked = |certificate: &&Certificate| RevokedCertParams {
            serial_number: certificate.serial.clone(),
            revocation_time: date_time_ymd(2001, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2001, 1, 1),
            next_update: date_time_ymd(3000, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: certificates.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).expect("the authority can sign");
        list.pem().expect("a list becomes PEM")
    }
}

impl Certificate {
    /// Writes `cert.pem` and `key.pem`.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn put_into(&self, directory: &Directory) {
        directory.write("cert.pem", &self.pem);
        directory.write("key.pem", &self.key);
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}
