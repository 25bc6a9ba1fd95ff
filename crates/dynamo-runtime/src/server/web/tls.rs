//! TLS of the web config file, by rustls.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use tokio_rustls::rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::server::{
    ClientHello, ParsedCertificate, WantsServerCert, WebPkiClientVerifier,
};
use tokio_rustls::rustls::{
    CertificateError, ConfigBuilder, DigitallySignedStruct, DistinguishedName, Error, NamedGroup,
    RootCertStore, ServerConfig, SignatureScheme, SupportedProtocolVersion, WantsVerifier, version,
};

use super::file::{Text, TlsKeys, WebConfigError, WebFile, read_limited};
use crate::choice::OneLine;

/// `client_auth_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientAuth {
    No,
    /// Asks for a certificate; takes none, and any.
    Request,
    /// Takes any certificate.
    RequireAny,
    /// Takes none, and certificates of the client CA.
    VerifyIfGiven,
    /// Takes certificates of the client CA.
    RequireAndVerify,
}

const CLIENT_AUTH: &[(&str, ClientAuth)] = &[
    ("NoClientCert", ClientAuth::No),
    ("RequestClientCert", ClientAuth::Request),
    ("RequireAnyClientCert", ClientAuth::RequireAny),
    ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven),
    ("RequireAndVerifyClientCert", ClientAuth::RequireAndVerify),
];

/// TLS versions in order, with those that rustls has.
const VERSIONS: &[(&str, Option<&SupportedProtocolVersion>)] = &[
    ("TLS10", None),
    ("TLS11", None),
    ("TLS12", Some(&version::TLS12)),
    ("TLS13", Some(&version::TLS13)),
];

const CURVES: &[(&str, NamedGroup)] = &[
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("X25519", NamedGroup::X25519),
];

/// The key exchanges that a client can be asked for. The others are slower.
const RETRY_GROUPS: [NamedGroup; 2] = [NamedGroup::X25519, NamedGroup::secp256r1];

/// The rustls configurations of `tls_server_config`.
pub(in crate::server) struct Tls {
    config: Arc<ServerConfig>,
    /// For each group of a key exchange, one that has no other.
    under_load: Vec<(NamedGroup, Arc<ServerConfig>)>,
}

impl Tls {
    pub(super) fn new(file: &WebFile, keys: &TlsKeys) -> Result<Self, WebConfigError> {
        let provider = provider(file, keys)?;
        let versions = versions(file, keys)?;
        check_suites(file, keys, &provider, &versions)?;
        let versioned = |provider: &CryptoProvider| {
            ServerConfig::builder_with_provider(Arc::new(provider.clone()))
                .with_protocol_versions(&versions)
                .map_err(|error| file.section_error(error.to_string()))
        };
        let builder = versioned(&provider)?;
        let verifier = verifier(file, keys, &Arc::new(provider.clone()))?;
        let mut config = with_certificate(file, keys, authenticated(builder, verifier.as_ref()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut under_load = Vec::new();
        for group in RETRY_GROUPS {
            let mut provider = provider.clone();
            provider.kx_groups.retain(|kx| kx.name() == group);
            if !provider.kx_groups.is_empty() {
                let builder = authenticated(versioned(&provider)?, verifier.as_ref());
                let mut only = builder.with_cert_resolver(Arc::clone(&config.cert_resolver));
                only.alpn_protocols.clone_from(&config.alpn_protocols);
                // A session can be resumed with any of these configurations.
                only.session_storage = Arc::clone(&config.session_storage);
                under_load.push((group, Arc::new(only)));
            }
        }
        Ok(Tls {
            config: Arc::new(config),
            under_load,
        })
    }

    /// While few handshakes wait.
    pub(super) fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// While many handshakes wait: with the last group in the client's list, for which it has most likely sent
    /// no key. Then it is asked for one (HelloRetryRequest, RFC 8446, section 4.1.4), which takes the server no
    /// cryptography. A client that replays a message cannot answer. A client of TLS 1.2 is not asked, and gets
    /// that group.
    pub(super) fn under_load(&self, hello: &ClientHello<'_>) -> &Arc<ServerConfig> {
        let groups = hello.named_groups().unwrap_or_default();
        let place = |group| groups.iter().position(|other| *other == group);
        let offered = self.under_load.iter();
        let offered = offered.filter_map(|(group, config)| Some((place(*group)?, config)));
        let last = offered.max_by_key(|(place, _)| *place);
        last.map_or(&self.config, |(_, config)| config)
    }
}

fn authenticated(
    builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    verifier: Option<&Arc<dyn ClientCertVerifier>>,
) -> ConfigBuilder<ServerConfig, WantsServerCert> {
    match verifier {
        Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
        None => builder.with_no_client_auth(),
    }
}

fn with_certificate(
    file: &WebFile,
    keys: &TlsKeys,
    builder: ConfigBuilder<ServerConfig, WantsServerCert>,
) -> Result<ServerConfig, WebConfigError> {
    let (name, cert) = pem(file, ("cert_file", &keys.cert_file), ("cert", &keys.cert))?
        .ok_or_else(|| file.section_error("has no certificate: set cert_file and key_file"))?;
    let chain = certificates(file, name, &cert)?;
    let (name, key) = pem(file, ("key_file", &keys.key_file), ("key", &keys.key))?
        .ok_or_else(|| file.section_error("has no private key: set key_file"))?;
    let private = PrivateKeyDer::from_pem_slice(key.pem.as_bytes());
    let private = private.map_err(|_| {
        let problem = format!("{} has no private key in PEM format", key.source);
        file.error(key.value, name, problem)
    })?;
    let config = builder.with_single_cert(chain, private);
    config.map_err(|error| {
        let problem = format!("{} does not fit the certificate: {error}", key.source);
        file.error(key.value, name, problem)
    })
}

/// The files that the section names.
pub(super) fn files(keys: &TlsKeys) -> impl Iterator<Item = &Text> {
    [&keys.cert_file, &keys.key_file, &keys.client_ca_file]
        .into_iter()
        .flatten()
}

/// PEM text from a file, or from the web config file itself.
struct Pem<'a> {
    pem: String,
    value: &'a Text,
    /// For messages: the path or `this value`.
    source: String,
}

fn pem<'a>(
    file: &WebFile,
    (file_key, path): (&'static str, &'a Option<Text>),
    (inline_key, inline): (&'static str, &'a Option<Text>),
) -> Result<Option<(&'static str, Pem<'a>)>, WebConfigError> {
    match (path, inline) {
        (Some(path), Some(_)) => {
            let problem = format!("{file_key} and {inline_key} exclude each other: keep one");
            Err(file.error(path, file_key, problem))
        }
        (Some(path), None) => {
            let full = file.resolve(&path.value);
            let pem = read_limited(&full).map_err(|problem| file.error(path, file_key, problem))?;
            let source = full.display().to_string();
            let value = path;
            Ok(Some((file_key, Pem { pem, value, source })))
        }
        (None, Some(text)) => {
            let pem = Pem {
                pem: text.value.clone(),
                value: text,
                source: "this value".to_owned(),
            };
            Ok(Some((inline_key, pem)))
        }
        (None, None) => Ok(None),
    }
}

