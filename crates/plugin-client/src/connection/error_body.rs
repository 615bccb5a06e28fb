//! What the body of a failed answer says, with the code of its HTTP status. Pure.
//!
//! kube reads any JSON object as a `Status`, and one without a code gets 0; of a body that is no UTF-8 it keeps nothing. Rate limits and
//! proxies before a server send such bodies, and what a caller does next depends on the code.

use http::StatusCode;
use kube::core::Status;
use serde_json::Value;

/// What is to stand in its place; `None` where kube finds the code by itself.
pub fn with_code(body: &[u8], status: StatusCode) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(body);
    let found = serde_json::from_str::<Status>(&text);
    let is_lost = match &found {
        Ok(found) => found.code == 0,
        // Then it is text, and kube makes a Status of it.
        Err(_) => std::str::from_utf8(body).is_err(),
    };
    if !is_lost {
        return None;
    }
    let code = status.as_u16();
    let found = match found {
        Ok(found) if !found.message.is_empty() || !found.reason.is_empty() => Status { code, ..found },
        // As `{"error": "too many requests"}`.
        Ok(_) => Status::failure(&text_of(&text), "").with_code(code),
        Err(_) => Status::failure(text.trim(), "").with_code(code),
    };
    serde_json::to_vec(&found).ok()
}

/// An object without anything in it says nothing.
fn text_of(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(Value::Object(fields)) if fields.is_empty() => String::new(),
        _ => body.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_kept() {
        let too_many = StatusCode::TOO_MANY_REQUESTS;
        let status = r#"{"kind":"Status","message":"slow down","reason":"TooManyRequests","code":429}"#;
        for (body, code, message) in [
            (&br#"{"message":"slow down"}"#[..], 429, "slow down"),
            (br#"{"error":"too many requests"}"#, 429, r#"{"error":"too many requests"}"#),
            (b"{}", 429, ""),
            (b"\xff\xfe", 429, "\u{fffd}\u{fffd}"),
        ] {
            let body = with_code(body, too_many);
            let found: Status =
                body.map_or_else(|| panic!("kept"), |it| serde_json::from_slice(&it).unwrap());
            assert_eq!((found.code, found.message.as_str()), (code, message));
        }
        for body in [&b"too many requests"[..], b"", b"[1]", status.as_bytes()] {
            assert_eq!(with_code(body, too_many), None, "{}", String::from_utf8_lossy(body));
        }
    }
}
