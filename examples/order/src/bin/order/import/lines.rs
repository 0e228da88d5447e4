//! Lines: from bytes to commands.

use crate::failure::Failure;
use es_runtime::Timestamp;
use order::{Command, OrderId};
use serde::Deserialize;
use std::io::{self, ErrorKind};
use std::path::Path;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, stdin};
use uuid::Uuid;

/// The longest line, in bytes. What a line becomes is smaller than the line, and fits in any store.
const LONGEST: usize = 256 << 10;

/// A line, once its text is not needed any more.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) fingerprint: Uuid,
    pub(super) size: u64,
}

/// What a line says.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a command, which is a JSON object")]
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) order: OrderId,
    #[serde(flatten)]
    pub(super) command: Command,
}

/// A line as it stands in the file, without what ends it.
pub(super) struct Text<'a> {
    pub(super) number: u64,
    pub(super) bytes: &'a [u8],
    is_too_long: bool,
}

/// What a line says, nothing if it is blank, or why it is bad.
pub(super) fn parse(text: &Text<'_>) -> Result<Option<Entry>, String> {
    if text.is_too_long {
        return Err(format!("it has more than {LONGEST} bytes"));
    }
    let json = str::from_utf8(text.bytes)
        .map_err(|error| format!("it is not UTF-8 (byte {})", error.valid_up_to() + 1))?;
    if json.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(json).map(Some).map_err(|error| {
        // To serde_json this is a file of one line.
        let told = error.to_string();
        let reason = told.strip_suffix(&format!(" at line {} column {}", error.line(), error.column()));
        format!("{} (column {})", reason.unwrap_or(&told), error.column())
    })
}

/// A file or standard input, read line by line, however long a line is.
pub(super) struct Input {
    name: String,
    reader: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    length: Option<u64>,
    number: u64,
    buffer: Vec<u8>,
}

impl Input {
    /// The file at `path`, or standard input for `-`.
    pub(super) async fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let failed = |source| Failure::File { file: path.display().to_string(), source };
        if path.as_os_str() == "-" {
            return Ok(Self::new("standard input".to_owned(), Box::new(stdin()), None));
        }
        let file = File::open(path).await.map_err(failed)?;
        let metadata = file.metadata().await.map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(ErrorKind::IsADirectory.into()));
        }
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self::new(name, Box::new(file), length))
    }

    fn new(name: String, source: Box<dyn AsyncRead + Send + Unpin>, length: Option<u64>) -> Self {
        let reader = BufReader::with_capacity(64 << 10, source);
        Self { name, reader, length, number: 0, buffer: Vec::new() }
    }

    /// How many bytes there are, if that is known.
    pub(super) const fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next line, or nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Text<'_>>, Failure> {
        let is_too_long = match self.read_line().await {
            Ok(is_too_long) => is_too_long,
            Err(source) => return Err(Failure::File { file: self.name.clone(), source }),
        };
        if self.buffer.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let bytes = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        Ok(Some(Text { number: self.number, bytes, is_too_long: is_too_long || bytes.len() > LONGEST }))
    }

    /// Fills the buffer with a line and its end. Of a line that is too long it keeps the beginning.
    async fn read_line(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let end = LONGEST + b"\r\n".len();
        (&mut self.reader).take(end as u64).read_until(b'\n', &mut self.buffer).await?;
        if self.buffer.ends_with(b"\n") || self.buffer.len() < end {
            return Ok(false);
        }
        loop {
            let available = self.reader.fill_buf().await?;
            let end = available.iter().position(|byte| *byte == b'\n');
            let (length, is_over) = (available.len(), available.is_empty() || end.is_some());
            self.reader.consume(end.map_or(length, |end| end + 1));
            if is_over {
                return Ok(true);
            }
        }
    }
}
