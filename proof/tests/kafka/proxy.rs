//! A connection that can go half open: nobody closes it, and nothing more comes through.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Forwards from a port of its own, unless it is closed. What it holds back it forwards later, in order.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    listener: TcpListener,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        let closed = self.closed.lock().expect("nothing panics");
        drop(self.opened.wait_while(closed, |closed| *closed).expect("nothing panics"));
    }
}

impl Proxy {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        Self { port, listener, gate: Arc::default() }
    }

    /// Goes on to this port, until the test is over.
    pub(crate) fn forward_to(&self, port: u16) {
        let (listener, gate) = (self.listener.try_clone().expect("it listens"), Arc::clone(&self.gate));
        thread::spawn(move || {
            for client in listener.incoming() {
                gate.pass();
                let (Ok(client), Ok(server)) = (client, TcpStream::connect((Ipv4Addr::LOCALHOST, port)))
                else {
                    continue;
                };
                let back = (server.try_clone().expect("it is open"), client.try_clone().expect("it is open"));
                for (from, to) in [(client, server), back] {
                    let gate = Arc::clone(&gate);
                    thread::spawn(move || copy(from, to, &gate));
                }
            }
        });
    }

    /// Nothing comes through any more, and nobody is told.
    pub(crate) fn hold(&self) {
        *self.gate.closed.lock().expect("nothing panics") = true;
    }

    pub(crate) fn release(&self) {
        *self.gate.closed.lock().expect("nothing panics") = false;
        self.gate.opened.notify_all();
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, gate: &Gate) {
    let mut bytes = [0; 16_384];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        gate.pass();
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    gate.pass();
    // Whoever has closed it already is not to be told.
    let _ = to.shutdown(std::net::Shutdown::Both);
}
