//! The one error type: what failed, on which object, why in the server's own words, and what to do next. No I/O.
//!
//! `kube::Error`'s own text is never shown: for API errors it holds a Debug dump, for connections only "ServiceError: client error (Connect)".

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use cluster_model::text::{sanitize, shorten};
use kube::core::Status;

use crate::Exit;

/// What the message of [`Failure::declined`] begins with.
pub const DECLINED: &str = "declined";

/// Lower case, no final period. The hints follow as `hint:` lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    /// The object it happened to, as in `node/a`.
    pub object: Option<String>,
    /// The server's own words.
    pub cause: Option<String>,
    /// The HTTP code of the server's answer, if it gave one.
    pub code: Option<u16>,
    pub hints: Vec<String>,
    /// It is a matter of this machine; the server has nothing to do with it.
    pub local: bool,
    /// A question was answered with no, which is why it is not done.
    pub is_answer: bool,
    /// Something to copy, line by line, below the hints.
    pub block: Box<[String]>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure {
            exit,
            message: message.into(),
            object: None,
            cause: None,
            code: None,
            hints: Vec::new(),
            local: false,
            is_answer: false,
            block: Box::default(),
        }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure::new(Exit::Usage, message)
    }

    /// Not done, and nothing was changed.
    pub fn refused(message: impl Into<String>) -> Self {
        Failure::new(Exit::Refused, message)
    }

    /// The question was answered with no, or the word that agrees was not `typed`. `done` as in "nothing was changed".
    pub fn declined(done: &str, typed: Option<&str>) -> Self {
        let why = typed.map(|word| format!(": {word} was not typed")).unwrap_or_default();
        Failure { is_answer: true, ..Failure::refused(format!("{DECLINED}{why}; nothing was {done}")) }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Failure::new(Exit::Failed, message)
    }

    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub fn block(mut self, text: &str) -> Self {
        self.block = text.lines().map(str::to_owned).collect();
        self
    }

    /// `doing` completes "cannot …": `Failure::from_kube("list pods", &error)`.
    pub fn from_kube(doing: &str, error: &kube::Error) -> Self {
        // A credential plugin failed: that was reported already.
        if let Some(failure) = find::<Failure>(error) {
            return failure.clone();
        }
        let failure = Failure::failed(format!("cannot {doing}"));
        if let kube::Error::Api(status) = error {
            return failure.of_status(status);
        }
        if let Some(limit) = chain(error).find_map(open_files) {
            return Failure { local: true, ..failure.cause(limit) };
        }
        if let Some(late) = find::<Deadline>(error) {
            return failure.cause(late.to_string()).hint(
                "raise --request-timeout, or check the server: `kubectl get --raw=/readyz --request-timeout=5s`",
            );
        }
        let words = last(error);
        let broken = find::<Unreachable>(error);
        let failure = failure.cause(broken.map_or_else(|| words.clone(), ToString::to_string));
        match (error, broken) {
            (kube::Error::SerdeError(_) | kube::Error::FromUtf8(_), _) => {
                failure.hint("the answer is not what a Kubernetes API server sends; check for a proxy or a login page in between")
            }
            (_, Some(_)) if words.contains("UnknownIssuer") || words.contains("invalid peer certificate") => failure
                .hint("the kubeconfig's certificate-authority did not sign this server's certificate: check the context, and whether the cluster was re-created")
                .hint("list the contexts with `kubectl config get-contexts`"),
            (_, Some(Unreachable { proxy_set_by: Some(who), .. })) => failure
                .hint(format!("the proxy is set by {who}: check that it is the right one and is running")),
            (_, Some(_)) => failure
                .hint("check that the server is up and the context is right: `kubectl config get-contexts`"),
            _ => failure,
        }
    }

    fn of_status(self, status: &Status) -> Self {
        let mut words = shorten(status.message.trim(), 600);
        if words.is_empty() {
            words = "the server gave no message".to_owned();
        }
        // kube's own placeholder for answers that are no Status, as from a proxy or flow control.
        let reason = match status.reason.as_str() {
            "" | "Failed to parse error data" => String::new(),
            reason => format!("{}, ", sanitize(reason)),
        };
        let mut failure = self.cause(format!("{words} ({reason}{})", status.code));
        failure.code = Some(status.code);
        match status.code {
            401 => failure
                .hint("the credentials were not accepted: log in again, or check the user of this context with `kubectl config view --minify`"),
            403 => failure.hint("request the permission it names; `kubectl auth can-i --list` shows what is allowed"),
            429 => failure.hint("the server is overloaded; retry in a moment"),
            500.. => failure.hint("the server reports an internal error: check `kubectl get --raw='/readyz?verbose'`"),
            _ => failure,
        }
    }
}

