//! What was read, or why it could not be.

/// Unknown is never "none".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    Seen(T),
    Unknown(String),
}

impl<T> Known<T> {
    pub fn seen(&self) -> Option<&T> {
        match self {
            Known::Seen(value) => Some(value),
            Known::Unknown(_) => None,
        }
    }

    pub fn map<U>(self, of: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Known::Seen(value) => Known::Seen(of(value)),
            Known::Unknown(why) => Known::Unknown(why),
        }
    }
}