fn certificates(
    file: &WebFile,
    key: &str,
    pem: &Pem<'_>,
) -> Result<Vec<CertificateDer<'static>>, WebConfigError> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem.pem.as_bytes()).collect();
    certificates
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| {
            let problem = format!("{} has no certificate in PEM format", pem.source);
            file.error(pem.value, key, problem)
        })
}

/// Finds a name in a table.
fn choose<T: Copy>(
    file: &WebFile,
    key: &str,
    value: &Text,
    table: &[(&str, T)],
) -> Result<T, WebConfigError> {
    let found = table.iter().find(|(name, _)| *name == value.value);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
        let problem = format!(
            "{} is unknown: use {}",
            OneLine(&value.value),
            names.join(", ")
        );
        file.error(value, key, problem)
    })
}

fn versions(
    file: &WebFile,
    keys: &TlsKeys,
) -> Result<Vec<&'static SupportedProtocolVersion>, WebConfigError> {
    let position = |key: &str, value: &Option<Text>, default: usize| match value {
        Some(value) => {
            choose(file, key, value, VERSIONS)?;
            let named = VERSIONS.iter().position(|(name, _)| *name == value.value);
            Ok(named.unwrap_or(default))
        }
        None => Ok(default),
    };
    let lowest = position("min_version", &keys.min_version, 2)?;
    let highest = position("max_version", &keys.max_version, VERSIONS.len() - 1)?;
    let range = VERSIONS.get(lowest..=highest).unwrap_or_default();
    let versions: Vec<_> = range.iter().filter_map(|(_, version)| *version).collect();
    match keys.max_version.as_ref().or(keys.min_version.as_ref()) {
        Some(value) if versions.is_empty() => {
            let problem =
                "no version from min_version to max_version is supported: use TLS12 and TLS13";
            Err(file.error(value, "max_version", problem))
        }
        _ => Ok(versions),
    }
}

/// The cipher suites and key exchanges. As in Go, TLS 1.3 suites are always on.
fn provider(file: &WebFile, keys: &TlsKeys) -> Result<CryptoProvider, WebConfigError> {
    let mut provider = ring::default_provider();
    if let Some(named) = &keys.cipher_suites {
        let suites = provider.cipher_suites.iter();
        let table: Vec<(String, _)> = suites
            .map(|suite| (go_name(&format!("{:?}", suite.suite())), *suite))
            .collect();
        let table: Vec<(&str, _)> = table
            .iter()
            .map(|(name, suite)| (&**name, *suite))
            .collect();
        let mut chosen = Vec::new();
        for name in named {
            chosen.push(choose(file, "cipher_suites", name, &table)?);
        }
        provider
            .cipher_suites
            .retain(|suite| suite.tls13().is_some() || chosen.contains(suite));
    }
    if let Some(named) = keys
        .curve_preferences
        .as_ref()
        .filter(|named| !named.is_empty())
    {
        let mut groups = Vec::new();
        for name in named {
            let group = choose(file, "curve_preferences", name, CURVES)?;
            groups.extend(provider.kx_groups.iter().filter(|kx| kx.name() == group));
        }
        provider.kx_groups = groups;
    }
    Ok(provider)
}

