//! The cluster's certificate authority and what it signs.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::error::{Doing, Error};

const SIGNING: &str = "cannot make a certificate";

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
    pub der: Vec<u8>,
}

/// A certificate and its key, both PEM.
pub(crate) struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Result<Self, Error> {
        let key = KeyPair::generate().doing(SIGNING)?;
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).doing(SIGNING)?;
        Ok(Self { pem: certificate.pem(), der: certificate.der().to_vec(), issuer: Issuer::new(params, key) })
    }

    /// A user as Kubernetes reads it: the common name, and one organisation per group.
    pub fn client(&self, user: &str, groups: &[&str]) -> Result<Pair, Error> {
        let mut params = named(user);
        for group in groups {
            params.distinguished_name.push(DnType::OrganizationName, *group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    pub fn server(&self, names: &[&str]) -> Result<Pair, Error> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).doing(SIGNING)?;
        params.distinguished_name = named("server").distinguished_name;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Result<Pair, Error> {
        let key = KeyPair::generate().doing(SIGNING)?;
        let certificate = params.signed_by(&key, &self.issuer).doing(SIGNING)?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// The pair that signs and checks service account tokens: (private, public).
pub(crate) fn token_keys() -> Result<(String, String), Error> {
    let key = KeyPair::generate().doing(SIGNING)?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
