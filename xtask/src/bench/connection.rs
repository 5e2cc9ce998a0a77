//! HTTP/1.1 over one kept-alive connection: just what a registry client needs, and cheap.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

/// As much as one read may bring; smaller ones would measure this client.
const READ_BYTES: usize = 1 << 20;
/// Bodies up to here travel in the same write as the head.
const SMALL_BODY_BYTES: usize = 64 << 10;
/// A status line and headers longer than this are not HTTP.
const HEAD_BYTES_MAX: u64 = 64 << 10;
/// No answer within this time ends the measurement.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection to one server, opened when needed and again after the server closed it.
pub(super) struct Connection {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

/// What is asked of the server.
pub(super) struct Request<'a> {
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    pub(super) headers: &'a [(&'static str, &'a str)],
    /// The body, in pieces.
    pub(super) body: &'a [&'a [u8]],
}

impl<'a> Request<'a> {
    pub(super) fn without_body(method: &'static str, path: &'a str) -> Self {
        Self { method, path, headers: &[], body: &[] }
    }
}

/// What the server answered, apart from the body, which went to the caller's sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Path and query of the `Location` header.
    pub(super) location: Option<String>,
    /// The `Content-Length` header: of the body, or of what a `GET` would bring.
    pub(super) length: Option<u64>,
    pub(super) body_bytes: u64,
}

impl Connection {
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None }
    }

    /// Sends `request` and hands the body of the answer to `sink`, piece by piece.
    pub(super) fn exchange(
        &mut self,
        request: &Request<'_>,
        sink: &mut dyn FnMut(&[u8]),
    ) -> anyhow::Result<Answer> {
        self.try_exchange(request, sink)
            .with_context(|| format!("{} http://{}{}", request.method, self.address, request.path))
    }

    /// As [`Self::exchange`], where only one status will do.
    pub(super) fn expect(
        &mut self,
        status: u16,
        request: &Request<'_>,
        sink: &mut dyn FnMut(&[u8]),
    ) -> anyhow::Result<Answer> {
        let answer = self.exchange(request, sink)?;
        ensure!(
            answer.status == status,
            "{} http://{}{}: status {} instead of {status}",
            request.method,
            self.address,
            request.path,
            answer.status
        );
        Ok(answer)
    }

    fn try_exchange(&mut self, request: &Request<'_>, sink: &mut dyn FnMut(&[u8])) -> anyhow::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(&self.address)?,
        };
        send(stream.get_mut(), &self.address, request).context("sending the request")?;
        let head = Head::read(&mut stream).context("reading the head of the answer")?;
        let body_bytes = read_body(&mut stream, &head.framing(request.method), sink)?;
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(Answer { status: head.status, location: head.location, length: head.length, body_bytes })
    }
}

fn connect(address: &str) -> anyhow::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).context("connecting")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::with_capacity(READ_BYTES, stream))
}

fn send(stream: &mut TcpStream, host: &str, request: &Request<'_>) -> std::io::Result<()> {
    let body_bytes: usize = request.body.iter().map(|piece| piece.len()).sum();
    let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", request.method, request.path);
    for (name, value) in request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if body_bytes > 0 || matches!(request.method, "POST" | "PUT" | "PATCH") {
        head.push_str(&format!("Content-Length: {body_bytes}\r\n"));
    }
    head.push_str("\r\n");
    let mut first = head.into_bytes();
    if body_bytes <= SMALL_BODY_BYTES {
        request.body.iter().for_each(|piece| first.extend_from_slice(piece));
        return stream.write_all(&first);
    }
    stream.write_all(&first)?;
    request.body.iter().try_for_each(|piece| stream.write_all(piece))
}

/// The status line and the headers that matter here.
#[derive(Debug, Default)]
struct Head {
    status: u16,
    location: Option<String>,
    length: Option<u64>,
    is_chunked: bool,
    closes: bool,
}

/// How the end of a body is known (RFC 9112, section 6.3).
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

impl Head {
    fn read(stream: &mut BufReader<TcpStream>) -> anyhow::Result<Self> {
        let mut lines = stream.take(HEAD_BYTES_MAX).lines();
        let mut next = || lines.next().context("the connection ended")?.context("reading");
        let status_line = next()?;
        let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = status.and_then(|digits| digits.parse().ok());
        let status = status.with_context(|| format!("`{status_line}` is no status line"))?;
        let mut head = Self { status, ..Self::default() };
        loop {
            let line = next()?;
            if line.is_empty() {
                return Ok(head);
            }
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            head.note(&name.to_ascii_lowercase(), value.trim())?;
        }
    }

