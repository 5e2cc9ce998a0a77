//! A line to a server that breaks when told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Passes bytes on, and cuts a connection after so many of them, a given number of times.
pub(crate) struct CuttingProxy {
    pub(crate) address: SocketAddr,
    cuts_left: Arc<AtomicI64>,
    cuts_made: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Line {
    cut_after: usize,
    cuts_left: Arc<AtomicI64>,
    cuts_made: Arc<AtomicUsize>,
}

impl CuttingProxy {
    /// Cuts the first `cuts` connections that carry more than `cut_after` bytes in one direction.
    pub(crate) async fn start(server: SocketAddr, cut_after: usize, cuts: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = Line { cut_after, cuts_left: Arc::new(AtomicI64::new(cuts)), cuts_made: Arc::default() };
        let (cuts_left, cuts_made) = (Arc::clone(&line.cuts_left), Arc::clone(&line.cuts_made));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server, line.clone()));
            }
        });
        Self { address, cuts_left, cuts_made }
    }

    /// How many connections were cut; there must be none left to cut.
    pub(crate) fn cuts_made(&self) -> usize {
        assert!(self.cuts_left.load(Ordering::SeqCst) <= 0, "the line was not cut as often as it should");
        self.cuts_made.load(Ordering::SeqCst)
    }
}

async fn carry(client: TcpStream, server: SocketAddr, line: Line) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    // Whichever direction ends first takes the other down: both halves are dropped.
    tokio::select! {
        () = pass(client_read, server_write, &line) => {}
        () = pass(server_read, client_write, &line) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: &Line) {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
        passed += read;
        if passed > line.cut_after && line.cuts_left.fetch_sub(1, Ordering::SeqCst) > 0 {
            line.cuts_made.fetch_add(1, Ordering::SeqCst);
            return;
        }
    }
}
