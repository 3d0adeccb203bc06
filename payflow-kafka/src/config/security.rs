//! How a client proves who it is, and what others can read.

use std::fmt;
#[cfg(feature = "tls")]
use std::path::PathBuf;

use rdkafka::ClientConfig;

use super::InvalidKafkaConfig;

/// How a client proves who it is, and what others on the network can read. `Debug` prints no password.
///
/// TLS and SCRAM come with the feature `tls`: librdkafka takes both from the system's OpenSSL.
#[derive(Clone)]
pub struct KafkaSecurity {
    login: Option<Login>,
    #[cfg(feature = "tls")]
    tls: Option<KafkaTls>,
}

impl KafkaSecurity {
    /// No login, nothing encrypted: for a network that is trusted.
    #[must_use]
    pub const fn plaintext() -> Self {
        Self {
            login: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Login by name and password (SASL/PLAIN). Without TLS the password is readable on the network.
    #[must_use]
    pub fn sasl_plain(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::login("PLAIN", username, password)
    }

    /// Login by name and a proof of the password (SASL/SCRAM, RFC 5802), which does not travel.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn sasl_scram(
        mechanism: ScramMechanism,
        username: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        let mechanism = match mechanism {
            ScramMechanism::Sha256 => "SCRAM-SHA-256",
            ScramMechanism::Sha512 => "SCRAM-SHA-512",
        };
        Self::login(mechanism, username, password)
    }

    /// The same over TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: KafkaTls) -> Self {
        self.tls = Some(tls);
        self
    }

    fn login(mechanism: &'static str, username: impl Into<String>, password: impl Into<String>) -> Self {
        let login = Login { mechanism, username: username.into(), password: Secret(password.into()) };
        let mut security = Self::plaintext();
        security.login = Some(login);
        security
    }

    pub(super) fn apply(&self, config: &mut ClientConfig) -> Result<(), InvalidKafkaConfig> {
        if let Some(login) = &self.login {
            let broken = |text: &str| text.is_empty() || text.contains('\0');
            if broken(&login.username) || broken(&login.password.0) {
                let reason = "has an empty name or password, or one with a NUL: give both";
                return Err(InvalidKafkaConfig::new("security", reason));
            }
            config
                .set("sasl.mechanism", login.mechanism)
                .set("sasl.username", &login.username)
                .set("sasl.password", &login.password.0);
        }
        #[cfg(feature = "tls")]
        let encrypted = match &self.tls {
            Some(tls) => {
                tls.apply(config)?;
                true
            }
            None => false,
        };
        #[cfg(not(feature = "tls"))]
        let encrypted = false;
        let protocol = match (self.login.is_some(), encrypted) {
            (false, false) => "plaintext",
            (false, true) => "ssl",
            (true, false) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        Ok(())
    }
}

impl Default for KafkaSecurity {
    fn default() -> Self {
        Self::plaintext()
    }
}

impl fmt::Debug for KafkaSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("KafkaSecurity");
        shown.field("login", &self.login);
        #[cfg(feature = "tls")]
        shown.field("tls", &self.tls);
        shown.finish()
    }
}

#[derive(Debug, Clone)]
struct Login {
    mechanism: &'static str,
    username: String,
    password: Secret,
}

/// A text that is never printed.
#[derive(Clone)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Which hash a SCRAM login uses; the broker has to know the user under it.
#[cfg(feature = "tls")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

/// Encryption of the connection: whom to trust, and who the client is. The broker's name is always checked.
#[cfg(feature = "tls")]
#[derive(Debug, Clone, Default)]
pub struct KafkaTls {
    authorities: Option<PathBuf>,
    identity: Option<Identity>,
}

#[cfg(feature = "tls")]
#[derive(Debug, Clone)]
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    key_password: Option<Secret>,
}

#[cfg(feature = "tls")]
impl KafkaTls {
    /// Trusts the system's authorities, and shows no certificate.
    #[must_use]
    pub const fn new() -> Self {
        Self { authorities: None, identity: None }
    }

    /// Trusts the authorities in this PEM file, or folder of them, instead of the system's.
    #[must_use]
    pub fn with_authorities(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities = Some(path.into());
        self
    }

    /// Shows this certificate; both are PEM files.
    #[must_use]
    pub fn with_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let identity = Identity { certificate: certificate.into(), key: key.into(), key_password: None };
        self.identity = Some(identity);
        self
    }

    /// Opens the key of the certificate that was given before.
    #[must_use]
    pub fn with_key_password(mut self, password: impl Into<String>) -> Self {
        if let Some(identity) = &mut self.identity {
            identity.key_password = Some(Secret(password.into()));
        }
        self
    }

    fn apply(&self, config: &mut ClientConfig) -> Result<(), InvalidKafkaConfig> {
        let mut set = |key: &str, path: &PathBuf| match path.to_str() {
            Some(path) => {
                config.set(key, path);
                Ok(())
            }
            None => Err(InvalidKafkaConfig::new("security", "has a path that is not UTF-8: rename it")),
        };
        if let Some(authorities) = &self.authorities {
            set("ssl.ca.location", authorities)?;
        }
        if let Some(identity) = &self.identity {
            set("ssl.certificate.location", &identity.certificate)?;
            set("ssl.key.location", &identity.key)?;
            if let Some(password) = &identity.key_password {
                config.set("ssl.key.password", &password.0);
            }
        }
        config.set("ssl.endpoint.identification.algorithm", "https");
        Ok(())
    }
}
