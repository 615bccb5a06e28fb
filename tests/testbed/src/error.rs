//! What can go wrong: the bed itself, or one request to the API server.

use std::fmt;

/// The bed could not be built or started.
#[derive(Debug, Clone)]
pub struct Error(String);

impl Error {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// Another process took one of our ports between finding and using it.
    pub(crate) fn is_port_taken(&self) -> bool {
        self.0.contains("address already in use")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Says what was being done when something failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: &str) -> Result<T, Error>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: &str) -> Result<T, Error> {
        self.map_err(|error| Error::new(format!("{what}: {error}")))
    }
}

/// The API server refused a request, or could not be reached (then `code` is 0).
#[derive(Debug, Clone)]
pub struct ApiError {
    pub method: String,
    pub path: String,
    pub code: u16,
    pub reason: String,
    pub message: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.method, self.path)?;
        if self.code != 0 {
            write!(f, "{} {}: ", self.code, self.reason)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}
