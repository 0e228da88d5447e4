//! What a proxy does to connections.

use servers::Proxy;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A server that says everything back, with a letter before it.
fn echo(letter: u8) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("ours").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            std::thread::spawn(move || {
                let mut piece = [0; 100];
                while let Ok(length @ 1..) = stream.read(&mut piece) {
                    let _ = stream.write_all(&[&[letter], &piece[..length]].concat());
                }
            });
        }
    });
    port
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port())).expect("the proxy listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a stream");
    stream
}

fn ask(stream: &mut TcpStream, text: &str) -> String {
    let mut answer = vec![0; text.len() + 1];
    stream.write_all(text.as_bytes()).and_then(|()| stream.read_exact(&mut answer)).expect("an answer");
    String::from_utf8(answer).expect("UTF-8")
}

fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "it takes too long");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_goes_through_is_counted_and_may_be_led_elsewhere() {
    let proxy = Proxy::new(echo(b'a'));
    let mut first = connect(&proxy);
    assert_eq!(ask(&mut first, "one"), "aone");
    proxy.lead_to(echo(b'b'));
    assert_eq!(ask(&mut connect(&proxy), "two"), "btwo");
    assert_eq!(ask(&mut first, "3"), "a3");
    let counts = proxy.counts();
    assert_eq!((counts.connections, counts.sent, counts.answered, counts.swallowed), (2, 7, 10, 0));
}

#[test]
fn a_cut_is_a_reset_and_the_next_connection_works() {
    let proxy = Proxy::new(echo(b'a'));
    let mut stream = connect(&proxy);
    ask(&mut stream, "one");
    proxy.cut();
    let error = stream.read(&mut [0]).expect_err("a reset, not an end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(ask(&mut connect(&proxy), "two"), "atwo");
    proxy.refuse(true);
    let error = connect(&proxy).read(&mut [0]).expect_err("a reset, not an end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn answers_that_are_swallowed_never_come_and_their_connection_ends_with_them() {
    let proxy = Proxy::new(echo(b'a'));
    let mut stream = connect(&proxy);
    ask(&mut stream, "one");
    proxy.stop_answers();
    stream.write_all(b"two").expect("it is passed on");
    until(|| proxy.counts().swallowed == 4);
    proxy.answer();
    assert_eq!(stream.read(&mut [0]).expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    assert_eq!(ask(&mut connect(&proxy), "three"), "athree");
}

#[test]
fn what_was_paused_comes_after_all() {
    let proxy = Proxy::new(echo(b'a'));
    let mut stream = connect(&proxy);
    proxy.delay(Duration::from_millis(30));
    let start = Instant::now();
    ask(&mut stream, "one");
    assert!(start.elapsed() >= Duration::from_millis(60), "each way takes 30 ms");
    proxy.delay(Duration::ZERO);
    proxy.pause();
    stream.write_all(b"two").expect("the proxy takes it");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a stream");
    assert!(stream.read(&mut [0]).is_err(), "nothing comes through");
    assert_eq!(proxy.counts().sent, 3);
    proxy.resume();
    stream.set_read_timeout(None).expect("a stream");
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"atwo");
}

#[test]
fn without_the_proxy_there_are_no_connections() {
    let proxy = Proxy::new(echo(b'a'));
    let mut stream = connect(&proxy);
    ask(&mut stream, "one");
    drop(proxy);
    assert!(!matches!(stream.read(&mut [0]), Ok(1..)), "it is gone");
}
