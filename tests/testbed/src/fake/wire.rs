//! The fake API server's HTTP/1.1: requests in, answers and faults out.

use std::collections::HashMap;
use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Value, json};

use super::lock;

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub(super) fn is_watch(&self) -> bool {
        self.query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1")
    }
}

/// What the server does with a request.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    act: Act,
}

#[derive(Clone)]
enum Act {
    Body(String),
    /// Reads on and never answers.
    Silence,
    /// Sends headers and half of a body, then nothing.
    HalfBody,
    Cut,
    /// Lines as they come; the sender's end is the stream's.
    Stream(Arc<Mutex<Receiver<String>>>),
    Compute(Arc<dyn Fn(&Request) -> Answer + Send + Sync>),
}

impl Answer {
    fn new(status: u16, act: Act) -> Self {
        Answer { status, headers: Vec::new(), act }
    }

    pub fn json(body: Value) -> Self {
        Answer::new(200, Act::Body(body.to_string())).header("Content-Type", "application/json")
    }

    /// A failure as the API server words it.
    pub fn status(code: u16, reason: &str, message: &str) -> Self {
        Answer::status_with(code, reason, message, json!({}))
    }

    /// With `details`, as in `{"causes": [{"reason": "DisruptionBudget", "message": "…"}], "retryAfterSeconds": 10}`.
    pub fn status_with(code: u16, reason: &str, message: &str, details: Value) -> Self {
        let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "details": details, "code": code});
        Answer::new(code, Act::Body(body.to_string())).header("Content-Type", "application/json")
    }

    /// As flow control and proxies answer: no Status.
    pub fn text(code: u16, body: &str) -> Self {
        Answer::new(code, Act::Body(body.to_owned())).header("Content-Type", "text/plain")
    }

    /// Never answers; the connection stays open.
    pub fn silence() -> Self {
        Answer::new(200, Act::Silence)
    }

    /// Answers, and stops in the middle of the body.
    pub fn half_body() -> Self {
        Answer::new(200, Act::HalfBody).header("Content-Type", "application/json")
    }

    /// Closes the connection after the request was read.
    pub fn cut() -> Self {
        Answer::new(200, Act::Cut)
    }

    /// These events, one a line, then the end of the stream.
    pub fn watch(events: &[Value]) -> Self {
        let (sender, answer) = Answer::stream();
        for event in events {
            let _ = sender.send(event.to_string());
        }
        answer
    }

    /// A watch that is fed while it runs: each `send` is one line; dropping the sender ends it.
    pub fn stream() -> (Sender<String>, Self) {
        let (sender, receiver) = mpsc::channel();
        let act = Act::Stream(Arc::new(Mutex::new(receiver)));
        (sender, Answer::new(200, act).header("Content-Type", "application/json"))
    }

    /// Decided when the request comes.
    pub fn compute(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Answer::new(200, Act::Compute(Arc::new(answer)))
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let (path, query) =
        words.next().map(|target| target.split_once('?').unwrap_or((target, ""))).unwrap_or_default();
    let mut request = Request {
        method,
        path: path.into(),
        query: query.into(),
        headers: HashMap::new(),
        body: String::new(),
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = request.headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(request))
}

/// Whether the connection can take another request.
pub(super) fn write(
    mut stream: &TcpStream,
    reader: &mut impl Read,
    request: &Request,
    answer: Answer,
    date: Option<SystemTime>,
) -> io::Result<bool> {
    let mut head = format!("HTTP/1.1 {} Fake\r\n", answer.status);
    let sent = date;
    let date = date.and_then(|date| Timestamp::try_from(date).ok());
    if let Some(date) = date.and_then(|date| DateTimePrinter::new().timestamp_to_rfc9110_string(&date).ok()) {
        head.push_str(&format!("Date: {date}\r\n"));
    }
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match answer.act {
        Act::Compute(decide) => return write(stream, reader, request, decide(request), sent),
        Act::Cut => return Ok(false),
        Act::Silence => {}
        Act::Body(body) => {
            write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len())?;
            return Ok(true);
        }
        Act::HalfBody => write!(stream, "{head}Content-Length: 1000\r\n\r\n{{\"kind\":")?,
        Act::Stream(lines) => {
            write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n")?;
            for line in lock(&lines).iter() {
                write!(stream, "{:x}\r\n{line}\n\r\n", line.len() + 1)?;
            }
            stream.write_all(b"0\r\n\r\n")?;
            return Ok(true);
        }
    }
    // Until the client gives up or the fake is dropped.
    io::copy(reader, &mut io::sink())?;
    Ok(false)
}