/// One line, no hints: `message: cause`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(object) = &self.object {
            write!(f, "{}: ", sanitize(object))?;
        }
        f.write_str(&sanitize(&self.message))?;
        match &self.cause {
            Some(cause) => write!(f, ": {}", sanitize(cause)),
            None => Ok(()),
        }
    }
}

impl StdError for Failure {}

/// No whole answer within `--request-timeout`.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    pub server: String,
    pub after: Duration,
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer from {} within {:?} (--request-timeout)", self.server, self.after)
    }
}

impl StdError for Deadline {}

/// There are no credentials to send the request with, so it was not sent.
#[derive(Debug)]
pub(crate) struct NoCredentials {
    pub failure: Box<Failure>,
    /// No waiting will change it.
    pub lasting: bool,
}

impl NoCredentials {
    pub fn passing(failure: Failure) -> Self {
        NoCredentials { failure: failure.into(), lasting: false }
    }

    pub fn lasting(failure: Failure) -> Self {
        NoCredentials { failure: failure.into(), lasting: true }
    }
}

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl StdError for NoCredentials {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.failure)
    }
}

/// The connection failed: before the request was sent (`sent: false`), or somewhere after.
#[derive(Debug)]
pub(crate) struct Unreachable {
    /// Which hop failed, and why.
    pub words: String,
    /// The flag, variable or kubeconfig field that set the proxy.
    pub proxy_set_by: Option<&'static str>,
    pub sent: bool,
    pub source: kube::Error,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl StdError for Unreachable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

/// The credentials are missing, wrong or stale.
pub fn is_unauthorised(error: &kube::Error) -> bool {
    code(error) == Some(401)
}

/// The credentials are good, the right is not there.
pub fn is_forbidden(error: &kube::Error) -> bool {
    code(error) == Some(403)
}

pub fn is_not_found(error: &kube::Error) -> bool {
    code(error) == Some(404)
}

/// Is it unknown whether a write was applied? So after a 5xx, a cut connection, a timeout or an unreadable answer: re-read before repeating.
pub fn lost(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code >= 500,
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) | kube::Error::HyperError(_) => true,
        kube::Error::Service(_) => {
            find::<Deadline>(error).is_some() || find::<Unreachable>(error).is_some_and(|at| at.sent)
        }
        _ => false,
    }
}

/// Was there no connection, or nothing to log in with for a moment, so that nothing can have been applied? Safe to repeat.
pub fn unreachable(error: &kube::Error) -> bool {
    find::<Unreachable>(error).is_some_and(|at| !at.sent)
        || find::<NoCredentials>(error).is_some_and(|none| !none.lasting)
}

fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The first error of this type in the chain.
pub(crate) fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// A connection that this machine could not open, and what to do.
fn open_files(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    // As in <errno.h> of Linux, macOS and the BSDs, and WSAEMFILE.
    match error.downcast_ref::<std::io::Error>()?.raw_os_error()? {
        24 | 10024 => Some("this process may open no more files: raise the limit, as with `ulimit -n 4096`"),
        23 => Some("this machine may open no more files: close some, or raise its limit"),
        _ => None,
    }
}

/// The innermost reason: the outer ones only name the layers above it.
pub(crate) fn last(error: &(dyn StdError + 'static)) -> String {
    let innermost = chain(error).last().map(ToString::to_string).unwrap_or_default();
    shorten(innermost.trim(), 600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_this_machine_is_not_reported_as_the_servers() {
        let error = |code| {
            let source = kube::Error::Service(Box::new(std::io::Error::from_raw_os_error(code)));
            let words = "https://10.1.2.3:6443: tcp open error".to_owned();
            kube::Error::Service(Unreachable { words, proxy_set_by: None, sent: false, source }.into())
        };
        for (code, local) in [(24, true), (23, true), (111, false)] {
            let failure = Failure::from_kube("list pods", &error(code));
            assert_eq!(failure.local, local, "{failure}");
            assert_eq!(failure.to_string().contains("10.1.2.3"), !local, "{failure}");
            assert!(
                local != failure.hints.iter().any(|hint| hint.contains("the server is up")),
                "{failure:?}"
            );
        }
        assert!(Failure::from_kube("list pods", &error(24)).to_string().contains("ulimit -n"));
    }
}
