//! A client: just enough HTTP/1.1 for these tests, one connection a request. A library would bring a runtime and
//! forty crates, and hide what goes over the wire, which is what is tested.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| &**value)
    }

    /// The name of the problem, which this answer must be.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!((self.status, &problem["status"]), (status, &status.into()), "{self:?}");
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        }
        let name =
            problem["type"].as_str().and_then(|text| text.strip_prefix("https://shop.example/problems/"));
        name.unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}

/// A request that is not sent yet.
pub struct Request {
    address: String,
    head: String,
    body: String,
}

impl Request {
    pub fn new(address: &str, method: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        Self { address: address.to_owned(), head, body: String::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    pub fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    pub fn json(self, body: impl ToString) -> Self {
        let mut request = self.header("Content-Type", "application/json");
        request.body = body.to_string();
        request
    }

    /// The answer, or nothing where the program is gone before it has given all of it.
    pub fn try_send(&self) -> Option<Answer> {
        read_answer(&mut self.open().ok()?)
    }

    #[track_caller]
    pub fn send(&self) -> Answer {
        self.try_send().expect("an answer")
    }

    /// The connection, after the request.
    pub fn open(&self) -> std::io::Result<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let Self { head, body, .. } = self;
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
        Ok(BufReader::new(stream))
    }
}

fn read_answer(stream: &mut BufReader<TcpStream>) -> Option<Answer> {
    let mut answer = read_head(stream)?;
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length, 0);
            stream.read_exact(&mut body).ok()?;
        }
        None => {
            stream.read_to_end(&mut body).ok()?;
        }
    }
    answer.body = String::from_utf8(body).expect("UTF-8");
    Some(answer)
}

/// The head of an answer, whose body is still to be read.
pub fn read_head(stream: &mut BufReader<TcpStream>) -> Option<Answer> {
    let mut line = || {
        let mut line = String::new();
        (stream.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
    };
    let status = line()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let header = line()?;
        let Some((name, value)) = header.split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    Some(Answer { status, headers, body: String::new() })
}
