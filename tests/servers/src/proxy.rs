//! A proxy that does to connections what networks do.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener as Listener, TcpStream};
use tokio::sync::watch;

/// A TCP proxy on a port of 127.0.0.1, in a thread of its own. It ends when it is dropped, and its connections
/// with it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    control: watch::Sender<Control>,
    counters: Arc<Counters>,
}

/// What went through a [`Proxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Connections that clients made, those among them that were refused.
    pub connections: u64,
    /// Bytes from clients that were passed on.
    pub sent: u64,
    /// Bytes from the server that were passed on.
    pub answered: u64,
    /// Bytes from the server that the client never got.
    pub swallowed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    sent: AtomicU64,
    answered: AtomicU64,
    swallowed: AtomicU64,
}

/// How the proxy is to behave.
#[derive(Debug, Clone)]
struct Control {
    server: SocketAddr,
    delay: Duration,
    is_paused: bool,
    swallows: bool,
    refuses: bool,
    /// Connections that were made before this last changed are cut.
    cuts: u64,
}

impl Proxy {
    /// A proxy for a server on a port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// When no port is free.
    pub fn new(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket of ours");
        let port = listener.local_addr().expect("a socket of ours").port();
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, server));
        let delay = Duration::ZERO;
        let control = Control { server, delay, is_paused: false, swallows: false, refuses: false, cuts: 0 };
        let (control, watch) = watch::channel(control);
        let counters = Arc::<Counters>::default();
        let (counted, (ready, is_ready)) = (counters.clone(), mpsc::channel());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = Listener::from_std(listener).expect("a socket of ours");
                let _ = ready.send(());
                accept(&listener, watch, &counted).await;
            });
        });
        is_ready.recv().expect("the thread runs");
        Self { port, control, counters }
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What went through it until now.
    pub fn counts(&self) -> Counts {
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        let Counters { connections, sent, answered, swallowed } = &*self.counters;
        let (connections, sent) = (count(connections), count(sent));
        Counts { connections, sent, answered: count(answered), swallowed: count(swallowed) }
    }

    /// Resets every connection there is, at both ends. New ones can be made.
    pub fn cut(&self) {
        self.control.send_modify(|control| control.cuts += 1);
    }

    /// Lets no more bytes through in either direction; nobody is told.
    pub fn pause(&self) {
        self.control.send_modify(|control| control.is_paused = true);
    }

    /// Passes on what waits, and what comes, again.
    pub fn resume(&self) {
        self.control.send_modify(|control| control.is_paused = false);
    }

    /// Throws away what the server answers: it gets and does what it is told, and the client never hears of
    /// it. Until [`cut`](Self::cut) and [`answer`](Self::answer).
    pub fn stop_answers(&self) {
        self.control.send_modify(|control| control.swallows = true);
    }

    /// Passes on answers again, on new connections: those that missed some are reset.
    pub fn answer(&self) {
        self.control.send_modify(|control| {
            control.swallows = false;
            control.cuts += 1;
        });
    }

    /// Holds up every piece that goes through, in either direction, by so much.
    pub fn delay(&self, delay: Duration) {
        self.control.send_modify(|control| control.delay = delay);
    }

    /// Resets new connections at once, or lets them be made again.
    pub fn refuse(&self, refuses: bool) {
        self.control.send_modify(|control| control.refuses = refuses);
    }

    /// Leads new connections to another port of 127.0.0.1, as a failover does.
    pub fn lead_to(&self, server: u16) {
        self.control.send_modify(|control| control.server.set_port(server));
    }
}

/// Until the proxy is dropped.
async fn accept(listener: &Listener, mut watch: watch::Receiver<Control>, counters: &Arc<Counters>) {
    loop {
        let client = tokio::select! {
            client = listener.accept() => client,
            changed = watch.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Ok((client, _)) = client else { continue };
        counters.connections.fetch_add(1, Ordering::SeqCst);
        let control = watch.borrow().clone();
        if control.refuses {
            reset(&client);
            continue;
        }
        tokio::spawn(connect(client, control, watch.clone(), counters.clone()));
    }
}

async fn connect(
    client: TcpStream,
    control: Control,
    mut watch: watch::Receiver<Control>,
    counters: Arc<Counters>,
) {
    let Ok(server) = TcpStream::connect(control.server).await else { return reset(&client) };
    // Held up by us alone, not by the kernel.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let is_cut = {
        let (there, back) = (watch.clone(), watch.clone());
        let both = async {
            tokio::join!(
                pass(&mut from_client, &mut to_server, there, &counters.sent, None),
                pass(&mut from_server, &mut to_client, back, &counters.answered, Some(&counters.swallowed)),
            )
        };
        tokio::select! {
            _ = both => false,
            // An error: the proxy is gone.
            _ = watch.wait_for(|now| now.cuts > control.cuts) => true,
        }
    };
    if is_cut {
        reset(from_client.as_ref());
        reset(from_server.as_ref());
        // Each would end the connection in peace before it is reset.
        to_client.forget();
        to_server.forget();
    }
}

/// Passes on what one side says until it ends or the other listens no more. Where it may throw away what is
/// said, it counts it.
async fn pass(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    mut watch: watch::Receiver<Control>,
    passed: &AtomicU64,
    swallowed: Option<&AtomicU64>,
) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let Ok(control) = watch.wait_for(|now| !now.is_paused).await.map(|now| now.clone()) else { return };
        if control.delay > Duration::ZERO {
            tokio::time::sleep(control.delay).await;
        }
        match swallowed {
            Some(swallowed) if watch.borrow().swallows => {
                swallowed.fetch_add(length as u64, Ordering::SeqCst);
            }
            _ => {
                // Before it is out, so that whoever has the answer finds it counted.
                passed.fetch_add(length as u64, Ordering::SeqCst);
                if to.write_all(&piece[..length]).await.is_err() {
                    break;
                }
            }
        }
    }
    // The other direction may go on.
    let _ = to.shutdown().await;
}

/// Has the other end see a reset, not an end, when this one is dropped.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