/// Each version needs a cipher suite; those of TLS 1.3 are always on.
fn check_suites(
    file: &WebFile,
    keys: &TlsKeys,
    provider: &CryptoProvider,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<(), WebConfigError> {
    let suites = &provider.cipher_suites;
    let is_usable = suites
        .iter()
        .any(|suite| versions.contains(&suite.version()));
    let named = keys.cipher_suites.iter().flatten().next();
    match named {
        Some(first) if !is_usable => {
            let problem = "no suite is of a version up to max_version: add one of TLS 1.2, or leave cipher_suites out";
            Err(file.error(first, "cipher_suites", problem))
        }
        _ => Ok(()),
    }
}

/// `TLS13_AES_128_GCM_SHA256` of rustls is `TLS_AES_128_GCM_SHA256` in Go.
fn go_name(suite: &str) -> String {
    suite.replacen("TLS13_", "TLS_", 1)
}

fn verifier(
    file: &WebFile,
    keys: &TlsKeys,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, WebConfigError> {
    let auth = match &keys.client_auth_type {
        Some(value) => choose(file, "client_auth_type", value, CLIENT_AUTH)?,
        None => ClientAuth::No,
    };
    let ca = pem(
        file,
        ("client_ca_file", &keys.client_ca_file),
        ("client_ca", &keys.client_ca),
    )?;
    let verifies = matches!(
        auth,
        ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify
    );
    if let Some(sans) = keys
        .client_allowed_sans
        .as_ref()
        .and_then(|sans| sans.first())
        && !verifies
    {
        let problem =
            "needs client_auth_type RequireAndVerifyClientCert or VerifyClientCertIfGiven";
        return Err(file.error(sans, "client_allowed_sans", problem));
    }
    let algorithms = provider.signature_verification_algorithms;
    match auth {
        ClientAuth::No => match ca {
            Some((key, ca)) => {
                let problem = "needs a client_auth_type that asks for certificates, such as RequireAndVerifyClientCert";
                Err(file.error(ca.value, key, problem))
            }
            None => Ok(None),
        },
        ClientAuth::Request => Ok(Some(Arc::new(AnyCertificate {
            is_mandatory: false,
            algorithms,
        }))),
        ClientAuth::RequireAny => Ok(Some(Arc::new(AnyCertificate {
            is_mandatory: true,
            algorithms,
        }))),
        ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify => {
            let Some((key, ca)) = ca else {
                let value = keys.client_auth_type.as_ref();
                let problem = "needs client_ca_file: the certificates of the CA that signs client certificates";
                return Err(value.map_or_else(
                    || file.section_error(problem),
                    |value| file.error(value, "client_auth_type", problem),
                ));
            };
            let invalid = |error: &dyn std::fmt::Display| {
                file.error(
                    ca.value,
                    key,
                    format!("{} is not valid: {error}", ca.source),
                )
            };
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file, key, &ca)? {
                roots.add(certificate).map_err(|error| invalid(&error))?;
            }
            let roots = Arc::new(roots);
            let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
            let builder = match auth {
                ClientAuth::VerifyIfGiven => builder.allow_unauthenticated(),
                _ => builder,
            };
            let verifier = builder.build().map_err(|error| invalid(&error))?;
            let names = allowed_names(file, keys)?;
            Ok(Some(match names.is_empty() {
                true => verifier,
                false => Arc::new(AllowedNames { verifier, names }),
            }))
        }
    }
}

fn allowed_names(
    file: &WebFile,
    keys: &TlsKeys,
) -> Result<Vec<ServerName<'static>>, WebConfigError> {
    let mut names = Vec::new();
    for name in keys.client_allowed_sans.iter().flatten() {
        let parsed = ServerName::try_from(name.value.clone()).map_err(|_| {
            let problem = format!("{} is not a DNS name or IP address", OneLine(&name.value));
            file.error(name, "client_allowed_sans", problem)
        })?;
        names.push(parsed);
    }
    Ok(names)
}

/// Takes any client certificate whose private key the client has.
#[derive(Debug)]
struct AnyCertificate {
    is_mandatory: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Takes verified certificates that are valid for one of the names (`client_allowed_sans`).
#[derive(Debug)]
struct AllowedNames {
    verifier: Arc<dyn ClientCertVerifier>,
    names: Vec<ServerName<'static>>,
}

impl ClientCertVerifier for AllowedNames {
    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .verifier
            .verify_client_cert(certificate, intermediates, now)?;
        let parsed = ParsedCertificate::try_from(certificate)?;
        let mut names = self.names.iter();
        match names.any(|name| verify_server_name(&parsed, name).is_ok()) {
            true => Ok(verified),
            false => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
