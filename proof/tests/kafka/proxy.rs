//! Connections that fail as networks do: they go half open, are slow to answer, or break.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use payflow_parts::{KafkaBroker, KafkaConfig};

/// Forwards from a port of its own. What it holds back it forwards later, in order.
pub(crate) struct Proxy {
    /// Where clients reach it.
    pub(crate) brokers: String,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    is_held: Mutex<bool>,
    released: Condvar,
    /// How much later answers come.
    answers_delay: Mutex<Duration>,
    /// Those of the clients.
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// In front of a broker of its own.
    pub(crate) fn with_broker() -> (Self, KafkaBroker) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        let proxy = Self { brokers: format!("127.0.0.1:{port}"), inner: Arc::default() };
        let broker = KafkaConfig::new().with_proxy_port(port).start().expect("Java and Maven are there");
        proxy.serve(listener, broker.proxied_port());
        (proxy, broker)
    }

    /// Goes on to this port, until the test is over.
    fn serve(&self, listener: TcpListener, port: u16) {
        let inner = Arc::clone(&self.inner);
        thread::spawn(move || {
            for client in listener.incoming() {
                inner.pass();
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect((Ipv4Addr::LOCALHOST, port))) {
                    inner.forward(client, server);
                }
            }
        });
    }

    /// Nothing comes through any more, and nobody is told.
    pub(crate) fn hold(&self) {
        *self.inner.is_held.lock().expect("nothing panics") = true;
    }

    pub(crate) fn release(&self) {
        *self.inner.is_held.lock().expect("nothing panics") = false;
        self.inner.released.notify_all();
    }

    /// Every answer comes so much later from now on.
    pub(crate) fn delay_answers(&self, delay: Duration) {
        *self.inner.answers_delay.lock().expect("nothing panics") = delay;
    }

    /// Ends all connections; the answers that are on their way are lost. Returns how many were open.
    pub(crate) fn cut(&self) -> usize {
        let connections = std::mem::take(&mut *self.inner.connections.lock().expect("nothing panics"));
        connections.iter().filter(|connection| close(connection)).count()
    }
}

impl Inner {
    fn pass(&self) {
        let held = self.is_held.lock().expect("nothing panics");
        drop(self.released.wait_while(held, |held| *held).expect("nothing panics"));
    }

    fn forward(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let clone = |stream: &TcpStream| stream.try_clone().expect("it is open");
        self.connections.lock().expect("nothing panics").push(clone(&client));
        let back = (clone(&server), clone(&client));
        let inner = Arc::clone(self);
        thread::spawn(move || inner.copy(client, server, || Duration::ZERO));
        let inner = Arc::clone(self);
        thread::spawn(move || {
            inner.copy(back.0, back.1, || *inner.answers_delay.lock().expect("nothing panics"));
        });
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream, delay: impl Fn() -> Duration) {
        let mut bytes = [0; 16_384];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            thread::sleep(delay());
            self.pass();
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        self.pass();
        close(&to);
    }
}

/// Whether it was open: one that either end has closed cannot be closed again.
fn close(stream: &TcpStream) -> bool {
    stream.shutdown(Shutdown::Both).is_ok()
}