    fn note(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        match name {
            "content-length" => self.length = Some(value.parse().context("reading Content-Length")?),
            "transfer-encoding" => self.is_chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => self.closes = value.eq_ignore_ascii_case("close"),
            "location" => self.location = Some(path_of(value).to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn framing(&self, method: &str) -> Framing {
        if method == "HEAD" || matches!(self.status, 204 | 304) {
            Framing::Length(0)
        } else if self.is_chunked {
            Framing::Chunked
        } else {
            self.length.map_or(Framing::UntilClose, Framing::Length)
        }
    }
}

/// Path and query of an absolute or relative location.
fn path_of(location: &str) -> &str {
    let Some((_, after_scheme)) = location.split_once("://") else { return location };
    after_scheme.find('/').map_or("/", |start| &after_scheme[start..])
}

fn read_body(
    stream: &mut BufReader<TcpStream>,
    framing: &Framing,
    sink: &mut dyn FnMut(&[u8]),
) -> anyhow::Result<u64> {
    match framing {
        Framing::Length(length) => {
            let read = read_up_to(stream, *length, sink)?;
            ensure!(read == *length, "the body ended after {read} of {length} bytes");
            Ok(read)
        }
        Framing::Chunked => read_chunks(stream, sink),
        Framing::UntilClose => read_up_to(stream, u64::MAX, sink),
    }
}

fn read_chunks(stream: &mut BufReader<TcpStream>, sink: &mut dyn FnMut(&[u8])) -> anyhow::Result<u64> {
    let mut total = 0;
    loop {
        let mut line = String::new();
        stream.take(HEAD_BYTES_MAX).read_line(&mut line).context("reading a chunk's length")?;
        let digits = line.trim_end().split(';').next().unwrap_or_default();
        let length = u64::from_str_radix(digits, 16).with_context(|| format!("`{digits}` is no length"))?;
        total += read_body(stream, &Framing::Length(length), sink)?;
        let mut end = [0; 2];
        stream.read_exact(&mut end).context("reading a chunk's end")?;
        if &end != b"\r\n" {
            bail!("a chunk does not end where it said");
        }
        if length == 0 {
            return Ok(total);
        }
    }
}

/// Hands on up to `limit` bytes, without copying them, and says how many there were.
fn read_up_to(
    stream: &mut BufReader<TcpStream>,
    limit: u64,
    sink: &mut dyn FnMut(&[u8]),
) -> anyhow::Result<u64> {
    let mut left = limit;
    while left > 0 {
        let available = stream.fill_buf().context("reading the body")?;
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(available.len());
        if take == 0 {
            break;
        }
        sink(&available[..take]);
        stream.consume(take);
        left -= take as u64;
    }
    Ok(limit - left)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server that answers one connection with `answer` and tells what it read.
    fn serve_once(answer: &'static [u8]) -> (String, thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).unwrap();
            request.truncate(length);
            stream.write_all(answer).unwrap();
            request
        });
        (address, server)
    }

    fn get(answer: &'static [u8]) -> (anyhow::Result<Answer>, Vec<u8>) {
        let (address, server) = serve_once(answer);
        let mut body = Vec::new();
        let request = Request::without_body("GET", "/v2/");
        let answer = Connection::new(&address).exchange(&request, &mut |piece| body.extend_from_slice(piece));
        server.join().unwrap();
        (answer, body)
    }

    #[test]
    fn a_body_of_known_length_is_read_to_its_end_and_no_further() {
        let (answer, body) = get(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello, rest");
        assert_eq!((answer.unwrap().body_bytes, body.as_slice()), (5, b"hello".as_slice()));
    }

    #[test]
    fn a_chunked_body_is_put_together() {
        let (answer, body) =
            get(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
        assert_eq!((answer.unwrap().body_bytes, body.as_slice()), (5, b"hello".as_slice()));
    }

    #[test]
    fn a_body_that_ends_early_is_an_error() {
        let (answer, _) = get(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nhello");
        let error = format!("{:#}", answer.unwrap_err());
        assert!(error.contains("5 of 50 bytes"), "{error}");
        assert!(get(b"SSH-2.0-x\r\n").0.is_err());
    }

    #[test]
    fn a_put_carries_head_and_body_and_reads_the_location() {
        let (address, server) =
            serve_once(b"HTTP/1.1 201 Created\r\nLocation: http://a:1/v2/x?y=z\r\nContent-Length: 0\r\n\r\n");
        let request = Request {
            method: "PUT",
            path: "/v2/a",
            headers: &[("Content-Type", "text/plain")],
            body: &[b"ab", b"c"],
        };
        let answer = Connection::new(&address).exchange(&request, &mut |_| {}).unwrap();
        assert_eq!(answer.location.as_deref(), Some("/v2/x?y=z"));
        let sent = String::from_utf8(server.join().unwrap()).unwrap();
        let expected = format!(
            "PUT /v2/a HTTP/1.1\r\nHost: {address}\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc"
        );
        assert_eq!(sent, expected);
    }
}
